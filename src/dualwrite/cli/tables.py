"""``dualwrite tables``: which tables the two environments have, and adding to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table as Grid
from rich.text import Text

from dualwrite.catalog import load_schema
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import find_map
from dualwrite.cli.output import grid
from dualwrite.composition.house import CONNECTION, House
from dualwrite.environments.hosted.definitions import Defined, SchemaChange
from dualwrite.environments.hosted.migration import MigrationPlan
from dualwrite.errors import CatalogRefused, SettingsRefused
from dualwrite.exchange.table_file import read_tables
from dualwrite.exchange.table_proposal import propose_tables
from dualwrite.maps.text import parse_map
from dualwrite.metadata.document import table_document
from dualwrite.metadata.schema import Column, ColumnRole, Side, Table

app = typer.Typer(help="Tables of the two environments: list, show, create, add, propose.", no_args_is_help=True)

_WHO = "local administrator"
_KINDS: Mapping[ColumnRole, str] = {ColumnRole.SYSTEM: "kept by the environment", ColumnRole.OWNER: "owner"}

BothSides = Annotated[Side | None, typer.Option("--side", help="One environment; both unless given.")]


@app.command("list")
def list_tables(
    context: typer.Context,
    side: BothSides = None,
    own: Annotated[bool, typer.Option("--own", help="Only tables with something that users have made.")] = False,
) -> None:
    """List the tables, with how many columns each has and where it comes from."""

    async def listed(house: House) -> Mapping[Side, Defined]:
        return {each: await house.tables.defined(each) for each in _sides(side)}

    call = invocation(context)
    found = call.in_house(listed)
    shown = grid("", "table", "set", "columns", "company", "made by", numbers=("columns",), cut=("set",))
    document = []
    for each, defined in found.items():
        for table in defined.schema:
            origin = _origin(defined, table)
            if own and origin == "catalog":
                continue
            specific = "yes" if table.is_company_specific else "no"
            facts = (each.value, table.name, table.entity_set, str(len(table.columns)), specific, origin)
            shown.add_row(*map(Text, facts))
            document.append(
                {
                    "side": each.value,
                    "name": table.name,
                    "entity_set": table.entity_set,
                    "label": table.label,
                    "columns": len(table.columns),
                    "company_specific": table.is_company_specific,
                    "origin": origin,
                }
            )
    call.output.show(document, shown if document else "No tables.")


@app.command("show")
def show_table(
    context: typer.Context,
    table: Annotated[str, typer.Argument(help="Name, entity set or label of a table.")],
    side: BothSides = None,
) -> None:
    """Show one table: its key and its columns with their types."""

    async def read(house: House) -> tuple[Side, Table]:
        for each in _sides(side):
            found = house.pair.side(each).schema.find(table)
            if found is not None:
                return each, found
        raise CatalogRefused(_unknown(table, side))

    call = invocation(context)
    where, found = call.in_house(read)
    call.output.show({"side": where.value, **table_document(found)}, *_shown(where, found))


@app.command("create")
def create_tables(
    context: typer.Context,
    file: Annotated[Path, typer.Option("-f", "--file", help="YAML file with the definitions.")],
    side: Annotated[Side | None, typer.Option("--side", help="For tables that name no side themselves.")] = None,
) -> None:
    """Create the tables of a file; a table that is there gets the columns, keys and choices that it lacks.

    Nothing that is there is taken away or made narrower. A running program shows the tables at once.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsRefused(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeError as error:
        raise SettingsRefused(f"{file} cannot be read: {error}") from error

    async def created(house: House) -> list[MigrationPlan]:
        schemas = {each: await house.pair.side(each).current_schema() for each in Side}
        tables = read_tables(text, schemas, side=side, file=file)
        return [
            await house.tables.define(each, [table for table in tables if table.side is each], who=_WHO)
            for each in Side
        ]

    call = invocation(context)
    steps = [str(step) for plan in call.in_house(created) for step in plan.steps]
    call.output.show({"steps": steps}, *_steps(steps))


@app.command("add")
def add_tables(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="TABLE...", help="Tables of the catalog, by name.")],
    side: BothSides = None,
) -> None:
    """Add tables of the catalog that no applied solution has brought."""
    wanted: dict[Side, list[str]] = {each: [] for each in Side}
    for name in names:
        where = next((each for each in _sides(side) if load_schema(each).find(name) is not None), None)
        if where is None:
            raise CatalogRefused(f"the catalog has no table {name!r}; define it in a file: dualwrite tables create -f")
        wanted[where].append(name)

    async def added(house: House) -> list[str]:
        plans = await house.tables.ensure(wanted[Side.FINOPS], wanted[Side.DATAVERSE], who=_WHO)
        return [str(step) for plan in plans for step in plan.steps]

    call = invocation(context)
    steps = call.in_house(added)
    call.output.show({"steps": steps}, *_steps(steps))


@app.command("history")
def table_history(context: typer.Context, side: BothSides = None) -> None:
    """List what has been done to the tables, the latest first."""

    async def read(house: House) -> Mapping[Side, Sequence[SchemaChange]]:
        return {each: await house.tables.changes(each) for each in _sides(side)}

    call = invocation(context)
    found = call.in_house(read)
    shown = grid("", "when", "who", "what")
    document = []
    for each, changes in found.items():
        for change in changes:
            what = "; ".join(change.steps) if len(change.steps) <= _MANY else f"{len(change.steps)} steps"
            shown.add_row(each.value, f"{change.changed_at:%Y-%m-%d %H:%M}", change.changed_by, Text(what))
            document.append(
                {
                    "side": each.value,
                    "generation": change.generation,
                    "changed_at": change.changed_at,
                    "changed_by": change.changed_by,
                    "steps": change.steps,
                }
            )
    call.output.show(document, shown if document else "Nothing has been done yet.")


@app.command("propose")
def propose(
    context: typer.Context, map: Annotated[str, typer.Argument(metavar="MAP", help="A map, by its name or a part.")]
) -> None:
    """Print a definition of the tables and columns that a map names and the environments do not have.

    Types are taken from the partner columns or guessed: look the file over before you give it to tables create.
    """

    async def proposed(house: House) -> tuple[str, str]:
        known = [each.name for each in await house.store.maps.list(CONNECTION)]
        name = find_map(known, map)
        stored = await house.store.maps.version(CONNECTION, name)
        assert stored is not None, name
        version = parse_map(stored.document, file=name)
        return name, propose_tables(version, house.finops.schema, house.dataverse.schema)

    call = invocation(context)
    name, text = call.in_house(proposed)
    call.output.text({"map": name, "definition": text}, text or f"# {name}: the environments have all it names")


_MANY = 3


def _sides(side: Side | None) -> Sequence[Side]:
    return tuple(Side) if side is None else (side,)


def _unknown(table: str, side: Side | None) -> str:
    known = [each.value for each in _sides(side) if load_schema(each).find(table) is not None]
    if known:
        return f"the {known[0]} environment does not have {table} yet: dualwrite tables add {table}"
    where = "neither environment has" if side is None else f"the {side.value} environment does not have"
    return f"{where} a table {table!r}; dualwrite tables list shows what there is"


def _origin(defined: Defined, table: Table) -> str:
    if defined.is_users(table.name):
        return "users"
    columns = len(defined.user_columns.get(table.name, ()))
    return f"catalog, users {columns}" if columns else "catalog"


def _shown(side: Side, table: Table) -> list[RenderableType]:
    facts = Grid.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    keys = "; ".join(", ".join(key) for key in table.alternate_keys)
    company = table.company_column or "none: the table is global"
    for name, text in (
        ("table", table.name),
        ("side", side.value),
        ("set", table.entity_set),
        ("label", table.label),
        ("key", ", ".join(table.key)),
        ("alternate keys", keys),
        ("company", company),
    ):
        if text:
            facts.add_row(name, Text(text))
    columns = grid("column", "type", "", "choices or target")
    for column in table.columns:
        required = "required" if column.required else _KINDS.get(column.role, "")
        columns.add_row(
            Text(column.name), Text(_type(column), style="cyan"), Text(required, style="dim"), _detail(column)
        )
    return [facts, Text(), columns]


def _type(column: Column) -> str:
    size = column.length if column.type.is_text else column.scale
    return column.type.value if size is None else f"{column.type.value}({size})"


def _detail(column: Column) -> Text:
    if column.targets:
        return Text(", ".join(column.targets), style="dim")
    members = column.enumeration.members if column.enumeration is not None else ()
    return Text(", ".join(f"{name} {number}" for name, number in members), style="dim")


def _steps(steps: Sequence[str]) -> list[RenderableType]:
    if not steps:
        return ["Nothing to do: the tables are there."]
    return [Text(step[:1].upper() + step[1:]) for step in steps]
