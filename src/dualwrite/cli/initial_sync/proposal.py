"""What a run is going to do, before it does anything: its maps in order, their masters, and the rows on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
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
    yield Text.assemble((f"Initial sync of {maps}", "bold"), f" for {_listed(companies)}")
    numbers = ("F&O rows", "Dataverse rows")
    table = grid("#", "map", "master", *numbers, numbers=("#", *numbers))
    names = short_names(each.choice.name for each in (*arrangement.maps, *arrangement.left_out))
    for each in arrangement.maps:
        name = Text(names[each.choice.name])
        if each.related:
            name.append(f"  related: needed by {_needed_by(each, names)}", style="dim")
        held = rows.get(each.choice.name, {})
        counts = (f"{held.get(side, 0):,}" for side in (Side.FINOPS, Side.DATAVERSE))
        table.add_row(str(each.position), name, SIDES[each.choice.master], *counts)
    yield table
    for each in arrangement.left_out:
        if each.is_running:
            yield Text(f"Left out, as it runs already: {names[each.choice.name]} (--related)", style="dim")
        else:
            yield Text(
                f"Left out, and not running: {names[each.choice.name]}. {_needed_by(each, names)} looks up its rows; "
                "what is not found there is refused.",
                style="yellow",
            )


def _needed_by(each: ProposedMap, names: Mapping[str, str]) -> str:
    few = 2
    found = [names.get(name, name) for name in each.needed_by]
    return ", ".join(found) if len(found) <= few else f"{found[0]} and {len(found) - 1} more"


def _listed(companies: Sequence[str]) -> str:
    if not companies:
        return "no legal entity"
    if len(companies) > _MOST_NAMED:
        return f"{len(companies)} legal entities"
    *most, last = companies
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
