"""The tables of both hosted environments and their changes: in the databases, for this process, and for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from dualwrite.catalog import load_schema
from dualwrite.environments.hosted import definitions
from dualwrite.environments.hosted.definitions import Defined, Origin, SchemaChange
from dualwrite.environments.hosted.migration import Insistence, MigrationPlan
from dualwrite.environments.port import TableDesign
from dualwrite.errors import CatalogRefused, DualwriteError
from dualwrite.maps.text import parse_map
from dualwrite.maps.values import MapVersion
from dualwrite.metadata.schema import Side, Table
from dualwrite.store.database import Store
from dualwrite.sync.link import Pair
from dualwrite.sync.recovery import Recovery
from dualwrite.sync.stored_router import StoredRouter

log = structlog.get_logger(__name__)

FINOPS_BASE = ("OMLegalEntity", "CurrencyEntity")
"""What finance and operations cannot be without: legal entities to work in, and currencies for them."""
DATAVERSE_BASE = (
    *("businessunit", "systemuser", "team", "cdm_company", "transactioncurrency"),
    *("account", "contact", "lead", "annotation"),
    *("product", "uom", "uomschedule"),
    *("quote", "quotedetail", "salesorder", "salesorderdetail", "invoice", "invoicedetail"),
)
"""What every Dataverse environment has: who acts and for which company, and the tables of customer engagement."""


@dataclass(frozen=True)
class Tables:
    """Changes tables, makes this process see them, and raises the epoch, so that maps are compiled against them."""

    conninfos: Mapping[Side, str]
    store: Store
    connection: str
    pair: Pair
    router: StoredRouter

    async def prepare(self) -> None:
        """Both environments have their base tables, and those they have are as the catalog describes them now.

        What cannot become as the catalog has it stays as it is: a start is to succeed.
        """
        for side, base in ((Side.FINOPS, FINOPS_BASE), (Side.DATAVERSE, DATAVERSE_BASE)):
            defined = await asyncio.to_thread(definitions.read_defined, self.conninfos[side], side)
            there = defined.schema.by_name
            wanted = [t for t in load_schema(side) if _belongs(t, defined, base) and there.get(t.name) != t]
            if not wanted:
                continue
            plan = await self._migrate(side, wanted, who="start", insistence=Insistence.LEAVE_CONFLICTS)
            for conflict in plan.conflicts:
                log.warning("a table stays as it is", reason=conflict.reason)

    async def ensure(
        self, finops: Iterable[str], dataverse: Iterable[str], *, who: str = "dual-write"
    ) -> list[MigrationPlan]:
        """Both environments have these tables of the catalog; gives what was done for that, by environment.

        Atomicity: by environment. Idempotency: by comparison. After failure: ask again.

        Raises: CatalogRefused, for a table that is not in the catalog or that contradicts one of the users'.
        """
        plans: list[MigrationPlan] = []
        for side, names in ((Side.FINOPS, finops), (Side.DATAVERSE, dataverse)):
            catalog = load_schema(side)
            wanted = {table.name: table for table in map(catalog.table, names)}
            plans.append(await self._migrate(side, wanted.values(), who=who))
        await self._take_effect(plans)
        return plans

    async def define(self, side: Side, tables: Sequence[Table], *, who: str) -> MigrationPlan:
        """The environment has these tables as a user gives them. Raises: CatalogRefused, Contention."""
        plan = await self._migrate(side, tables, who=who, origin=Origin.USER, insistence=Insistence.EXACTLY)
        await self._take_effect([plan])
        if plan.steps:
            await self._record(side, [str(step) for step in plan.steps], who)
        return plan

    async def remove_table(self, side: Side, table: str, *, who: str) -> None:
        """The user's table is gone with its rows. Raises: CatalogRefused, Contention."""
        there = (await self.pair.side(side).current_schema()).table(table)
        await self._check_unused(side, there)
        await asyncio.to_thread(definitions.remove_table, self.conninfos[side], side, there.name, who=who)
        await self._removed(side, f"remove table {there.name}", who)

    async def remove_column(self, side: Side, table: str, column: str, *, who: str) -> None:
        """The user's column is gone with its values. Raises: CatalogRefused, Contention."""
        there = (await self.pair.side(side).current_schema()).table(table)
        gone = there.column(column)
        await self._check_unused(side, there, gone.name)
        await asyncio.to_thread(definitions.remove_column, self.conninfos[side], side, there.name, gone.name, who=who)
        await self._removed(side, f"remove column {there.name}.{gone.name}", who)

    async def remove_key(self, side: Side, table: str, columns: tuple[str, ...], *, who: str) -> None:
        """The alternate key is gone. Raises: CatalogRefused, Contention."""
        await asyncio.to_thread(definitions.remove_key, self.conninfos[side], side, table, columns, who=who)
        await self._removed(side, f"remove key {table} ({', '.join(columns)})", who)

    async def defined(self, side: Side) -> Defined:
        """The tables of one environment and who has made them."""
        return await asyncio.to_thread(definitions.read_defined, self.conninfos[side], side)

    async def changes(self, side: Side) -> Sequence[SchemaChange]:
        """What has been done to the tables of one environment, the latest first."""
        return await asyncio.to_thread(definitions.read_changes, self.conninfos[side])

    def design(self, side: Side) -> TableDesign:
        """The design of one environment's tables, as its own API changes them."""
        return _Design(self, side)

    # --- what a change takes ------------------------------------------------------------------------------------------

    async def _migrate(
        self,
        side: Side,
        tables: Iterable[Table],
        *,
        who: str,
        origin: Origin = Origin.CATALOG,
        insistence: Insistence = Insistence.KEEP_WIDER,
    ) -> MigrationPlan:
        return await asyncio.to_thread(
            definitions.migrate,
            self.conninfos[side],
            side,
            tuple(tables),
            who=who,
            origin=origin,
            insistence=insistence,
        )

    async def _take_effect(self, plans: Iterable[MigrationPlan]) -> None:
        if any(plan.steps for plan in plans):
            await self._notice()

    async def _notice(self) -> None:
        """This process works with the tables as they are; changes routed by the former ones are routed again."""
        await self.pair.finops.current_schema()
        await self.pair.dataverse.current_schema()
        self.router.expire()
        await Recovery(self.pair).level()

    async def _removed(self, side: Side, what: str, who: str) -> None:
        await self._notice()
        await self._record(side, [what], who)

    async def _record(self, side: Side, steps: Sequence[str], who: str) -> None:
        details = {"environment": side.value, "steps": list(steps)}
        await self.store.activity.record("change tables", who=who, result="completed", details=details)

    async def _check_unused(self, side: Side, table: Table, column: str | None = None) -> None:
        """Raises: CatalogRefused, naming the maps that use the table or column."""
        users = []
        for known in await self.store.maps.active_versions(self.connection):
            try:
                version = parse_map(known.document, file=known.name)
            except DualwriteError:
                continue
            if _uses(version, side, table, column):
                users.append(known.name)
        if users:
            place = table.name if column is None else f"{table.name}.{column}"
            raise CatalogRefused(
                f"{place} is used by {', '.join(users)}: take it out of the map, or remove the map, before"
            )


def _belongs(table: Table, defined: Defined, base: Collection[str]) -> bool:
    """Whether the environment is to have this table of the catalog at a start."""
    return table.name in base or (table.name in defined.schema.by_name and not defined.is_users(table.name))


def _uses(version: MapVersion, side: Side, table: Table, column: str | None) -> bool:
    """Whether the map is between that table and another, and names the column."""
    named = version.finops_entity if side is Side.FINOPS else version.dataverse_table
    if named.casefold() not in (table.name.casefold(), table.entity_set.casefold(), table.label.casefold()):
        return False
    if column is None:
        return True
    places = [each.finops if side is Side.FINOPS else each.dataverse for each in version.columns]
    words = [place.partition(".")[0] for place in places if place] + list(version.integration_key or ())
    return column.casefold() in (word.casefold() for word in words)


@dataclass(frozen=True, slots=True)
class _Design:
    """Implements ``port.TableDesign`` for one side."""

    tables: Tables
    side: Side

    async def define(self, tables: Sequence[Table], *, who: str) -> None:
        await self.tables.define(self.side, tables, who=who)

    async def remove_table(self, table: str, *, who: str) -> None:
        await self.tables.remove_table(self.side, table, who=who)

    async def remove_column(self, table: str, column: str, *, who: str) -> None:
        await self.tables.remove_column(self.side, table, column, who=who)

    async def remove_key(self, table: str, columns: tuple[str, ...], *, who: str) -> None:
        await self.tables.remove_key(self.side, table, columns, who=who)
