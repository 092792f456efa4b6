"""What mails and cards say, and what they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import SMTP

from dualwrite.monitoring.alerts.deliveries import wait_after
from dualwrite.monitoring.alerts.desk import shown_url
from dualwrite.monitoring.alerts.notices import notice_of
from dualwrite.monitoring.notify.mail import mail_of
from dualwrite.monitoring.notify.webhook import card_of
from dualwrite.store.alerts import ActionState, AlertAction, AlertEvent, Channel, Delivery, DeliveryState, EventState

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EVENT = AlertEvent(
    id=7,
    setting=1,
    name="too many",
    map="Customers V3 (accounts)",
    at=AT,
    count=12,
    condition="12 system errors within 5 minutes (threshold 10)",
    state=EventState.OPEN,
    cleared_at=None,
    cleared_because=None,
    action=AlertAction.PAUSE,
    action_state=ActionState.DONE,
    action_result="",
)
DELIVERY = Delivery(
    event=7,
    number=2,
    channel=Channel.E_MAIL,
    destination="ops@example.com",
    shown="ops@example.com",
    state=DeliveryState.CLAIMED,
    attempts=1,
    due_at=AT,
    claim=None,
    ended_at=None,
    message="",
)


def test_a_mail_names_map_condition_and_action_and_is_the_same_when_repeated() -> None:
    notice = notice_of(EVENT, DELIVERY, connection="main")
    mail = mail_of(notice, sender="dualwrite@example.com", recipient="ops@example.com")
    assert mail["Subject"] == "dualwrite: too many: Customers V3 (accounts)"
    assert mail["Message-ID"] == "<alert-7-2@example.com>" and mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "12 system errors within 5 minutes" in text and "The map has been paused." in text
    assert "2026-03-04 05:06:07 UTC" in text


def test_a_name_cannot_add_a_header() -> None:
    notice = notice_of(replace(EVENT, name="x\r\nBcc: all@example.com"), DELIVERY, connection="main")
    mail = mail_of(notice, sender="dualwrite@example.com", recipient="ops@example.com")
    assert mail["Bcc"] is None
    assert b"\r\nBcc:" not in mail.as_bytes(policy=SMTP).split(b"\r\n\r\n")[0]


def test_a_card_is_what_a_workflow_of_teams_takes() -> None:
    card = card_of(notice_of(replace(EVENT, action=AlertAction.NONE), DELIVERY, connection="main"))
    (attachment,) = card["attachments"]  # type: ignore[misc]
    assert card["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    content = attachment["content"]
    assert content["type"] == "AdaptiveCard" and content["body"][0]["text"].startswith("dualwrite: too many")
    assert {"title": "Action", "value": "The map goes on."} in content["body"][2]["facts"]


def test_an_action_that_failed_is_told_with_its_reason() -> None:
    failed = replace(EVENT, action_state=ActionState.FAILED, action_result="It is not running.")
    assert "could not be paused: It is not running." in notice_of(failed, DELIVERY, connection="main").text


def test_the_url_of_a_webhook_is_shown_without_its_secret() -> None:
    one = shown_url("https://prod-1.example.com:8443/workflows/1?sig=hidden")
    other = shown_url("https://prod-1.example.com:8443/workflows/2?sig=hidden")
    assert one.startswith("https://prod-1.example.com:8443/…") and "hidden" not in one and one != other


def test_waits_between_attempts_grow_up_to_a_quarter_of_an_hour() -> None:
    assert [wait_after(each).total_seconds() for each in (1, 2, 3, 8)] == [5, 10, 20, 640]
    assert wait_after(30) == timedelta(minutes=15)
