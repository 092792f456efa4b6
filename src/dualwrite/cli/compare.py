"""``dualwrite compare``: whether both sides agree, map by map, under each map's own rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import chosen_maps, short_names
from dualwrite.cli.output import grid, shown
from dualwrite.composition.house import CONNECTION, House
from dualwrite.store.maps import MapState
from dualwrite.sync.comparison import Comparison, compare_map

_MOST_SHOWN = 10


def compare(
    context: typer.Context,
    maps: Annotated[
        list[str] | None, typer.Argument(help="Names of maps, or parts of them; else those that run.")
    ] = None,
    most: Annotated[
        int, typer.Option("--most", min=1, help="How many differences of each map are shown.")
    ] = _MOST_SHOWN,
) -> None:
    """Compare both sides. Exit code 0 when they agree, 1 when not. Nothing is changed."""

    async def compared(house: House) -> Sequence[Comparison]:
        routing = await house.router.current()
        names = await chosen_maps(house, maps) if maps else await _in_use(house)
        plans = await house.lifecycle.plans(names)
        return [await compare_map(house.pair, routing, plan) for plan in plans]

    call = invocation(context)
    found = call.in_house(compared)
    clean = all(each.is_clean for each in found)
    call.output.show({"clean": clean, "maps": [_document(each) for each in found]}, *_shown(found, most))
    if not clean:
        raise typer.Exit(1)


async def _in_use(house: House) -> Sequence[str]:
    """The maps that are to keep both sides in step; one that has never run has nothing to be held to."""
    known = await house.store.maps.list(CONNECTION)
    return [each.name for each in known if each.state is not MapState.NOT_RUNNING]


def _document(result: Comparison) -> dict[str, object]:
    return {
        "map": result.map_name,
        "compared": result.compared,
        "missing": result.missing,
        "extra": result.extra,
        "different": result.different,
        "outside_filter": result.outside_filter,
    }


def _shown(found: Sequence[Comparison], most: int) -> list[RenderableType]:
    numbers = ("compared", "missing", "extra", "different", "outside")
    names = short_names(each.map_name for each in found)
    table = grid("map", *numbers, numbers=numbers)
    for each in found:
        counts = (len(each.missing), len(each.extra), len(each.different))
        table.add_row(
            Text(names[each.map_name]),
            f"{each.compared:,}",
            *(f"[red]{number:,}[/]" if number else "0" for number in counts),
            f"{each.outside_filter:,}",
        )
    result: list[RenderableType] = [table, Text()]
    for each in found:
        if not each.is_clean:
            result += [_differences(each, most), Text()]
    if not found:
        return [Text("No map is running; name the maps to compare.", style="yellow")]
    records = sum(each.compared for each in found)
    total = sum(len(each.missing) + len(each.extra) + len(each.different) for each in found)
    result.append(
        f"[red]✗[/] {total:,} records differ" if total else f"[green]✓[/] Both sides agree on all {records:,} records"
    )
    return result


def _differences(result: Comparison, most: int) -> RenderableType:
    table = grid("record", "F&O column", "F&O", "Dataverse column", "Dataverse", title=result.map_name)
    lines: list[tuple[str, str, str, str, str]] = []
    lines += [(record, "", "there", "", "missing") for record in result.missing[:most]]
    lines += [(record, "", "missing", "", "there") for record in result.extra[:most]]
    for each in result.different[:most]:
        record = f"{each.company}: {each.record}" if each.company else each.record
        for column in each.columns:
            values = shown(column.finops_value), shown(column.dataverse_value)
            lines.append((record, column.finops_column, values[0], column.dataverse_path, values[1]))
    for line in lines[:most]:
        table.add_row(*(Text(cell) for cell in line))
    left = len(result.missing) + len(result.extra) + len(result.different) - most
    if left > 0:
        table.add_row(Text(f"… and {left} more records (--most, --json)", style="dim"))
    return table
