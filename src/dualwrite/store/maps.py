"""Which versions of which table maps there are, which is active, and whether it runs.

Documents stay text here; what they mean is the business of ``dualwrite.maps``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from dualwrite.errors import NotAllowed
from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text

_NUMBERS = tables.by_number(tables.map_version.c.version)


class MapState(Enum):
    """Where a table map stands."""

    NOT_RUNNING = "not running"
    INITIALIZING = "initializing"
    RUNNING = "running"
    PAUSED = "paused"
    RESUMING = "resuming"


@dataclass(frozen=True, slots=True)
class TableMap:
    """A map of a connection: its active version, its state, and its place in the order of starting.

    ``held`` and ``blocked`` are those of :class:`RunningMap`.
    """

    connection: str
    name: str
    active_version: str
    state: MapState
    position: int
    changed_at: datetime
    held: bool = False
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class MapVersion:
    """One immutable version of a map, as its document.

    ``managed`` versions belong to ``solution``, which brought them, and are not edited. ``source`` is JSON: everything
    that a published file said about the version and the document does not.
    """

    connection: str
    name: str
    version: str
    publisher: str
    document: str
    managed: bool
    solution: str | None
    created_by: str
    created_at: datetime
    source: Mapping[str, object] | None = field(default=None, hash=False, repr=False)


class RunningMap(NamedTuple):
    """A map that live changes pass through, or wait for."""

    name: str
    version: str
    document: str
    state: MapState
    held: bool
    """Changes are refused for the moment, to be tried again: the last queued ones are just being replayed."""
    blocked: str
    """Why changes are refused until somebody acts, with the way out; empty when they are not."""


class MapRepository:
    """The table maps and their versions."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def save_version(
        self,
        connection_name: str,
        name: str,
        *,
        version: str,
        publisher: str,
        document: str,
        created_by: str,
        managed: bool = False,
        solution: str | None = None,
        source: Mapping[str, object] | None = None,
        position: int | None = None,
        known: bool = True,
        overwrite: bool = False,
    ) -> MapVersion:
        """The version is kept; a map that was not known is now, with this version active and not running.

        ``position`` is the place in the order of starting; a new map without one comes last. ``known=False`` keeps the
        version only, for a library. ``overwrite`` replaces a version of the same number, which only an import does
        whose user was asked. Idempotent by connection, name and version.

        Raises: NotAllowed when the version exists with another document and is not to be overwritten, or is not of
        the form 1.0.0.0, or is to be overwritten while it runs.
        """
        if not re.fullmatch(tables.VERSION_PATTERN, version):
            raise NotAllowed(f"{name}: '{version}' is no version; it looks like 1.0.0.0.", map=name)
        facts = {
            "publisher": publisher,
            "document": document,
            "created_by": created_by,
            "managed": managed,
            "solution": solution,
            "source": null() if source is None else dict(source),
        }
        statement = insert(tables.map_version).values(connection=connection_name, name=name, version=version, **facts)
        async with self._transactions.begin() as connection:
            await connection.execute(statement.on_conflict_do_nothing())
            stored = _version((await connection.execute(_versions(connection_name, name, version))).one())
            if stored.document != document and not overwrite:
                raise NotAllowed(
                    f"{name} {version} exists with other content, and a version never changes. "
                    "Save it under a new number.",
                    map=name,
                    version=version,
                )
            if overwrite:
                await _check_idle(connection, connection_name, name, versions={version}, doing="be replaced")
                replaced = statement.on_conflict_do_update(
                    index_elements=["connection", "name", "version"],
                    set_={**facts, "created_at": func.clock_timestamp()},
                )
                stored = _version((await connection.execute(replaced.returning(*tables.map_version.c))).one())
            if known:
                await _place(connection, stored, position=position)
        return stored

    async def make_known(self, connection_name: str, name: str, *, version: str, position: int | None = None) -> bool:
        """The map is known to the connection; False when it was before, and then only its position may change.

        A map that was not known has ``version`` active and does not run. Raises: NotAllowed for an unknown version.
        """
        async with self._transactions.begin() as connection:
            row = (await connection.execute(_versions(connection_name, name, version))).one_or_none()
            if row is None:
                raise NotAllowed(f"{name} has no version {version}.", map=name, version=version)
            before = await _read(connection, connection_name, name)
            await _place(connection, _version(row), position=position)
        return before is None

    async def delete_versions(self, connection_name: str, name: str, versions: Collection[str]) -> None:
        """These versions of the map are gone; where its active one is among them, the newest of the others is active.

        A map without versions is gone, too. Raises: NotAllowed while the map does anything but 'not running'.
        """
        t, m = tables.map_version, tables.table_map
        own = (t.c.connection == connection_name, t.c.name == name)
        async with self._transactions.begin() as connection:
            await _check_idle(connection, connection_name, name, versions=None, doing="lose versions")
            current = await _read(connection, connection_name, name, lock=True)
            if current is not None and current.active_version in versions:
                others = select(t.c.version).where(*own, t.c.version.not_in(versions)).order_by(_NUMBERS.desc())
                left = await connection.scalar(others.limit(1))
                if left is None:
                    await connection.execute(delete(m).where(m.c.connection == connection_name, m.c.name == name))
                else:
                    await _change(connection, connection_name, name, active_version=left)
            await connection.execute(delete(t).where(*own, t.c.version.in_(versions)))

    async def hand_over(self, connection_name: str, name: str, version: str, *, to: str, managed: bool) -> None:
        """The version is known as one of the solution ``to``, by whose rules it may be edited."""
        t = tables.map_version
        own = (t.c.connection == connection_name, t.c.name == name, t.c.version == version)
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(*own).values(solution=to, managed=managed))

    async def release(self, connection_name: str, solution: str) -> None:
        """The versions that ``solution`` brought belong to nobody and may be edited."""
        t = tables.map_version
        freed = update(t).where(t.c.connection == connection_name, t.c.solution == solution)
        async with self._transactions.begin() as connection:
            await connection.execute(freed.values(solution=None, managed=False))

    async def remove_map(self, connection_name: str, name: str) -> bool:
        """The map and all its versions are gone; False when there was none. Raises: NotAllowed unless 'not running'."""
        t = tables.map_version
        async with self._transactions.begin() as connection:
            await _check_idle(connection, connection_name, name, versions=None, doing="be removed")
            gone = delete(t).where(t.c.connection == connection_name, t.c.name == name)
            return (await connection.execute(gone)).rowcount > 0

    async def list(self, connection_name: str) -> tuple[TableMap, ...]:
        """The maps of a connection in their order of starting."""
        t = tables.table_map
        async with self._transactions.begin() as connection:
            found = await connection.execute(
                select(t).where(t.c.connection == connection_name).order_by(t.c.position, t.c.name)
            )
            return tuple(_map(row) for row in found)

    async def get(self, connection_name: str, name: str) -> TableMap | None:
        """The map of this name, None when there is none."""
        async with self._transactions.begin() as connection:
            return await _read(connection, connection_name, name)

    async def versions(self, connection_name: str, name: str) -> tuple[MapVersion, ...]:
        """All versions of a map, oldest number first; also of one that only the library has."""
        async with self._transactions.begin() as connection:
            found = await connection.execute(_versions(connection_name, name).order_by(_NUMBERS))
            return tuple(_version(row) for row in found)

    async def all_versions(self, connection_name: str) -> tuple[MapVersion, ...]:
        """All versions of all maps, by name, oldest number first."""
        t = tables.map_version
        query = select(t).where(t.c.connection == connection_name).order_by(t.c.name, _NUMBERS)
        async with self._transactions.begin() as connection:
            return tuple(_version(row) for row in await connection.execute(query))

    async def active_versions(self, connection_name: str) -> tuple[MapVersion, ...]:
        """The active version of every map, in their order of starting."""
        m, v = tables.table_map, tables.map_version
        same = (m.c.connection == v.c.connection) & (m.c.name == v.c.name) & (m.c.active_version == v.c.version)
        query = select(v).join_from(m, v, same).where(m.c.connection == connection_name)
        async with self._transactions.begin() as connection:
            found = await connection.execute(query.order_by(m.c.position, m.c.name))
            return tuple(_version(row) for row in found)

    async def lock(self, connection_name: str) -> None:
        """Until this transaction ends nobody else changes a map of the connection, or adds one."""
        c, m = tables.connection, tables.table_map
        async with self._transactions.begin() as connection:
            await connection.execute(select(c.c.name).where(c.c.name == connection_name).with_for_update())
            rows = select(m.c.name).where(m.c.connection == connection_name).order_by(m.c.name)
            await connection.execute(rows.with_for_update())

    async def version(self, connection_name: str, name: str, *, version: str | None = None) -> MapVersion | None:
        """One version of a map, the active one unless named; None when there is none."""
        async with self._transactions.begin() as connection:
            if version is None:
                current = await _read(connection, connection_name, name)
                if current is None:
                    return None
                version = current.active_version
            row = (await connection.execute(_versions(connection_name, name, version))).one_or_none()
            return None if row is None else _version(row)

    async def running(self, connection_name: str) -> tuple[RunningMap, ...]:
        """The maps that live changes pass through or wait for, with their active documents, in their order of starting.

        A map that is initializing is live already: its initial sync brings what was there before.
        """
        m, v = tables.table_map, tables.map_version
        query = (
            select(m.c.name, m.c.active_version, v.c.document, m.c.state, m.c.held, m.c.blocked)
            .join_from(
                m, v, (m.c.connection == v.c.connection) & (m.c.name == v.c.name) & (m.c.active_version == v.c.version)
            )
            .where(m.c.connection == connection_name, m.c.state != MapState.NOT_RUNNING.value)
            .order_by(m.c.position, m.c.name)
        )
        async with self._transactions.begin() as connection:
            return tuple(
                RunningMap(name, version, document, MapState(state), held, blocked)
                for name, version, document, state, held, blocked in await connection.execute(query)
            )

    async def set_state(
        self, connection_name: str, name: str, state: MapState, *, expected: frozenset[MapState] | None
    ) -> TableMap:
        """The map is in ``state``, neither held nor blocked; ``expected`` names the states it may come from, None all.

        Atomicity: the check and the change are one. Raises: NotAllowed, which says where the map stands and from
        where this is allowed.
        """
        async with self._transactions.begin() as connection:
            await _locked(connection, connection_name, name, doing=f"become '{state.value}'", expected=expected)
            return await _change(connection, connection_name, name, state=state.value, held=False, blocked="")

    async def hold(self, connection_name: str, names: Collection[str], *, held: bool) -> None:
        """Changes through those of the maps that are resuming are refused for the moment, or are not any more."""
        t = tables.table_map
        own = (t.c.connection == connection_name, t.c.name.in_(names), t.c.state == MapState.RESUMING.value)
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(*own).values(held=held))

    async def block(self, connection_name: str, name: str, why: str) -> bool:
        """Changes through the map are refused for this reason, or are not any more where it is empty.

        A map that is not running cannot be blocked. False when the store knew.
        """
        t = tables.table_map
        own = (t.c.connection == connection_name, t.c.name == name, t.c.state != MapState.NOT_RUNNING.value)
        statement = update(t).where(*own, t.c.blocked != why).values(blocked=storable_text(why))
        async with self._transactions.begin() as connection:
            return (await connection.execute(statement)).rowcount > 0

    async def activate(
        self,
        connection_name: str,
        name: str,
        version: str,
        *,
        expected: frozenset[MapState] | None = frozenset({MapState.NOT_RUNNING}),
    ) -> TableMap:
        """``version`` is the active one; only a map in one of the ``expected`` states may change its version.

        Raises: NotAllowed, also when there is no such version.
        """
        async with self._transactions.begin() as connection:
            current = await _locked(
                connection, connection_name, name, doing=f"change to version {version}", expected=expected
            )
            if current.active_version == version:
                return current
            if (await connection.execute(_versions(connection_name, name, version))).one_or_none() is None:
                raise NotAllowed(f"{name} has no version {version}.", map=name, version=version)
            return await _change(connection, connection_name, name, active_version=version)


async def _check_idle(
    connection: AsyncConnection, connection_name: str, name: str, *, versions: Collection[str] | None, doing: str
) -> None:
    """The map does not run, or none of ``versions`` is its active one; a map that is not known never runs."""
    current = await _read(connection, connection_name, name, lock=True)
    if current is not None and (versions is None or current.active_version in versions):
        await _locked(connection, connection_name, name, doing=doing, expected=frozenset({MapState.NOT_RUNNING}))


async def _place(connection: AsyncConnection, version: MapVersion, *, position: int | None) -> None:
    """The map of a saved version has its row; a given position holds for a known map, too."""
    t = tables.table_map
    last = select(func.coalesce(func.max(t.c.position), 0) + 1).where(t.c.connection == version.connection)
    statement = insert(t).values(
        connection=version.connection,
        name=version.name,
        active_version=version.version,
        state=MapState.NOT_RUNNING.value,
        position=last.scalar_subquery() if position is None else position,
    )
    if position is None:
        await connection.execute(statement.on_conflict_do_nothing())
    else:
        key = ["connection", "name"]
        await connection.execute(statement.on_conflict_do_update(index_elements=key, set_={"position": position}))


async def _locked(
    connection: AsyncConnection, connection_name: str, name: str, *, doing: str, expected: frozenset[MapState] | None
) -> TableMap:
    """The map with its row locked. Raises: NotAllowed when it is missing or in a state that is not expected."""
    current = await _read(connection, connection_name, name, lock=True)
    if current is None:
        raise NotAllowed(f"There is no map {name} in {connection_name}.", map=name, connection=connection_name)
    if expected is not None and current.state not in expected:
        allowed = [state.value for state in MapState if state in expected]
        raise NotAllowed(
            f"{name} is {current.state.value} and cannot {doing}. That is allowed for a map that is "
            f"{' or '.join(allowed) or 'in no state at all'}.",
            map=name,
            state=current.state.value,
            allowed=allowed,
        )
    return current


async def _change(connection: AsyncConnection, connection_name: str, name: str, **values: str | bool) -> TableMap:
    t = tables.table_map
    changed = await connection.execute(
        update(t)
        .where(t.c.connection == connection_name, t.c.name == name)
        .values(changed_at=func.clock_timestamp(), **values)
        .returning(*t.c)
    )
    return _map(changed.one())


async def _read(connection: AsyncConnection, connection_name: str, name: str, *, lock: bool = False) -> TableMap | None:
    t = tables.table_map
    query = select(t).where(t.c.connection == connection_name, t.c.name == name)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _map(row)


def _versions(connection_name: str, name: str, version: str | None = None) -> Select[*tuple[Any, ...]]:
    t = tables.map_version
    query = select(t).where(t.c.connection == connection_name, t.c.name == name)
    return query if version is None else query.where(t.c.version == version)


def _version(row: Row[*tuple[Any, ...]]) -> MapVersion:
    return MapVersion(
        connection=row.connection,
        name=row.name,
        version=row.version,
        publisher=row.publisher,
        document=row.document,
        managed=row.managed,
        solution=row.solution,
        created_by=row.created_by,
        created_at=row.created_at,
        source=row.source,
    )


def _map(row: Row[*tuple[Any, ...]]) -> TableMap:
    return TableMap(
        connection=row.connection,
        name=row.name,
        active_version=row.active_version,
        state=MapState(row.state),
        position=row.position,
        changed_at=row.changed_at,
        held=row.held,
        blocked=row.blocked,
    )
