"""The tables as the service shows them: properties, navigations and collections, compiled once per schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from dualwrite.errors import CatalogRefused
from dualwrite.metadata.document import own_enumeration
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Enumeration, EnvironmentSchema, Table
from dualwrite.servers.dataverse.scalars import EDM_TYPES, Reader, reader

NAMESPACE = "Microsoft.Dynamics.CRM"
VERSION_COLUMN = "versionnumber"


def property_name(column: Column) -> str:
    """The structural property that shows ``column``: lookups are read as ``_<column>_value``."""
    return f"_{column.name}_value" if column.type is ColumnType.LOOKUP else column.name


def navigation_name(column: Column, target: str) -> str:
    """The navigation property from lookup ``column`` to table ``target``."""
    if column.role is ColumnRole.OWNER or not column.is_polymorphic:
        return column.name
    return f"{column.name}_{target}"


@dataclass(frozen=True, slots=True)
class Property:
    """A structural property over one column."""

    name: str
    column: Column
    read: Reader

    @property
    def is_lookup(self) -> bool:
        return self.column.type is ColumnType.LOOKUP

    @property
    def edm_type(self) -> str:
        return EDM_TYPES[self.column.type]


@dataclass(frozen=True, slots=True)
class Navigation:
    """A lookup as a navigation property; ``targets`` has several tables for an owner only."""

    name: str
    column: Column
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """The rows of table ``referencing`` whose ``column`` points here."""

    name: str
    referencing: str
    column: Column


class EntityModel:
    """One table on the wire."""

    def __init__(self, table: Table, *, collections: Iterable[Collection]) -> None:
        self.table = table
        self.set_name = table.entity_set
        self.id_column = table.column(table.key[0])
        self.properties: Mapping[str, Property] = {
            p.name: p for p in (Property(property_name(c), c, reader(c)) for c in table.columns)
        }
        self.by_column: Mapping[str, Property] = {p.column.name: p for p in self.properties.values()}
        self.navigations: Mapping[str, Navigation] = {n.name: n for n in _navigations(table)}
        self.collections: Mapping[str, Collection] = {
            c.name: c for c in collections if c.name not in self.properties and c.name not in self.navigations
        }
        self.has_version = VERSION_COLUMN in table.by_name

    @cached_property
    def currency(self) -> Property | None:
        """The currency of the row's money columns."""
        return self.by_column.get("transactioncurrencyid")

    @cached_property
    def alternate_keys(self) -> frozenset[frozenset[str]]:
        return frozenset(frozenset(key) for key in self.table.alternate_keys)

    def key_property(self, name: str) -> Property | None:
        """The property that a key part names: a lookup by its value property or by its column."""
        return self.properties.get(name) or self.by_column.get(name)


def _navigations(table: Table) -> Iterable[Navigation]:
    for column in table.columns:
        if column.type is not ColumnType.LOOKUP:
            continue
        if column.role is ColumnRole.OWNER:
            yield Navigation(column.name, column, column.targets)
            continue
        for target in column.targets:
            yield Navigation(navigation_name(column, target), column, (target,))


class ServiceModel:
    """All tables of an environment on the wire, found by set name and by logical name, case and all."""

    def __init__(self, schema: EnvironmentSchema) -> None:
        self.schema = schema
        collections: dict[str, list[Collection]] = {}
        for table in schema:
            for column in table.columns:
                collection = Collection(f"{table.name}_{column.name}", table.name, column)
                for target in column.targets if column.type is ColumnType.LOOKUP else ():
                    collections.setdefault(target, []).append(collection)
        entities = [EntityModel(table, collections=collections.get(table.name, ())) for table in schema]
        self.by_table: Mapping[str, EntityModel] = {entity.table.name: entity for entity in entities}
        self.by_set: Mapping[str, EntityModel] = {entity.set_name: entity for entity in entities}

    @cached_property
    def global_choices(self) -> Mapping[str, Enumeration]:
        """The option sets that do not belong to one column, by name."""
        return {
            column.enumeration.name.lower(): column.enumeration
            for table in self.schema
            for column in table.columns
            if column.type is ColumnType.CHOICE
            and column.enumeration is not None
            and column.enumeration.name != own_enumeration(table.name, column.name)
        }

    def entity(self, table: str) -> EntityModel:
        """The entity over ``table``. Raises: CatalogRefused."""
        entity = self.by_table.get(table)
        if entity is None:
            raise CatalogRefused(f"the environment has no table {table!r}")
        return entity
