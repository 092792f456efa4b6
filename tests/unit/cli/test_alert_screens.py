"""What an administrator sees of alerts and activities."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console, RenderableType

from dualwrite.cli.activities.listing import activities_table
from dualwrite.cli.alerts.events import events_table
from dualwrite.cli.alerts.shown import alerts_table, setting_facts
from dualwrite.store.activity import Activity, Severity
from dualwrite.store.alerts import (
    ActionState,
    AlertAction,
    AlertEvent,
    AlertRule,
    AlertSetting,
    AlertWindow,
    Channel,
    ClearedBecause,
    Delivery,
    DeliveryState,
    EventState,
    WindowUnit,
)
from dualwrite.store.sync_errors import Category

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
CUSTOMERS = "Customers V3 (accounts)"
SETTING = AlertSetting(
    id=1,
    rule=AlertRule(
        name="customers fail",
        categories=(Category.APPLICATION, Category.SYSTEM),
        threshold=1_000,
        window=AlertWindow(5, WindowUnit.MINUTES),
        maps=(CUSTOMERS,),
        action=AlertAction.PAUSE,
        recipients=("ops@example.com",),
        webhooks=("sealed", "sealed too"),
    ),
    changed_by="anna",
    changed_at=AT,
)
DELIVERY = Delivery(
    event=7,
    number=1,
    channel=Channel.E_MAIL,
    destination="ops@example.com",
    shown="ops@example.com",
    state=DeliveryState.FAILED,
    attempts=30,
    due_at=AT,
    claim=None,
    ended_at=AT,
    message="550 [no] such mailbox",
)
EVENT = AlertEvent(
    id=7,
    setting=1,
    name="customers fail",
    map=CUSTOMERS,
    at=AT,
    count=1_200,
    condition="1,200 application or system errors within 5 minutes (threshold 1,000)",
    state=EventState.CLEARED,
    cleared_at=AT,
    cleared_because=ClearedBecause.MAP_RUNS,
    action=AlertAction.PAUSE,
    action_state=ActionState.DONE,
    action_result="",
    deliveries=(DELIVERY, replace(DELIVERY, number=2, state=DeliveryState.PENDING, message="")),
)


def _seen(shown: RenderableType) -> str:
    console = Console(width=220, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def test_an_alert_says_what_it_counts_what_follows_and_whom_it_tells() -> None:
    line = _seen(alerts_table([SETTING, replace(SETTING, rule=replace(SETTING.rule, enabled=False, maps=None))]))
    assert "1,000 errors within 5 minutes (application, system)" in line
    assert "ops@example.com, 2 webhooks" in line and "disabled" in line
    facts = _seen(setting_facts(SETTING, ("https://flow.example.com/…a1b2c3",)))
    assert CUSTOMERS in facts and "https://flow.example.com/…a1b2c3" in facts and "by anna" in facts


def test_an_event_says_what_became_of_the_map_and_of_those_to_be_told() -> None:
    seen = _seen(events_table([EVENT]))
    assert "The map has been paused." in seen and "the map runs again" in seen
    assert "ops@example.com failed 550 [no] such mailbox" in seen and "ops@example.com pending" in seen


def test_an_activity_names_its_map_and_shows_texts_as_they_are() -> None:
    entry = Activity(9, AT, "anna [bold]", "pause", CUSTOMERS, "failed: [red]", {}, Severity.ERROR, None)
    other = Activity(8, AT, "ben", "add legal entity", None, "completed", {}, Severity.INFO, "usmf")
    seen = _seen(activities_table([entry, other]))
    assert "anna [bold]" in seen and "failed: [red]" in seen and "Customers V3" in seen and "usmf" in seen
