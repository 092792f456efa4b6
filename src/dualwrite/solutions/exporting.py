"""Exporting: a solution of the library or of the catalog, or a choice of maps, as a solution file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dualwrite.catalog.maps import load_solution
from dualwrite.errors import NotAllowed, SolutionRefused
from dualwrite.maps.text import parse_map
from dualwrite.maps.values import MapVersion, Version
from dualwrite.solutions.library import find_solution, known_solutions
from dualwrite.solutions.package.container import MANIFEST
from dualwrite.solutions.package.elements import read_xml
from dualwrite.solutions.package.file import write_package
from dualwrite.solutions.package.manifest import read_manifest
from dualwrite.solutions.package.values import JsonObject, Manifest, Naming, PublishedVersion, Publisher
from dualwrite.store import maps as stored
from dualwrite.store.database import Repositories, Store

_PREFIX_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the exported file is to say otherwise than the solution does; None leaves it."""

    managed: bool | None = None
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A solution file, and what is in it."""

    manifest: Manifest
    versions: tuple[MapVersion, ...]
    content: bytes


async def export_solution(store: Store, connection: str, name: str, *, naming: Naming, wishes: Wishes) -> Export:
    """The solution called ``name`` as a file, with everything that an imported one said and we do not use.

    One of the catalog gets a unique name that is not taken where the file is imported.

    Raises: SolutionRefused, for an unknown one.
    """
    async with store.transaction() as repositories:
        solution = find_solution(await known_solutions(repositories, connection), name)
        record = await repositories.solutions.get(connection, solution.name)
        publisher = _publisher(solution.publisher)
        manifest = Manifest(
            unique_name=f"dualwrite_{solution.name.replace('-', '_')}" if solution.in_catalog else solution.name,
            display_name=solution.display_name,
            version=solution.version,
            publisher=publisher,
            managed=solution.managed,
            description=solution.description,
            requires=solution.depends_on,
        )
        if record is None:
            versions = [PublishedVersion("", each, {}) for each in load_solution(solution.name).maps]
        else:
            members = [
                (each.map, each.version)
                for each in await repositories.solutions.members(connection, record.unique_name)
            ]
            versions = await _stored_versions(repositories, connection, members)
            xml = record.document.get("manifest")
            if isinstance(xml, str) and xml:
                manifest = read_manifest(read_xml(xml.encode(), file=name, member=MANIFEST), file=name)
    return _exported(manifest, versions, naming, wishes)


async def export_maps(
    store: Store,
    connection: str,
    maps: Mapping[str, str | None],
    *,
    manifest: Manifest,
    naming: Naming,
) -> Export:
    """The chosen maps as a solution of one's own; each in the version given, None for its active one.

    Raises: NotAllowed, for a map or a version that is not there.
    """
    async with store.transaction() as repositories:
        chosen: list[tuple[str, str]] = []
        for name, version in maps.items():
            found = await repositories.maps.version(connection, name, version=version)
            if found is None:
                raise NotAllowed(f"There is no map {name}{f' {version}' if version else ''}.", map=name)
            chosen.append((name, found.version))
        versions = await _stored_versions(repositories, connection, chosen)
    return _exported(manifest, versions, naming, Wishes())


def own_manifest(
    unique_name: str, *, publisher: str, version: Version, managed: bool, display_name: str = ""
) -> Manifest:
    """The manifest of a solution of one's own. Raises: SolutionRefused, for a name that no solution can have."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", unique_name):
        raise SolutionRefused(
            f"{unique_name!r} is no unique name; it has letters, digits and _ and begins with no digit.",
            solution=unique_name,
        )
    return Manifest(unique_name, display_name or unique_name, version, _publisher(publisher), managed)


def _publisher(name: str) -> Publisher:
    prefix = re.sub(r"[^a-z0-9]", "", name.casefold()).lstrip("0123456789")[:_PREFIX_LENGTH]
    return Publisher(name, name, prefix=prefix or "dw", option_prefix="10000")


async def _stored_versions(
    repositories: Repositories, connection: str, chosen: Sequence[tuple[str, str]]
) -> list[PublishedVersion]:
    """The versions with what their files said; one that was saved here has it from the latest that came in a file."""
    everything = await repositories.maps.all_versions(connection)
    found = {(each.name, each.version): each for each in everything}
    origins = {each.name: each.source for each in everything if each.source is not None}
    published: list[PublishedVersion] = []
    for key in chosen:
        each = found[key]
        origin = origins.get(each.name)
        source = each.source or ({**origin, "attributes": {}} if origin is not None else {})
        published.append(PublishedVersion(_published_name(source), _parsed(each), source))
    return published


def _parsed(version: stored.MapVersion) -> MapVersion:
    return parse_map(version.document, file=f"{version.name} {version.version}")


def _published_name(source: JsonObject) -> str:
    children = source.get("children")
    pairs = children if isinstance(children, list) else []
    return next((str(text).strip() for tag, text in pairs if str(tag).casefold() == "msdyn_name"), "")


def _exported(manifest: Manifest, versions: Sequence[PublishedVersion], naming: Naming, wishes: Wishes) -> Export:
    manifest = replace(
        manifest,
        managed=manifest.managed if wishes.managed is None else wishes.managed,
        version=wishes.version or manifest.version,
    )
    named = [
        each if each.published_name else replace(each, published_name=_new_name(each.map, manifest, naming))
        for each in versions
    ]
    content = write_package(manifest, named, naming=naming)
    return Export(manifest, tuple(each.map for each in named), content)


def _new_name(version: MapVersion, manifest: Manifest, naming: Naming) -> str:
    """``prefix_[<entity set> - <label>]``; a map that is not called after its tables has its own name at the end."""
    label, entity_set = naming.label(version.finops_entity), naming.entity_set(version.dataverse_table)
    own = "" if version.name == f"{label} ({entity_set})" else f", {version.name}"
    return f"{manifest.publisher.prefix or 'dw'}_[{entity_set} - {label}{own}]"
