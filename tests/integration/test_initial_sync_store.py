"""What the store keeps of initial syncs: runs, partitions, counts, and every refused row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import Connection, text

from dualwrite.environments.bulk import Extent, Span
from dualwrite.errors import NotAllowed
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.store import Store
from dualwrite.store.connector import create_engine
from dualwrite.store.environments import EnvironmentKind
from dualwrite.store.initial_syncs import (
    InitialSyncRun,
    OnRefusals,
    RerunKind,
    RunId,
    RunMap,
    RunMapState,
    RunState,
)
from dualwrite.store.migration import configuration_of_migrations
from dualwrite.store.partitions import MapCount, Partition, PartitionState, RowCounts
from dualwrite.store.refusals import DoneAgain, RefusalField, RefusalFilter, RefusedRecord

CUSTOMERS, GROUPS = "Customers", "Customer groups"
THERE, BACK = Direction.TO_DATAVERSE, Direction.TO_FINOPS
SOME_ID = UUID("0a000000-0000-0000-0000-000000000001")
OTHER_ID = UUID("ff000000-0000-0000-0000-000000000001")


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    store = await Store.connect(database)
    await store.environments.save("erp", side=Side.FINOPS, kind=EnvironmentKind.HOSTED, url="http://erp", database="e")
    await store.environments.save("crm", side=Side.DATAVERSE, kind=EnvironmentKind.REMOTE, url="http://crm")
    await store.connections.create("main", finops_environment="erp", dataverse_environment="crm")
    yield store
    await store.close()


async def planned(store: Store, *maps: RunMap, again: tuple[InitialSyncRun, RerunKind] | None = None) -> RunId:
    wanted = maps or (RunMap(GROUPS, 0, Side.FINOPS), RunMap(CUSTOMERS, 1, Side.DATAVERSE, ("usmf",)))
    return await store.initial_syncs.create(
        "main", wanted, on_refusals=OnRefusals.GO_LIVE, started_by="me", again=again
    )


async def known(store: Store, run: RunId) -> InitialSyncRun:
    found = await store.initial_syncs.get(run)
    assert found is not None
    return found


def partition(number: int, *, wave: int = 0, map: str = GROUPS, direction: Direction = THERE) -> Partition:
    return Partition(number, wave, number, map, direction, Extent(None, Span(), 10), 10)


def refused(record: str = "C1", *, record_id: str = "1", **facts: object) -> RefusedRecord:
    known = RefusedRecord(
        map=GROUPS,
        direction=THERE,
        legal_entity="usmf",
        record_id=record_id,
        record=record,
        column="msdyn_groupid",
        code="DW0503",
        reason=f"{record}: no group 10",
        cause="no group 10",
        row={"CustomerAccount": record},
        whole=False,
    )
    return replace(known, **facts)  # type: ignore[arg-type]


# --- history --------------------------------------------------------------------------------------------------------


async def test_runs_of_earlier_releases_keep_their_counts_and_refused_rows(database: str) -> None:
    def before(plain: Connection) -> None:
        configuration = configuration_of_migrations()
        configuration.attributes["connection"] = plain
        command.upgrade(configuration, "0002")
        for statement in _EARLIER.split(";"):
            plain.execute(text(statement))

    engine = create_engine(database, pool_size=1)
    async with engine.begin() as connection:
        await connection.run_sync(before)
    await engine.dispose()
    store = await Store.connect(database)
    try:
        unfinished, failed, done = await store.initial_syncs.list("main")
        assert (done.state, failed.state, unfinished.state) == (
            RunState.WITH_REFUSALS,
            RunState.CANCELLED,
            RunState.CANCELLED,
        )
        assert failed.message == "It failed: no answer" and "stopped before" in unfinished.message
        assert await store.initial_syncs.maps(done.run) == (
            RunMap(GROUPS, 0, Side.DATAVERSE, state=RunMapState.FINISHED),
            RunMap(CUSTOMERS, 1, Side.DATAVERSE, state=RunMapState.FINISHED),
        )
        assert await store.partitions.counts(done.run) == (
            MapCount(GROUPS, THERE, "usmf", RowCounts(7, 7)),
            MapCount(CUSTOMERS, THERE, "demf", RowCounts(5, 5)),
            MapCount(CUSTOMERS, THERE, "usmf", RowCounts(10, 1, 2, 3, 0, 4)),
        )
        assert [each.state for each in await store.partitions.list(done.run)] == [PartitionState.DONE] * 2
        (kept,) = await store.refusals.list("main", None)
        assert (kept.run, kept.map, kept.record, kept.reason, kept.row) == (done.run, CUSTOMERS, "C1", "no", {"a": 1})
        assert await store.refusals.open_ids("main", done.root) == {}
    finally:
        await store.close()


_EARLIER = """
INSERT INTO environment VALUES ('e', 'finops', 'hosted', 'e', ''), ('c', 'dataverse', 'hosted', 'c', '');
INSERT INTO connection VALUES ('main', 'e', 'c', 'finops');
INSERT INTO initial_copy VALUES
('00000000-0000-0000-0000-000000000001', 'main', 'dataverse', 'me', '2024-01-01', '2024-01-02', 'with refusals', ''),
('00000000-0000-0000-0000-000000000002', 'main', 'finops', 'me', '2024-01-03', '2024-01-04', 'failed', 'no answer'),
('00000000-0000-0000-0000-000000000003', 'main', 'finops', 'me', '2024-01-05', NULL, NULL, '');
INSERT INTO initial_copy_map VALUES
('00000000-0000-0000-0000-000000000001', 'Customers', 'usmf', 'to Dataverse', 10, 1, 2, 3, 4, '2024-01-02'),
('00000000-0000-0000-0000-000000000001', 'Customers', 'demf', 'to Dataverse', 5, 5, 0, 0, 0, '2024-01-02'),
('00000000-0000-0000-0000-000000000001', 'Customer groups', 'usmf', 'to Dataverse', 7, 7, 0, 0, 0, '2024-01-01');
INSERT INTO refused_record (run, map, legal_entity, direction, record_key, "column", code, reason, row) VALUES
('00000000-0000-0000-0000-000000000001', 'Customers', 'usmf', 'to Dataverse', 'C1', 'x', 'DW0503', 'no', '{"a": 1}')
"""


# --- runs -----------------------------------------------------------------------------------------------------------


async def test_a_run_is_known_with_its_maps_in_order(store: Store) -> None:
    run = await planned(store)
    record = await known(store, run)
    assert (record.state, record.started_by, record.parent, record.root) == (RunState.PLANNED, "me", None, run)
    assert record.created_before >= record.started_at
    assert await store.initial_syncs.maps(run) == (
        RunMap(GROUPS, 0, Side.FINOPS),
        RunMap(CUSTOMERS, 1, Side.DATAVERSE, ("usmf",)),
    )
    later = await planned(store, again=(record, RerunKind.ALL))
    again = await known(store, later)
    assert (again.parent, again.root, again.rerun) == (run, run, RerunKind.ALL)
    assert [each.run for each in await store.initial_syncs.list("main")] == [later, run]


async def test_a_run_that_has_ended_tells_when(store: Store) -> None:
    run = await planned(store)
    failed = await store.initial_syncs.move(run, RunState.FAILED, message="no \x00 connection")
    assert (failed.message, failed.finished_at) == ("no \ufffd connection", None)
    ended = await store.initial_syncs.move(run, RunState.COMPLETED, message="")
    assert ended.finished_at is not None
    assert await store.initial_syncs.in_states("main", [RunState.COMPLETED]) == (ended,)
    with pytest.raises(NotAllowed, match="There is no initial sync"):
        await store.initial_syncs.move(RunId(SOME_ID), RunState.RUNNING)


async def test_a_map_is_covered_until_its_run_has_finished_it(store: Store) -> None:
    run = await planned(store)
    covering = await store.initial_syncs.covering("main", [GROUPS, "Vendors"])
    assert {name: each.run for name, each in covering.items()} == {GROUPS: run}
    await store.initial_syncs.set_map_state(run, [GROUPS], RunMapState.CANCELLED)
    assert await store.initial_syncs.covering("main", [GROUPS]) == {}
    await store.initial_syncs.move(run, RunState.COMPLETED)
    assert await store.initial_syncs.covering("main", [CUSTOMERS]) == {}


async def test_outcomes_are_dropped_a_while_after_the_end(store: Store) -> None:
    run = await planned(store)
    assert await store.initial_syncs.with_outcomes("main", ended_for=timedelta()) == ()
    await store.initial_syncs.move(run, RunState.COMPLETED)
    assert await store.initial_syncs.with_outcomes("main", ended_for=timedelta(days=1)) == ()
    assert await store.initial_syncs.with_outcomes("main", ended_for=timedelta()) == (run,)
    await store.initial_syncs.outcomes_dropped(run)
    assert await store.initial_syncs.with_outcomes("main", ended_for=timedelta()) == ()


# --- partitions -----------------------------------------------------------------------------------------------------


async def test_partitions_are_kept_as_they_were_cut(store: Store) -> None:
    run = await planned(store)
    cut = [
        Partition(0, 0, 0, GROUPS, THERE, Extent(("usmf", "demf"), Span(1, 2**40), 7), 7, frozenset({"account"})),
        Partition(1, 0, 1, CUSTOMERS, BACK, Extent(None, Span(SOME_ID, OTHER_ID), 9), 9),
        Partition(2, 1, 2, CUSTOMERS, BACK, None, 2),
    ]
    assert not await store.partitions.exist(run)
    for _ in range(2):
        await store.partitions.plan(run, cut, ids={2: (SOME_ID, OTHER_ID)})
    assert await store.partitions.list(run) == tuple(cut)
    assert await store.partitions.list(run, map=GROUPS) == (cut[0],)
    assert await store.partitions.ids(run, 2) == (SOME_ID, OTHER_ID)
    assert await store.partitions.ids(run, 1) is None


async def test_twelve_thousand_partitions_are_summed_up_for_whoever_looks(store: Store) -> None:
    run = await planned(store)
    await store.partitions.plan(run, [partition(number, wave=number // 100) for number in range(12_000)])
    await store.partitions.begin(run, 0, worker="w")
    await store.partitions.finish(run, 0, {"usmf": RowCounts(10, 4, 3, 2, 0, 1), "demf": RowCounts(1, 1)})
    await store.partitions.begin(run, 1, worker="w")
    (standing,) = await store.sync_progress.by_map(run)
    assert (standing.map, standing.direction, standing.rows, standing.rows_done) == (GROUPS, THERE, 120_000, 10)
    assert (standing.partitions, standing.done, standing.running, standing.failed) == (12_000, 1, 1, 0)
    assert standing.rows_per_s > 0
    counts = await store.sync_progress.counts_by_map([run])
    assert counts == {run: (MapCount(GROUPS, THERE, "", RowCounts(11, 5, 3, 2, 0, 1)),)}


async def test_a_partition_is_done_once(store: Store) -> None:
    run = await planned(store)
    await store.partitions.plan(run, [partition(0)])
    first = await store.partitions.begin(run, 0, worker="one")
    second = await store.partitions.begin(run, 0, worker="two")
    assert first is not None and second is not None
    assert (second.state, second.worker, second.attempts) == (PartitionState.RUNNING, "two", 2)
    assert not await store.partitions.is_latest(run, 0, attempt=first.attempts)
    assert await store.partitions.is_latest(run, 0, attempt=second.attempts)
    await store.partitions.release(run)
    assert not await store.partitions.is_latest(run, 0, attempt=second.attempts)
    assert await store.partitions.finish(run, 0, {"usmf": RowCounts(1, 1)}, left_open=[7])
    assert not await store.partitions.finish(run, 0, {"usmf": RowCounts(2, 2)})
    assert await store.partitions.begin(run, 0, worker="three") is None
    assert await store.partitions.counts(run) == (MapCount(GROUPS, THERE, "usmf", RowCounts(1, 1)),)


async def test_what_failed_or_was_under_way_is_still_to_be_done(store: Store) -> None:
    run = await planned(store)
    await store.partitions.plan(run, [partition(0), partition(1), partition(2, wave=1), partition(3, map=CUSTOMERS)])
    await store.partitions.begin(run, 0, worker="w")
    await store.partitions.fail(run, 0, "no answer")
    await store.partitions.begin(run, 1, worker="w")
    await store.partitions.release(run)
    await store.initial_syncs.set_map_state(run, [CUSTOMERS], RunMapState.CANCELLED)
    todo = await store.partitions.to_do(run, second_pass=False)
    assert [(each.number, each.state, each.message) for each in todo] == [
        (0, PartitionState.FAILED, "no answer"),
        (1, PartitionState.PENDING, ""),
        (2, PartitionState.PENDING, ""),
    ]
    assert await store.partitions.wave_to_do(run) == 0
    for number in (0, 1):
        await store.partitions.finish(run, number, {})
    assert await store.partitions.wave_to_do(run) == 1
    await store.partitions.finish(run, 2, {})
    assert await store.partitions.wave_to_do(run) is None


async def test_a_partition_that_left_rows_open_has_one_second_pass(store: Store) -> None:
    run = await planned(store)
    await store.partitions.plan(run, [partition(0), partition(1), partition(2, direction=BACK), partition(3, wave=4)])
    await store.partitions.finish(run, 1, {}, left_open=[7, 8])
    await store.partitions.finish(run, 2, {}, left_open=[SOME_ID])
    assert await store.partitions.has_left_open(run)
    for _ in range(2):
        await store.partitions.plan_second_pass(run)
    assert not await store.partitions.has_left_open(run)
    again = await store.partitions.to_do(run, second_pass=True)
    assert [(each.number, each.wave, each.batch, each.second_pass_of, each.rows) for each in again] == [
        (5, 5, 5, 1, 2),
        (6, 5, 6, 2, 1),
    ]
    assert [await store.partitions.ids(run, each.number) for each in again] == [(7, 8), (SOME_ID,)]
    assert all(each.extent is None and each.open_tables == frozenset() for each in again)


# --- refusals -------------------------------------------------------------------------------------------------------


async def test_refused_rows_of_an_earlier_attempt_are_replaced(store: Store) -> None:
    run = await planned(store)
    await store.partitions.plan(run, [partition(0), partition(1)])
    await store.refusals.replace(run, 1, [refused("other")])
    await store.refusals.replace(run, 0, [refused("C1"), refused("C2")])
    nasty = refused("C\x003", row={"a": "\x00", "b": 2**70, "c": ["é 'quoted' \\ \t\n"]}, reason="tab\tand\\N")
    await store.refusals.replace(run, 0, [nasty])
    other, kept = await store.refusals.list("main", run)
    assert (other.record, kept.record, kept.reason) == ("other", "C\ufffd3", "tab\tand\\N")
    assert kept.row == {"a": "\ufffd", "b": str(2**70), "c": ["é 'quoted' \\ \t\n"]}
    assert (kept.run, kept.partition, kept.settled_by) == (run, 0, None)


async def many_refused(store: Store) -> RunId:
    run = await planned(store)
    await store.partitions.plan(run, [partition(0), partition(1, map=CUSTOMERS)])
    await store.refusals.replace(run, 0, [refused(f"C{number}", record_id=str(number)) for number in range(30_000)])
    wrong = refused("X1", map=CUSTOMERS, legal_entity="demf", cause="too long", column="name", code="DW0505")
    await store.refusals.replace(run, 1, [wrong])
    return run


async def test_thirty_thousand_refused_rows_are_grouped_by_their_cause(store: Store) -> None:
    run = await many_refused(store)
    every = RefusalFilter()
    first, second = await store.refusals.groups("main", run, every, by=[RefusalField.CAUSE, RefusalField.MAP])
    assert (first.rows, first.fields) == (30_000, {RefusalField.CAUSE: "no group 10", RefusalField.MAP: GROUPS})
    assert first.records == ("C0", "C1", "C2", "C3", "C4")
    assert (second.rows, second.reason) == (1, "X1: no group 10")
    assert len(await store.refusals.first_of_each(run, rows=5)) == 6
    batches = [len(each) async for each in store.refusals.all("main", run, every, batch_rows=20_000)]
    assert batches == [20_000, 10_001]


@pytest.mark.parametrize(
    "which",
    [
        RefusalFilter(map=CUSTOMERS),
        RefusalFilter(legal_entity="demf"),
        RefusalFilter(code="DW0505"),
        RefusalFilter(column="name"),
        RefusalFilter(cause="too long", direction=THERE, open_only=True),
    ],
)
async def test_refused_rows_are_filtered(store: Store, which: RefusalFilter) -> None:
    run = await planned(store)
    await store.partitions.plan(run, [partition(0), partition(1, map=CUSTOMERS)])
    wrong = refused("X1", map=CUSTOMERS, legal_entity="demf", cause="too long", column="name", code="DW0505")
    await store.refusals.replace(run, 0, [refused(), refused("C2")])
    await store.refusals.replace(run, 1, [wrong])
    assert [each.record for each in await store.refusals.list("main", run, which)] == ["X1"]
    assert await store.refusals.list("main", run, replace(which, direction=BACK)) == ()
    assert len(await store.refusals.list("main", None)) == 3
    assert len(await store.refusals.list("other", None)) == 0
    assert [each.record for each in await store.refusals.list("main", run, limit_rows=1, offset_rows=1)] == ["C2"]


@pytest.mark.parametrize(
    ("done", "left"),
    [
        (DoneAgain(GROUPS, THERE, ids=(1, 3)), ["C2", "old"]),
        (DoneAgain(GROUPS, THERE, span=Span(2, None)), ["C1"]),
        (DoneAgain(GROUPS, THERE, span=Span(None, 2)), ["C3"]),
        (DoneAgain(GROUPS, THERE, legal_entities=("USMF",)), []),
        (DoneAgain(GROUPS, THERE, legal_entities=("demf",)), ["C1", "C2", "C3", "old"]),
        (DoneAgain(GROUPS, BACK), ["C1", "C2", "C3", "old"]),
        (DoneAgain(CUSTOMERS, THERE), ["C1", "C2", "C3", "old"]),
    ],
)
async def test_a_row_that_was_done_again_is_settled(store: Store, done: DoneAgain, left: Sequence[str]) -> None:
    run = await planned(store)
    await store.partitions.plan(run, [partition(0)])
    rows = [refused(f"C{number}", record_id=str(number)) for number in (1, 2, 3)]
    await store.refusals.replace(run, 0, [*rows, refused("old", record_id="")])
    parent = await known(store, run)
    later = await known(store, await planned(store, again=(parent, RerunKind.FAILED)))
    await store.refusals.settle(parent, done)
    await store.refusals.settle(later, done, keep_root=True)
    assert len(await store.refusals.list("main", None)) == 4
    await store.refusals.settle(later, done)
    assert [each.record for each in await store.refusals.list("main", None)] == left
    settled = [each.record for each in await store.refusals.list("main", run) if each.settled_by == later.run]
    assert sorted([*settled, *left]) == ["C1", "C2", "C3", "old"]


async def test_the_rows_to_be_done_again_are_those_of_the_chain(store: Store) -> None:
    run, other = await planned(store), await planned(store)
    for each in (run, other):
        await store.partitions.plan(each, [partition(0), partition(1, direction=BACK)])
    back = refused("A1", record_id=str(SOME_ID), direction=BACK)
    await store.refusals.replace(run, 0, [refused("C2", record_id="20"), refused("C1", record_id="3")])
    await store.refusals.replace(run, 1, [back])
    await store.refusals.replace(other, 0, [refused("C9", record_id="9")])
    again = await planned(store, again=(await known(store, run), RerunKind.FAILED))
    root = (await known(store, again)).root
    found = await store.refusals.open_ids("main", root)
    assert {way: set(ids) for way, ids in found.items()} == {(GROUPS, THERE): {3, 20}, (GROUPS, BACK): {SOME_ID}}
