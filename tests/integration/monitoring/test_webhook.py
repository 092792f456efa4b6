"""Alerts as cards that a real receiver of webhooks gets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from alert_room import CUSTOMERS, START, AlertRoom
from post_office import HOST, Receiver, receiver

from dualwrite.monitoring.notify.channel import Notice, Outcome
from dualwrite.monitoring.notify.webhook import WebhookPoster
from dualwrite.store.alerts import AlertAction, Channel

NOTICE = Notice(key="alert-1-1", at=START, subject="dualwrite: too many", text="Too many.", facts=(("Map", "x"),))


async def _go_on() -> bool:
    return True


@pytest.fixture
def poster() -> WebhookPoster:
    return WebhookPoster(lambda: httpx.AsyncClient(trust_env=False))


@pytest.fixture
async def chat() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


async def test_a_card_arrives_with_its_key(chat: Receiver, poster: WebhookPoster) -> None:
    assert (await poster.send(chat.url, NOTICE, _go_on)).outcome is Outcome.SENT
    assert chat.keys == ["alert-1-1"]
    assert chat.cards[0]["attachments"][0]["content"]["body"][0]["text"] == "dualwrite: too many"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (200, Outcome.SENT),
        (429, Outcome.NOT_YET),
        (503, Outcome.NOT_YET),
        (404, Outcome.REFUSED),
        (302, Outcome.REFUSED),
        (504, Outcome.UNKNOWN),
        (None, Outcome.UNKNOWN),
    ],
)
async def test_the_answer_decides_whether_to_try_again(
    chat: Receiver, poster: WebhookPoster, answer: int | None, outcome: Outcome
) -> None:
    chat.answers = [answer]
    told = await poster.send(chat.url, NOTICE, _go_on)
    assert told.outcome is outcome and "hidden" not in told.message


async def test_a_receiver_that_is_away_is_asked_again(poster: WebhookPoster) -> None:
    async with receiver() as gone:
        pass
    told = await poster.send(gone.url, NOTICE, _go_on)
    assert (told.outcome, told.message) == (Outcome.NOT_YET, f"{HOST} cannot be reached")


async def test_exactly_one_card_for_an_event(room: AlertRoom, chat: Receiver, poster: WebhookPoster) -> None:
    room.notifiers[Channel.WEBHOOK] = poster
    chat.answers = [503]
    await room.set(action=AlertAction.NONE, recipients=(), webhooks=(chat.url,))
    room.fails(times=5)
    for _ in range(10):
        await room.round()
        room.clock.goes(seconds=5)
    assert chat.keys == ["alert-1-1", "alert-1-1"], "once refused for the moment, then taken"
    facts = chat.cards[-1]["attachments"][0]["content"]["body"][2]["facts"]
    assert {"title": "Map", "value": CUSTOMERS} in facts
