"""Where the commands on maps get their work done: in the house of the data folder, or by a program over its API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from dualwrite.cli.invocation import Invocation
from dualwrite.cli.map_findings import tell_refused
from dualwrite.cli.map_names import find_map
from dualwrite.errors import MapRefused
from dualwrite.lifecycle.checks import CheckedMap
from dualwrite.lifecycle.versions import SavedVersion
from dualwrite.monitoring.health.findings import MapHealth
from dualwrite.store.maps import MapState, TableMap

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListedMap:
    """A map with what its active version says, and how many versions there are."""

    name: str
    version: str
    running_version: str | None
    newest_version: str
    versions: int
    publisher: str
    managed: bool
    solution: str | None
    state: MapState
    finops_entity: str
    dataverse_table: str
    columns: int


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version of a map, and whether it is the active one, and runs."""

    name: str
    version: str
    publisher: str
    managed: bool
    solution: str | None
    created_at: datetime
    created_by: str
    active: bool
    running: bool


@dataclass(frozen=True, slots=True)
class ShownMap:
    """A version of a map with the state of the map; ``used_key`` is None when it cannot run."""

    map: TableMap
    saved: SavedVersion
    used_key: tuple[str, ...] | None
    key_origin: str
    can_run: bool

    @property
    def is_active(self) -> bool:
        return self.saved.stored.version == self.map.active_version


class MapOffice(Protocol):
    """What the commands on maps ask for. Names are whole; see :func:`named`."""

    async def states(self) -> Sequence[TableMap]:
        """The maps in their order of starting."""
        ...

    async def listed(self) -> Sequence[ListedMap]: ...

    async def shown(self, name: str, version: str | None) -> ShownMap: ...

    async def versions(self, name: str) -> tuple[TableMap, Sequence[ListedVersion]]:
        """The map and its versions, newest first."""
        ...

    async def activate(self, name: str, version: str) -> TableMap: ...

    async def check(self, names: Sequence[str], version: str | None) -> Sequence[CheckedMap]:
        """All findings about the active versions, or about ``version`` of the one map."""
        ...

    async def examine(self, names: Sequence[str], *, sample: int) -> Sequence[MapHealth]:
        """How the maps are; so many records of each that runs are compared."""
        ...

    async def run_without_initial_sync(self, names: Sequence[str]) -> None: ...

    async def stop(self, names: Sequence[str]) -> None: ...


def at_map_office(call: Invocation, action: Callable[[MapOffice], Coroutine[Any, Any, T]]) -> T:
    """``action`` is done where the call says. Raises: typer.Exit, when a map cannot run and that has been shown."""
    try:
        if call.url is not None:
            from dualwrite.cli.maps.over_api import ApiMapOffice

            return call.over_api(lambda api: action(ApiMapOffice(api)))
        from dualwrite.cli.maps.in_house import HouseMapOffice

        return call.in_house(lambda house: action(HouseMapOffice(house)))
    except MapRefused as refused:
        tell_refused(call.output, refused, "None of the maps was started.")


async def named(office: MapOffice, texts: Sequence[str]) -> Sequence[str]:
    """The maps that ``texts`` stand for, in the order of starting; all without texts. Raises: NotAllowed."""
    known = [each.name for each in await office.states()]
    chosen = {find_map(known, text) for text in texts}
    return [name for name in known if not texts or name in chosen]


async def one_named(office: MapOffice, text: str) -> str:
    """The one map that ``text`` stands for. Raises: NotAllowed."""
    (name,) = await named(office, [text])
    return name
