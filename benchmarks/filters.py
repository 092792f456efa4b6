"""One filter on the same rows: in memory one by one, in the database, in a frame; and what reading it costs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import psycopg

from benchmarks.figures import cost_of, print_costs
from dualwrite.database.server import EmbeddedServer
from dualwrite.filters.bind import bind
from dualwrite.filters.evaluate import matches
from dualwrite.filters.frame import compile_frame
from dualwrite.filters.odata import parse_odata
from dualwrite.filters.range_expression import parse_range
from dualwrite.filters.sql import compile_sql
from dualwrite.filters.tree import ColumnPath, Expression
from dualwrite.metadata.schema import Column, ColumnType, EnvironmentSchema, Side, Table
from dualwrite.metadata.values import Row

ROWS = 200_000
FEW_ROWS = 20_000
READINGS = 300
ODATA = "(startswith(name,'cust') and amount gt 100.5) or kind in (1,3) and not contains(name,'9')"
RANGE = '(name == "cust*" && amount > 100.5) || (kind in (1, 3) && !(name == "*9*"))'
TABLE = Table(
    side=Side.DATAVERSE,
    name="thing",
    entity_set="things",
    label="thing",
    key=("kind",),
    columns=(
        Column("name", ColumnType.STRING),
        Column("amount", ColumnType.DECIMAL, scale=4),
        Column("kind", ColumnType.INTEGER),
    ),
)


def measure_filters(folder: Path) -> None:
    """Prints a table for running a filter, and one for reading it."""
    expression, again = parse_odata(ODATA), parse_range(RANGE)
    assert expression is not None and expression == again
    schema = EnvironmentSchema(Side.DATAVERSE, (TABLE,))
    server = EmbeddedServer(folder / "data")
    try:
        with psycopg.connect(server.conninfo("postgres")) as connection:
            _measure_running(connection, bind(expression, table=TABLE, schema=schema))
            connection.rollback()
    finally:
        server.stop()
    print_costs(
        "Reading a filter",
        [
            cost_of("OData", _again(lambda: parse_odata(ODATA)), items=READINGS),
            cost_of("range expression", _again(lambda: parse_range(RANGE)), items=READINGS),
            cost_of("binding", _again(lambda: bind(expression, table=TABLE, schema=schema)), items=READINGS),
        ],
    )


def _measure_running(connection: psycopg.Connection[tuple[int]], expression: Expression) -> None:
    rows = [_row(number) for number in range(ROWS)]
    few = rows[:FEW_ROWS]
    _fill(connection, rows)
    frame = pl.DataFrame(rows, schema={"name": pl.String, "amount": pl.Decimal(38, 4), "kind": pl.Int64})
    condition = compile_frame(expression, dtypes=frame.schema)
    fitting = {_fitting(expression, rows), _counted(connection, expression), frame.filter(condition).height}
    assert len(fitting) == 1, fitting
    print_costs(
        f"One filter on {ROWS:,} rows, {fitting.pop():,} of which fit",
        [
            cost_of("in memory, row by row", lambda: _fitting(expression, few), items=FEW_ROWS),
            cost_of("in the database", lambda: _counted(connection, expression), items=ROWS),
            cost_of("in a frame", lambda: frame.filter(condition).height, items=ROWS),
        ],
    )


def _row(number: int) -> Row:
    return {"name": f"{'Cust' if number % 3 else 'Vend'} {number}", "amount": Decimal(number % 997), "kind": number % 5}


def _fill(connection: psycopg.Connection[tuple[int]], rows: list[Row]) -> None:
    connection.execute("CREATE TEMPORARY TABLE thing (name text, amount numeric, kind bigint) ON COMMIT DROP")
    with connection.cursor() as cursor, cursor.copy("COPY thing (name, amount, kind) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))


def _counted(connection: psycopg.Connection[tuple[int]], expression: Expression) -> int:
    condition, values = compile_sql(expression, column=_column)
    found = connection.execute(f"SELECT count(*) FROM thing WHERE {condition}", values).fetchone()
    assert found is not None
    return found[0]


def _column(path: ColumnPath) -> tuple[str, bool]:
    return f'"{path}"', path.parts == ("name",)


def _fitting(expression: Expression, rows: list[Row]) -> int:
    return sum(matches(expression, row) for row in rows)


def _again(work: Callable[[], object]) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(READINGS):
            work()

    return repeated
