"""customizations.xml: the map versions of a solution, one ``msdyn_dualwriteentitymap`` element each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from dualwrite.maps.values import ColumnMapping, FilterExit, MapVersion, Version
from dualwrite.solutions.package.container import CUSTOMIZATIONS
from dualwrite.solutions.package.elements import Element
from dualwrite.solutions.package.manifest import ENTITY_MAP
from dualwrite.solutions.package.mapping import (
    MappingUnreadable,
    PublishedMapping,
    is_spelled,
    read_mapping,
    respelled,
    write_mapping,
)
from dualwrite.solutions.package.properties import Properties, read_properties, text_without_halves, write_properties
from dualwrite.solutions.package.values import (
    JsonObject,
    Manifest,
    Naming,
    Package,
    Problem,
    PublishedVersion,
    read_version,
)

_RUNTIME = "msdyn_dualwriteruntimeconfig"
_SECTIONS = (
    "Entities",
    "Roles",
    "Workflows",
    "FieldSecurityProfiles",
    "Templates",
    "EntityMaps",
    "EntityRelationships",
    "OrganizationSettings",
    "optionsets",
    "CustomControls",
    "EntityDataProviders",
)
_USED = frozenset({f"{ENTITY_MAP}s", f"{_RUNTIME}s", "languages"})
_CHILDREN = (
    "msdyn_name",
    "msdyn_displayname",
    "msdyn_version",
    "msdyn_mapping",
    "msdyn_properties",
    "iscustomizable",
    "statecode",
    "statuscode",
)
_GIVEN = ("name", "finops_entity", "dataverse_table")
"""What reading a version makes out of the file's own words; kept, so that writing knows what needs no other word."""
_IDS = UUID("7c5c1d2e-6a0b-4d0e-9b51-6d3c0b8f4a17")
"""The name space of the ids that map versions get when they are first exported."""


@dataclass(frozen=True, slots=True)
class _Read:
    """One element on its way: everything but the name that it gets among the others."""

    published_name: str
    version: Version
    mapping: PublishedMapping
    properties: Properties
    source: JsonObject
    number: int
    line: int


def read_entity_maps(root: Element, manifest: Manifest, *, file: str, naming: Naming) -> Package:
    """The solution with every map version that can be read; the others are among its problems."""
    read: list[_Read] = []
    problems = list(_left_aside(root, file))
    for number, element in enumerate(root.descendants(ENTITY_MAP)):
        found, troubles = _read_element(element, number, file=file)
        problems += troubles
        if found is not None:
            read.append(found)
    versions: dict[int, PublishedVersion] = {}
    for each, name in _named(read, problems, file=file):
        version = _map_version(each, name, manifest, naming)
        place = _place(file, each.line, f"{each.published_name} {each.version}")
        problems += [Problem(place, f"{reason}; it was left out") for reason in each.mapping.left_out]
        if not is_spelled(version):
            problems.append(Problem(place, "its texts cannot be kept; the map was left out", lost=True))
            continue
        source = {**each.source, "given": {name: getattr(version, name) for name in _GIVEN}}
        versions[each.number] = PublishedVersion(each.published_name, version, source, each.properties.requires)
    names = {_ends(each.mapping): versions[each.number].map.name for each in read if each.number in versions}
    return Package(manifest, tuple(versions.values()), dict(_running(root, names)), tuple(problems))


def build_entity_maps(versions: Iterable[PublishedVersion], manifest: Manifest, naming: Naming) -> Element:
    """customizations.xml with ``versions``; :func:`read_entity_maps` gives the equal maps back."""
    root = Element("ImportExportXml", {"xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"})
    for section in _SECTIONS:
        root.add(section)
    maps = root.add(f"{ENTITY_MAP}s")
    maps.children += [_element(each, manifest, naming) for each in versions]
    root.add("Languages").add("Language", "1033")
    return root


# --- reading --------------------------------------------------------------------------------------------------------


def _place(file: str, line: int, what: str) -> str:
    return f"{file}: {CUSTOMIZATIONS}, line {line}, {what}"


def _left_aside(root: Element, file: str) -> Iterator[Problem]:
    held = [each.tag for each in root.children if each.children and each.tag.casefold() not in _USED]
    if held:
        yield Problem(f"{file}: {CUSTOMIZATIONS}", f"{', '.join(held)} are no table maps and were left aside")


def _read_element(element: Element, number: int, *, file: str) -> tuple[_Read | None, list[Problem]]:
    name = element.text_of("msdyn_name") or element.text_of("msdyn_displayname")
    place = _place(file, element.line, name or "a map without a name")
    version = read_version(element.text_of("msdyn_version"))
    if version is None:
        message = f"msdyn_version is {element.text_of('msdyn_version')!r}, not four numbers; the map was left out"
        return None, [Problem(place, message, lost=True)]
    place = f"{place} {version}"
    text = element.child("msdyn_mapping")
    try:
        mapping = read_mapping("" if text is None else text.text)
    except MappingUnreadable as error:
        return None, [Problem(f"{place}, msdyn_mapping", f"{error}; the map was left out", lost=True)]
    properties = read_properties(found.text if (found := element.child("msdyn_properties")) is not None else "")
    problems = []
    if properties.malformed:
        problems.append(Problem(f"{place}, msdyn_properties", "it is no JSON and was kept as it is"))
    source = {
        "attributes": dict(element.attributes),
        "children": [[child.tag, child.text] for child in element.children],
    }
    name = name or f"[{mapping.entity_set} - {mapping.label}]"
    return _Read(name, version, mapping, properties, source, number, element.line), problems


def _named(read: Sequence[_Read], problems: list[Problem], *, file: str) -> Iterator[tuple[_Read, str]]:
    """Every version with its map's name: ``<label> (<entity set>)``, and more where two share it."""
    groups: dict[str, list[_Read]] = defaultdict(list)
    for each in read:
        groups[each.published_name.casefold()].append(each)
    taken: set[str] = set()
    for group in groups.values():
        latest = max(group, key=lambda each: each.version)
        name = _own_text(latest.properties, "name")
        if name is None:
            name = next(each for each in _proposals(latest) if each.casefold() not in taken)
        taken.add(name.casefold())
        yield from ((each, name) for each in _distinct(group, problems, file=file))


def _proposals(read: _Read) -> Iterator[str]:
    """Names for a map, the plainest first; the last one nobody else in the file has."""
    label, entity_set, published = read.mapping.label, read.mapping.entity_set, read.published_name
    prefix, bracket, _ = published.partition("_[")
    yield f"{label} ({entity_set})"
    if bracket and prefix:
        yield f"{label} ({entity_set}, {prefix})"
    yield f"{label} ({entity_set}, {published})"
    yield f"{label} ({entity_set}, {published}, {read.number})"


def _distinct(group: Sequence[_Read], problems: list[Problem], *, file: str) -> Iterator[_Read]:
    """The versions of one map, each number once: the first of two that differ, and the problem told."""
    first: dict[Version, _Read] = {}
    for each in group:
        before = first.setdefault(each.version, each)
        if before is each:
            yield each
        elif before.mapping != each.mapping:
            place = _place(file, each.line, f"{each.published_name} {each.version}")
            message = f"this version stands in line {before.line} already, with other content; the map was left out"
            problems.append(Problem(place, message, lost=True))


def _map_version(read: _Read, name: str, manifest: Manifest, naming: Naming) -> MapVersion:
    own, mapping = read.properties.own, read.mapping
    key, spellings, on_exit = own.get("integration_key"), own.get("spellings"), own.get("on_filter_exit")
    return MapVersion(
        name=name,
        version=read.version,
        publisher=_own_text(read.properties, "publisher") or manifest.publisher.unique_name,
        finops_entity=_own_text(read.properties, "finops_entity") or naming.finops_entity(mapping.label),
        dataverse_table=_own_text(read.properties, "dataverse_table") or naming.dataverse_table(mapping.entity_set),
        source_filter=mapping.source_filter,
        reversed_source_filter=mapping.reversed_source_filter,
        columns=respelled(mapping.columns, _texts(spellings)) if isinstance(spellings, dict) else mapping.columns,
        integration_key=tuple(str(each) for each in key) if isinstance(key, list) else None,
        on_filter_exit=FilterExit.DELETE if on_exit == FilterExit.DELETE.value else FilterExit.KEEP,
        owning_team=_own_text(read.properties, "owning_team"),
        description=read.properties.description,
        notes=_own_text(read.properties, "notes") or "",
    )


def _own_text(properties: Properties, name: str) -> str | None:
    found = properties.own.get(name)
    return text_without_halves(found) if isinstance(found, str) else None


def _texts(values: JsonObject) -> Mapping[str, str]:
    return {str(key): str(text) for key, text in values.items()}


def _ends(mapping: PublishedMapping) -> frozenset[str]:
    return frozenset((mapping.label.casefold(), mapping.entity_set.casefold()))


def _running(root: Element, names: Mapping[frozenset[str], str]) -> Iterator[tuple[str, Version]]:
    """Which version of a map ran, as the runtime configurations in the file tell; they name both tables."""
    for element in root.descendants(_RUNTIME):
        try:
            found = json.loads(element.text_of("msdyn_unsecure"))
            parts = found["EntityMapVersion"]
            version = Version(*(int(parts[part]) for part in ("Major", "Minor", "Build", "Revision")))
            ends = frozenset(str(found[end]).casefold() for end in ("SourceEntityName", "DestinationEntityName"))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if ends in names:
            yield names[ends], version


# --- writing --------------------------------------------------------------------------------------------------------


def _element(published: PublishedVersion, manifest: Manifest, naming: Naming) -> Element:
    version, source = published.map, published.source
    before = {str(tag): str(text) for tag, text in _pairs(source.get("children"))}
    mapping = write_mapping(version, name=published.published_name, naming=naming, before=before.get("msdyn_mapping"))
    old = read_properties(before["msdyn_properties"]) if "msdyn_properties" in before else None
    own = _own(version, read_mapping(mapping), old, source, manifest, naming)
    children = {
        "msdyn_displayname": version.name,
        "iscustomizable": "1",
        "statecode": "0",
        "statuscode": "1",
        **before,
        "msdyn_name": published.published_name,
        "msdyn_version": _version_text(version.version, before.get("msdyn_version")),
        "msdyn_mapping": mapping,
        "msdyn_properties": write_properties(old, description=version.description, own=own),
    }
    attributes = source.get("attributes")
    element = Element(ENTITY_MAP, _id(version, attributes if isinstance(attributes, dict) else {}, manifest))
    order = [*before, *(tag for tag in _CHILDREN if tag not in before)]
    for tag in order:
        element.add(tag, children[tag])
    return element


def _pairs(value: object) -> Iterator[tuple[object, object]]:
    for each in value if isinstance(value, list) else ():
        if isinstance(each, list) and len(each) == 2:
            yield each[0], each[1]


def _version_text(version: Version, before: str | None) -> str:
    return before if before is not None and read_version(before) == version else str(version)


def _id(version: MapVersion, attributes: Mapping[str, str], manifest: Manifest) -> dict[str, str]:
    if attributes:
        return dict(attributes)
    text = "\n".join((manifest.publisher.unique_name, version.name, str(version.version)))
    return {f"{ENTITY_MAP}id": str(uuid5(_IDS, text))}


def _own(
    version: MapVersion,
    mapping: PublishedMapping,
    old: Properties | None,
    source: JsonObject,
    manifest: Manifest,
    naming: Naming,
) -> JsonObject:
    """What the version says and the published format does not."""
    said = old.own if old is not None else {}
    given = source.get("given")
    plain = {
        "name": f"{mapping.label} ({mapping.entity_set})",
        "finops_entity": naming.finops_entity(mapping.label),
        "dataverse_table": naming.dataverse_table(mapping.entity_set),
        **({name: text for name, text in given.items() if name not in said} if isinstance(given, dict) else {}),
    }
    facts: dict[str, tuple[object, bool]] = {
        **{name: (text := getattr(version, name), text == said.get(name) or text != plain[name]) for name in _GIVEN},
        "publisher": (version.publisher, version.publisher != manifest.publisher.unique_name),
        "integration_key": (list(version.integration_key or ()), version.integration_key is not None),
        "on_filter_exit": (version.on_filter_exit.value, version.on_filter_exit is not FilterExit.KEEP),
        "owning_team": (version.owning_team, version.owning_team is not None),
        "notes": (version.notes, bool(version.notes)),
    }
    spellings = _spellings(version.columns, mapping.columns)
    facts["spellings"] = (spellings, bool(spellings))
    return {name: value for name, (value, wanted) in facts.items() if wanted}


def _spellings(wanted: Sequence[ColumnMapping], written: Sequence[ColumnMapping]) -> dict[str, str]:
    """The F&O columns that are not written as the map spells them."""
    return {
        here.finops.upper(): here.finops
        for here, there in zip(wanted, written, strict=False)
        if here.finops and here.finops != there.finops
    }
