"""A table cut into extents: rows are counted in one pass; only companies of many rows have their ids put in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from dualwrite.environments.bulk import Extent, Scan, Span
from dualwrite.environments.hosted.bulk.reading import COMPANY_CODE, Condition, scanned
from dualwrite.environments.hosted.ddl import quoted, relation
from dualwrite.environments.hosted.failures import translated
from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.hosted.layout import Layouts
from dualwrite.metadata.conventions import COMPANY_TABLE
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value

MOST_EXACT_ROWS: Final = 500_000
"""More rows are cut by what a sample of them tells."""
_SAMPLE_PERCENT: Final = 5
_LEAST_SAMPLES: Final = 200
"""Rows of the sample for each part."""
_MANY_ROWS: Final = 10_000
"""A table of fewer rows is read quickly however the planner does it."""


def shared(counts: Mapping[str, int], *, most_rows: int) -> list[tuple[tuple[str, ...], int]]:
    """The companies of few rows, in the order given, in groups of at most ``most_rows``; empty ones are in none."""
    groups: list[tuple[tuple[str, ...], int]] = []
    for company, rows in counts.items():
        if not 0 < rows <= most_rows:
            continue
        if groups and groups[-1][1] + rows <= most_rows:
            groups[-1] = ((*groups[-1][0], company), groups[-1][1] + rows)
        else:
            groups.append(((company,), rows))
    return groups


def spans(bounds: Iterable[Value], *, last: Value) -> list[Span]:
    """Spans without a gap, each up to one of ``bounds`` and the last one up to ``last``."""
    found: list[Span] = []
    first: Value = None
    for bound in bounds:
        found.append(Span(first, bound))
        first = _next(bound)
    return [*found, Span(first, last)]


def _next(record_id: Value) -> Value:
    if isinstance(record_id, UUID):
        return UUID(int=record_id.int + 1)
    assert isinstance(record_id, int)
    return record_id + 1


def part_rows(rows: int, *, most_rows: int) -> list[int]:
    """How many rows each part has when they are cut into as few as possible, and evenly."""
    parts = -(-rows // most_rows)
    return [rows // parts + (number < rows % parts) for number in range(parts)]


class Surveyor:
    """Counts and cuts one table, as one transaction sees it.

    The methods' ``company_ids`` has the ids of companies in Dataverse by their codes.
    """

    def __init__(
        self,
        connection: DictConnection,
        layouts: Layouts,
        table: str,
        created_before: datetime | None = None,
        *,
        most_exact_rows: int = MOST_EXACT_ROWS,
    ) -> None:
        """Where more than ``most_exact_rows`` are cut, extents have about as many rows as they say."""
        self._most_exact_rows = most_exact_rows
        self._connection = connection
        self._layouts = layouts
        self._layout = layouts.of(table)
        self._created_before = created_before

    async def extents(
        self,
        companies: Sequence[str] | None,
        counted: Mapping[str | None, int],
        company_ids: Mapping[str, str],
        *,
        most_rows: int,
    ) -> Sequence[Extent]:
        """See ``CopyParticipant.survey``; ``counted`` is what :meth:`counts` has told."""
        last = await self._last_id() if self._created_before is not None else None
        if companies is None or self._layout.table.company_column is None:
            rows = sum(counted.values())
            return await self._cut(None, self._where(None, {}), part_rows(rows, most_rows=most_rows), last)
        folded = {str(company or "").lower(): rows for company, rows in counted.items()}
        counts = {company: folded.get(company.lower(), 0) for company in companies}
        found = [Extent(group, Span(None, last), rows) for group, rows in shared(counts, most_rows=most_rows)]
        for company, rows in counts.items():
            if rows > most_rows:
                ids = {company: company_ids[company]} if company in company_ids else {}
                where = self._where((company,), ids)
                found += await self._cut((company,), where, part_rows(rows, most_rows=most_rows), last)
        return found

    async def _tell_planner(self, rows: int) -> None:
        """The planner knows about how many rows there are, and so reads a span of ids by ids.

        Only the id is looked at closely: on the many columns of a wide table that would take longer than counting.
        """
        known = "SELECT reltuples AS rows FROM pg_class WHERE oid = %s::regclass"
        with translated(self._layouts):
            row = await (await self._connection.execute(known, [self._layout.relation])).fetchone()
            if row is not None and rows > _MANY_ROWS and rows > 1.1 * row["rows"]:
                key = quoted(self._layout.id_column)
                await self._connection.execute(f"ANALYZE {self._layout.relation} ({key})")

    async def counts(self, companies: Sequence[str] | None, company_ids: Mapping[str, str]) -> Mapping[str | None, int]:
        """How many rows each company has; all of them unless some are named."""
        return await self._counts(self._where(companies, company_ids))

    def _where(self, companies: Sequence[str] | None, company_ids: Mapping[str, str]) -> Condition:
        chosen = None if companies is None else tuple(companies)
        scan = Scan(self._layout.table.name, (), companies=chosen, created_before=self._created_before)
        return scanned(self._layout, scan, company_ids)

    async def _counts(self, where: Condition) -> Mapping[str | None, int]:
        table, source = self._layout.table, f"FROM {self._layout.relation} t WHERE {where}"
        if table.company_column is None:
            query = f"SELECT NULL AS company, count(*) AS rows {source}"
        elif table.side is Side.FINOPS:
            query = f"SELECT lower(t.{quoted(table.company_column)}) AS company, count(*) AS rows {source} GROUP BY 1"
        else:
            companies = self._layout.schema.table(COMPANY_TABLE)
            query = (
                f"SELECT c.{quoted(COMPANY_CODE)} AS company, g.rows FROM "
                f"(SELECT t.{quoted(table.company_column)} AS id, count(*) AS rows {source} GROUP BY 1) g "
                f"LEFT JOIN {relation(companies)} c ON c.{quoted(companies.key[0])} = g.id"
            )
        with translated(self._layouts):
            found = await (await self._connection.execute(query, where.parameters)).fetchall()
        counts = {row["company"]: row["rows"] for row in found}
        await self._tell_planner(sum(counts.values()))
        return counts

    async def _cut(
        self, companies: tuple[str, ...] | None, where: Condition, rows: Sequence[int], last: Value
    ) -> Sequence[Extent]:
        """Extents of so many rows each."""
        bounds: Sequence[Value] = ()
        if sum(rows) > self._most_exact_rows:
            bounds = await self._sampled_bounds(where, len(rows))
        if not bounds:
            bounds = await self._bounds(where, list(itertools.accumulate(rows))[:-1])
        return [Extent(companies, span, count) for span, count in zip(spans(bounds, last=last), rows, strict=False)]

    async def _bounds(self, where: Condition, positions: Sequence[int]) -> Sequence[Value]:
        """The ids at these positions (counted from 1) in the order of ids."""
        if not positions:
            return ()
        key = f"t.{quoted(self._layout.id_column)}"
        query = (
            f"SELECT id FROM (SELECT {key} AS id, row_number() OVER (ORDER BY {key}) AS n "
            f"FROM {self._layout.relation} t WHERE {where}) s WHERE n = ANY(%s) ORDER BY id"
        )
        with translated(self._layouts):
            found = await self._connection.execute(query, [*where.parameters, list(positions)])
            return [row["id"] for row in await found.fetchall()]

    async def _sampled_bounds(self, where: Condition, parts: int) -> Sequence[Value]:
        """Ids that cut the rows into about equal parts, from some pages of the table; none where these tell too little.

        Putting the ids of a great table in order takes longer than counting its rows.
        """
        key = f"t.{quoted(self._layout.id_column)}"
        query = (
            f"SELECT id, n, rows FROM (SELECT {key} AS id, row_number() OVER (ORDER BY {key}) AS n, "
            f"count(*) OVER () AS rows FROM {self._layout.relation} t TABLESAMPLE SYSTEM ({_SAMPLE_PERCENT}) "
            f"WHERE {where}) s WHERE n * %s / rows <> (n - 1) * %s / rows ORDER BY n"
        )
        with translated(self._layouts):
            found = await self._connection.execute(query, [*where.parameters, parts, parts])
            rows = await found.fetchall()
        if not rows or rows[0]["rows"] < parts * _LEAST_SAMPLES:
            return ()
        return [row["id"] for row in rows][: parts - 1]

    async def _last_id(self) -> Value:
        """In finance and operations the greatest id so far: rows that come later have greater ones."""
        if self._layout.table.side is not Side.FINOPS:
            return None
        relation_, column = self._layout.relation, quoted(self._layout.id_column)
        query = (
            "SELECT greatest(pg_sequence_last_value(pg_get_serial_sequence(%s, %s)::regclass), "
            f"(SELECT max({column}) FROM {relation_})) AS last"
        )
        with translated(self._layouts):
            row = await (await self._connection.execute(query, [relation_, self._layout.id_column])).fetchone()
        assert row is not None
        last: Value = row["last"]
        return last
