"""Importing a solution file: what it would change is planned and shown first, then the library has it.

An import makes nothing run and no map known to the connection; applying does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from dualwrite.catalog.maps import load_manifests
from dualwrite.errors import MapRefused, NotAllowed, SolutionRefused
from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.values import Version
from dualwrite.solutions.library import Fulfilment, Need, known_solutions, needs_of
from dualwrite.solutions.package.values import Package, PublishedVersion, read_version
from dualwrite.store.database import Repositories, Store
from dualwrite.store.maps import MapState, MapVersion
from dualwrite.store.solutions import SolutionMember, SolutionRecord

PARKED_FROM = 9
"""Versions from this major number on are parked: kept under a high number, and not meant to run."""


class Arrival(Enum):
    """What the import of one version does."""

    NEW = "new"
    SAME = "there already"
    REPLACES = "replaces its former content"
    OVERWRITES = "overwrites"


@dataclass(frozen=True, slots=True)
class ArrivingVersion:
    """One version of the file, and the stored one of the same number where its content is another."""

    published: PublishedVersion
    arrival: Arrival
    stored: MapVersion | None = None
    in_use: bool = False

    @property
    def label(self) -> str:
        return f"{self.published.map.name} {self.published.map.version}"

    def __str__(self) -> str:
        if self.stored is None or self.arrival is not Arrival.OVERWRITES:
            return f"{self.label}: {self.arrival.value}"
        if self.stored.managed and self.stored.solution:
            owner = f"comes from the solution {self.stored.solution}"
        else:
            owner = f"was saved by {self.stored.created_by}"
        return f"{self.label} {owner} and has other content, which would be overwritten"


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do. ``questions`` are to be answered with yes before it is carried out."""

    package: Package
    versions: tuple[ArrivingVersion, ...]
    active: Mapping[str, Version] = field(hash=False)
    """The version of each map that applying the solution makes active."""
    choices: tuple[str, ...]
    """Why, where it was not simply the highest."""
    needs: tuple[Need, ...]
    application: str | None
    questions: tuple[str, ...]


async def plan_import(store: Store, connection: str, package: Package) -> ImportPlan:
    """What importing ``package`` would do. Nothing is changed.

    Raises: SolutionRefused, when it cannot be imported whatever the user says.
    """
    manifest = package.manifest
    async with store.transaction() as repositories:
        record = await repositories.solutions.get(connection, manifest.unique_name)
        _check_name(package, record)
        stored = {(each.name, each.version): each for each in await repositories.maps.all_versions(connection)}
        running = {
            each.name: each.active_version
            for each in await repositories.maps.list(connection)
            if each.state is not MapState.NOT_RUNNING
        }
        known = await known_solutions(repositories, connection)
    versions = tuple(_arriving(each, manifest.unique_name, stored, running) for each in package.versions)
    _check_running(versions)
    active, choices = choose_active(package)
    requires = requirements(package)
    return ImportPlan(
        package=package,
        versions=versions,
        active=active,
        choices=choices,
        needs=tuple(
            need
            for need in needs_of(requires, known, but=manifest.unique_name)
            if need.fulfilment is not Fulfilment.APPLIED
        ),
        application=_application(package),
        questions=tuple(_questions(package, record, versions)),
    )


async def carry_out(store: Store, connection: str, plan: ImportPlan, *, who: str) -> None:
    """The library has the solution and its versions. Atomicity: all or nothing. Idempotency: by solution and version.

    Raises: NotAllowed, when a map has been started meanwhile that runs on a version to be overwritten.
    """
    manifest = plan.package.manifest
    order = {name: number for number, name in enumerate(plan.active, start=1)}
    async with store.transaction() as repositories:
        for each in plan.versions:
            if each.arrival is not Arrival.SAME:
                await _save(repositories, connection, each, plan.package, who=who)
        await repositories.solutions.save(
            connection,
            manifest.unique_name,
            display_name=manifest.display_name,
            version=str(manifest.version),
            publisher=manifest.publisher.unique_name,
            description=manifest.description,
            managed=manifest.managed,
            document={
                "manifest": manifest.xml,
                "depends_on": dict(requirements(plan.package)),
                "application": plan.application,
                "active": {name: str(version) for name, version in plan.active.items()},
            },
            members=[
                SolutionMember(each.published.map.name, str(each.published.map.version), order[each.published.map.name])
                for each in plan.versions
            ],
        )
        await repositories.activity.record(
            "import solution",
            who=who,
            result="completed",
            details={
                "solution": manifest.unique_name,
                "version": str(manifest.version),
                "versions": len(plan.versions),
                "overwritten": [each.label for each in plan.versions if each.arrival is Arrival.OVERWRITES],
            },
        )


def choose_active(package: Package) -> tuple[Mapping[str, Version], tuple[str, ...]]:
    """The version of each map that is to run, and a word on those that are not simply the highest.

    The version that ran where the file comes from, otherwise the highest that is not parked.
    """
    numbers: dict[str, list[Version]] = defaultdict(list)
    for each in package.versions:
        numbers[each.map.name].append(each.map.version)
    active: dict[str, Version] = {}
    choices: list[str] = []
    for name, versions in numbers.items():
        ran, highest = package.running.get(name), max(versions)
        if ran in versions:
            active[name] = ran
            reason = "it ran where the file comes from"
        else:
            active[name] = max((each for each in versions if each.major < PARKED_FROM), default=highest)
            reason = f"{highest} is a parked version"
        if active[name] != highest:
            choices.append(f"{name}: {active[name]} is the version to run, for {reason}")
    return active, tuple(choices)


def requirements(package: Package) -> Mapping[str, str]:
    """The solutions that the package needs, each with the highest minimum that the manifest or a map names."""
    required: dict[str, str] = {}
    for some in (package.manifest.requires, *(each.requires.solutions for each in package.versions)):
        for name, minimum in some.items():
            before = required.get(name)
            if before is None or (read_version(minimum) or Version(0)) > (read_version(before) or Version(0)):
                required[name] = minimum
    return required


def application_too_old(asked: str | None, *, has: str) -> bool:
    """Whether finance and operations in version ``has`` is older than ``asked``."""
    wanted, there = read_version(asked or ""), read_version(has)
    return wanted is not None and there is not None and there < wanted


def _application(package: Package) -> str | None:
    asked = [each.requires.application for each in package.versions if each.requires.application]
    return max(asked, key=lambda text: read_version(text) or Version(0), default=None)


def _check_name(package: Package, record: SolutionRecord | None) -> None:
    manifest = package.manifest
    if manifest.unique_name in {each.name for each in load_manifests()}:
        raise SolutionRefused(
            f"{manifest.unique_name} is a solution of the catalog; give the one in the file another unique name.",
            solution=manifest.unique_name,
        )
    if record is not None and record.managed != manifest.managed:
        there, arriving = ("a managed", "unmanaged") if record.managed else ("an unmanaged", "managed")
        raise SolutionRefused(
            f"{manifest.unique_name} is there as {there} solution and the file is {arriving}. "
            f"Uninstall it first: dualwrite solutions uninstall {manifest.unique_name}",
            solution=manifest.unique_name,
        )
    if not package.versions:
        reasons = "".join(f" {problem}." for problem in package.problems if problem.lost)
        raise SolutionRefused(f"{manifest.unique_name} holds no table map that can be read.{reasons}")


def _arriving(
    published: PublishedVersion,
    solution: str,
    stored: Mapping[tuple[str, str], MapVersion],
    running: Mapping[str, str],
) -> ArrivingVersion:
    key = (published.map.name, str(published.map.version))
    there = stored.get(key)
    if there is None:
        return ArrivingVersion(published, Arrival.NEW)
    in_use = running.get(key[0]) == key[1]
    if _says(there, published):
        retold = there.solution == solution and there.source != published.source and not in_use
        return ArrivingVersion(published, Arrival.REPLACES if retold else Arrival.SAME, there)
    arrival = Arrival.REPLACES if there.solution == solution else Arrival.OVERWRITES
    return ArrivingVersion(published, arrival, there, in_use=in_use)


def _says(stored: MapVersion, published: PublishedVersion) -> bool:
    """Whether both say the same; tables made since the former import may give the names of the file another meaning."""
    try:
        there = parse_map(stored.document)
    except MapRefused:
        return False
    arriving = published.map
    if stored.source is not None and stored.source.get("children") == published.source.get("children"):
        arriving = replace(arriving, finops_entity=there.finops_entity, dataverse_table=there.dataverse_table)
    return there == arriving


def _check_running(versions: tuple[ArrivingVersion, ...]) -> None:
    used = [each for each in versions if each.in_use]
    if used:
        names = " ".join(repr(each.published.map.name) for each in used)
        raise NotAllowed(
            f"These versions run here with other content than in the file: {', '.join(each.label for each in used)}. "
            f"Nothing was imported. Stop their maps first: dualwrite maps stop {names}",
            maps=[each.published.map.name for each in used],
        )


def _questions(
    package: Package, record: SolutionRecord | None, versions: tuple[ArrivingVersion, ...]
) -> tuple[str, ...]:
    there = read_version(record.version) if record is not None else None
    older = there is not None and package.manifest.version < there
    older_text = f"{package.manifest.unique_name} {there} is there, and the file is older: {package.manifest.version}"
    return (
        *([older_text] if older else []),
        *(str(each) for each in versions if each.arrival is Arrival.OVERWRITES),
    )


async def _save(
    repositories: Repositories, connection: str, arriving: ArrivingVersion, package: Package, *, who: str
) -> None:
    version = arriving.published.map
    await repositories.maps.save_version(
        connection,
        version.name,
        version=str(version.version),
        publisher=version.publisher,
        document=render_map(version),
        created_by=who,
        managed=package.manifest.managed,
        solution=package.manifest.unique_name,
        source=arriving.published.source,
        known=False,
        overwrite=arriving.arrival is not Arrival.NEW,
    )
