"""The breaker of an environment: what is let through, and how soon whoever waits is told."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import EnvironmentUnavailable, RecordRefused
from dualwrite.sync.availability import MOST_FAILURES, TRANSITIONS, Availability, Breaker, Sign

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def availability() -> Availability:
    seconds = itertools.count()
    return Availability(EnvironmentName("dataverse"), now=lambda: NOON + timedelta(seconds=next(seconds)))


async def gives(value: int) -> int:
    return value


async def raises(error: Exception) -> int:
    raise error


async def hangs() -> int:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody answers")


def test_every_sign_is_provided_for_in_every_state() -> None:
    assert {state: set(signs) for state, signs in TRANSITIONS.items()} == {each: set(Sign) for each in Breaker}


async def test_what_answers_is_let_through() -> None:
    assert await availability().carry(gives(7)) == 7


async def test_nothing_is_begun_while_the_environment_is_away_and_everybody_is_told_since_when() -> None:
    dataverse = availability()
    dataverse.tell(Sign.UNANSWERED, "no answer within 0.5 s")
    with pytest.raises(EnvironmentUnavailable) as told:
        await dataverse.carry(gives(7))
    assert told.value.message == (
        "environment dataverse does not answer, not since 12:00:01 UTC: no answer within 0.5 s"
    )


async def test_whoever_waits_is_told_as_soon_as_it_is_known_however_long_the_work_hangs() -> None:
    dataverse = availability()
    loose, ended = asyncio.Event(), asyncio.Event()

    async def does_not_even_give_up() -> int:
        while not loose.is_set():
            try:
                await loose.wait()
            except asyncio.CancelledError:
                continue
        ended.set()
        raise asyncio.CancelledError

    saving = asyncio.ensure_future(dataverse.carry(does_not_even_give_up()))
    await asyncio.wait({saving}, timeout=0)
    dataverse.tell(Sign.UNANSWERED, "no answer")
    with pytest.raises(EnvironmentUnavailable):
        await asyncio.wait_for(saving, 1)
    assert dataverse.left_behind == 1
    loose.set()
    await asyncio.wait_for(ended.wait(), 1)


async def test_work_that_is_given_up_cleans_up_after_itself() -> None:
    dataverse = availability()
    cleaned = asyncio.Event()

    async def work() -> int:
        try:
            return await hangs()
        finally:
            cleaned.set()

    saving = asyncio.ensure_future(dataverse.carry(work()))
    await asyncio.wait({saving}, timeout=0)
    dataverse.tell(Sign.UNANSWERED)
    with pytest.raises(EnvironmentUnavailable):
        await saving
    assert cleaned.is_set()
    assert dataverse.left_behind == 0


async def test_a_caller_that_goes_away_takes_the_work_along() -> None:
    dataverse = availability()
    cleaned = asyncio.Event()

    async def work() -> int:
        try:
            return await hangs()
        finally:
            cleaned.set()

    saving = asyncio.ensure_future(dataverse.carry(work()))
    await asyncio.wait({saving}, timeout=0)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert cleaned.is_set()


async def test_when_it_answers_again_one_change_at_a_time_tries() -> None:
    dataverse = availability()
    dataverse.tell(Sign.UNANSWERED)
    dataverse.tell(Sign.ANSWERED)
    assert dataverse.state is Breaker.HALF_OPEN
    first = asyncio.ensure_future(dataverse.carry(hangs()))
    await asyncio.wait({first}, timeout=0)
    with pytest.raises(EnvironmentUnavailable):
        await dataverse.carry(gives(1))
    first.cancel()
    await asyncio.wait({first})
    assert await dataverse.carry(gives(2)) == 2
    assert dataverse.state is Breaker.CLOSED


async def test_a_refused_record_is_an_answer_and_a_trial_that_gets_none_opens_again() -> None:
    dataverse = availability()
    dataverse.tell(Sign.UNANSWERED)
    dataverse.tell(Sign.ANSWERED)
    with pytest.raises(EnvironmentUnavailable):
        await dataverse.carry(raises(EnvironmentUnavailable("cannot prepare")))
    assert (dataverse.state, dataverse.reason) == (Breaker.OPEN, "cannot prepare")
    dataverse.tell(Sign.ANSWERED)
    with pytest.raises(RecordRefused):
        await dataverse.carry(raises(RecordRefused("too long")))
    assert dataverse.state is Breaker.CLOSED


async def test_two_answers_in_a_row_close_it_where_nobody_saves() -> None:
    dataverse = availability()
    dataverse.tell(Sign.UNANSWERED)
    dataverse.tell(Sign.ANSWERED)
    dataverse.tell(Sign.ANSWERED)
    assert dataverse.state is Breaker.CLOSED
    assert dataverse.opened == 1


async def test_one_change_that_fails_is_a_doubt_and_many_in_a_row_open_it_though_the_pulse_is_felt() -> None:
    dataverse = availability()
    for number in range(MOST_FAILURES):
        assert dataverse.state is Breaker.CLOSED, number
        with pytest.raises(EnvironmentUnavailable):
            await dataverse.carry(raises(EnvironmentUnavailable("no space left")))
        assert dataverse.doubted.is_set()
        dataverse.tell(Sign.ANSWERED)
    assert (dataverse.state, dataverse.reason) == (Breaker.OPEN, "no space left")


async def test_changes_that_get_through_in_between_dispel_doubts() -> None:
    dataverse = availability()
    for _ in range(3 * MOST_FAILURES):
        with pytest.raises(EnvironmentUnavailable):
            await dataverse.carry(raises(EnvironmentUnavailable("cut")))
        await dataverse.carry(gives(1))
        dataverse.tell(Sign.ANSWERED)
    assert dataverse.state is Breaker.CLOSED


async def test_what_is_decided_goes_on_in_the_background_while_the_environment_is_away() -> None:
    dataverse = availability()
    back, done = asyncio.Event(), asyncio.Event()

    async def settle() -> None:
        await back.wait()
        done.set()

    settling = asyncio.ensure_future(dataverse.see_to(settle()))
    await asyncio.wait({settling}, timeout=0)
    assert not settling.done()
    dataverse.tell(Sign.UNANSWERED)
    await settling
    back.set()
    await asyncio.wait_for(done.wait(), 1)


async def test_listeners_hear_of_every_change() -> None:
    dataverse = availability()
    heard: list[Breaker] = []
    dataverse.listen(lambda each: heard.append(each.state))
    for sign in (Sign.ANSWERED, Sign.UNANSWERED, Sign.UNANSWERED, Sign.ANSWERED, Sign.CARRIED):
        dataverse.tell(sign)
    assert heard == [Breaker.OPEN, Breaker.HALF_OPEN, Breaker.CLOSED]
