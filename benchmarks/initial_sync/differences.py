"""Where the two sides do not hold the same, read by COPY: for more rows than ``dualwrite compare`` is made for.

Compared are the rows' keys, and the columns that both sides hold as text or numbers without a transform.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl
import psycopg

from dualwrite.environments.hosted.ddl import quoted, relation
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Column, ColumnType

_NUMBERS = frozenset({ColumnType.DECIMAL, ColumnType.MONEY, ColumnType.INTEGER, ColumnType.BIGINT})


def differences(plan: Plan, finops: str, dataverse: str) -> Sequence[str]:
    """The keys of the rows that are on one side only, and of those that differ with the columns."""
    names = [*(part.finops_column for part in plan.key)]
    pairs = [(plan.finops.column(a), plan.dataverse.column(b)) for a, b in _plain_pairs(plan) if a not in names]
    keys = [(plan.finops.column(p.finops_column), plan.dataverse.column(p.dataverse_path[0])) for p in plan.key]
    left = _read(finops, f"SELECT {_selected([a for a, _ in (*keys, *pairs)])} FROM {relation(plan.finops)}")
    right = _read(dataverse, f"SELECT {_selected([b for _, b in (*keys, *pairs)])} FROM {relation(plan.dataverse)}")
    on = [f"c{number}" for number in range(len(keys))]
    found = [f"only in finance and operations: {row}" for row in left.join(right, on=on, how="anti").select(on).rows()]
    found += [f"only in Dataverse: {row}" for row in right.join(left, on=on, how="anti").select(on).rows()]
    both = left.join(right, on=on, suffix="'")
    for number, (column, _) in enumerate((*keys, *pairs)):
        if number >= len(keys):
            wrong = both.filter(pl.col(f"c{number}") != pl.col(f"c{number}'"))
            found += [f"{column.name} differs: {row}" for row in wrong.select(*on, f"c{number}", f"c{number}'").rows()]
    return found


def _plain_pairs(plan: Plan) -> Sequence[tuple[str, str]]:
    route = plan.to_dataverse
    assert route is not None
    return [
        (each.source_path[0], each.target_column)
        for each in route.columns
        if each.source_path is not None
        and each.lookup is None
        and not each.mapping.transforms
        and plan.finops.column(each.source_path[0]).type is not ColumnType.ENUM
    ]


def _selected(columns: Sequence[Column]) -> str:
    return ", ".join(f"{_expression(column)} AS c{number}" for number, column in enumerate(columns))


def _expression(column: Column) -> str:
    if column.type in _NUMBERS:
        return f"trim_scale(round(coalesce({quoted(column.name)}, 0)::numeric, 4))"
    return f"coalesce({quoted(column.name)}::text, '')"


def _read(conninfo: str, query: str) -> pl.DataFrame:
    text = io.BytesIO()
    statement = f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)".encode()
    with psycopg.connect(conninfo) as connection, connection.cursor().copy(statement) as out:
        for chunk in out:
            text.write(chunk)
    text.seek(0)
    return pl.read_csv(text, infer_schema=False, empty_string_is_null=False)
