"""Rows as JSON: the selected properties, etag and annotations, and the context that describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from dualwrite.metadata.schema import ColumnType
from dualwrite.metadata.values import Row, Value, target_entry
from dualwrite.servers.dataverse.formatting import format_value
from dualwrite.servers.dataverse.model import VERSION_COLUMN, EntityModel, Property, navigation_name
from dualwrite.servers.dataverse.preferences import (
    ASSOCIATED_NAVIGATION,
    FORMATTED_VALUE,
    LOOKUP_TABLE,
    Preferences,
)
from dualwrite.servers.dataverse.problems import unknown_property

RowNames: TypeAlias = Mapping[tuple[str, UUID], str]
"""Primary names of rows by table and id."""
NO_NAMES: RowNames = {}


def etag_of(version: Value) -> str:
    return f'W/"{version}"'


def lookup_target(row: Row, prop: Property) -> str | None:
    """The table that the lookup of this row points to."""
    named = row.get(target_entry(prop.column.name))
    if isinstance(named, str):
        return named
    return prop.column.targets[0] if prop.column.targets else None


@dataclass(frozen=True, slots=True)
class Shape:
    """What of an entity is shown, and with which annotations. ``selected`` is what ``$select`` named, None for all."""

    entity: EntityModel
    properties: tuple[Property, ...]
    selected: tuple[str, ...] | None = None
    formatted: bool = False
    lookup_tables: bool = False
    navigations: bool = False
    lookups: tuple[Property, ...] = field(default=())

    @property
    def is_plain(self) -> bool:
        return not (self.formatted or self.lookup_tables or self.navigations)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns to read; None for all."""
        if self.selected is None:
            return None
        names = dict.fromkeys(prop.column.name for prop in self.properties)
        if self.entity.has_version:
            names[VERSION_COLUMN] = None
        return tuple(names)

    def render(self, row: Row, names: RowNames = NO_NAMES) -> dict[str, object]:
        """``row`` as a JSON object."""
        shown: dict[str, object] = {}
        if self.entity.has_version:
            shown["@odata.etag"] = etag_of(row.get(VERSION_COLUMN))
        if self.is_plain:
            for prop in self.properties:
                shown[prop.name] = row.get(prop.column.name)
            return shown
        for prop in self.properties:
            value = row.get(prop.column.name)
            if value is not None:
                self._annotate(shown, prop, row, names)
            shown[prop.name] = value
        return shown

    def _annotate(self, shown: dict[str, object], prop: Property, row: Row, names: RowNames) -> None:
        value = row[prop.column.name]
        if not prop.is_lookup:
            text = format_value(prop.column, value) if self.formatted else None
            if text is not None:
                shown[f"{prop.name}@{FORMATTED_VALUE}"] = text
            return
        target = lookup_target(row, prop)
        if target is None or not isinstance(value, UUID):
            return
        if self.formatted and (name := names.get((target, value))) is not None:
            shown[f"{prop.name}@{FORMATTED_VALUE}"] = name
        if self.navigations:
            shown[f"{prop.name}@{ASSOCIATED_NAVIGATION}"] = navigation_name(prop.column, target)
        if self.lookup_tables:
            shown[f"{prop.name}@{LOOKUP_TABLE}"] = target


def shape_of(entity: EntityModel, *, select: tuple[str, ...] | None, preferences: Preferences) -> Shape:
    """What ``$select`` and the preferences show of ``entity``; the id always comes along. Raises: MalformedRequest."""
    properties = _all(entity) if select is None else _selected(entity, select)
    return Shape(
        entity=entity,
        properties=properties,
        selected=select,
        formatted=preferences.wants(FORMATTED_VALUE),
        lookup_tables=preferences.wants(LOOKUP_TABLE),
        navigations=preferences.wants(ASSOCIATED_NAVIGATION),
        lookups=tuple(prop for prop in properties if prop.is_lookup),
    )


def _all(entity: EntityModel) -> tuple[Property, ...]:
    return tuple(entity.properties.values())


def _selected(entity: EntityModel, select: tuple[str, ...]) -> tuple[Property, ...]:
    found: dict[str, Property] = {}
    for name in select:
        prop = entity.properties.get(name)
        if prop is None and name in entity.navigations:
            prop = entity.by_column.get(entity.navigations[name].column.name)
        if prop is None:
            raise unknown_property(name, table=entity.table.name)
        found[prop.name] = prop
        if prop.column.type is ColumnType.MONEY and entity.currency is not None:
            found[entity.currency.name] = entity.currency
    key = entity.by_column[entity.id_column.name]
    found[key.name] = key
    return tuple(found.values())


def context_of(root: str, shape: Shape, *, expanded: tuple[str, ...] = (), single: bool = False) -> str:
    """The ``@odata.context`` of rows in ``shape``; ``expanded`` are navigations with what they show."""
    items = (*(shape.selected or ()), *expanded)
    listed = f"({','.join(items)})" if items else ""
    return f"{root}$metadata#{shape.entity.set_name}{listed}{'/$entity' if single else ''}"
