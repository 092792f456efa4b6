"""Each recipient is told once of each event: whoever sends, whatever fails, whenever a process dies."""

from __future__ import annotations

import asyncio

import pytest
from alert_room import AlertRoom, Killed, told

from dualwrite.monitoring.alerts.deliveries import LEASE, MOST_ATTEMPTS
from dualwrite.monitoring.notify.channel import Begin, Notice, Outcome, Told
from dualwrite.store.alerts import AlertAction, Channel, Delivery, DeliveryState

NOT_YET = Told(Outcome.NOT_YET, "mail.example.com: 451 later")


async def _raised(room: AlertRoom, **said: object) -> None:
    await room.set(action=AlertAction.NONE, **said)
    room.fails(times=3)
    await room.watch.look()


async def _delivery(room: AlertRoom) -> Delivery:
    (event,) = await room.events()
    (delivery,) = event.deliveries
    return delivery


async def test_everybody_is_told_by_themselves(room: AlertRoom) -> None:
    await _raised(room, recipients=("a@example.com", "b@example.com"), webhooks=("https://flow.example.com/1",))
    await room.deliveries.make()
    assert sorted(destination for destination, _ in told(room.mails)) == ["a@example.com", "b@example.com"]
    assert len(room.cards.sent) == 1
    keys = {notice.key for _, notice in (*room.mails.sent, *room.cards.sent)}
    assert len(keys) == 3


async def test_what_could_not_be_sent_is_sent_later_and_once(room: AlertRoom) -> None:
    await _raised(room)
    room.mails.answers = [NOT_YET, NOT_YET]
    tries = 0
    for _ in range(12):
        tries += await room.deliveries.make()
        room.clock.goes(seconds=4)
    assert tries == 3 and len(room.mails.sent) == 1
    assert (await _delivery(room)).state is DeliveryState.SENT


async def test_after_many_attempts_it_is_given_up_and_the_log_says_so(room: AlertRoom) -> None:
    await _raised(room)
    room.mails.answers = [NOT_YET] * MOST_ATTEMPTS
    for _ in range(MOST_ATTEMPTS + 3):
        await room.deliveries.make()
        room.clock.goes(minutes=16)
    assert (await _delivery(room)).state is DeliveryState.FAILED and room.mails.sent == []
    assert await room.log("notify") == [("alerts", "could not tell ops@example.com: mail.example.com: 451 later")]


async def test_a_refusal_is_the_last_word(room: AlertRoom) -> None:
    await _raised(room)
    room.mails.answers = [Told(Outcome.REFUSED, "550 no such mailbox")]
    await room.deliveries.make()
    room.clock.goes(minutes=30)
    await room.deliveries.make()
    assert (await _delivery(room)).state is DeliveryState.FAILED and room.mails.sent == []


async def test_a_process_that_dies_before_it_sends_is_replaced(room: AlertRoom) -> None:
    await _raised(room)
    room.mails.dies_before = True
    with pytest.raises(Killed):
        await room.deliveries.make()
    room.mails.dies_before = False
    assert await room.deliveries.make() == 0 and room.mails.sent == []
    room.clock.now += LEASE
    await room.deliveries.make()
    assert len(room.mails.sent) == 1 and (await _delivery(room)).attempts == 2


async def test_what_may_have_been_received_is_not_sent_again(room: AlertRoom) -> None:
    await _raised(room)
    room.mails.answers = [Killed()]
    with pytest.raises(Killed):
        await room.deliveries.make()
    for _ in range(3):
        room.clock.now += LEASE
        await room.deliveries.make()
    assert (await _delivery(room)).state is DeliveryState.IN_DOUBT and room.mails.sent == []
    ((_, result),) = await room.log("notify")
    assert result.startswith("may have told ops@example.com")


async def test_a_server_that_never_answers_is_not_asked_twice(room: AlertRoom) -> None:
    await _raised(room)
    room.mails.answers = [Told(Outcome.UNKNOWN, "no answer")]
    await room.deliveries.make()
    room.clock.goes(hours=1)
    await room.deliveries.make()
    assert (await _delivery(room)).state is DeliveryState.IN_DOUBT and room.mails.sent == []


async def test_a_process_that_wakes_up_after_its_claim_has_run_out_leaves_it_to_the_other(room: AlertRoom) -> None:
    await _raised(room)
    store, now = room.store.alerts, room.clock.now
    late = await store.claim_delivery("main", now=now, until=now + LEASE, patience=LEASE)
    assert late is not None
    room.clock.now += LEASE
    await room.deliveries.make()
    assert len(room.mails.sent) == 1
    assert not await store.begin_sending(late)
    await store.put_back(late, due_at=now, message="")
    assert (await _delivery(room)).state is DeliveryState.SENT


async def test_a_test_is_sent_to_everybody_also_while_the_alert_is_disabled(room: AlertRoom) -> None:
    await room.set(enabled=False, recipients=("a@example.com", "b@example.com"))
    room.mails.answers = [Told(Outcome.SENT), Told(Outcome.REFUSED, "550 no such mailbox")]
    outcome = await room.desk.send_test("too many", who="anna")
    assert [(each.shown, each.outcome) for each in outcome] == [
        ("a@example.com", Outcome.SENT),
        ("b@example.com", Outcome.REFUSED),
    ]
    assert "This is a test." in room.mails.sent[0][1].text
    assert await room.log("test alert") == [("anna", "too many: sent to 1 of 2")]


async def test_a_program_that_ends_in_order_leaves_no_delivery_in_doubt(room: AlertRoom) -> None:
    await _raised(room)
    slow = SlowPigeon()
    room.notifiers[Channel.E_MAIL] = slow
    deliveries = room.deliveries
    await deliveries.start()
    await slow.began.wait()
    closing = asyncio.ensure_future(deliveries.close())
    slow.answered.set()
    await closing
    assert (await _delivery(room)).state is DeliveryState.SENT


class SlowPigeon:
    """A notifier whose receiver takes its time."""

    def __init__(self) -> None:
        self.began, self.answered = asyncio.Event(), asyncio.Event()

    async def send(self, destination: str, notice: Notice, begin: Begin) -> Told:
        await begin()
        self.began.set()
        await self.answered.wait()
        return Told(Outcome.SENT)
