"""Feeling the pulse: an environment that is silent, slow or gone is noticed with the next beat."""

from __future__ import annotations

import asyncio

from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import EnvironmentUnavailable
from dualwrite.sync.availability import Availability, Breaker
from dualwrite.sync.pulse import Pulse, Rhythm


class Patient:
    """Answers each question as it is told to; a silent one's question stays open until it is answered by hand."""

    def __init__(self) -> None:
        self.error: EnvironmentUnavailable | None = None
        self.silent = False
        self.open: list[asyncio.Future[None]] = []
        self.asked = 0
        self.is_asked = asyncio.Event()

    async def pulse(self) -> None:
        self.asked += 1
        self.is_asked.set()
        if self.silent:
            self.open.append(asyncio.get_running_loop().create_future())
            await self.open[-1]
        if self.error is not None:
            raise self.error


async def in_no_time(question: asyncio.Future[None], seconds: float) -> bool:
    """The time passes at once; what can be answered without waiting is."""
    for _ in range(3):
        await asyncio.sleep(0)
    return question.done()


async def no_pause(availability: Availability, seconds: float) -> None:
    await asyncio.sleep(0)


RHYTHM = Rhythm(answered_within=in_no_time, pause=no_pause)


def felt(patient: Patient) -> tuple[Pulse, Availability]:
    availability = Availability(EnvironmentName("dataverse"))
    return Pulse(patient, availability, rhythm=RHYTHM), availability


async def test_an_environment_that_refuses_is_away_with_the_first_beat() -> None:
    patient = Patient()
    pulse, availability = felt(patient)
    await pulse.beat()
    assert availability.state is Breaker.CLOSED
    patient.error = EnvironmentUnavailable("connection refused")
    await pulse.beat()
    assert (availability.state, availability.reason) == (Breaker.OPEN, "connection refused")


async def test_one_that_says_nothing_is_asked_no_second_time_until_it_speaks() -> None:
    patient = Patient()
    pulse, availability = felt(patient)
    patient.silent = True
    for _ in range(3):
        await pulse.beat()
    assert (availability.state, availability.reason) == (Breaker.OPEN, "no answer within 0.5 s")
    assert patient.asked == 1
    patient.silent = False
    patient.open[0].set_result(None)
    await pulse.beat()
    assert patient.asked == 2
    assert availability.state is Breaker.HALF_OPEN
    await pulse.beat()
    assert availability.state is Breaker.CLOSED


async def test_an_answer_that_comes_too_late_does_not_count() -> None:
    patient = Patient()
    pulse, availability = felt(patient)
    patient.silent = True
    await pulse.beat()
    for _ in range(3):
        patient.open[-1].set_result(None)
        await pulse.beat()
        assert availability.state is Breaker.OPEN


async def test_a_question_that_is_never_answered_is_given_up_for_another() -> None:
    patient = Patient()
    pulse, availability = felt(patient)
    patient.silent = True
    for _ in range(11):
        await pulse.beat()
    patient.silent = False
    await pulse.beat()
    assert patient.open[0].cancelled()
    assert availability.state is Breaker.HALF_OPEN


async def test_a_pulse_that_is_felt_no_longer_leaves_no_question_open() -> None:
    patient = Patient()
    pulse, _ = felt(patient)
    patient.silent = True
    feeling = asyncio.ensure_future(pulse.run())
    await asyncio.wait_for(patient.is_asked.wait(), 1)
    feeling.cancel()
    await asyncio.wait({feeling})
    assert patient.open[0].cancelled()
