"""What a run is going to do, before it does anything: its maps in order, their masters, and the rows on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.arrangement import Arrangement
from dualwrite.cli.initial_sync.words import SIDES
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid
from dualwrite.lifecycle.initial_sync.options import ProposedMap
from dualwrite.metadata.schema import Side

_MOST_NAMED = 6

Rows = Mapping[str, Mapping[Side, int]]
"""By map, how many rows each side has in the legal entities of the run."""


def proposal_shown(arrangement: Arrangement, rows: Rows, *, companies: Sequence[str]) -> Iterator[RenderableType]:
    """The maps of the run as a table, and what is to be known about those it does without."""
    maps = "1 map" if len(arrangement.maps) == 1 else f"{len(arrangement.maps)} maps"
    yield Text.assemble((f"Initial sync of {maps}", "bold"), f" for {_listed(companies, 'legal entities')}")
    names = short_names(each.choice.name for each in (*arrangement.maps, *arrangement.left_out))
    yield _maps_table(arrangement.maps, rows, names)
    for each in arrangement.left_out:
        if not each.is_running:
            yield Text(
                f"Left out, and not running: {names[each.choice.name]}. {_needed_by(each, names)} looks up its rows; "
                "what is not found there is refused.",
                style="yellow",
            )
    running = [names[each.choice.name] for each in arrangement.left_out if each.is_running]
    if running:
        yield Text(f"Related, and running already: {_listed(running, 'maps')}. To do them, too: --related", style="dim")


def _maps_table(maps: Sequence[ProposedMap], rows: Rows, names: Mapping[str, str]) -> Table:
    related = ("related to",) if any(each.related for each in maps) else ()
    numbers = ("F&O rows", "Dataverse rows")
    table = grid("#", "map", *related, "wins", *numbers, numbers=("#", *numbers), cut=related)
    for each in maps:
        held = rows.get(each.choice.name, {})
        counts = (f"{held.get(side, 0):,}" for side in (Side.FINOPS, Side.DATAVERSE))
        why = (Text(_needed_by(each, names) if each.related else ""),) if related else ()
        table.add_row(str(each.position), Text(names[each.choice.name]), *why, SIDES[each.choice.master], *counts)
    return table


def _needed_by(each: ProposedMap, names: Mapping[str, str]) -> str:
    """The chosen maps that look up its rows; those that do so by way of others are not named."""
    first, *others = [names.get(name, name) for name in each.needed_by] or ["other related maps"]
    return f"{first} and {len(others)} more" if others else first


def _listed(names: Sequence[str], what: str) -> str:
    if not names:
        return f"no {what}"
    if len(names) > _MOST_NAMED:
        return f"{len(names)} {what}"
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def proposal_document(arrangement: Arrangement, rows: Rows) -> Sequence[Mapping[str, object]]:
    """The same for scripts."""
    return [
        {
            "map": each.choice.name,
            "position": each.position,
            "related": each.related,
            "needed_by": each.needed_by,
            "included": each in arrangement.maps,
            "running": each.is_running,
            "master": each.choice.master,
            "legal_entities": each.choice.legal_entities,
            "rows": {side.value: number for side, number in rows.get(each.choice.name, {}).items()},
        }
        for each in (*arrangement.maps, *arrangement.left_out)
    ]
