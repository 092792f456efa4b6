"""Imports of files: what became of their records, and the refused ones with their cells, to be tried again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, NewType

from sqlalchemy import ARRAY, ColumnElement, Row, Select, Text, func, insert, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from dualwrite.errors import NotAllowed, NotFound
from dualwrite.metadata.schema import Side
from dualwrite.store import tables
from dualwrite.store.connector import Transactions, copy_rows, json_text, storable_text

ImportId = NewType("ImportId", int)

_NAMED_RECORDS: Final = 5
"""How many records a group names."""


@dataclass(frozen=True, slots=True)
class ImportCount:
    """How records ended: ``read`` is the sum of the other four."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    def __add__(self, other: ImportCount) -> ImportCount:
        return ImportCount(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(ImportCount)))


@dataclass(frozen=True, slots=True)
class FileImport:
    """One import. ``finished_at`` is None while it lasts, and for ever when its process was killed."""

    number: ImportId
    side: Side
    files: tuple[str, ...]
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    count: ImportCount
    rerun_of: ImportId | None


@dataclass(frozen=True, slots=True)
class FileRefusal:
    """Why a record of a file was refused; a record with several wrong cells has several.

    ``entity`` is the name of the table, ``line`` the line of the file that the record starts on. ``column`` is empty
    where the whole record is refused. ``cause`` is the reason without what only this record has: the same for all
    records that one missing thing refuses. ``row`` holds the cells as the file had them, by column where they fill
    one. What is not ``whole`` (a line of too few cells, a record that is there twice) cannot be tried again as it is.
    """

    file: str
    entity: str
    line: int
    legal_entity: str
    record: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, str]
    whole: bool = True

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" + (f", {self.record}" if self.record else "")
        return f"{place}: {self.column} {self.reason}" if self.column else f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class FileRefusalFilter:
    """Which refusals are meant; what is None does not matter. ``open_only``: those that nobody has tried again."""

    entity: str | None = None
    legal_entity: str | None = None
    code: str | None = None
    column: str | None = None
    cause: str | None = None
    open_only: bool = True


OPEN: Final = FileRefusalFilter()


@dataclass(frozen=True, slots=True)
class FileRefusalGroup:
    """The records that one cause refuses; ``records`` names a few of them, ``reason`` is of one."""

    entity: str
    column: str
    code: str
    cause: str
    rows: int
    reason: str
    records: tuple[str, ...]


class FileImportRepository:
    """The imports and their refused records."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def start(
        self, *, side: Side, files: Sequence[str], started_by: str, rerun_of: ImportId | None = None
    ) -> ImportId:
        """An import is under way; returns its number."""
        t = tables.file_import
        values = {"side": side.value, "files": list(files), "started_by": started_by, "rerun_of": rerun_of}
        async with self._transactions.begin() as connection:
            return ImportId(await connection.scalar(insert(t).values(**values).returning(t.c["import"])))

    async def add(self, number: ImportId, count: ImportCount, refused: Sequence[FileRefusal]) -> None:
        """Some more records have ended. Atomicity: the counts and the refusals together."""
        t = tables.file_import
        counts = {each.name: t.c[each.name] + getattr(count, each.name) for each in fields(ImportCount)}
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(t.c["import"] == number).values(**counts))
            if refused:
                rows = (_copied(number, each) for each in refused)
                await copy_rows(connection, tables.refused_file_record.name, _COPIED, rows)

    async def settle(self, number: ImportId, entity: str, lines: Sequence[tuple[str, int]], *, by: ImportId) -> None:
        """The records of these files and lines have been tried again by another import."""
        t = tables.refused_file_record
        by_file: dict[str, list[int]] = {}
        for file, line in lines:
            by_file.setdefault(file, []).append(line)
        async with self._transactions.begin() as connection:
            for file, some in by_file.items():
                statement = update(t).where(t.c["import"] == number, t.c.entity == entity, t.c.file == file)
                await connection.execute(statement.where(t.c.line.in_(some)).values(settled_by=by))

    async def finish(self, number: ImportId) -> FileImport:
        """The import has ended."""
        t = tables.file_import
        statement = update(t).where(t.c["import"] == number).values(finished_at=func.clock_timestamp()).returning(t)
        async with self._transactions.begin() as connection:
            return _import((await connection.execute(statement)).one())

    async def get(self, number: ImportId) -> FileImport:
        """The import. Raises: NotFound, when there is none."""
        t = tables.file_import
        async with self._transactions.begin() as connection:
            row = (await connection.execute(select(t).where(t.c["import"] == number))).one_or_none()
        if row is None:
            raise NotFound(f"There is no import {number}; dualwrite import --list tells those there are.")
        return _import(row)

    async def list(self, *, limit_rows: int = 20) -> tuple[FileImport, ...]:
        """The imports, latest first."""
        t = tables.file_import
        query = select(t).order_by(t.c["import"].desc()).limit(limit_rows)
        async with self._transactions.begin() as connection:
            return tuple(_import(row) for row in await connection.execute(query))

    async def latest_refusing(self) -> FileImport:
        """The latest import with refused records that nobody has tried again. Raises: NotAllowed."""
        t, r = tables.file_import, tables.refused_file_record
        refusing = select(r.c.id).where(r.c["import"] == t.c["import"], r.c.settled_by.is_(None)).exists()
        query = select(t).where(refusing).order_by(t.c["import"].desc()).limit(1)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotAllowed("No import has refused records that are to be tried again.")
        return _import(row)

    async def entities(self, number: ImportId, which: FileRefusalFilter = OPEN) -> tuple[str, ...]:
        """The tables of which records were refused, in the order they were met."""
        t = tables.refused_file_record
        query = _chosen(select(t.c.entity), number, which).group_by(t.c.entity).order_by(func.min(t.c.id))
        async with self._transactions.begin() as connection:
            return tuple(await connection.scalars(query))

    async def refused(
        self, number: ImportId, which: FileRefusalFilter = OPEN, *, batch_rows: int = 2_000
    ) -> AsyncIterator[Sequence[FileRefusal]]:
        """The refusals in the order of the files, however many there are; those of one record are never parted."""
        t = tables.refused_file_record
        query = _chosen(select(t), number, which).order_by(t.c.id).limit(batch_rows)
        after = 0
        carried: list[FileRefusal] = []
        while True:
            async with self._transactions.begin() as connection:
                rows = (await connection.execute(query.where(t.c.id > after))).all()
            if not rows:
                break
            after = rows[-1].id
            carried += map(_refusal, rows)
            last = _place(carried[-1])
            whole = [each for each in carried if _place(each) != last]
            carried = carried[len(whole) :]
            if whole:
                yield whole
        if carried:
            yield carried

    async def first_refused(
        self, number: ImportId, which: FileRefusalFilter = OPEN, *, limit_rows: int
    ) -> tuple[FileRefusal, ...]:
        """The first refusals in the order of the files."""
        t = tables.refused_file_record
        query = _chosen(select(t), number, which).order_by(t.c.id).limit(limit_rows)
        async with self._transactions.begin() as connection:
            return tuple(_refusal(row) for row in await connection.execute(query))

    async def causes(self, number: ImportId, which: FileRefusalFilter = OPEN) -> tuple[FileRefusalGroup, ...]:
        """The refusals grouped by what is behind them, the largest group first."""
        t = tables.refused_file_record
        keys = (t.c.entity, t.c.column, t.c.code, t.c.cause)
        rows = func.count().label("n")
        grouped = select(*keys, rows, func.min(t.c.reason).label("one_reason"), _first_records().label("records"))
        query = _chosen(grouped, number, which).group_by(*keys).order_by(rows.desc(), *keys)
        async with self._transactions.begin() as connection:
            return tuple(
                FileRefusalGroup(row.entity, row.column, row.code, row.cause, row.n, row.one_reason, tuple(row.records))
                for row in await connection.execute(query)
            )


_COPIED: Final = (
    "import",
    "file",
    "entity",
    "line",
    "legal_entity",
    "record",
    "column",
    "code",
    "reason",
    "cause",
    "whole",
    "row",
)


def _copied(number: ImportId, each: FileRefusal) -> Sequence[object]:
    texts = (each.legal_entity, each.record, each.column, each.code, each.reason, each.cause)
    names = map(storable_text, (each.file, each.entity))
    return (number, *names, each.line, *map(storable_text, texts), each.whole, json_text(dict(each.row)))


def _first_records() -> ColumnElement[object]:
    t = tables.refused_file_record
    return func.array_agg(aggregate_order_by(t.c.record, t.c.id), type_=ARRAY(Text))[1:_NAMED_RECORDS]


def _chosen(query: Select[*tuple[Any, ...]], number: ImportId, which: FileRefusalFilter) -> Select[*tuple[Any, ...]]:
    t = tables.refused_file_record
    query = query.where(t.c["import"] == number)
    if which.open_only:
        query = query.where(t.c.settled_by.is_(None))
    named = ("entity", "legal_entity", "code", "column", "cause")
    wanted = {name: getattr(which, name) for name in named}
    return query.where(*(t.c[name] == value for name, value in wanted.items() if value is not None))


def _place(each: FileRefusal) -> tuple[str, str, int]:
    return each.entity, each.file, each.line


def _import(row: Row[*tuple[Any, ...]]) -> FileImport:
    held = row._mapping
    return FileImport(
        number=ImportId(held["import"]),
        side=Side(row.side),
        files=tuple(row.files),
        started_by=row.started_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        count=ImportCount(*(held[each.name] for each in fields(ImportCount))),
        rerun_of=None if row.rerun_of is None else ImportId(row.rerun_of),
    )


def _refusal(row: Row[*tuple[Any, ...]]) -> FileRefusal:
    held = row._mapping
    return FileRefusal(**{each.name: held[each.name] for each in fields(FileRefusal)})
