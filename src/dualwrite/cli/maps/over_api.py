"""The commands on maps, done by a program over its API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from pydantic import TypeAdapter

from dualwrite.cli.api import Api, Document
from dualwrite.cli.map_findings import read_checked
from dualwrite.cli.maps.office import ListedMap, ListedVersion, ShownMap
from dualwrite.lifecycle.checks import CheckedMap
from dualwrite.lifecycle.versions import SavedVersion
from dualwrite.monitoring.health.findings import HealthCode, HealthFinding, MapHealth, Severity
from dualwrite.store.maps import MapState, MapVersion, TableMap

_LISTED = TypeAdapter(ListedMap)
_VERSION = TypeAdapter(ListedVersion)


@dataclass(frozen=True, slots=True)
class ApiMapOffice:
    """Implements :class:`dualwrite.cli.maps.office.MapOffice`."""

    api: Api

    async def states(self) -> Sequence[TableMap]:
        listed = await self.api.items("/maps", {"limit": 1000})
        return [_standing(each, position) for position, each in enumerate(listed, start=1)]

    async def listed(self) -> Sequence[ListedMap]:
        return [_LISTED.validate_python(each) for each in await self.api.items("/maps", {"limit": 1000})]

    async def shown(self, name: str, version: str | None) -> ShownMap:
        told = await self.api.get(f"/maps/{_path(name)}", {"version": version})
        stored = MapVersion(
            connection="",
            name=told["name"],
            version=told["version"],
            publisher=told["publisher"],
            document=told["document"],
            managed=told["managed"],
            solution=told["solution"],
            created_by=told["created_by"],
            created_at=datetime.fromisoformat(told["created_at"]),
        )
        (known,) = [each for each in await self.states() if each.name == name]
        used = None if told["used_key"] is None else tuple(told["used_key"])
        return ShownMap(known, SavedVersion.read(stored), used, told["key_origin"], told["can_run"])

    async def versions(self, name: str) -> tuple[TableMap, Sequence[ListedVersion]]:
        (known,) = [each for each in await self.states() if each.name == name]
        told = await self.api.items(f"/maps/{_path(name)}/versions", {"limit": 1000})
        return known, [_VERSION.validate_python(each) for each in told]

    async def activate(self, name: str, version: str) -> TableMap:
        await self.api.post(f"/maps/{_path(name)}/activate", {"version": version})
        (active,) = [each for each in await self.states() if each.name == name]
        return active

    async def check(self, names: Sequence[str], version: str | None) -> Sequence[CheckedMap]:
        paths = [f"/maps/{_path(name)}/check" for name in names]
        return [read_checked(await self.api.get(path, {"version": version})) for path in paths]

    async def examine(self, names: Sequence[str], *, sample: int) -> Sequence[MapHealth]:
        return [_health(await self.api.get(f"/maps/{_path(name)}/health", {"sample": sample})) for name in names]

    async def run_without_initial_sync(self, names: Sequence[str]) -> None:
        await self.api.post("/maps/actions/run-without-initial-sync", {"maps": list(names)})

    async def stop(self, names: Sequence[str]) -> None:
        if names:
            await self.api.post("/maps/actions/stop", {"maps": list(names)})


def _standing(told: Document, position: int) -> TableMap:
    changed = datetime.fromisoformat(told["changed_at"])
    return TableMap("", told["name"], told["version"], MapState(told["state"]), position, changed)


def _health(told: Document) -> MapHealth:
    findings = tuple(
        HealthFinding(HealthCode(each["code"]), Severity(each["severity"]), each["message"], each["remedy"])
        for each in told["findings"]
    )
    return MapHealth(told["map"], told["version"], told["state"], findings, told["compared"])


def _path(name: str) -> str:
    return quote(name, safe="")
