"""A connection over a real store whose environments are described and hold no rows: maps live, records do not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from dualwrite.environments.port import EnvironmentName, Epoch
from dualwrite.environments.queue import Position
from dualwrite.lifecycle.folder import MapFolder
from dualwrite.lifecycle.initial_sync.work import SyncWork
from dualwrite.lifecycle.keys import IntegrationKeys
from dualwrite.lifecycle.maps import MapLifecycle
from dualwrite.lifecycle.versions import MapVersions
from dualwrite.maps.text import parse_column, render_map
from dualwrite.maps.values import MapVersion, Version
from dualwrite.metadata.schema import Column, EnvironmentSchema, Table
from dualwrite.store import Store
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter
from inline_conductor import InlineConductor
from inline_replayer import inline_catch_ups


@dataclass
class Described:
    """The part of an environment that maps are compiled against and routed by."""

    schema: EnvironmentSchema
    _epoch: int = 0

    @property
    def name(self) -> EnvironmentName:
        return EnvironmentName(self.schema.side.value)

    async def current_schema(self, *, within_s: float = 0.0) -> EnvironmentSchema:
        return self.schema

    async def epoch(self) -> Epoch:
        return Epoch(self._epoch)

    async def raise_epoch(self, to: Epoch) -> Epoch:
        self._epoch = max(self._epoch, to)
        return Epoch(self._epoch)

    async def queue_positions(self, maps: Collection[str], *, most: int | None = None) -> Sequence[Position]:
        """Nothing is ever saved here, so nothing waits."""
        return ()

    def grow(self, table: str, column: Column) -> None:
        """The table has one more column; the schema is another one."""
        tables = [
            replace(each, columns=(*each.columns, column)) if each.name == table else each for each in self.schema
        ]
        self.schema = EnvironmentSchema(self.schema.side, tuple(tables))

    def shrink(self, table: str, column: str) -> None:
        """The table has a column less, as for a program that reads its description otherwise."""
        tables = [
            replace(each, columns=tuple(its for its in each.columns if its.name != column))
            if each.name == table
            else each
            for each in self.schema
        ]
        self.schema = EnvironmentSchema(self.schema.side, tuple(tables))


@dataclass
class Desk:
    """Everything a consultant does with maps, over one connection."""

    store: Store
    finops: Described
    dataverse: Described
    router: StoredRouter

    @property
    def versions(self) -> MapVersions:
        return MapVersions(self.store, "main", self.router, who="tests")

    @property
    def lifecycle(self) -> MapLifecycle:
        pair = Pair(self.finops, self.dataverse)
        conductor = InlineConductor(SyncWork(self.store, "main", pair, self.router))
        catch_ups = inline_catch_ups(self.store, pair, self.router)
        return MapLifecycle(self.store, "main", self.router, conductor=conductor, catch_ups=catch_ups, who="tests")

    @property
    def folder(self) -> MapFolder:
        return MapFolder(self.store, "main", self.router, who="tests")

    @property
    def keys(self) -> IntegrationKeys:
        return IntegrationKeys(self.store, "main", self.router, self.dataverse.schema, who="tests")

    def table(self, name: str) -> Table:
        return self.dataverse.schema.table(name)

    async def save(self, version: MapVersion, *, managed: bool = False) -> None:
        """The version is there, as a solution or a consultant has brought it."""
        await self.store.maps.save_version(
            "main",
            version.name,
            version=str(version.version),
            publisher=version.publisher,
            document=render_map(version),
            created_by="tests",
            managed=managed,
            solution="finance" if managed else None,
            source={"kept": True} if managed else None,
        )

    async def run(self, *names: str) -> None:
        await self.lifecycle.run_without_initial_sync(names)

    async def running(self) -> list[tuple[str, str]]:
        """The maps that changes pass through, with their versions."""
        return [(plan.map.name, str(plan.map.version)) for plan in (await self.router.current()).plans]

    async def done(self) -> Sequence[str]:
        """What the activity log tells, the latest first."""
        return [each.what for each in await self.store.activity.list()]


def groups(*lines: str, version: str = "1.0.0.0", publisher: str = "dualwrite", **facts: object) -> MapVersion:
    """The customer groups, with the key and ``lines``."""
    return MapVersion(
        name="Customer groups",
        version=Version.parse(version),
        publisher=publisher,
        finops_entity="CustCustomerGroupEntity",
        dataverse_table="msdyn_customergroup",
        columns=tuple(map(parse_column, ("CUSTOMERGROUPID = msdyn_groupid", *lines))),
        **facts,
    )
