"""Alerts as real mails through a real mail server: one for each event, over each kind of protection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from alert_room import START, AlertRoom
from post_office import SENDER, USER, Certificate, post_office

from dualwrite.monitoring.notify.channel import Notice, Outcome
from dualwrite.monitoring.notify.mail import Mailer
from dualwrite.settings import MailSecurity
from dualwrite.store.alerts import AlertAction, Channel, DeliveryState

NOTICE = Notice(
    key="k", at=START, subject="dualwrite: too many", text="Zu viele Fehler für Müller.", facts=(("A", "b"),)
)


async def _go_on() -> bool:
    return True


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.mark.parametrize("security", list(MailSecurity))
async def test_a_mail_arrives_over_each_kind_of_protection(security: MailSecurity, certificate: Certificate) -> None:
    protects = certificate if security is not MailSecurity.NONE else None
    async with post_office(security, protects) as office:
        told = await Mailer(office.server(security, protects)).send("ops@example.com", NOTICE, _go_on)
    assert told.outcome is Outcome.SENT, told.message
    (mail,) = office.mails
    assert (mail["From"], mail["To"], office.recipients) == (SENDER, "ops@example.com", ["ops@example.com"])
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes) and "Müller" in payload.decode()
    assert office.encrypted == [protects is not None] and office.users == ([USER] if protects is not None else [])


async def test_a_server_that_nobody_vouches_for_gets_nothing(certificate: Certificate) -> None:
    async with post_office(MailSecurity.TLS, certificate) as office:
        server = replace(office.server(MailSecurity.TLS, certificate), ca_file=None)
        told = await Mailer(server).send("ops@example.com", NOTICE, _go_on)
    assert told.outcome is Outcome.NOT_YET and "certificate" in told.message.lower()
    assert office.mails == [] and office.users == []


async def test_a_wrong_password_can_be_put_right_and_is_not_told(certificate: Certificate) -> None:
    async with post_office(MailSecurity.STARTTLS, certificate) as office:
        server = replace(office.server(MailSecurity.STARTTLS, certificate), password="swordfish")
        told = await Mailer(server).send("ops@example.com", NOTICE, _go_on)
    assert told.outcome is Outcome.NOT_YET and "swordfish" not in told.message + repr(server)


async def test_what_the_server_says_decides_whether_to_try_again() -> None:
    async with post_office() as office:
        mailer = Mailer(office.server(MailSecurity.NONE))
        office.answers = ["451 4.3.0 later", "554 5.6.0 not this one", None]
        outcomes = [(await mailer.send("ops@example.com", NOTICE, _go_on)).outcome for _ in range(4)]
        nobody = await mailer.send("nobody@example.com", NOTICE, _go_on)
    assert outcomes == [Outcome.NOT_YET, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.SENT]
    assert nobody.outcome is Outcome.REFUSED and "550" in nobody.message


async def test_a_server_that_is_away_is_asked_again() -> None:
    async with post_office() as office:
        server = office.server(MailSecurity.NONE)
    told = await Mailer(server).send("ops@example.com", NOTICE, _go_on)
    assert told.outcome is Outcome.NOT_YET
    assert (await Mailer(None).send("ops@example.com", NOTICE, _go_on)).outcome is Outcome.NOT_YET


async def test_exactly_one_mail_for_each_event_whatever_the_server_does(room: AlertRoom, tmp_path: Path) -> None:
    await room.set(action=AlertAction.NONE)
    async with post_office() as office:
        room.notifiers[Channel.E_MAIL] = Mailer(office.server(MailSecurity.NONE))
        office.answers = ["451 4.3.0 later", "250 OK", "421 4.3.2 later"]
        for _ in range(2):
            room.fails(times=5)
            for _ in range(20):
                await room.round()
                room.clock.goes(seconds=5)
            room.clock.goes(minutes=6)
            await room.round()
    assert [mail["Message-ID"] for mail in office.mails] == ["<alert-1-1@example.com>", "<alert-2-1@example.com>"]
    assert {each.state for event in await room.events() for each in event.deliveries} == {DeliveryState.SENT}
