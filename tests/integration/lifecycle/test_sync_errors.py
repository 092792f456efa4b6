"""Failed changes between two real environments: tried again, overtaken, dismissed, taken along, forgotten."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest
from sync_room import CUSTOMERS, GROUPS, SyncRoom

from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Command, Operation, Participant
from dualwrite.errors import Contention, NotAllowed, NotFound, RecordRefused
from dualwrite.lifecycle.errors.desk import SyncErrors
from dualwrite.lifecycle.errors.reports import RetryCount, RetryReport
from dualwrite.lifecycle.errors.retention import ErrorRetention
from dualwrite.maps.values import Direction
from dualwrite.metadata.values import Row
from dualwrite.store.activity import ActivityFilter, Severity
from dualwrite.store.sync_errors import (
    Category,
    ErrorState,
    FailedRecord,
    FailureKind,
    SyncErrorFilter,
)
from dualwrite.sync.link import Pair
from dualwrite.sync.live import LiveSync
from dualwrite.sync.queueing import shown_row
from dualwrite.sync.retrying.retry import Retry
from dualwrite.sync.stored_failures import StoredFailures
from linked_pair import demonstration_plans
from words import (
    CUSTOMER,
    GROUP,
    account,
    change_account,
    change_customer,
    customer,
    delete_customer,
    group,
)

MAPS = [GROUPS, CUSTOMERS]
OPEN = SyncErrorFilter(state=ErrorState.OPEN)


async def _at_once(seconds: float) -> None: ...


@dataclass
class ErrorRoom:
    """A room whose maps run, unless something happens ``unnoticed``: then the other side does not hear of it."""

    room: SyncRoom
    told: list[RetryReport] = field(default_factory=list)

    @property
    def desk(self) -> SyncErrors:
        room = self.room
        retry = Retry(room.linked.pair, room.router, room.linked.tally, pause=_at_once)
        return SyncErrors(room.store, "main", room.router, retry, who="admin")

    async def unnoticed(self, *commands: Command, side: str = "finops") -> None:
        """Somebody saves these while the maps do not run: as if their other half had failed."""
        await self.room.lifecycle.stop(MAPS)
        await (self.room.finops if side == "finops" else self.room.dataverse)(*commands)
        await self.room.lifecycle.run_without_initial_sync(MAPS)

    async def fail(self, *failed: FailedRecord) -> list[int]:
        """The errors are kept; gives their numbers in order."""
        before = {each.id for each in await self.desk.list()}
        await self.room.store.sync_errors.add("main", failed)
        return sorted(each.id for each in await self.desk.list() if each.id not in before)

    async def states(self) -> list[ErrorState]:
        return [each.state for each in reversed(await self.desk.list())]

    async def differences(self) -> list[str]:
        return await self.room.linked.differences([each for each in demonstration_plans() if each.map.name in MAPS])


@pytest.fixture
async def errors(room: SyncRoom) -> ErrorRoom:
    await room.lifecycle.run_without_initial_sync(MAPS)
    return ErrorRoom(room)


def failed(
    map_name: str,
    operation: Operation,
    row: Row,
    *changed: str,
    change: UUID | None = None,
    number: int = 0,
    direction: Direction = Direction.TO_DATAVERSE,
) -> FailedRecord:
    """A failed change of a row as it is."""
    name = str(row.get("CustomerAccount") or row.get("CustomerGroupId") or row.get("accountnumber"))
    record_id = row["RecId"] if "RecId" in row else row["accountid"]
    return FailedRecord(
        change=change or uuid4(),
        number=number,
        kind=FailureKind.CATCH_UP,
        category=Category.APPLICATION,
        map=map_name,
        direction=direction,
        legal_entity="usmf",
        operation=operation,
        record_id=str(record_id),
        record=name,
        column="",
        code="DW0500",
        reason=f"{map_name}, {name}: the bridge was up.",
        cause="the bridge was up.",
        row=shown_row(row),
        changed=changed or None,
    )


# --- what is carried over -------------------------------------------------------------------------------------------


async def test_a_record_that_was_mended_is_on_the_other_side_after_its_retry(errors: ErrorRoom) -> None:
    room = errors.room
    await errors.unnoticed(customer("E1", CustomerGroupId="77"))
    ids = await errors.fail(failed(CUSTOMERS, Operation.CREATE, await room.linked.customer("E1")))
    report = await errors.desk.retry(ids)
    assert report.maps == {CUSTOMERS: RetryCount(refused=1)}
    assert "77" in report.refusals[0]
    (still,) = await errors.desk.list()
    assert (still.state, still.attempts) == (ErrorState.OPEN, 1)
    assert still.reason.endswith("the bridge was up.")
    assert "77" in still.last_reason
    assert still.cause in still.last_reason
    await errors.unnoticed(group("77", Description="there now"))
    await errors.fail(failed(GROUPS, Operation.CREATE, await room.linked.row("finops", GROUP, CustomerGroupId="77")))
    assert str(await errors.desk.retry_all()) == "2 completed, 0 stale, 0 refused again"
    assert await errors.states() == [ErrorState.COMPLETED, ErrorState.COMPLETED]
    assert await errors.differences() == []
    (done, _) = reversed(await errors.desk.list())
    assert (done.attempts, done.settled_by, done.settled_at is not None) == (2, "admin", True)


async def test_a_change_of_a_row_that_newer_changes_have_overtaken_is_stale(errors: ErrorRoom) -> None:
    room = errors.room
    await room.finops(customer("E1"))
    await errors.unnoticed(change_customer("E1", OrganizationName="Second"))
    ids = await errors.fail(
        failed(CUSTOMERS, Operation.UPDATE, await room.linked.customer("E1"), "OrganizationName", "RecVersion")
    )
    await room.finops(change_customer("E1", OrganizationName="Third"))
    assert (await errors.desk.retry(ids)).total == RetryCount(stale=1)
    (error,) = await errors.desk.list()
    assert error.state is ErrorState.STALE
    assert error.last_reason == f"{CUSTOMERS}, E1: newer changes of the record have replaced these values."
    assert (await room.linked.account("E1"))["name"] == "Third"


async def test_of_a_change_that_was_partly_overtaken_the_rest_is_carried_over(errors: ErrorRoom) -> None:
    room = errors.room
    await room.finops(customer("E1"))
    await errors.unnoticed(change_customer("E1", OrganizationName="Second", CreditLimit=50))
    ids = await errors.fail(
        failed(CUSTOMERS, Operation.UPDATE, await room.linked.customer("E1"), "OrganizationName", "CreditLimit")
    )
    await room.finops(change_customer("E1", OrganizationName="Third"))
    assert (await room.linked.account("E1"))["creditlimit"] != 50
    # Whatever the other side says of the column that was overtaken stays: nobody asks for the whole row.
    await room.lifecycle.stop(MAPS)
    await room.dataverse(change_account("E1", name="Fourth"))
    await room.lifecycle.run_without_initial_sync(MAPS)
    assert (await errors.desk.retry(ids)).total == RetryCount(completed=1)
    row = await room.linked.account("E1")
    assert (row["creditlimit"], row["name"]) == (50, "Fourth")


async def test_changes_of_dataverse_are_tried_again_the_other_way(errors: ErrorRoom) -> None:
    room = errors.room
    await errors.unnoticed(account("E1"), side="dataverse")
    row = await room.linked.account("E1")
    ids = await errors.fail(failed(CUSTOMERS, Operation.CREATE, row, direction=Direction.TO_FINOPS))
    assert (await errors.desk.retry(ids)).total == RetryCount(completed=1)
    assert (await room.linked.customer("E1"))["OrganizationName"] == "Account E1"
    assert await errors.differences() == []


async def test_a_retry_of_what_the_other_side_has_already_is_completed_and_changes_nothing(errors: ErrorRoom) -> None:
    room = errors.room
    await room.finops(customer("E1"))
    before = await room.linked.account("E1")
    row = await room.linked.customer("E1")
    await errors.fail(
        failed(CUSTOMERS, Operation.CREATE, row), failed(CUSTOMERS, Operation.UPDATE, row, "OrganizationName")
    )
    assert (await errors.desk.retry_all()).total == RetryCount(completed=2)
    assert await room.linked.account("E1") == before


async def test_a_row_that_is_gone_is_stale(errors: ErrorRoom) -> None:
    room = errors.room
    await errors.unnoticed(customer("E1", CustomerGroupId="77"))
    row = await room.linked.customer("E1")
    await errors.unnoticed(delete_customer("E1"))
    await errors.fail(
        failed(CUSTOMERS, Operation.CREATE, row), failed(CUSTOMERS, Operation.UPDATE, row, "OrganizationName")
    )
    assert (await errors.desk.retry_all()).total == RetryCount(stale=2)
    assert await room.accounts() == set()


# --- deletions ------------------------------------------------------------------------------------------------------


async def test_a_deletion_is_carried_over(errors: ErrorRoom) -> None:
    room = errors.room
    await room.finops(customer("E1"), customer("E2"))
    row = await room.linked.customer("E1")
    await errors.unnoticed(delete_customer("E1"))
    ids = await errors.fail(failed(CUSTOMERS, Operation.DELETE, row))
    assert (await errors.desk.retry(ids)).total == RetryCount(completed=1)
    assert await room.accounts() == {"E2"}


async def test_a_deletion_of_what_was_made_again_is_stale(errors: ErrorRoom) -> None:
    room = errors.room
    await room.finops(customer("E1"))
    row = await room.linked.customer("E1")
    await errors.unnoticed(delete_customer("E1"))
    await room.finops(customer("E1", OrganizationName="Again"))
    ids = await errors.fail(failed(CUSTOMERS, Operation.DELETE, row))
    assert (await errors.desk.retry(ids)).total == RetryCount(stale=1)
    assert (await room.linked.account("E1"))["name"] == "Again"


class Interrupted:
    """An environment in which something else happens once before the engine's transaction is opened."""

    def __init__(self, environment: HostedEnvironment, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._environment = environment
        self._meanwhile: Callable[[], Awaitable[None]] | None = meanwhile

    def __getattr__(self, name: str) -> object:
        return getattr(self._environment, name)

    @asynccontextmanager
    async def participate(self, *, attempt: int = 0) -> AsyncIterator[Participant]:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        async with self._environment.participate(attempt=attempt) as participant:
            yield participant


async def test_what_is_made_again_while_its_deletion_is_tried_is_not_deleted(errors: ErrorRoom) -> None:
    room = errors.room
    await room.finops(customer("E1"))
    row = await room.linked.customer("E1")
    await errors.unnoticed(delete_customer("E1"))
    await errors.fail(failed(CUSTOMERS, Operation.DELETE, row))

    async def made_again() -> None:
        await room.finops(customer("E1", OrganizationName="Again"))

    target = cast(HostedEnvironment, Interrupted(room.linked.dataverse, made_again))
    retry = Retry(Pair(room.linked.finops, target), room.router, room.linked.tally, pause=_at_once)
    desk = SyncErrors(room.store, "main", room.router, retry, who="admin")
    assert (await desk.retry_all()).total == RetryCount(stale=1)
    assert (await room.linked.account("E1"))["name"] == "Again"
    assert await errors.differences() == []


async def test_a_row_cannot_change_while_its_change_is_tried(errors: ErrorRoom) -> None:
    room = errors.room
    await room.finops(customer("E1"))
    await errors.unnoticed(change_customer("E1", OrganizationName="Second"))
    await errors.fail(failed(CUSTOMERS, Operation.UPDATE, await room.linked.customer("E1"), "OrganizationName"))
    saving: list[asyncio.Future[None]] = []

    async def saved() -> None:
        saving.append(asyncio.ensure_future(room.finops(change_customer("E1", OrganizationName="Third"))))

    target = cast(HostedEnvironment, Interrupted(room.linked.dataverse, saved))
    retry = Retry(Pair(room.linked.finops, target), room.router, room.linked.tally, pause=_at_once)
    desk = SyncErrors(room.store, "main", room.router, retry, who="admin")
    await desk.retry_all()
    await asyncio.gather(*saving)
    assert (await room.linked.account("E1"))["name"] == "Third"
    assert await errors.differences() == []


# --- transactions ---------------------------------------------------------------------------------------------------


async def test_the_records_of_a_transaction_are_tried_together_whichever_is_named(errors: ErrorRoom) -> None:
    room = errors.room
    await errors.unnoticed(group("E"), customer("E1", CustomerGroupId="E"), customer("E2", CustomerGroupId="88"))
    rows = [await room.linked.customer(each) for each in ("E1", "E2")]
    change = uuid4()
    made = await room.linked.row("finops", GROUP, CustomerGroupId="E")
    ids = await errors.fail(
        failed(CUSTOMERS, Operation.CREATE, rows[0], change=change, number=0),
        failed(GROUPS, Operation.CREATE, made, change=change, number=1),
        failed(CUSTOMERS, Operation.CREATE, rows[1], change=change, number=2),
    )
    report = await errors.desk.retry(ids[:1])
    assert report.maps == {CUSTOMERS: RetryCount(refused=2), GROUPS: RetryCount(refused=1)}
    assert await room.accounts() == set()
    reasons = [each.last_reason for each in reversed(await errors.desk.list())]
    assert "88" in reasons[2]
    assert reasons[0] == f"{CUSTOMERS}, E1: another record of the same transaction was refused: {reasons[2]}"
    await room.finops(group("88"))
    assert (await errors.desk.retry(ids[1:2])).total == RetryCount(completed=3)
    assert await room.accounts() == {"E1", "E2"}
    assert await errors.differences() == []


async def test_what_others_look_up_is_tried_before_them(errors: ErrorRoom) -> None:
    room = errors.room
    await errors.unnoticed(group("E"), customer("E1", CustomerGroupId="E"))
    made = await room.linked.row("finops", GROUP, CustomerGroupId="E")
    # The customer failed first: in the order of failing it would be refused, for want of its group.
    await errors.fail(failed(CUSTOMERS, Operation.CREATE, await room.linked.customer("E1")))
    await errors.fail(failed(GROUPS, Operation.CREATE, made))
    heard: list[RetryReport] = []

    async def told(report: RetryReport) -> None:
        heard.append(report)

    assert (await errors.desk.retry_all(told=told)).total == RetryCount(completed=2)
    assert [each.total.completed for each in heard] == [1, 2]
    assert [each.attempts for each in await errors.desk.list()] == [1, 1]
    assert await errors.differences() == []


# --- what cannot be tried -------------------------------------------------------------------------------------------


async def test_a_map_that_is_stopped_or_paused_says_what_to_do(errors: ErrorRoom) -> None:
    room = errors.room
    await errors.unnoticed(customer("E1"))
    ids = await errors.fail(failed(CUSTOMERS, Operation.CREATE, await room.linked.customer("E1")))
    await room.lifecycle.stop([CUSTOMERS])
    assert (await errors.desk.retry(ids)).refusals == (
        f"{CUSTOMERS}, E1: the map is not running. Run it, then try again.",
    )
    await room.lifecycle.run_without_initial_sync([CUSTOMERS])
    await room.lifecycle.pause([CUSTOMERS])
    assert (await errors.desk.retry(ids)).refusals == (
        f"{CUSTOMERS}, E1: the map is paused. Resume it, then try again.",
    )
    assert await room.accounts() == set()


async def test_a_record_under_a_new_key_is_refused_instead_of_getting_a_second_partner(errors: ErrorRoom) -> None:
    room = errors.room
    await room.dataverse(account("E1"))
    await errors.unnoticed(change_account("E1", accountnumber="E9", name="Renamed"), side="dataverse")
    row = await room.linked.account("E9")
    change = failed(CUSTOMERS, Operation.UPDATE, row, "accountnumber", "name", direction=Direction.TO_FINOPS)
    (refusal,) = (await errors.desk.retry(await errors.fail(change))).refusals
    assert refusal.startswith(f"{CUSTOMERS}, E9: accountnumber is the integration key, and CustomersV3 has no record")
    assert [each["CustomerAccount"] for each in await room.linked.rows("finops", CUSTOMER)] == ["E1"]


async def test_errors_that_are_settled_or_unknown_are_not_tried(errors: ErrorRoom) -> None:
    await errors.room.finops(customer("E1"))
    ids = await errors.fail(failed(CUSTOMERS, Operation.CREATE, await errors.room.linked.customer("E1")))
    assert await errors.desk.dismiss(ids) == 1
    with pytest.raises(NotAllowed, match=r"E1\) is dismissed: only open errors are tried again"):
        await errors.desk.retry(ids)
    with pytest.raises(NotFound, match="There is no error 4711"):
        await errors.desk.dismiss([4711])


async def test_every_action_is_an_activity_of_its_maps(errors: ErrorRoom) -> None:
    room = errors.room
    await errors.unnoticed(customer("E1", CustomerGroupId="77"), group("E"))
    made = await room.linked.row("finops", GROUP, CustomerGroupId="E")
    await errors.fail(failed(CUSTOMERS, Operation.CREATE, await room.linked.customer("E1")))
    await errors.fail(failed(GROUPS, Operation.CREATE, made))
    await errors.desk.retry_all()
    await errors.desk.dismiss_all(OPEN)
    entries = await room.store.activity.list(ActivityFilter(who="admin"))
    assert [(each.what, each.map, each.result, each.severity) for each in reversed(entries)] == [
        ("retry errors", GROUPS, "1 completed, 0 stale, 0 refused again", Severity.WARNING),
        ("retry errors", CUSTOMERS, "0 completed, 0 stale, 1 refused again", Severity.WARNING),
        ("dismiss errors", CUSTOMERS, "1 dismissed", Severity.INFO),
    ]


# --- live errors ----------------------------------------------------------------------------------------------------


@pytest.fixture
def recording(errors: ErrorRoom) -> SyncRoom:
    """Saves in finance and operations that fail are kept."""
    room, pair = errors.room, errors.room.linked
    failures = StoredFailures(room.store, "main")
    sides = {"source": pair.finops, "target": pair.dataverse}
    pair.finops.follow_pipeline(
        LiveSync(**sides, pair=pair.pair, router=room.router, tally=pair.tally, failures=failures)
    )
    return room


async def test_a_save_that_is_refused_is_a_live_error_and_stale_as_long_as_nobody_saves_it(
    errors: ErrorRoom, recording: SyncRoom
) -> None:
    await recording.finops(customer("E1"))
    with pytest.raises(RecordRefused):
        await recording.finops(group("E"), change_customer("E1", CustomerGroupId="77", OrganizationName="Second"))
    (error,) = await errors.desk.list()
    assert (error.map, error.record, error.kind) == (CUSTOMERS, "E1", FailureKind.LIVE)
    assert (error.operation, error.legal_entity, error.category) == (Operation.UPDATE, "usmf", Category.APPLICATION)
    assert set(error.changed or ()) >= {"CustomerGroupId", "OrganizationName"}
    assert error.row["OrganizationName"] == "Second"
    assert error.reason.startswith(f"{CUSTOMERS}, E1: ")
    assert error.cause in error.reason
    assert (await errors.desk.retry([error.id])).total == RetryCount(stale=1)
    assert (await recording.linked.account("E1"))["name"] == "Customer E1"


async def test_a_save_that_has_given_way_for_too_long_is_a_live_error(errors: ErrorRoom, recording: SyncRoom) -> None:
    await recording.finops(customer("E1"))
    account = await recording.linked.account("E1")
    finops = recording.linked.finops
    finops.settings = replace(finops.settings, retry_seconds=0.2)
    async with recording.linked.dataverse.participate() as other:
        await other.begin()
        await other.lock("account", [account["accountid"]])
        with pytest.raises(Contention, match="somebody else"):
            await recording.finops(change_customer("E1", OrganizationName="Second"))
    (error,) = await errors.desk.list()
    assert (error.map, error.record, error.category) == (CUSTOMERS, "E1", Category.CONCURRENCY)
    assert "somebody else kept changing" in error.reason
    assert (await errors.desk.retry([error.id])).total == RetryCount(stale=1)


# --- files and time -------------------------------------------------------------------------------------------------


async def test_errors_are_downloaded_with_their_whole_rows(errors: ErrorRoom) -> None:
    room = errors.room
    await room.finops(customer("E1", OrganizationName="=1+1"), group("E", Description="a, b"))
    made = await room.linked.row("finops", GROUP, CustomerGroupId="E")
    await errors.fail(
        failed(CUSTOMERS, Operation.UPDATE, await room.linked.customer("E1"), "OrganizationName"),
        failed(GROUPS, Operation.CREATE, made),
    )
    lines = await _lines(errors, OPEN)
    assert [(each["record"], each["operation"], each["changed"]) for each in lines] == [
        ("E1", "update", "OrganizationName"),
        ("E", "create", ""),
    ]
    assert lines[0]["OrganizationName"] == "'=1+1"
    assert lines[1]["Description"] == "a, b"
    assert len(await _lines(errors, SyncErrorFilter(map=GROUPS))) == 1


async def _lines(errors: ErrorRoom, which: SyncErrorFilter) -> Sequence[dict[str, str]]:
    text = "".join([piece async for piece in errors.desk.download(which)])
    return list(csv.DictReader(io.StringIO(text)))


async def test_errors_are_forgotten_in_time_and_the_log_tells_what_was_open(errors: ErrorRoom) -> None:
    await errors.room.finops(customer("E1"))
    row = await errors.room.linked.customer("E1")
    ids = await errors.fail(failed(CUSTOMERS, Operation.CREATE, row), failed(CUSTOMERS, Operation.CREATE, row))
    await errors.desk.dismiss(ids[:1])
    keep = timedelta(days=30)
    now = datetime.now(UTC)
    assert await ErrorRetention(errors.desk, keep=keep, now=lambda: now).forget() == 0
    assert await ErrorRetention(errors.desk, keep=keep, now=lambda: now + timedelta(days=31)).forget() == 2
    assert await errors.desk.list() == ()
    (entry, *_) = await errors.room.store.activity.list(ActivityFilter(what="forget errors"))
    assert entry.map == CUSTOMERS
    assert entry.severity is Severity.WARNING
    assert entry.result.endswith("removed, 1 of them still open")
