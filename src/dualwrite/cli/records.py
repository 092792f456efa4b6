"""``dualwrite records``: rows of either environment, read and written through its public API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as Grid
from rich.text import Text

from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.output import grid, shown, to_json
from dualwrite.cli.record_bodies import record_body
from dualwrite.cli.record_keys import parse_key
from dualwrite.cli.record_places import Place
from dualwrite.cli.services import Json, Services, parse_json
from dualwrite.errors import RecordRefused
from dualwrite.metadata.schema import ColumnType, Side, Table

app = typer.Typer(help="Rows of either environment: get, list, create, update, delete.", no_args_is_help=True)

_SHOWN_COLUMNS = 6


class EnvironmentSide(Enum):
    """Which environment."""

    FINOPS = "finops"
    DATAVERSE = "dataverse"


Environment = Annotated[EnvironmentSide, typer.Argument(help="finops or dataverse")]
TableName = Annotated[str, typer.Argument(help="CustomersV3, accounts, account, 'Customers V3' …", metavar="TABLE")]
Key = Annotated[
    str, typer.Argument(help="usmf,US-001 or accountnumber=US-001 or a GUID; commas inside values in single quotes.")
]
Assignments = Annotated[
    list[str] | None, typer.Argument(help="column=value, or column:=JSON", metavar="[COLUMN=VALUE]...")
]
Data = Annotated[str | None, typer.Option("--data", help="The columns as a JSON object, or @file.")]
Select = Annotated[str | None, typer.Option("--select", help="Columns, separated by commas.")]


@app.command("get")
def get(context: typer.Context, environment: Environment, table: TableName, key: Key, select: Select = None) -> None:
    """Show one row."""
    call, place = _place(context, environment)
    entity = place.table(table)
    path = place.row_path(entity, parse_key(key), _options(place, entity, {"$select": select}))
    row = _object(place.services.call(environment.value, "GET", path).text)
    call.output.show(_plain(row), _row(row, _asked(place, entity, select)))


@app.command("list")
def list_rows(
    context: typer.Context,
    environment: Environment,
    table: TableName,
    where: Annotated[str | None, typer.Option("--filter", help="An OData filter.")] = None,
    select: Select = None,
    order: Annotated[str | None, typer.Option("--orderby", help="Columns to order by, such as: name desc")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many rows at most.")] = 50,
    company: Annotated[str | None, typer.Option(help="Only rows of this legal entity.")] = None,
) -> None:
    """List rows, of all legal entities unless one is named."""
    call, place = _place(context, environment)
    entity = place.table(table)
    conditions = [f"({where})"] if where else []
    if company:
        conditions.insert(0, _of_company(place, entity, company))
    asked = _asked(place, entity, select)
    wanted = {"$select": ",".join(asked), "$filter": " and ".join(conditions), "$orderby": order, "$top": str(top)}
    path: str | None = place.set_path(entity, _options(place, entity, wanted))
    rows: list[dict[str, Json]] = []
    while path is not None and len(rows) < top:
        some, path = place.page(path)
        rows += some
    rows = [_plain(row) for row in rows[:top]]
    footer = f"{len(rows)} row{'' if len(rows) == 1 else 's'}" + (" (more with --top)" if len(rows) == top else "")
    call.output.show(rows, _rows(entity, rows, asked), Text(footer, style="dim"))


@app.command("create")
def create(
    context: typer.Context,
    environment: Environment,
    table: TableName,
    columns: Assignments = None,
    data: Data = None,
) -> None:
    """Create a row, on both sides where a map carries it."""
    call, place = _place(context, environment)
    entity = place.table(table)
    body = record_body(place, entity, columns or (), _data(data))
    answer = place.services.call(
        environment.value, "POST", place.set_path(entity), body=body, headers={"Prefer": "return=representation"}
    )
    row = _object(answer.text)
    call.output.show(_plain(row), f"[green]✓[/] created in {entity.label}", _row(row))


@app.command("update")
def update(
    context: typer.Context,
    environment: Environment,
    table: TableName,
    key: Key,
    columns: Assignments = None,
    data: Data = None,
) -> None:
    """Change columns of a row, on both sides where a map carries them."""
    call, place = _place(context, environment)
    entity = place.table(table)
    path = place.row_path(entity, parse_key(key))
    body = record_body(place, entity, columns or (), _data(data))
    place.services.call(environment.value, "PATCH", path, body=body, headers={"If-Match": "*"})
    document = {"updated": key, "table": entity.name}
    call.output.show(document, Text.assemble(("✓", "green"), f" updated {key} in {entity.label}"))


@app.command("delete")
def delete(context: typer.Context, environment: Environment, table: TableName, key: Key) -> None:
    """Delete a row, on both sides where a map carries it."""
    call, place = _place(context, environment)
    entity = place.table(table)
    place.services.call(environment.value, "DELETE", place.row_path(entity, parse_key(key)))
    document = {"deleted": key, "table": entity.name}
    call.output.show(document, Text.assemble(("✓", "green"), f" deleted {key} from {entity.label}"))


def _place(context: typer.Context, environment: EnvironmentSide) -> tuple[Invocation, Place]:
    call = invocation(context)
    return call, Place(Services.of(call.settings()), Side(environment.value))


def _options(place: Place, table: Table, wanted: Mapping[str, str | None]) -> list[tuple[str, str]]:
    options = [(name, value) for name, value in wanted.items() if value]
    return [(name, _selected(place, table, value) if name == "$select" else value) for name, value in options]


def _selected(place: Place, table: Table, text: str) -> str:
    """Column names as the service spells them: lookups of Dataverse are read as ``_x_value``."""
    names = []
    for each in text.split(","):
        column = table.find(each.strip())
        if column is None:
            names.append(each.strip())
        elif place.side is Side.DATAVERSE and column.type is ColumnType.LOOKUP:
            names.append(f"_{column.name}_value")
        else:
            names.append(column.name)
    return ",".join(names)


def _of_company(place: Place, table: Table, company: str) -> str:
    if table.company_column is None:
        raise RecordRefused(f"{table.label} is not company-specific", table=table.name)
    column = table.company_column if place.side is Side.FINOPS else f"{table.company_column}/cdm_companycode"
    return f"{column} eq '{company.replace(chr(39), chr(39) * 2)}'"


def _data(data: str | None) -> str | None:
    if data is None or not data.startswith("@"):
        return data
    try:
        return Path(data[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordRefused(f"{data[1:]} cannot be read: {error}") from error


def _object(text: str) -> dict[str, Json]:
    document = parse_json(text)
    return document if isinstance(document, dict) else {}


def _plain(row: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in row.items() if name != "@odata.context"}


def _row(row: dict[str, Json], asked: Sequence[str] = ()) -> Grid:
    """Columns under each other: those asked for, else those that hold something."""
    shape = Grid.grid(padding=(0, 2))
    shape.add_column(style="dim")
    shape.add_column(overflow="fold")
    for name in _there(asked, [row]) or [name for name, value in row.items() if "@" not in name and _says(value)]:
        shape.add_row(name, Text(_cell(row[name])))
    return shape


def _says(value: Json) -> bool:
    return value not in (None, "", 0, False, "1900-01-01T12:00:00Z", "1900-01-01T00:00:00Z", "No")


def _rows(table: Table, rows: Sequence[dict[str, Json]], asked: Sequence[str]) -> Grid:
    """A line a row: the columns asked for, else the telling ones."""
    names = list(dict.fromkeys(name for row in rows for name in row if "@" not in name))
    names = _there(asked, rows) or _telling(table, rows, names)
    shape = grid(*names)
    for row in rows:
        shape.add_row(*(Text(_cell(row.get(name))) for name in names))
    return shape


def _asked(place: Place, table: Table, select: str | None) -> Sequence[str]:
    """The key and the columns of ``select``, as the service spells them; nothing where there is no ``select``."""
    if not select:
        return ()
    return list(dict.fromkeys([*table.key, *_selected(place, table, select).split(",")]))


def _there(asked: Sequence[str], rows: Sequence[dict[str, Json]]) -> list[str]:
    """Those of ``asked`` that were answered. A service sends more than that, such as the currency of an amount."""
    return [name for name in asked if any(name in row for row in rows)]


def _telling(table: Table, rows: Sequence[dict[str, Json]], names: Sequence[str]) -> list[str]:
    """The key, the name, and some columns in which the rows hold something."""
    first = [*table.key, *(name for key in table.alternate_keys for name in key), *filter(None, [table.primary_name])]
    chosen = [name for name in dict.fromkeys(first) if name in names]
    for name in names:
        if len(chosen) >= _SHOWN_COLUMNS:
            break
        if name not in chosen and any(isinstance(row.get(name), str) and row.get(name) for row in rows):
            chosen.append(name)
    return chosen


def _cell(value: Json) -> str:
    return to_json(value) if isinstance(value, list | dict) else shown(value)
