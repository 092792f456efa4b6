"""The solutions that a connection can have: those of the catalog, and those that were imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from dualwrite.catalog.manifest import Manifest
from dualwrite.catalog.maps import load_manifests
from dualwrite.errors import SolutionRefused
from dualwrite.maps.values import Version
from dualwrite.solutions.package.values import read_version
from dualwrite.store.database import Repositories
from dualwrite.store.solutions import SolutionRecord, SolutionState


class Standing(Enum):
    """How far a solution has come on a connection."""

    AVAILABLE = "available"
    """In the catalog, and not applied."""
    IMPORTED = "imported"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class KnownSolution:
    """A solution by its facts. ``depends_on`` and ``provides`` give versions by solution, published names included."""

    name: str
    display_name: str
    version: Version
    publisher: str
    description: str
    managed: bool
    standing: Standing
    maps: int
    """How many maps it brings; a map counts once, whatever its versions."""
    in_catalog: bool
    depends_on: Mapping[str, str] = field(hash=False)
    provides: Mapping[str, Version] = field(hash=False)
    newer: Version | None = None
    """The version of the catalog, where it is higher than the one applied."""
    application: str | None = None
    """The lowest version of finance and operations that it asks for."""


class Fulfilment(Enum):
    """How a solution that is needed stands."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    TOO_OLD = "too old"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Need:
    """A solution that another one needs, and the known solution that stands for it."""

    solution: str
    minimum: str
    fulfilment: Fulfilment
    by: KnownSolution | None = None

    def __str__(self) -> str:
        wanted = (
            f"{self.solution} {self.minimum}" if read_version(self.minimum) not in (None, Version(0)) else self.solution
        )
        match self.fulfilment:
            case Fulfilment.MISSING:
                return f"{wanted} is not known here; import it if its tables are needed"
            case Fulfilment.TOO_OLD:
                has = _provided(self.by, self.solution) if self.by is not None else None
                return f"{wanted} at least is needed; {self.by.name if self.by else ''} stands for {has}"
            case Fulfilment.NOT_APPLIED:
                return f"{wanted} is needed; apply {self.by.name if self.by else self.solution}"
            case Fulfilment.APPLIED:
                return f"{wanted} is there"


async def known_solutions(repositories: Repositories, connection: str) -> tuple[KnownSolution, ...]:
    """Every solution of the catalog, each after those it depends on, then the imported ones by name."""
    records = {each.unique_name: each for each in await repositories.solutions.list(connection)}
    catalog = [_of_catalog(manifest, records.get(manifest.name)) for manifest in load_manifests()]
    names = {each.name for each in catalog}
    imported = [
        _imported(record, len({each.map for each in await repositories.solutions.members(connection, name)}))
        for name, record in records.items()
        if name not in names
    ]
    return (*catalog, *imported)


def find_solution(known: Sequence[KnownSolution], text: str) -> KnownSolution:
    """The one solution that ``text`` names, by its name or its display name. Raises: SolutionRefused."""
    wanted = text.strip()
    for spelled in (str, str.casefold):
        for names in ([each.name for each in known], [each.display_name for each in known]):
            found = [each for each, name in zip(known, names, strict=True) if spelled(name) == spelled(wanted)]
            if len(found) == 1:
                return found[0]
    listed = ", ".join(each.name for each in known)
    raise SolutionRefused(f"There is no solution {text!r}. The solutions are: {listed}.", solution=text)


def needs_of(requires: Mapping[str, str], known: Iterable[KnownSolution], *, but: str = "") -> tuple[Need, ...]:
    """How each solution that is required stands; the solution called ``but`` does not count."""
    others = [each for each in known if each.name != but]
    return tuple(_need(solution, minimum, others) for solution, minimum in requires.items())


def _need(solution: str, minimum: str, known: Sequence[KnownSolution]) -> Need:
    lowest = read_version(minimum) or Version(0)
    standing = [each for each in known if _provided(each, solution) is not None]
    enough = [each for each in standing if (_provided(each, solution) or Version(0)) >= lowest]
    applied = next((each for each in enough if each.standing is Standing.APPLIED), None)
    if applied is not None:
        return Need(solution, minimum, Fulfilment.APPLIED, applied)
    if enough:
        return Need(solution, minimum, Fulfilment.NOT_APPLIED, enough[0])
    if standing:
        return Need(solution, minimum, Fulfilment.TOO_OLD, standing[0])
    return Need(solution, minimum, Fulfilment.MISSING)


def _provided(known: KnownSolution | None, solution: str) -> Version | None:
    """The highest version of ``solution`` that ``known`` stands for, None when it does not."""
    folded = solution.casefold()
    found = known.provides.items() if known is not None else ()
    return max((version for name, version in found if name.casefold() == folded), default=None)


def _of_catalog(manifest: Manifest, record: SolutionRecord | None) -> KnownSolution:
    applied = record is not None and record.state is SolutionState.APPLIED
    version = (read_version(record.version) if record is not None else None) or manifest.version
    return KnownSolution(
        name=manifest.name,
        display_name=manifest.display_name,
        version=version,
        publisher=manifest.publisher,
        description=manifest.description,
        managed=True,
        standing=Standing.APPLIED if applied else Standing.AVAILABLE,
        maps=len(manifest.ids),
        in_catalog=True,
        depends_on={name: str(lowest) for name, lowest in manifest.depends_on.items()},
        provides={manifest.name: version, **manifest.provides},
        newer=manifest.version if manifest.version > version else None,
    )


def _imported(record: SolutionRecord, maps: int) -> KnownSolution:
    depends_on, application = record.document.get("depends_on"), record.document.get("application")
    version = read_version(record.version) or Version(0)
    return KnownSolution(
        name=record.unique_name,
        display_name=record.display_name,
        version=version,
        publisher=record.publisher,
        description=record.description,
        managed=record.managed,
        standing=Standing.APPLIED if record.state is SolutionState.APPLIED else Standing.IMPORTED,
        maps=maps,
        in_catalog=False,
        depends_on={str(name): str(low) for name, low in sorted(depends_on.items())}
        if isinstance(depends_on, dict)
        else {},
        provides={record.unique_name: version},
        application=application if isinstance(application, str) else None,
    )
