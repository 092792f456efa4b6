"""How the rows of a run ended, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.words import ARROWS
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import RunMap
from dualwrite.store.partitions import MapCount, RowCounts

_ALWAYS = ("read", "inserted", "equal", "refused")
_NUMBERS = ("read", "inserted", "updated", "equal", "filtered", "refused", "conflicts")
_COMPANY = "entity"


Masters = Mapping[str, Side]
"""The maps in the order of copying, each with its master."""


def masters_of(maps: Sequence[RunMap]) -> Masters:
    """The maps of a run in their order."""
    return {each.map: each.master for each in sorted(maps, key=lambda each: each.position)}


def counts_table(counts: Sequence[MapCount], masters: Masters, *, by_legal_entity: bool = False) -> Table:
    """One line for each map and way that read something, in the order of copying; the sum at the end.

    read = inserted + updated + equal + filtered + refused; conflicts are some of the updated ones. A column that is
    nothing but zeros may be left out.
    """
    total = sum((each.counts for each in counts), RowCounts())
    companies = (_COMPANY,) if by_legal_entity else ()
    numbers = [each for each in _NUMBERS if each in _ALWAYS or getattr(total, each)]
    table = grid("map", "", *companies, *numbers, numbers=numbers)
    for column in table.columns[1:]:
        column.no_wrap = True
    names = short_names(masters)
    lines = _grouped(counts, masters, by_legal_entity=by_legal_entity)
    last = None
    for each in lines:
        name = names[each.map] if each.map != last else ""
        company = (each.legal_entity,) if companies else ()
        table.add_row(Text(name), ARROWS[each.direction], *company, *_cells(each.counts, numbers))
        last = each.map
    if len(lines) > 1:
        table.add_row("all", "", *("" for _ in companies), *_cells(total, numbers), style="bold")
    if any(each.direction is Direction.TO_FINOPS for each in lines):
        table.caption = "→ to Dataverse, ← to F&O"
        table.caption_justify = "left"
    return table


def _grouped(counts: Sequence[MapCount], masters: Masters, *, by_legal_entity: bool) -> Sequence[MapCount]:
    """The counts in the order of the maps, the master's way first; of the legal entities together unless asked for."""
    places = {name: number for number, name in enumerate(masters)}
    found: dict[tuple[str, Direction, str], RowCounts] = {}
    for each in counts:
        key = each.map, each.direction, each.legal_entity if by_legal_entity else ""
        found[key] = found.get(key, RowCounts()) + each.counts

    def place(key: tuple[str, Direction, str]) -> tuple[int, bool, str]:
        name, direction, company = key
        return places[name], direction.source is not masters[name], company

    return [MapCount(*key, counts=found[key]) for key in sorted(found, key=place) if found[key].read]


def _cells(counts: RowCounts, numbers: Iterable[str]) -> Sequence[Text]:
    return [_cell(name, getattr(counts, name)) for name in numbers]


def _cell(name: str, number: int) -> Text:
    if not number:
        return Text("0", style="dim")
    return Text(f"{number:,}", style={"refused": "red", "conflicts": "yellow"}.get(name, ""))


def counts_document(counts: Sequence[MapCount]) -> Sequence[Mapping[str, object]]:
    """The counts by map, way and legal entity, for scripts."""
    return [
        {"map": each.map, "direction": each.direction, "legal_entity": each.legal_entity or None, **asdict(each.counts)}
        for each in counts
    ]
