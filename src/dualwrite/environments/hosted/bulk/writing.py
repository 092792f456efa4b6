"""Frames written under the rules of the environment: new rows by COPY, changed ones through a staging table.

Whatever a frame cannot surely do is left to the caller, who writes these rows one by one and gets the exact refusal.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol, TypeAlias

import polars as pl

from dualwrite.environments.bulk import ID, ROW, FrameSearch, Inserted
from dualwrite.environments.hosted.bulk.checks import blank_where_required, checked_frame
from dualwrite.environments.hosted.bulk.frame_rules import Draft, FrameSession, twins_of
from dualwrite.environments.hosted.bulk.holding import Holdings
from dualwrite.environments.hosted.bulk.own_references import OwnReferences
from dualwrite.environments.hosted.bulk.reading import record_id
from dualwrite.environments.hosted.bulk.transfer import Shown, array_text, read_frame, selection, write_frame
from dualwrite.environments.hosted.ddl import has_foreign_key, quoted, sql_type
from dualwrite.environments.hosted.failures import translated
from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.hosted.layout import Layout
from dualwrite.environments.hosted.shape import Shape
from dualwrite.errors import DuplicateRecord, LimitExceeded, RecordRefused, ReferenceNotFound
from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.metadata.values import TARGET_SUFFIX

PIECE_ROWS: Final = 10_000
SMALL_PIECE_ROWS: Final = 1_000
"""Pieces of new rows once one of them was refused: so quickly written that others hardly bring the next one's keys."""
FEW_ROWS: Final = 100
"""So many refused rows are not tried in smaller parts any more."""

_Send: TypeAlias = Callable[[pl.DataFrame], Awaitable[None]]


class FramingSession(FrameSession, Protocol):
    """The transaction that frames are written in."""

    @property
    def connection(self) -> DictConnection: ...

    @property
    def holdings(self) -> Holdings: ...

    async def find_frame(self, search: FrameSearch) -> pl.DataFrame: ...

    @property
    def is_accepted(self) -> bool:
        """Whether the transaction carries a change and will be prepared."""
        ...

    async def may_leave_out_checks(self) -> bool:
        """Whether the database lets this role write without foreign keys being checked."""
        ...


class FrameWriter:
    """Writes frames in one transaction."""

    def __init__(self, session: FramingSession, shape: Shape) -> None:
        self._session = session
        self._shape = shape
        self._numbers = itertools.count(1)

    # --- new rows ---------------------------------------------------------------------------------------------------

    async def insert(self, layout: Layout, given: pl.DataFrame) -> Inserted:
        """See ``CopyParticipant.insert_frame``."""
        table = layout.table
        draft = await self._new(table, given)
        if table.side is Side.FINOPS:
            draft.set((await self._new_record_ids(layout, given.height)).alias(layout.id_column))
        await self._check_lookups(draft)
        values = draft.values.with_row_index(ROW)
        own = OwnReferences(table, values.columns)
        draft.doubt(own.torn(values, draft.doubtful))
        rows = values.filter(~draft.doubtful)

        async def send(part: pl.DataFrame) -> None:
            await write_frame(self._session.connection, layout.relation, part.drop(ROW))

        refused = await self._in_parts(layout, _pieces(rows, own, PIECE_ROWS), send, own)
        left = draft.doubtful | values[ROW].is_in(refused)
        ids = values[layout.id_column]
        nothing = pl.repeat(None, ids.len(), dtype=ids.dtype, eager=True)
        kept = nothing.zip_with(left, ids).alias(ID)
        self._session.holdings.add(table.name, kept)
        return Inserted(kept, tuple(left.arg_true().to_list()))

    async def doubtful(self, layout: Layout, given: pl.DataFrame) -> tuple[int, ...]:
        """See ``CopyParticipant.doubtful``."""
        draft = await self._new(layout.table, given)
        return tuple(draft.doubtful.arg_true().to_list())

    async def _new(self, table: Table, given: pl.DataFrame) -> Draft:
        draft = self._draft(table, given, before=None)
        await self._obey_rules(draft)
        draft.doubt(_blank_when_new(table, draft.values))
        return draft

    async def _new_record_ids(self, layout: Layout, count: int) -> pl.Series:
        shown = [Shown(ID, "nextval(pg_get_serial_sequence(%s, %s))", Column(ID, ColumnType.BIGINT))]
        query = f"SELECT {selection(shown)} FROM generate_series(1, {count})"
        parameters = [layout.relation, layout.id_column]
        with translated(self._shape.layouts):
            return (await read_frame(self._session.connection, query, parameters, shown)).to_series()

    # --- changed rows -----------------------------------------------------------------------------------------------

    async def update(self, layout: Layout, given: pl.DataFrame) -> tuple[int, ...]:
        """See ``CopyParticipant.update_frame``."""
        table = layout.table
        columns = [name for name in given.columns if not _is_reserved(name)]
        before = await self._before(layout, given[ID], columns)
        there = given.with_row_index(ROW).join(before.select(ID), on=ID, how="semi", maintain_order="left")
        before = there.select(ID).join(before, on=ID, how="left", maintain_order="left")
        draft = self._draft(table, there, before=before)
        asked = tuple(draft.values.columns)
        draft.doubt(_changed_keys(table, draft))
        draft.doubt(blank_where_required(table, draft.values))
        await self._obey_rules(draft)
        await self._check_lookups(draft)
        values = draft.values.with_columns(there[ROW], there[ID])

        async def send(part: pl.DataFrame) -> None:
            await self._merge(layout, part, asked)

        refused = await self._in_parts(layout, [values.filter(~draft.doubtful)], send, None)
        return tuple(sorted([*values.filter(draft.doubtful)[ROW].to_list(), *refused]))

    async def _before(self, layout: Layout, ids: pl.Series, columns: Sequence[str]) -> pl.DataFrame:
        """The rows as they are, locked, with the columns that rules and checks look at."""
        table = layout.table
        names = {name for rule in self._shape.rules.get(table.name, ()) for name in rule.looks_at(table, columns)}
        names |= {column.name for column in map(table.find, columns) if column is not None and column.name in table.key}
        shown = [record_id(layout), *(Shown(name, f"t.{quoted(name)}", table.column(name)) for name in sorted(names))]
        key = f"t.{quoted(layout.id_column)}"
        # Everybody who locks several rows does it in the order of their ids.
        query = (
            f"SELECT {selection(shown)} FROM {layout.relation} t "
            f"WHERE {key} = ANY(%s::{sql_type(shown[0].column)}[]) ORDER BY {key} FOR NO KEY UPDATE OF t"
        )
        with translated(self._shape.layouts):
            return await read_frame(self._session.connection, query, [array_text(ids)], shown)

    async def _merge(self, layout: Layout, part: pl.DataFrame, asked: Sequence[str]) -> None:
        """The rows have the values of ``part`` where a column that was asked for differs."""
        columns = [name for name in part.columns if name not in (ROW, ID)]
        types = {ID: sql_type(record_id(layout).column), **{name: _sql_type(layout.table, name) for name in columns}}
        assignments = ", ".join([*(f"{quoted(name)} = s.{quoted(name)}" for name in columns), *layout.stamps])
        differs = " OR ".join(f"n.{quoted(name)} IS DISTINCT FROM s.{quoted(name)}" for name in asked)
        async with self._staged(part.select(*types), types) as (source, parameters):
            await self._session.connection.execute(
                f"UPDATE {layout.relation} n SET {assignments} FROM {source} "
                f"WHERE n.{quoted(layout.id_column)} = s.{quoted(ID)} AND ({differs})",
                parameters,
            )

    @asynccontextmanager
    async def _staged(
        self, frame: pl.DataFrame, types: Mapping[str, str]
    ) -> AsyncIterator[tuple[str, Sequence[object]]]:
        """SQL that gives the rows of ``frame`` as ``s``, and its parameters."""
        connection = self._session.connection
        if self._session.is_accepted:
            # A transaction that has had temporary tables cannot be prepared.
            arrays = ", ".join(f"%s::{kind}[]" for kind in types.values())
            names = ", ".join(map(quoted, types))
            yield f"unnest({arrays}) AS s ({names})", [array_text(frame[name]) for name in types]
            return
        staging = f"pg_temp.{quoted(f'staging_{next(self._numbers)}')}"
        definition = ", ".join(f"{quoted(name)} {kind}" for name, kind in types.items())
        await connection.execute(f"CREATE TEMP TABLE {staging} ({definition}) ON COMMIT DROP", [])
        await write_frame(connection, staging, frame)
        # With the number of rows known the planner asks the primary key, or reads the table where that is less work.
        await connection.execute(f"ANALYZE {staging} ({quoted(ID)})", [])
        yield f"{staging} s", []
        await connection.execute(f"DROP TABLE {staging}", [])

    # --- both -------------------------------------------------------------------------------------------------------

    def _draft(self, table: Table, given: pl.DataFrame, *, before: pl.DataFrame | None) -> Draft:
        columns = [name for name in given.columns if not _is_reserved(name)]
        values, doubtful = checked_frame(table, given.select(columns))
        return Draft(table, values, before, doubtful)

    async def _obey_rules(self, draft: Draft) -> None:
        twins = twins_of(self._shape.rules.get(draft.table.name, ()))
        if twins is None:
            raise RecordRefused(f"{draft.table.name}: its rows are written one by one", table=draft.table.name)
        for rule, twin in twins:
            await twin(rule, self._session, draft)

    async def _check_lookups(self, draft: Draft) -> None:
        """Rows whose lookups lead nowhere are doubtful. Where the database checks that itself, it is left to it."""
        if not await self._session.may_leave_out_checks():
            return
        for column in self._watched(draft.table, draft.values):
            inside = draft.inside(column, column.targets[0])
            outside = draft.values[column.name].set(inside, None)
            draft.doubt(~await self._session.hold(column.targets[0], outside))

    def _watched(self, table: Table, values: pl.DataFrame) -> Sequence[Column]:
        """The lookups among the columns of ``values`` that have a foreign key."""
        columns = [table.find(name) for name in values.columns]
        return [
            column
            for column in columns
            if column is not None and has_foreign_key(column) and self._session.has_table(column.targets[0])
        ]

    async def _in_parts(
        self, layout: Layout, pieces: Iterable[pl.DataFrame], send: _Send, own: OwnReferences | None
    ) -> list[int]:
        """Each piece is sent as a whole, and without the rows that the database refuses; gives their positions.

        ``own`` tells which rows of a piece, being new, refer to each other.
        """
        refused: list[int] = []
        parts = [piece for piece in pieces if piece.height]
        while parts:
            part = parts.pop()
            try:
                async with self._attempt():
                    await send(part)
            except LimitExceeded:
                raise
            except RecordRefused as refusal:
                culprits = await self._culprits(layout, part, refusal, own)
                refused += part.filter(culprits)[ROW].to_list()
                rest = part.filter(~culprits)
                if culprits.any():
                    parts += _pieces(rest, own, SMALL_PIECE_ROWS)
                else:
                    parts += [rest.slice(rest.height // 2), rest.head(rest.height // 2)]
            parts = [each for each in parts if each.height]
        return refused

    @asynccontextmanager
    async def _attempt(self) -> AsyncIterator[None]:
        """What is written inside is undone alone when the database refuses it."""
        connection = self._session.connection
        unwatched = await self._session.may_leave_out_checks()
        before = "; SET LOCAL session_replication_role = replica" if unwatched else ""
        after = "SET LOCAL session_replication_role = origin; " if unwatched else ""
        with translated(self._shape.layouts):
            await connection.execute(f"SAVEPOINT frame{before}")
        try:
            with translated(self._shape.layouts):
                yield
        except RecordRefused:
            await connection.execute("ROLLBACK TO SAVEPOINT frame; RELEASE SAVEPOINT frame")
            raise
        with translated(self._shape.layouts):
            await connection.execute(f"{after}RELEASE SAVEPOINT frame")

    async def _culprits(
        self, layout: Layout, part: pl.DataFrame, refusal: RecordRefused, own: OwnReferences | None
    ) -> pl.Series:
        """All rows that break what the first refused row broke, with those that refer to them.

        None where the refusal does not tell which: then none of ``part`` refers to another one of it.
        """
        culprits = await self._told_by(refusal, layout, part, own)
        if not culprits.any() and own is not None:
            culprits = own.referring(part)
        if not culprits.any() and part.height <= FEW_ROWS:
            return ~culprits
        return culprits if own is None else own.torn(part, culprits)

    async def _told_by(
        self, refusal: RecordRefused, layout: Layout, part: pl.DataFrame, own: OwnReferences | None
    ) -> pl.Series:
        nobody = pl.repeat(False, part.height, dtype=pl.Boolean, eager=True)
        if isinstance(refusal, DuplicateRecord) and set(refusal.columns) <= set(part.columns):
            return await self._taken(layout, part, refusal.columns)
        if isinstance(refusal, ReferenceNotFound) and refusal.column in part.columns:
            values = part[refusal.column]
            inside = nobody if own is None else own.inside(part, refusal.column, values)
            target = layout.table.column(refusal.column).targets[0]
            return ~await self._session.hold(target, values.set(inside, None))
        return nobody

    async def _taken(self, layout: Layout, part: pl.DataFrame, key: tuple[str, ...]) -> pl.Series:
        """The rows whose key another row has: one before them in the frame, or one in the table."""
        texts = [name for name in key if layout.table.column(name).type.is_text]
        folded = part.select(pl.col(name).str.to_lowercase() if name in texts else pl.col(name) for name in key)
        later = folded.select(~pl.struct(key).is_first_distinct() & ~pl.any_horizontal(pl.col(key).is_null()))
        keys = part.select(pl.col(name).alias(str(number)) for number, name in enumerate(key))
        found = await self._session.find_frame(FrameSearch(layout.table.name, tuple((name,) for name in key), keys))
        if ID in part.columns:
            own = part.select(pl.col(ID).alias("own")).with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Int64))
            found = found.join(own, on=ROW).filter(pl.col(ID) != pl.col("own"))
        there = pl.int_range(part.height, eager=True).is_in(found[ROW].unique().implode())
        return later.to_series() | there


def _pieces(rows: pl.DataFrame, own: OwnReferences | None, most_rows: int) -> Iterable[pl.DataFrame]:
    """New rows in pieces, unless they refer to each other.

    When somebody else has brought the key of one meanwhile, the others need not all be sent again.
    """
    return [rows] if own is None or own.referring(rows).any() else rows.iter_slices(most_rows)


def _is_reserved(name: str) -> bool:
    return name.startswith("@")


def _sql_type(table: Table, name: str) -> str:
    return "text" if name.endswith(TARGET_SUFFIX) else sql_type(table.column(name))


def _blank_when_new(table: Table, values: pl.DataFrame) -> pl.Series:
    """New rows in which a text that must be filled in is not, or is missing."""
    missing = any(
        column.required and column.type.is_text and column.name not in values.columns for column in table.columns
    )
    everything = pl.repeat(missing, values.height, dtype=pl.Boolean, eager=True)
    return everything | blank_where_required(table, values)


def _changed_keys(table: Table, draft: Draft) -> pl.Series:
    """The rows whose key would become another one, be it in upper and lower case only."""
    changed = pl.repeat(False, draft.values.height, dtype=pl.Boolean, eager=True)
    if draft.before is not None:
        for name in table.key:
            if name in draft.values.columns:
                changed = changed | draft.before[name].ne_missing(draft.values[name])
    return changed
