"""Integration jobs: made, started, doing their rounds, asked to see to errors, and stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from sync_room import CONTACTS, CUSTOMERS, GROUPS, SyncRoom

from dualwrite.errors import DualwriteError, NotAllowed, NotFound, RecordRefused
from dualwrite.lifecycle.integration_jobs.desk import IntegrationJobs
from dualwrite.lifecycle.integration_jobs.runner import JobRunner
from dualwrite.lifecycle.integration_jobs.states import TRANSITIONS, JobAction, outcome
from dualwrite.metadata.schema import Side
from dualwrite.store.integration_jobs import MOST_REQUESTS, JobState, RequestKind, RequestState
from dualwrite.store.maps import MapState
from dualwrite.sync.catch_up.replay import Replay, Replayed
from kept_failures import KeptFailures
from words import accounts, change_customer, customer, customers, group, person

NIGHT = "customers at night"


@dataclass
class Asked:
    """Implements ``JobErrors``: says what was asked for."""

    said: list[tuple[str, Sequence[int], str]] = field(default_factory=list)
    refuses: DualwriteError | None = None

    async def retry(self, errors: Sequence[int], *, who: str) -> str:
        if self.refuses is not None:
            raise self.refuses
        self.said.append(("retry", errors, who))
        return f"{len(errors)} completed"

    async def dismiss(self, errors: Sequence[int], *, who: str) -> str:
        self.said.append(("dismiss", errors, who))
        return f"{len(errors)} dismissed"


@dataclass
class Jobs:
    """The desk and the runner over one room."""

    room: SyncRoom
    errors: Asked = field(default_factory=Asked)
    failures: KeptFailures = field(default_factory=KeptFailures)

    @property
    def desk(self) -> IntegrationJobs:
        room = self.room
        return IntegrationJobs(room.store, "main", room.router, resume=room.lifecycle.resume, who="tests")

    async def round(self) -> Replayed:
        pair, room = self.room.linked, self.room

        def replay_of(primary: Side) -> Replay:
            return Replay(pair.pair, room.router, primary, self.failures, pair.tally, latest=True)

        return await JobRunner(room.store, "main", replay_of, self.errors).round()


@pytest.fixture
async def jobs(room: SyncRoom) -> Jobs:
    """Customers and contacts run; a job of theirs is stopped."""
    await room.run(GROUPS, CUSTOMERS, CONTACTS)
    jobs = Jobs(room)
    await jobs.desk.save(NIGHT, [CUSTOMERS, CONTACTS])
    return jobs


async def test_a_job_moves_what_is_created_and_updated_in_the_sequence_of_its_maps(jobs: Jobs) -> None:
    await jobs.desk.start(NIGHT)
    await jobs.room.finops(customer("J1"), person("JP", "J1"))
    await jobs.room.finops(change_customer("J1", SalesMemo="said"))
    assert await accounts(jobs.room.linked, "J1") == 0
    assert await jobs.round() == Replayed(applied=3)
    account, contact = await jobs.room.linked.account("J1"), await jobs.room.linked.contact("JP")
    assert account["description"] == "said"
    assert contact["parentcustomerid"] == account["accountid"]
    await jobs.room.finops(change_customer("J1", CreditLimit=7))
    assert await jobs.round() == Replayed(applied=1)


async def test_a_stopped_job_leaves_live_maps_and_nothing_behind(jobs: Jobs) -> None:
    await jobs.desk.start(NIGHT)
    await jobs.room.finops(customer("J1"))
    await jobs.desk.stop(NIGHT)
    assert await accounts(jobs.room.linked, "J1") == 1
    assert await jobs.room.states(CUSTOMERS, CONTACTS) == [MapState.RUNNING, MapState.RUNNING]
    await jobs.room.finops(customer("J2"))
    assert await accounts(jobs.room.linked, "J2") == 1
    happened = [what for what, _, _ in await jobs.room.what_happened()]
    assert [each for each in happened if "job" in each] == [
        "change integration job",
        "start integration job",
        "stop integration job",
    ]


async def test_a_job_moves_maps_that_run(jobs: Jobs) -> None:
    await jobs.room.lifecycle.pause([CONTACTS])
    with pytest.raises(NotAllowed, match=r"CDS Contacts V2 .* \(paused\)"):
        await jobs.desk.start(NIGHT)
    assert (await jobs.desk.get(NIGHT)).state is JobState.STOPPED


async def test_maps_of_an_active_job_are_not_paused(jobs: Jobs) -> None:
    await jobs.desk.start(NIGHT)
    with pytest.raises(NotAllowed, match="stop the job first"):
        await jobs.room.lifecycle.pause([CUSTOMERS])
    assert await jobs.room.states(CUSTOMERS) == [MapState.RUNNING]


async def test_live_maps_and_a_jobs_maps_are_not_mixed(jobs: Jobs) -> None:
    await jobs.desk.start(NIGHT)
    with pytest.raises(RecordRefused, match=NIGHT):
        await jobs.room.finops(group("J"), customer("J1", CustomerGroupId="J"))
    assert await customers(jobs.room.linked, "J1") == 0


async def test_a_map_belongs_to_one_job_and_unknown_maps_to_none(jobs: Jobs) -> None:
    with pytest.raises(NotAllowed, match=f"belongs to the integration job {NIGHT}"):
        await jobs.desk.save("another", [CUSTOMERS])
    with pytest.raises(NotFound, match="no map Nothing"):
        await jobs.desk.save("another", ["Nothing"])
    assert [each.name for each in await jobs.desk.list()] == [NIGHT]
    changed = await jobs.desk.save(NIGHT, [CONTACTS], primary=Side.DATAVERSE)
    assert (changed.maps, changed.primary) == ((CONTACTS,), Side.DATAVERSE)
    await jobs.desk.save("another", [CUSTOMERS])


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("action", JobAction)
async def test_every_action_in_every_state(jobs: Jobs, state: JobState, action: JobAction) -> None:
    if state is JobState.ACTIVE:
        await jobs.desk.start(NIGHT)
    job = await jobs.desk.get(NIGHT)
    after = TRANSITIONS[action].get(state)
    if after is None:
        with pytest.raises(NotAllowed, match=f"{NIGHT} is {state.value}"):
            outcome(action, job)
    else:
        assert outcome(action, job) is after


async def test_requests_wait_for_the_job_and_say_what_came_of_them(jobs: Jobs) -> None:
    await jobs.desk.start(NIGHT)
    await jobs.desk.ask(NIGHT, RequestKind.RETRY, [1, 2])
    await jobs.desk.ask(NIGHT, RequestKind.DISMISS, [3])
    await jobs.round()
    assert jobs.errors.said == [("retry", (1, 2), "tests"), ("dismiss", (3,), "tests")]
    latest, first = await jobs.desk.requests(NIGHT)
    assert (first.state, first.result) == (RequestState.DONE, "2 completed")
    assert latest.kind is RequestKind.DISMISS
    jobs.errors.refuses = NotFound("There is no error 9.")
    await jobs.desk.ask(NIGHT, RequestKind.RETRY, [9])
    await jobs.round()
    assert (await jobs.desk.requests(NIGHT))[0].result == "There is no error 9."


async def test_requests_have_their_limits(jobs: Jobs) -> None:
    with pytest.raises(NotAllowed, match="is stopped"):
        await jobs.desk.ask(NIGHT, RequestKind.RETRY, [1])
    await jobs.desk.start(NIGHT)
    with pytest.raises(NotAllowed, match="10,000 errors at most"):
        await jobs.desk.ask(NIGHT, RequestKind.RETRY, range(10_001))
    for number in range(MOST_REQUESTS):
        await jobs.desk.ask(NIGHT, RequestKind.RETRY, [number])
    with pytest.raises(NotAllowed, match="5 requests wait"):
        await jobs.desk.ask(NIGHT, RequestKind.RETRY, [9])
    await jobs.round()
    await jobs.desk.ask(NIGHT, RequestKind.RETRY, [9])
