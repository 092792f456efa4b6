"""The public face of the environment's tables: entity types in the singular, entity sets in the plural."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from dualwrite.metadata.schema import Enumeration, EnvironmentSchema, Table
from dualwrite.servers.finops.wire import EntityWire

NAMESPACE = "Microsoft.Dynamics.DataEntities"

_SET = re.compile(r"(?P<stem>.*?)(?P<version>(?:CDS)?(?:V\d+)?)")


class PublicEntity:
    """A table with its names on the wire and its converters."""

    def __init__(self, table: Table, *, type_name: str) -> None:
        self.table = table
        self.type_name = type_name
        self.set_name = table.entity_set
        self.wire = EntityWire(table, qualified_type=f"{NAMESPACE}.{type_name}", namespace=NAMESPACE)


class PublicModel:
    """Every entity of the environment by its set, and the enum types they use."""

    def __init__(self, schema: EnvironmentSchema) -> None:
        self.schema = schema
        self.enumerations = _enumerations(schema)
        names = _type_names(schema, taken=set(self.enumerations))
        entities = [PublicEntity(table, type_name=names[table.name]) for table in schema]
        self.by_set: Mapping[str, PublicEntity] = MappingProxyType({entity.set_name: entity for entity in entities})
        self.by_type: Mapping[str, PublicEntity] = MappingProxyType({entity.type_name: entity for entity in entities})
        self.by_table: Mapping[str, PublicEntity] = MappingProxyType({e.table.name: e for e in entities})


def singular(set_name: str) -> str:
    """``CustomersV3`` as ``CustomerV3``, ``Currencies`` as ``Currency``; unchanged where no rule fits."""
    match = _SET.fullmatch(set_name)
    stem, version = (match["stem"], match["version"]) if match else (set_name, "")
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("ss", "ss"), ("us", "us")):
        if stem.endswith(ending):
            return stem.removesuffix(ending) + replacement + version
    return stem.removesuffix("s") + version


def _type_names(schema: EnvironmentSchema, *, taken: set[str]) -> dict[str, str]:
    """The type name of each table: the singular of its set where that is free, else the table's own name."""
    sets = {table.entity_set for table in schema}
    wanted = {table.name: singular(table.entity_set) for table in schema}
    uses = Counter(wanted.values())
    return {
        name: name if uses[type_name] > 1 or type_name in sets or type_name in taken else type_name
        for name, type_name in wanted.items()
    }


def _enumerations(schema: EnvironmentSchema) -> Mapping[str, Enumeration]:
    found = {
        column.enumeration.name: column.enumeration
        for table in schema
        for column in table.columns
        if column.enumeration is not None
    }
    return MappingProxyType(dict(sorted(found.items())))
