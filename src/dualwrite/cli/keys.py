"""``dualwrite keys``: the columns by which the rows of a Dataverse table are known, generated or chosen by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import keys_of
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid
from dualwrite.composition.house import House
from dualwrite.lifecycle.keys import TableKey
from dualwrite.metadata.schema import Table

app = typer.Typer(help="Integration keys of Dataverse tables: list, set, reset.", no_args_is_help=True)

_WIDE = 110
"""Columns of a terminal that has room for the maps of each table."""

OneTable = Annotated[str, typer.Argument(metavar="TABLE", help="Logical name, entity set or label of a table.")]


@app.command("list")
def list_keys(
    context: typer.Context,
    table: Annotated[str | None, typer.Argument(help="A Dataverse table; all that maps fill unless given.")] = None,
) -> None:
    """List the integration keys: the one in use, who chose it, the alternate keys there are, and the maps.

    The company is part of every key of a company-specific table.
    """

    async def listed(house: House) -> Sequence[TableKey]:
        keys = keys_of(house)
        wanted = None if table is None else keys.table(table).name
        return [each for each in await keys.list() if wanted is None or each.table == wanted]

    call = invocation(context)
    found = call.in_house(listed)
    wide = call.output.console.width >= _WIDE
    shown = grid("Dataverse table", "key", "", "alternate keys", *(["maps"] if wide or table is not None else []))
    for each in found:
        names = short_names((*each.maps, *each.own))
        maps = [names[name] for name in each.maps] + [f"{names[name]} (its own key)" for name in each.own]
        row = [
            Text(each.table),
            Text("; ".join(map(", ".join, each.used)) or "none", style="" if each.used else "red"),
            Text(f"by {each.set_by}" if each.chosen else "generated", style="" if each.chosen else "dim"),
            Text("; ".join(", ".join(key) for key in each.alternate_keys), style="dim"),
            Text(", ".join(maps)),
        ]
        shown.add_row(*row[: len(shown.columns)])
    document = [
        {
            "table": each.table,
            "keys": each.used,
            "origin": "by hand" if each.chosen else "generated",
            "set_by": each.set_by,
            "alternate_keys": each.alternate_keys,
            "maps": each.maps,
            "maps_with_own_key": each.own,
        }
        for each in found
    ]
    call.output.show(document, shown)


@app.command("set")
def set_key(
    context: typer.Context,
    table: OneTable,
    columns: Annotated[list[str], typer.Argument(help="Columns of the table, without the company.")],
) -> None:
    """Choose the integration key of a table, for all maps that name none themselves. They must not be running."""

    async def done(house: House) -> Table:
        return await keys_of(house).set(table, columns)

    call = invocation(context)
    found = call.in_house(done)
    call.output.show(
        {"table": found.name, "key": columns}, Text(f"The integration key of {found.name} is {', '.join(columns)}.")
    )


@app.command("reset")
def reset_key(context: typer.Context, table: OneTable) -> None:
    """Let the integration key of a table be generated from its alternate keys again."""

    async def done(house: House) -> bool:
        return await keys_of(house).reset(table)

    call = invocation(context)
    changed = call.in_house(done)
    text = f"The integration key of {table} is {'generated again' if changed else 'generated already'}."
    call.output.show({"table": table, "changed": changed}, Text(text))
