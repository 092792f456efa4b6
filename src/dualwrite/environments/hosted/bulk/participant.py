"""The transaction of the initial sync in a hosted environment: single rows as ever, and whole frames."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import polars as pl

from dualwrite.environments.bulk import COMPANY, ID, ROW, Extent, FrameSearch, Inserted, Scan
from dualwrite.environments.hosted.bulk.extents import Surveyor
from dualwrite.environments.hosted.bulk.frame_rules import twins_of
from dualwrite.environments.hosted.bulk.holding import Holdings
from dualwrite.environments.hosted.bulk.matching import compile_match
from dualwrite.environments.hosted.bulk.reading import COMPANY_CODE, compile_scan, id_cast, record_id, version
from dualwrite.environments.hosted.bulk.transfer import array_text, read_frame, selection
from dualwrite.environments.hosted.bulk.writing import FrameWriter
from dualwrite.environments.hosted.ddl import quoted, relation
from dualwrite.environments.hosted.failures import translated
from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.hosted.gates import closing
from dualwrite.environments.hosted.layout import Layout
from dualwrite.environments.hosted.participant import HostedParticipant
from dualwrite.environments.hosted.shape import Shape
from dualwrite.environments.port import Command, Delete, RecordChange
from dualwrite.errors import Contention
from dualwrite.metadata.conventions import COMPANY_TABLE
from dualwrite.metadata.schema import Side

_GATE_ATTEMPTS: Final = 10


class HostedCopyParticipant(HostedParticipant):
    """Implements ``bulk.CopyParticipant``."""

    def __init__(self, connection: DictConnection, shape: Shape, *, user_id: UUID | None, lock_wait_ms: int) -> None:
        super().__init__(connection, shape, user_id=user_id, lock_wait_ms=lock_wait_ms)
        self.holdings = Holdings(connection, shape.layouts)
        self._shape = shape
        self._writer = FrameWriter(self, shape)
        self._company_ids: dict[str, str] = {}
        self._may_leave_out_checks: bool | None = None

    # --- reading ----------------------------------------------------------------------------------------------------

    def takes_frames(self, table: str) -> bool:
        return twins_of(self._rules.get(self.layouts.of(table).table.name, ())) is not None

    async def now(self) -> datetime:
        with translated(self.layouts):
            row = await (await self.connection.execute("SELECT clock_timestamp() AS now")).fetchone()
        assert row is not None
        moment: datetime = row["now"]
        return moment

    async def survey(
        self,
        table: str,
        *,
        companies: Sequence[str] | None,
        most_rows: int,
        others: bool = False,
        created_before: datetime | None = None,
    ) -> Sequence[Extent]:
        layout = self.layouts.of(table)

        surveyor = Surveyor(self.connection, self.layouts, table, created_before)
        counts = await surveyor.counts(None if others else companies, await self._ids_of(layout, companies or ()))
        groups = [companies]
        if others and companies is not None:
            named = {each.lower() for each in companies}
            groups.append([each for each in (told or "" for told in counts) if each.lower() not in named])
        found: list[Extent] = []
        for group in groups:
            ids = await self._ids_of(layout, group or ())
            found += await surveyor.extents(group, counts, ids, most_rows=most_rows)
        return found

    async def count_by_company(self, table: str) -> Mapping[str | None, int]:
        return await Surveyor(self.connection, self.layouts, table).counts(None, {})

    async def frame(self, scan: Scan) -> pl.DataFrame:
        layout = self.layouts.of(scan.table)
        query = compile_scan(layout, scan, await self._ids_of(layout, scan.companies or ()))
        with translated(self.layouts):
            frame = await read_frame(self.connection, query.text, query.parameters, query.shown)
        return frame.sort(ID)

    async def find_frame(self, search: FrameSearch) -> pl.DataFrame:
        layout = self.layouts.of(search.table)
        companies: Iterable[str] = ()
        if COMPANY in search.keys.columns:
            companies = search.keys[COMPANY].drop_nulls().unique().to_list()
        query = compile_match(layout, search, await self._ids_of(layout, companies))
        async with self._planned_without(query.without):
            with translated(self.layouts):
                found = await read_frame(self.connection, query.text, query.parameters, query.shown)
        if search.hold:
            self.holdings.add(layout.table.name, found[ID])
        return found.with_columns(query.positions.gather(found[ROW]).cast(pl.Int64).alias(ROW))

    async def versions(self, table: str, ids: pl.Series) -> pl.DataFrame:
        layout = self.layouts.of(table)
        shown = [record_id(layout), version(layout)]
        key = shown[0].sql
        query = f"SELECT {selection(shown)} FROM {layout.relation} t WHERE {key} = ANY(%s::{id_cast(layout)}[])"
        with translated(self.layouts):
            return await read_frame(self.connection, query, [array_text(ids)], shown)

    async def hold(self, table: str, ids: pl.Series) -> pl.Series:
        return await self.holdings.hold(table, ids)

    async def _ids_of(self, layout: Layout, companies: Iterable[str]) -> Mapping[str, str]:
        """The ids of companies in Dataverse by their codes, as they are spelled here."""
        wanted = list(companies)
        if layout.table.side is Side.FINOPS or not self.has_table(COMPANY_TABLE):
            return {}
        unknown = [company for company in wanted if company not in self._company_ids]
        if unknown:
            table = self.layouts.of(COMPANY_TABLE).table
            query = (
                f"SELECT k.code, c.{quoted(table.key[0])} AS id FROM unnest(%s::text[]) k(code) "
                f"JOIN {relation(table)} c ON lower(c.{quoted(COMPANY_CODE)}) = lower(k.code)"
            )
            with translated(self.layouts):
                found = await (await self.connection.execute(query, [unknown])).fetchall()
            self._company_ids |= {row["code"]: str(row["id"]) for row in found}
        return {company: self._company_ids[company] for company in wanted if company in self._company_ids}

    @asynccontextmanager
    async def _planned_without(self, kinds: Sequence[str]) -> AsyncIterator[None]:
        """Queries inside are planned without these kinds of steps."""
        off = "; ".join(f"SET LOCAL {kind} = off" for kind in kinds)
        usual = "; ".join(f"SET LOCAL {kind} TO DEFAULT" for kind in kinds)
        with translated(self.layouts):
            await self.connection.execute(off)
        yield
        with translated(self.layouts):
            await self.connection.execute(usual)

    # --- writing ----------------------------------------------------------------------------------------------------

    async def execute(self, commands: Sequence[Command]) -> Sequence[RecordChange]:
        if any(isinstance(command, Delete) for command in commands):
            self.holdings.forget()
        return await super().execute(commands)

    async def undo(self) -> None:
        self.holdings.forget()
        await super().undo()

    async def insert_frame(self, table: str, frame: pl.DataFrame) -> Inserted:
        return await self._writer.insert(self.layouts.of(table), frame)

    async def doubtful(self, table: str, frame: pl.DataFrame) -> tuple[int, ...]:
        return await self._writer.doubtful(self.layouts.of(table), frame)

    async def update_frame(self, table: str, frame: pl.DataFrame) -> tuple[int, ...]:
        return await self._writer.update(self.layouts.of(table), frame)

    async def delete_ids(self, table: str, ids: pl.Series) -> None:
        layout = self.layouts.of(table)
        self.holdings.forget()
        query = f"DELETE FROM {layout.relation} WHERE {quoted(layout.id_column)} = ANY(%s::{id_cast(layout)}[])"
        with translated(self.layouts, deleting=True):
            await self.connection.execute(query, [array_text(ids)])

    async def may_leave_out_checks(self) -> bool:
        if self._may_leave_out_checks is None:
            # What leaves out foreign keys leaves out triggers, too; the environment has none, its database may.
            query = (
                "SELECT has_parameter_privilege('session_replication_role', 'SET') "
                "AND NOT EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal) AS may"
            )
            with translated(self.layouts):
                row = await (await self.connection.execute(query)).fetchone()
            assert row is not None
            self._may_leave_out_checks = bool(row["may"])
        return self._may_leave_out_checks

    # --- beside live traffic ----------------------------------------------------------------------------------------

    async def close_gate(self, table: str) -> None:
        # Somebody who has passed may wait for a key that has been written here. Their wait is the shorter one; should
        # it nevertheless be this one that is broken off, it begins again without what has been written being lost.
        for attempt in range(_GATE_ATTEMPTS):
            try:
                with translated(self.layouts):
                    await self.connection.execute("SAVEPOINT gate")
                    await self.connection.execute(closing(self.layouts.of(table).table.name))
                    await self.connection.execute("RELEASE SAVEPOINT gate")
                return
            except Contention:
                if attempt == _GATE_ATTEMPTS - 1:
                    raise
                await self.connection.execute("ROLLBACK TO SAVEPOINT gate")

    async def outcome_of(self, run: UUID, partition: int) -> str | None:
        query = "SELECT outcome FROM dualwrite.copied_partition WHERE run = %s AND partition = %s"
        with translated(self.layouts):
            row = await (await self.connection.execute(query, [run, partition])).fetchone()
        return None if row is None else str(row["outcome"])

    async def keep_outcome(self, run: UUID, partition: int, outcome: str) -> None:
        query = (
            "INSERT INTO dualwrite.copied_partition (run, partition, outcome) VALUES (%s, %s, %s) "
            "ON CONFLICT DO NOTHING"
        )
        with translated(self.layouts):
            cursor = await self.connection.execute(query, [run, partition, outcome])
        if cursor.rowcount != 1:
            raise Contention(f"partition {partition} has been copied by another worker meanwhile")
