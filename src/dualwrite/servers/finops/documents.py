"""The two documents that describe ``/data``: the list of sets and the entity model."""

from __future__ import annotations

from dualwrite.metadata.schema import Column, ColumnType, Enumeration
from dualwrite.servers.finops.model import NAMESPACE, PublicEntity, PublicModel
from dualwrite.servers.odata.edm import EntitySet, EntityType, EnumType, Model, Property, write_csdl

_EDM: dict[ColumnType, str] = {
    ColumnType.STRING: "Edm.String",
    ColumnType.MEMO: "Edm.String",
    ColumnType.INTEGER: "Edm.Int32",
    ColumnType.CHOICE: "Edm.Int32",
    ColumnType.BIGINT: "Edm.Int64",
    ColumnType.DECIMAL: "Edm.Decimal",
    ColumnType.MONEY: "Edm.Decimal",
    ColumnType.BOOLEAN: "Edm.Boolean",
    ColumnType.ENUM: "Edm.String",
    ColumnType.DATE: "Edm.DateTimeOffset",
    ColumnType.DATETIME: "Edm.DateTimeOffset",
    ColumnType.GUID: "Edm.Guid",
    ColumnType.LOOKUP: "Edm.Guid",
}


def edm_type(column: Column) -> str:
    """The EDM name of a column's type: enums are types of their own, days are DateTimeOffset as the service has it."""
    if column.type is ColumnType.ENUM and column.enumeration is not None:
        return f"{NAMESPACE}.{column.enumeration.name}"
    return _EDM[column.type]


def service_document(model: PublicModel, root: str) -> dict[str, object]:
    """All entity sets by name."""
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in sorted(model.by_set)]
    return {"@odata.context": f"{root}$metadata", "value": sets}


def metadata_document(model: PublicModel) -> bytes:
    """The CSDL document."""
    entities = sorted(model.by_set.values(), key=lambda entity: entity.set_name)
    return write_csdl(
        Model(
            namespace=NAMESPACE,
            container="Resources",
            entity_types=[_entity_type(entity) for entity in entities],
            entity_sets=[EntitySet(entity.set_name, entity.type_name) for entity in entities],
            enum_types=[_enum_type(enumeration) for enumeration in model.enumerations.values()],
        )
    )


def _enum_type(enumeration: Enumeration) -> EnumType:
    return EnumType(enumeration.name, enumeration.members)


def _entity_type(entity: PublicEntity) -> EntityType:
    table = entity.table
    return EntityType(
        entity.type_name, table.key, tuple(_property(c, is_key=c.name in table.key) for c in table.columns)
    )


def _property(column: Column, *, is_key: bool) -> Property:
    text = column.type.is_text
    return Property(
        name=column.name,
        type=edm_type(column),
        nullable=text and not is_key,
        max_length=column.length if text else None,
        scale="Variable" if column.type in (ColumnType.DECIMAL, ColumnType.MONEY) else None,
    )
