"""The integration keys of a connection: which columns tell the rows of a Dataverse table apart, and who says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.checks import check_stored
from dualwrite.lifecycle.transitions import Action, allowed_from
from dualwrite.maps.lookup_path import parse_lookup_path
from dualwrite.maps.plan import KeyOrigin, Plan
from dualwrite.maps.values import MapVersion
from dualwrite.metadata.schema import EnvironmentSchema, Table
from dualwrite.store.database import Repositories, Store
from dualwrite.sync.compiled_maps import CompiledMaps
from dualwrite.sync.stored_router import StoredRouter


@dataclass(frozen=True, slots=True)
class TableKey:
    """The key of one Dataverse table. ``chosen`` is None where it is generated; ``maps`` are those that go by it.

    ``own`` names the maps whose active version states a key of its own, which holds for that map alone. ``used`` are
    the keys without the company; there are several where maps of the table leave out columns of the first one.
    """

    table: str
    alternate_keys: tuple[tuple[str, ...], ...]
    used: tuple[tuple[str, ...], ...]
    chosen: tuple[str, ...] | None
    set_by: str | None
    maps: tuple[str, ...]
    own: tuple[str, ...]


class IntegrationKeys:
    """The keys of one connection. A key that is set holds for every map version that names none itself."""

    def __init__(
        self, store: Store, connection: str, router: StoredRouter, schema: EnvironmentSchema, *, who: str
    ) -> None:
        self._store = store
        self._connection = connection
        self._router = router
        self._schema = schema
        self._who = who

    async def list(self) -> tuple[TableKey, ...]:
        """The tables that maps fill, and those with a key set by hand, by name."""
        chosen = {each.dataverse_table: each for each in await self._store.integration_keys.list(self._connection)}
        await self._router.compiled.refresh()
        maps = await maps_by_table(self._store, self._connection, self._router.compiled)
        generated = await self._generated()
        keys: list[TableKey] = []
        for name in sorted({*chosen, *maps}):
            table, by_hand = self._schema.find(name), chosen.get(name)
            keys.append(
                TableKey(
                    table=name,
                    alternate_keys=() if table is None else _without_company(table),
                    used=(by_hand.columns,) if by_hand is not None else tuple(generated.get(name, ())),
                    chosen=None if by_hand is None else by_hand.columns,
                    set_by=None if by_hand is None else by_hand.set_by,
                    maps=tuple(each for each, own in maps.get(name, ()) if not own),
                    own=tuple(each for each, own in maps.get(name, ()) if own),
                )
            )
        return tuple(keys)

    async def _generated(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        """The keys that maps take where neither they nor somebody else names one, by table."""
        found: dict[str, tuple[tuple[str, ...], ...]] = {}
        for each in await self._store.maps.active_versions(self._connection):
            checked = check_stored(self._router.compiled, each)
            if checked.plan is not None and checked.plan.key_origin is KeyOrigin.ALTERNATE_KEY:
                key = key_columns(checked.plan)
                keys = found.get(checked.plan.dataverse.name, ())
                found[checked.plan.dataverse.name] = keys if key in keys else (*keys, key)
        return found

    def table(self, name: str) -> Table:
        """The Dataverse table of this name, entity set or label. Raises: NotAllowed."""
        table = self._schema.find(name)
        if table is None:
            raise NotAllowed(f"Dataverse has no table {name!r}.", table=name)
        return table

    async def set(self, name: str, columns: Sequence[str]) -> Table:
        """``columns`` are the key of the table. Idempotent by table and columns.

        Raises: NotAllowed for a column that does not exist, and while a map runs that goes by the table's key.
        """
        table = self.table(name)
        paths = tuple(checked_column(table, each) for each in columns)
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            before = await self._by_hand(repositories)
            if before.get(table.name) == paths:
                return table
            await self._check_idle(repositories, table)
            await repositories.integration_keys.set(self._connection, table.name, columns=paths, set_by=self._who)
            details = {"table": table.name, "columns": paths, "was": before.get(table.name)}
            await repositories.activity.record("set key", who=self._who, result="completed", details=details)
        await self._router.renew()
        return table

    async def reset(self, name: str) -> bool:
        """The key of the table is the generated one; False when it was. Raises: NotAllowed as :meth:`set` does."""
        table = self._schema.find(name)
        known = name if table is None else table.name
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            if known not in await self._by_hand(repositories):
                if table is None:
                    raise NotAllowed(f"Dataverse has no table {name!r}.", table=name)
                return False
            if table is not None:
                await self._check_idle(repositories, table)
            await repositories.integration_keys.remove(self._connection, known)
            await repositories.activity.record("reset key", who=self._who, result="completed", details={"table": known})
        await self._router.renew()
        return True

    async def _by_hand(self, repositories: Repositories) -> dict[str, tuple[str, ...]]:
        return {
            each.dataverse_table: each.columns for each in await repositories.integration_keys.list(self._connection)
        }

    async def _check_idle(self, repositories: Repositories, table: Table) -> None:
        running = await maps_running_by_key(repositories, self._connection, self._router.compiled, table.name)
        if running:
            raise NotAllowed(
                f"{'; '.join(running)}: running by the integration key of {table.name}. "
                f"Stop first: dualwrite maps stop {' '.join(repr(each) for each in running)}",
                table=table.name,
                maps=running,
            )


def _without_company(table: Table) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(name for name in key if name != table.company_column) for key in table.alternate_keys)


def checked_column(table: Table, text: str) -> str:
    """``text`` as a column of the table, or a path that starts with one. Raises: NotAllowed, MapRefused."""
    path = parse_lookup_path(text)
    column = table.find(path.column)
    if column is None:
        raise NotAllowed(
            f"{table.name} has no column {path.column}; its alternate keys are "
            f"{'; '.join(', '.join(key) for key in table.alternate_keys) or 'none'}.",
            table=table.name,
            column=path.column,
        )
    if column.name == table.company_column:
        raise NotAllowed(
            f"{column.name} is the company, which is part of the key of every company-specific table; leave it away.",
            table=table.name,
            column=column.name,
        )
    return column.name + text[len(path.column) :]


async def maps_by_table(
    repositories: Repositories, connection: str, compiled: CompiledMaps
) -> dict[str, list[tuple[str, bool]]]:
    """The maps of each Dataverse table by their active version, and whether that names a key of its own."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for each in await repositories.maps.active_versions(connection):
        head = compiled.head(each.document)
        found.setdefault(head.dataverse_table, []).append((each.name, head.names_key))
    return found


async def maps_running_by_key(
    repositories: Repositories, connection: str, compiled: CompiledMaps, table: str
) -> tuple[str, ...]:
    """The maps that a change of the table's key would catch running."""
    idle = allowed_from(Action.CHANGE)
    states = {each.name: each.state for each in await repositories.maps.list(connection)}
    of_table = (await maps_by_table(repositories, connection, compiled)).get(table, [])
    return tuple(name for name, own in of_table if not own and states[name] not in idle)


def key_origin(version: MapVersion, plan: Plan | None) -> str:
    """The key that a map goes by, in words, and who says so."""
    if plan is None:
        return ", ".join(version.integration_key or ())
    return f"{', '.join(key_columns(plan))} ({plan.key_origin.value})"


def key_columns(plan: Plan) -> tuple[str, ...]:
    """The columns of the table that a map's rows are known by, lookups included, the company left out."""
    return tuple(dict.fromkeys(part.dataverse_path[0] for part in plan.key))
