"""The commands on maps, done in the house of the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dualwrite.cli.map_choices import versions_of
from dualwrite.cli.maps.office import ListedMap, ListedVersion, ShownMap
from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.checks import CheckedMap, check_stored
from dualwrite.lifecycle.keys import key_columns, key_origin
from dualwrite.lifecycle.transitions import is_live
from dualwrite.lifecycle.versions import SavedVersion
from dualwrite.maps.plan import Plan
from dualwrite.maps.values import Version
from dualwrite.monitoring.health.findings import MapHealth
from dualwrite.store.maps import TableMap


@dataclass(frozen=True, slots=True)
class HouseMapOffice:
    """Implements :class:`dualwrite.cli.maps.office.MapOffice`."""

    house: House

    async def states(self) -> Sequence[TableMap]:
        return await self.house.store.maps.list(CONNECTION)

    async def listed(self) -> Sequence[ListedMap]:
        store = self.house.store
        saved = {each.name: SavedVersion.read(each) for each in await store.maps.active_versions(CONNECTION)}
        numbers: dict[str, list[str]] = {}
        for each in await store.maps.all_versions(CONNECTION):
            numbers.setdefault(each.name, []).append(each.version)
        return [_listed(each, saved[each.name], numbers[each.name]) for each in await self.states()]

    async def shown(self, name: str, version: str | None) -> ShownMap:
        known = await self._known(name)
        saved = await versions_of(self.house).get(name, version)
        compiled_maps = self.house.router.compiled
        await compiled_maps.refresh()
        compiled = compiled_maps.compiled(saved.stored.document, saved.says)
        plan = compiled if isinstance(compiled, Plan) else None
        used = None if plan is None else tuple(key_columns(plan))
        return ShownMap(known, saved, used, key_origin(saved.says, plan), plan is not None)

    async def versions(self, name: str) -> tuple[TableMap, Sequence[ListedVersion]]:
        known = await self._known(name)
        stored = reversed(await self.house.store.maps.versions(CONNECTION, name))
        live = is_live(known.state)
        return known, [
            ListedVersion(
                name=each.name,
                version=each.version,
                publisher=each.publisher,
                managed=each.managed,
                solution=each.solution,
                created_at=each.created_at,
                created_by=each.created_by,
                active=each.version == known.active_version,
                running=each.version == known.active_version and live,
            )
            for each in stored
        ]

    async def activate(self, name: str, version: str) -> TableMap:
        return await versions_of(self.house).activate(name, version)

    async def check(self, names: Sequence[str], version: str | None) -> Sequence[CheckedMap]:
        if version is None:
            return await self.house.lifecycle.check(names)
        compiled = self.house.router.compiled
        await compiled.refresh()
        return [check_stored(compiled, (await versions_of(self.house).get(name, version)).stored) for name in names]

    async def examine(self, names: Sequence[str], *, sample: int) -> Sequence[MapHealth]:
        return await self.house.examination.examine(names, sample=sample)

    async def run_without_initial_sync(self, names: Sequence[str]) -> None:
        await self.house.lifecycle.run_without_initial_sync(names)

    async def stop(self, names: Sequence[str]) -> None:
        await self.house.lifecycle.stop(names)

    async def _known(self, name: str) -> TableMap:
        known = await self.house.store.maps.get(CONNECTION, name)
        assert known is not None, name
        return known


def _listed(each: TableMap, saved: SavedVersion, numbers: Sequence[str]) -> ListedMap:
    says, stored = saved.says, saved.stored
    return ListedMap(
        name=each.name,
        version=each.active_version,
        running_version=each.active_version if is_live(each.state) else None,
        newest_version=max(numbers, key=Version.parse),
        versions=len(numbers),
        publisher=says.publisher,
        managed=stored.managed,
        solution=stored.solution,
        state=each.state,
        finops_entity=says.finops_entity,
        dataverse_table=says.dataverse_table,
        columns=len(says.columns),
    )
