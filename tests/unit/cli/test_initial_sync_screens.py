"""What a run looks like: while it goes on, and when it is through, on narrow terminals and wide ones."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from rich.console import Console, RenderableType

from dualwrite.cli.initial_sync.counts import counts_document, counts_table, masters_of
from dualwrite.cli.initial_sync.ending import Ending, ending_document, ending_shown
from dualwrite.cli.initial_sync.progress import headline, map_lines, progress_screen, through_line
from dualwrite.cli.initial_sync.refusals import groups_document
from dualwrite.cli.initial_sync.words import seconds_in_words
from dualwrite.environments.bulk import Extent, Span
from dualwrite.lifecycle.initial_sync.reports import Advance, MapProgress, RunProgress, RunReport
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import InitialSyncRun, OnRefusals, RunId, RunMap, RunState
from dualwrite.store.partitions import MapCount, Partition, PartitionState, RowCounts
from dualwrite.store.refusals import RefusalField, RefusalGroup

RUN = RunId(UUID("3f9a1c2e-0000-4000-8000-000000000000"))
BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
THERE, BACK = Direction.TO_DATAVERSE, Direction.TO_FINOPS
GROUPS, CUSTOMERS, CONTACTS = "Groups (msdyn_groups)", "Customers V3 (accounts)", "Contacts (contacts)"


def run(state: RunState = RunState.RUNNING, *, message: str = "", seconds: int | None = None) -> InitialSyncRun:
    return InitialSyncRun(
        run=RUN,
        connection="main",
        state=state,
        on_refusals=OnRefusals.GO_LIVE,
        started_by="somebody",
        started_at=BEGAN,
        created_before=BEGAN,
        finished_at=None if seconds is None else BEGAN + timedelta(seconds=seconds),
        message=message,
        parent=None,
        root=RUN,
        rerun=None,
    )


def advance(rows: int, done: int, parts: int, parts_done: int, *, running: int = 0, refused: int = 0) -> Advance:
    rate = 8000.0 if running else 0.0
    counts = RowCounts(read=done, inserted=done - refused, refused=refused)
    return Advance(rows, done, parts, parts_done, running, 0, rate, 97.0 if running else None, counts)


def progress(state: RunState = RunState.RUNNING) -> RunProgress:
    maps = [
        (GROUPS, THERE, advance(12, 12, 1, 1)),
        (GROUPS, BACK, advance(3, 3, 1, 1)),
        (CUSTOMERS, THERE, advance(1_000_000, 212_345, 20, 4, running=2, refused=3)),
        (CUSTOMERS, BACK, advance(2_000, 0, 1, 0)),
        (CONTACTS, THERE, advance(500, 0, 1, 0)),
    ]
    total = advance(1_002_515, 212_360, 24, 6, running=2, refused=3)
    ways = [MapProgress(RunMap(name, number, Side.FINOPS), way, each) for number, (name, way, each) in enumerate(maps)]
    return RunProgress(run(state), total, tuple(ways))


def running_partition(number: int, *companies: str, second_pass_of: int | None = None) -> Partition:
    return Partition(
        number=number,
        wave=1,
        batch=1,
        map=CUSTOMERS,
        direction=THERE,
        extent=Extent(companies, Span(), 50_000),
        rows=50_000,
        second_pass_of=second_pass_of,
        state=PartitionState.RUNNING,
    )


def printed(*renderables: RenderableType, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, highlight=False)
    for each in renderables:
        console.print(each)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_tells_how_far_run_and_maps_are_and_cuts_no_number(width: int) -> None:
    lines = map_lines(progress(), [running_partition(1, "usmf"), running_partition(2, "demf", "frrt")])
    shown = printed(progress_screen(progress(), lines, width=width), width=width)
    assert "Initial sync 3f9a1c2e · running · 1 of 3 maps · 3 refused" in shown
    assert "212,360 of 1,002,515 rows · 8,000 rows/s · 1:37 min left" in shown
    assert "212,345 of 1,002,000 4/21" in shown
    assert "→ usmf and 2 more" in shown
    assert "Customers V3" in shown
    assert "Groups" not in shown
    assert "Contacts" not in shown
    assert max(map(len, shown.splitlines())) <= width


def test_a_second_pass_is_named() -> None:
    (line,) = [
        each
        for each in map_lines(progress(), [running_partition(30, "usmf", second_pass_of=1)])
        if each.name == "Customers V3"
    ]
    assert line.doing == "→ usmf second pass"


def test_a_run_of_many_maps_fits_on_the_screen() -> None:
    ways = tuple(
        MapProgress(RunMap(f"Map {number}", number, Side.FINOPS), THERE, advance(10, 1, 2, 1)) for number in range(60)
    )
    many = RunProgress(run(), advance(600, 60, 120, 60), ways)
    shown = printed(progress_screen(many, map_lines(many), width=80), width=80)
    assert "… and 48 more maps" in shown
    assert len(shown.splitlines()) < 20


def test_before_rows_are_counted_the_screen_says_so() -> None:
    at_first = RunProgress(run(RunState.PLANNED), advance(0, 0, 0, 0), ())
    assert headline(at_first, ()).plain == "Initial sync 3f9a1c2e · starting · counting rows"


def test_a_map_that_is_through_leaves_a_line_with_both_ways_together() -> None:
    groups, *_ = map_lines(progress())
    assert through_line(groups).plain == "✓ Groups: 15 rows, 15 inserted"
    refused = RunProgress(
        run(),
        advance(0, 0, 1, 1),
        (MapProgress(RunMap(GROUPS, 1, Side.FINOPS), THERE, advance(5, 5, 1, 1, refused=5)),),
    )
    (line,) = map_lines(refused)
    assert through_line(line).plain == "✓ Groups: 5 rows, 5 refused"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.4, "59 s"), (187, "3:07 min"), (3600, "1:00:00 h"), (-1, "0 s")]
)
def test_times_are_short(seconds: float, words: str) -> None:
    assert seconds_in_words(seconds) == words


# --- the end ----------------------------------------------------------------------------------------------------------


def report(state: RunState = RunState.WITH_REFUSALS, *, message: str = "") -> RunReport:
    maps = (RunMap(GROUPS, 1, Side.DATAVERSE), RunMap(CUSTOMERS, 2, Side.FINOPS), RunMap(CONTACTS, 3, Side.FINOPS))
    counts = (
        MapCount(CUSTOMERS, BACK, "usmf", RowCounts(read=20, equal=20)),
        MapCount(CUSTOMERS, THERE, "demf", RowCounts(read=5, inserted=5)),
        MapCount(CUSTOMERS, THERE, "usmf", RowCounts(read=1_000_000, inserted=990_000, refused=10_000)),
        MapCount(GROUPS, THERE, "usmf", RowCounts(read=1, equal=1)),
        MapCount(GROUPS, BACK, "usmf", RowCounts(read=7, updated=7, conflicts=2)),
        MapCount(CONTACTS, THERE, "usmf", RowCounts()),
    )
    return RunReport(run(state, message=message, seconds=151), maps, counts)


def group(rows: int, cause: str, *, column: str = "CUSTOMERGROUPID", way: Direction = THERE) -> RefusalGroup:
    fields = {
        RefusalField.MAP: CUSTOMERS,
        RefusalField.DIRECTION: way.value,
        RefusalField.COLUMN: column,
        RefusalField.CAUSE: cause,
    }
    return RefusalGroup(fields, rows, f"US-001: {cause}", ("US-001", "US-002"))


def cells(report: RunReport, *, by_legal_entity: bool = False) -> list[list[str]]:
    table = counts_table(report.counts, masters_of(report.maps), by_legal_entity=by_legal_entity)
    shown = printed(table, width=120)
    return [line.split() for line in shown.splitlines()]


def test_the_end_has_a_line_for_each_map_and_way_the_masters_first_and_the_sum() -> None:
    assert cells(report()) == [
        ["map", "read", "inserted", "updated", "equal", "refused", "conflicts"],
        ["Groups", "←", "7", "0", "7", "0", "0", "2"],
        ["→", "1", "0", "0", "1", "0", "0"],
        ["Customers", "V3", "→", "1,000,005", "990,005", "0", "0", "10,000", "0"],
        ["←", "20", "0", "0", "20", "0", "0"],
        ["all", "1,000,033", "990,005", "7", "21", "10,000", "2"],
        ["→", "to", "Dataverse,", "←", "to", "F&O"],
    ]


def test_legal_entities_have_lines_of_their_own_when_asked_for() -> None:
    lines = cells(report(), by_legal_entity=True)
    assert ["Customers", "V3", "→", "demf", "5", "5", "0", "0", "0", "0"] in lines
    assert ["→", "usmf", "1,000,000", "990,000", "0", "0", "10,000", "0"] in lines


@pytest.mark.parametrize("width", [80, 120])
def test_refusals_are_grouped_by_cause_and_the_way_out_is_told(width: int) -> None:
    groups = (group(9_990, "There is no customer group 90."), group(10, "Too long.", column="EMAIL", way=BACK))
    shown = printed(*ending_shown(Ending(report(), groups)), width=width)
    assert "completed with refusals in 2:31 min: 1,000,033 rows" in shown
    assert "10,000 rows were refused" in shown
    assert "9,990  Customers V3 · CUSTOMERGROUPID" in shown
    assert "There is no customer group 90." in shown
    assert "Customers V3 Dataverse → F&O · EMAIL" in shown
    assert "dualwrite initial-sync rerun 3f9a1c2e --failed" in shown
    assert max(map(len, shown.splitlines())) <= width


def test_many_causes_are_cut_off_with_a_hint() -> None:
    shown = printed(
        *ending_shown(Ending(report(), tuple(group(2, f"Cause {number}.") for number in range(14)))), width=80
    )
    assert "Cause 9." in shown
    assert "Cause 10." not in shown
    assert "8  for 4 other causes: --by-cause" in shown


@pytest.mark.parametrize(
    ("state", "way_out"),
    [
        (RunState.FAILED, "dualwrite initial-sync resume 3f9a1c2e"),
        (RunState.PAUSED, "dualwrite initial-sync resume 3f9a1c2e"),
        (RunState.AWAITING_DECISION, "dualwrite initial-sync go-live 3f9a1c2e"),
    ],
)
def test_a_run_that_is_not_through_tells_how_to_go_on(state: RunState, way_out: str) -> None:
    shown = printed(*ending_shown(Ending(report(state, message="The database is gone."), ())), width=120)
    assert "The database is gone." in shown
    assert way_out in shown


def test_only_a_run_that_copied_everything_is_complete() -> None:
    clean = RunReport(run(RunState.COMPLETED, seconds=1), (), ())
    assert Ending(clean, ()).is_complete
    assert not Ending(report(RunState.WITH_REFUSALS), ()).is_complete
    assert not Ending(RunReport(run(RunState.PAUSED), (), ()), ()).is_complete


def test_scripts_get_the_counts_by_legal_entity_and_the_causes() -> None:
    document = ending_document(Ending(report(), (group(3, "No group 90."),)))
    assert document["total"] == {
        "read": 1_000_033,
        "inserted": 990_005,
        "updated": 7,
        "equal": 21,
        "filtered": 0,
        "refused": 10_000,
        "conflicts": 2,
    }
    first, *_ = counts_document(report().counts)
    assert (first["map"], first["legal_entity"], first["read"], first["equal"]) == (CUSTOMERS, "usmf", 20, 20)
    (refused,) = groups_document([group(3, "No group 90.")])
    assert document["refused"] == [refused]
    assert (refused["column"], refused["cause"], refused["rows"]) == ("CUSTOMERGROUPID", "No group 90.", 3)
