"""``msdyn_mapping``: the JSON text of one map version, and what it says as columns, filters and table names.

Writing starts from the text that was read: what a map does not say differently stays as it is, word for word where
nothing differs at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from dualwrite.errors import MapRefused
from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.transforms import Transform, ValueMap, read_published, write_published
from dualwrite.maps.values import ColumnMapping, MapVersion, SyncDirection, Version
from dualwrite.solutions.package.values import JsonObject, Naming

_DIRECTIONS: Mapping[str, SyncDirection] = {
    "1": SyncDirection.TO_DATAVERSE,
    "2": SyncDirection.TO_FINOPS,
    "3": SyncDirection.BOTH,
    "lefttoright": SyncDirection.TO_DATAVERSE,
    "righttoleft": SyncDirection.TO_FINOPS,
    "forward": SyncDirection.TO_DATAVERSE,
    "backward": SyncDirection.TO_FINOPS,
    "reverse": SyncDirection.TO_FINOPS,
    "both": SyncDirection.BOTH,
    "bidirectional": SyncDirection.BOTH,
}
_NUMBERS = {SyncDirection.TO_DATAVERSE: 1, SyncDirection.TO_FINOPS: 2, SyncDirection.BOTH: 3}
_COMPANY = ("", "dataareaid")
_COMPANY_CODE = "cdm_companycode"
_LEVELS = 4
"""How often a mapping may be a JSON string inside JSON."""
_LEG: JsonObject = {
    "id": "001",
    "sourceSchema": "",
    "sourceEnvironmentType": "AX",
    "sourceFilter": "",
    "destinationSchema": "",
    "destinationEnvironmentType": "CRM",
    "reversedSourceFilter": "",
    "fieldMappings": [],
    "entityFileFormat": None,
    "deleteNonMatchingData": False,
}


class MappingUnreadable(Exception):
    """A mapping from which no map can be made; caught by the reader of the file, which knows where it stands."""


@dataclass(frozen=True, slots=True)
class PublishedMapping:
    """What a mapping says. ``left_out`` tells what of it could not be used."""

    label: str
    entity_set: str
    source_filter: str
    reversed_source_filter: str
    columns: tuple[ColumnMapping, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Document:
    """The JSON of a mapping, and in how many strings it is wrapped."""

    values: JsonObject = field(hash=False)
    wrapped: int

    def text(self, values: JsonObject) -> str:
        text = json.dumps(values, ensure_ascii=False)
        for _ in range(self.wrapped):
            text = json.dumps(text, ensure_ascii=False)
        return text


def read_mapping(text: str) -> PublishedMapping:
    """What the JSON ``text`` says. Raises: MappingUnreadable."""
    document = _document(text).values
    leg = _leg(document)
    label, entity_set = _text(leg, "sourceSchema"), _text(leg, "destinationSchema")
    if not label or not entity_set:
        raise MappingUnreadable("its leg names no sourceSchema or no destinationSchema")
    ends = (_text(leg, "sourceEnvironmentType") or "AX", _text(leg, "destinationEnvironmentType") or "CRM")
    if tuple(end.upper() for end in ends) != ("AX", "CRM"):
        raise MappingUnreadable(f"it leads from {ends[0]} to {ends[1]}, and only maps from AX to CRM can be used")
    columns: list[ColumnMapping] = []
    left_out = [f"leg {number} is one too many" for number, _ in enumerate(_further_legs(document), start=2)]
    for _, mapping, reason in _read_fields(leg):
        if mapping is not None:
            columns.append(mapping)
        elif reason:
            left_out.append(reason)
    return PublishedMapping(
        label=label,
        entity_set=entity_set,
        source_filter=_text(leg, "sourceFilter"),
        reversed_source_filter=_text(leg, "reversedSourceFilter"),
        columns=tuple(columns),
        left_out=tuple(left_out),
    )


def write_mapping(version: MapVersion, *, name: str, naming: Naming, before: str | None = None) -> str:
    """The JSON text that says what ``version`` says; ``before``, its text of another time, where that says so too."""
    names = (naming.label(version.finops_entity), naming.entity_set(version.dataverse_table))
    fresh: JsonObject = {
        "name": name,
        "order": 0,
        "leftEnvironmentType": "AX",
        "centerEnvironmentType": "CRM",
        "rightEnvironmentType": "UNDEFINED",
        "legs": [{**_LEG, "sourceSchema": names[0], "destinationSchema": names[1]}],
    }
    document = _Document(fresh, 0) if before is None else _document(before)
    leg = _leg(document.values)
    wanted = {**leg, **_changes(version, leg, naming)}
    if before is not None and wanted == leg:
        return before
    return document.text({**document.values, "legs": [wanted, *_further_legs(document.values)]})


# --- reading --------------------------------------------------------------------------------------------------------


def _document(text: str) -> _Document:
    found: object = text
    for level in range(_LEVELS):
        try:
            found = json.loads(str(found))
        except (ValueError, RecursionError) as error:
            raise MappingUnreadable(f"it is no JSON: {error}") from error
        if isinstance(found, dict):
            return _Document(found, level)
        if not isinstance(found, str):
            break
    raise MappingUnreadable("it is no JSON object")


def _leg(document: JsonObject) -> JsonObject:
    legs = document.get("legs")
    if not isinstance(legs, list) or not legs or not isinstance(legs[0], dict):
        raise MappingUnreadable("it has no legs")
    return legs[0]


def _further_legs(document: JsonObject) -> Sequence[object]:
    legs = document.get("legs")
    return legs[1:] if isinstance(legs, list) else []


def _fields(leg: JsonObject) -> Sequence[object]:
    found = leg.get("fieldMappings")
    return found if isinstance(found, list) else []


def _read_fields(leg: JsonObject) -> Iterator[tuple[object, ColumnMapping | None, str]]:
    """Every field mapping as it is written, with what it says, or why it says nothing; no word on the company."""
    for number, written in enumerate(_fields(leg), start=1):
        if not isinstance(written, dict):
            yield written, None, f"column {number} is no JSON object"
            continue
        if _is_company(written):
            yield written, None, ""
            continue
        names = " and ".join(filter(None, (_text(written, "sourceField"), _text(written, "destinationField"))))
        where = f"column {number} ({names or 'without a name'})"
        try:
            yield written, _read_field(written), ""
        except MappingUnreadable as error:
            yield written, None, f"{where}: {error}"


def _is_company(written: JsonObject) -> bool:
    """Whether the line is the company's, as the system writes it: part of every company-specific map, and no column."""
    finops, dataverse = (_text(written, name).strip().casefold() for name in ("sourceField", "destinationField"))
    of_system = _text(written, "isSystemGenerated").casefold() == "true"
    return of_system and finops in _COMPANY and dataverse.endswith(f".{_COMPANY_CODE}")


def _read_field(written: JsonObject) -> ColumnMapping:
    finops, dataverse = _text(written, "sourceField").strip(), _text(written, "destinationField").strip()
    if not finops and not dataverse:
        raise MappingUnreadable("it names no column")
    direction = _DIRECTIONS.get(str(written.get("syncDirection")).strip().casefold())
    if direction is None:
        raise MappingUnreadable(f"syncDirection is {written.get('syncDirection')!r}, not 1, 2 or 3")
    transforms = tuple(_read_transform(each) for each in _transforms(written))
    column = ColumnMapping(finops or None, dataverse or None, direction, transforms)
    if not _has_a_spelling(column):
        raise MappingUnreadable("it cannot be spelled in a map")
    return column


@lru_cache(maxsize=8192)
def _has_a_spelling(column: ColumnMapping) -> bool:
    """Whether a map file can hold the column."""
    return is_spelled(MapVersion("map", Version(1), "publisher", "entity", "table", columns=(column,)))


def is_spelled(version: MapVersion) -> bool:
    """Whether the version can be kept as a map file."""
    try:
        return parse_map(render_map(version)) == version
    except (MapRefused, UnicodeError):
        return False


def _transforms(written: JsonObject) -> Sequence[object]:
    found = written.get("valueTransforms")
    if found is None or isinstance(found, list):
        return found or []
    return [found]


def _read_transform(written: object) -> Transform:
    if not isinstance(written, dict):
        raise MappingUnreadable(f"its value transform is {written!r}")
    found = read_published(written)
    if found is None and not isinstance(written.get("transformType"), str):
        kind = "ValueMap" if isinstance(written.get("valueMap"), dict) else "Default"
        found = (
            read_published({**written, "transformType": kind}) if kind == "ValueMap" or _has_default(written) else None
        )
    if found is None:
        raise MappingUnreadable(f"its value transform {written.get('transformType')!r} is not known here")
    return found


def _has_default(written: JsonObject) -> bool:
    return written.get("defaultValue") is not None


def _text(values: JsonObject, name: str) -> str:
    found = values.get(name)
    return "" if found is None else str(found)


# --- writing --------------------------------------------------------------------------------------------------------


def _changes(version: MapVersion, leg: JsonObject, naming: Naming) -> JsonObject:
    """What the leg must say otherwise than it does."""
    changes: dict[str, object] = {}
    if naming.finops_entity(_text(leg, "sourceSchema")) != naming.finops_entity(version.finops_entity):
        changes["sourceSchema"] = naming.label(version.finops_entity)
    if naming.dataverse_table(_text(leg, "destinationSchema")) != naming.dataverse_table(version.dataverse_table):
        changes["destinationSchema"] = naming.entity_set(version.dataverse_table)
    filters = {"sourceFilter": version.source_filter, "reversedSourceFilter": version.reversed_source_filter}
    changes.update({name: text for name, text in filters.items() if _text(leg, name) != text})
    read = list(_read_fields(leg))
    if tuple(mapping for _, mapping, _ in read if mapping is not None) != version.columns:
        changes["fieldMappings"] = _rewritten(read, version, naming)
    return changes


def _rewritten(
    read: Iterable[tuple[object, ColumnMapping | None, str]], version: MapVersion, naming: Naming
) -> list[object]:
    """The field mappings of the version, each as it was written where it was; unreadable ones stay, at the end."""
    known = [(written, mapping) for written, mapping, _ in read if mapping is not None and isinstance(written, dict)]
    fields: list[object] = []
    for column in version.columns:
        position = _position(known, column)
        if position is None:
            fields.append(_new_field(column, version.dataverse_table, naming))
            continue
        written, mapping = known.pop(position)
        fields.append(written if mapping == column else _changed_field(written, column))
    return [*fields, *(written for written, mapping, _ in read if mapping is None)]


def _position(known: Sequence[tuple[JsonObject, ColumnMapping]], column: ColumnMapping) -> int | None:
    """Where the line of ``column`` stands: the same line, otherwise one that joins the same columns."""
    same = (n for n, (_, mapping) in enumerate(known) if mapping == column)
    alike = (
        n
        for n, (_, mapping) in enumerate(known)
        if (mapping.finops, mapping.dataverse) == (column.finops, column.dataverse)
    )
    return next(same, next(alike, None))


def _new_field(column: ColumnMapping, dataverse_table: str, naming: Naming) -> JsonObject:
    dataverse = column.dataverse or ""
    lookup, dot, _ = dataverse.partition(".")
    return {
        "syncDirection": _NUMBERS[column.sync_direction],
        "sourceField": (column.finops or "").upper(),
        "destinationField": dataverse,
        "destinationLookupFieldRelatedEntity": naming.related_entity(dataverse_table, lookup) if dot else None,
        "isSystemGenerated": False,
        "valueTransforms": [_new_transform(each) for each in column.transforms],
    }


def _changed_field(written: JsonObject, column: ColumnMapping) -> JsonObject:
    number = _NUMBERS[column.sync_direction]
    before = written.get("syncDirection")
    same = _DIRECTIONS.get(str(before).strip().casefold()) is column.sync_direction
    transforms: list[object] = []
    left = [each for each in _transforms(written) if isinstance(each, dict)]
    for transform in column.transforms:
        alike = next((each for each in left if type(_read_transform(each)) is type(transform)), None)
        transforms.append(_new_transform(transform) if alike is None else _changed_transform(alike, transform))
        left = [each for each in left if each is not alike]
    return {
        **written,
        "syncDirection": before if same else str(number) if isinstance(before, str) else number,
        "valueTransforms": transforms or ([] if written.get("valueTransforms") else written.get("valueTransforms")),
    }


def _changed_transform(written: JsonObject, transform: Transform) -> JsonObject:
    if _read_transform(written) == transform:
        return written
    ours = write_published(transform)
    gone = set(write_published(_read_transform(written))) - set(ours)
    return {**{name: value for name, value in written.items() if name not in gone}, **ours}


def _new_transform(transform: Transform) -> JsonObject:
    published = write_published(transform)
    return {"createValuesOnDestination": False, **published} if isinstance(transform, ValueMap) else published


def respelled(columns: Iterable[ColumnMapping], spellings: Mapping[str, str]) -> tuple[ColumnMapping, ...]:
    """``columns`` with the F&O columns written as ``spellings`` tells, by their names in upper case."""
    return tuple(
        replace(each, finops=spellings.get(each.finops.upper(), each.finops)) if each.finops else each
        for each in columns
    )
