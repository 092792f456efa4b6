"""What a run would do, shown before it begins: rows by map and way, and samples of conflicts and refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.counts import Masters, counts_document, counts_table
from dualwrite.cli.initial_sync.words import SIDES
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid, shown
from dualwrite.store.partitions import MapCount, RowCounts
from dualwrite.sync.initial_sync.job import PreviewedWay

_MOST_SAMPLES = 10


def preview_shown(
    found: Sequence[PreviewedWay], masters: Masters, *, by_legal_entity: bool = False
) -> Iterator[RenderableType]:
    """The rows as a run would count them, what the masters would overwrite, and what would be refused, and why."""
    counts = _counts(found)
    total = sum((each.counts for each in counts), RowCounts())
    names = short_names(masters)
    yield Text()
    yield Text.assemble(("What would happen", "bold"), "; nothing has been written, and no map was started")
    yield counts_table(counts, masters, by_legal_entity=by_legal_entity)
    if total.conflicts:
        yield Text(f"\nConflicts to be settled by the master: {total.conflicts:,}, such as", style="bold yellow")
        yield _conflicts_table(found, names)
    if total.refused:
        yield Text(f"\nRows that would be refused: {total.refused:,}, such as", style="bold red")
        yield _refused_table(found, names)


def _counts(found: Sequence[PreviewedWay]) -> Sequence[MapCount]:
    return [
        MapCount(each.map_name, each.direction, each.legal_entity, RowCounts(**asdict(each.count))) for each in found
    ]


def _conflicts_table(found: Sequence[PreviewedWay], names: Mapping[str, str]) -> Table:
    table = grid("map", "record", "column", "held", "becomes", "on")
    samples = [(way, each) for way in found for each in way.conflicts]
    for way, each in samples[:_MOST_SAMPLES]:
        record = f"{way.legal_entity}: {each.record}" if way.legal_entity else each.record
        cells = (names[way.map_name], record, each.column, shown(each.held), shown(each.value))
        table.add_row(*(Text(cell) for cell in cells), SIDES[way.direction.target])
    return table


def _refused_table(found: Sequence[PreviewedWay], names: Mapping[str, str]) -> Table:
    table = grid("map", "record", "column", "reason")
    samples = [(way, each) for way in found for each in way.refused]
    for way, each in samples[:_MOST_SAMPLES]:
        record = f"{each.company}: {each.record}" if each.company else each.record
        table.add_row(Text(names[way.map_name]), Text(record), each.column, Text(each.cause, style="yellow"))
    return table


def preview_document(found: Sequence[PreviewedWay]) -> Mapping[str, object]:
    """The same for scripts, with all samples."""
    counts = _counts(found)
    return {
        "total": asdict(sum((each.counts for each in counts), RowCounts())),
        "counts": counts_document(counts),
        "conflicts": [{**_place(way), **asdict(each)} for way in found for each in way.conflicts],
        "refused": [
            {
                **_place(way),
                "record": each.record,
                "column": each.column,
                "code": each.code,
                "reason": each.reason,
                "cause": each.cause,
                "row": each.row,
            }
            for way in found
            for each in way.refused
        ],
    }


def _place(way: PreviewedWay) -> Mapping[str, object]:
    return {"map": way.map_name, "direction": way.direction, "legal_entity": way.legal_entity or None}
