"""The tables told as Dataverse tells its own metadata: entities, attributes, keys, relationships, option sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

from dualwrite.metadata.document import own_enumeration
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Enumeration, Table
from dualwrite.servers.dataverse.model import EntityModel, ServiceModel, navigation_name

Definition: TypeAlias = dict[str, object]

ENGLISH = 1033
_TYPE = "Microsoft.Dynamics.CRM."

_KINDS: Mapping[ColumnType, tuple[str, str]] = {
    ColumnType.STRING: ("String", "StringType"),
    ColumnType.MEMO: ("Memo", "MemoType"),
    ColumnType.INTEGER: ("Integer", "IntegerType"),
    ColumnType.BIGINT: ("BigInt", "BigIntType"),
    ColumnType.DECIMAL: ("Decimal", "DecimalType"),
    ColumnType.MONEY: ("Money", "MoneyType"),
    ColumnType.BOOLEAN: ("Boolean", "BooleanType"),
    ColumnType.ENUM: ("String", "StringType"),
    ColumnType.CHOICE: ("Picklist", "PicklistType"),
    ColumnType.DATE: ("DateTime", "DateTimeType"),
    ColumnType.DATETIME: ("DateTime", "DateTimeType"),
    ColumnType.GUID: ("Uniqueidentifier", "UniqueidentifierType"),
    ColumnType.LOOKUP: ("Lookup", "LookupType"),
}


def metadata_id(*names: str) -> UUID:
    """The id of a definition: the same for the same names in every run."""
    return uuid5(NAMESPACE_URL, "dualwrite:metadata:" + "/".join(names))


def label(text: str) -> Definition:
    localized = {
        "@odata.type": f"#{_TYPE}LocalizedLabel",
        "Label": text,
        "LanguageCode": ENGLISH,
        "IsManaged": False,
        "MetadataId": metadata_id("label", text),
        "HasChanged": None,
    }
    return {"@odata.type": f"#{_TYPE}Label", "LocalizedLabels": [localized], "UserLocalizedLabel": localized}


def managed(value: object) -> Definition:
    """A managed property: a value that a solution may fix."""
    return {"Value": value, "CanBeChanged": False, "ManagedPropertyLogicalName": ""}


def entity_definition(entity: EntityModel) -> Definition:
    """One table, without its attributes."""
    table = entity.table
    is_owned = any(column.role is ColumnRole.OWNER for column in table.columns)
    return {
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema_name or table.name,
        "EntitySetName": table.entity_set,
        "LogicalCollectionName": table.entity_set,
        "CollectionSchemaName": table.entity_set,
        "PrimaryIdAttribute": entity.id_column.name,
        "PrimaryNameAttribute": table.primary_name,
        "PrimaryImageAttribute": None,
        "DisplayName": label(table.label or table.name),
        "DisplayCollectionName": label(table.collection_label or table.label or table.name),
        "Description": label(""),
        "OwnershipType": "UserOwned" if is_owned else "OrganizationOwned",
        "TableType": "Standard",
        "ObjectTypeCode": _type_code(table),
        "IsActivity": False,
        "IsCustomEntity": "_" in table.name,
        "IsIntersect": False,
        "IsLogicalEntity": False,
        "IsManaged": False,
        "IsPrivate": False,
        "IsOptimisticConcurrencyEnabled": entity.has_version,
        "IsValidForAdvancedFind": True,
        "ChangeTrackingEnabled": False,
        "HasActivities": False,
        "HasNotes": False,
        "IsCustomizable": managed(False),
        "CanCreateAttributes": managed(False),
        "CanModifyAdditionalSettings": managed(False),
    }


def _type_code(table: Table) -> int:
    """A number that stays with the table's name, in the range of custom tables."""
    return 10_000 + metadata_id("typecode", table.name).int % 90_000


def attribute_kind(entity: EntityModel, column: Column) -> tuple[str, str]:
    """``AttributeType`` and ``AttributeTypeName`` of a column."""
    if column.role is ColumnRole.STATE:
        return "State", "StateType"
    if column.role is ColumnRole.STATUS:
        return "Status", "StatusType"
    if column.role is ColumnRole.OWNER:
        return "Owner", "OwnerType"
    return _KINDS[column.type]


def attribute_type(entity: EntityModel, column: Column) -> str:
    """The metadata type of a column: ``Microsoft.Dynamics.CRM.PicklistAttributeMetadata``."""
    kind = attribute_kind(entity, column)[0]
    names = {"Owner": "Lookup", "Uniqueidentifier": "UniqueIdentifier"}
    return f"{_TYPE}{names.get(kind, kind)}AttributeMetadata"


def attribute_definition(entity: EntityModel, column: Column) -> Definition:
    """One column with what its kind adds; option sets stand beside it, see :func:`option_set`."""
    kind, kind_name = attribute_kind(entity, column)
    is_key = column.name == entity.id_column.name
    definition: Definition = {
        "@odata.type": f"#{attribute_type(entity, column)}",
        "MetadataId": metadata_id(entity.table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.schema_name or column.name,
        "EntityLogicalName": entity.table.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": kind_name},
        "DisplayName": label(column.label or column.name),
        "Description": label(""),
        "AttributeOf": None,
        "IsPrimaryId": is_key,
        "IsPrimaryName": column.name == entity.table.primary_name,
        "IsCustomAttribute": "_" in column.name,
        "IsManaged": False,
        "IsLogical": False,
        "IsValidForRead": True,
        "IsValidForCreate": column.writable,
        "IsValidForUpdate": column.writable and not is_key,
        "RequiredLevel": managed(_required_level(column, is_key=is_key)),
        "IsCustomizable": managed(False),
    }
    definition.update(_particulars(column))
    return definition


def _required_level(column: Column, *, is_key: bool) -> str:
    if is_key:
        return "SystemRequired"
    return "ApplicationRequired" if column.required else "None"


def _particulars(column: Column) -> Definition:
    match column.type:
        case ColumnType.STRING:
            return {"MaxLength": column.length, "Format": "Text", "FormatName": {"Value": "Text"}}
        case ColumnType.MEMO:
            return {"MaxLength": column.length, "Format": "TextArea"}
        case ColumnType.INTEGER:
            return {"MinValue": -(2**31), "MaxValue": 2**31 - 1, "Format": "None"}
        case ColumnType.DECIMAL | ColumnType.MONEY:
            return {"Precision": column.scale if column.scale is not None else 2}
        case ColumnType.DATE:
            return {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}
        case ColumnType.DATETIME:
            return {"Format": "DateAndTime", "DateTimeBehavior": {"Value": "UserLocal"}}
        case ColumnType.LOOKUP:
            return {"Targets": list(column.targets)}
        case _:
            return {}


def is_global(entity: EntityModel, column: Column) -> bool:
    """Whether the choices of a column are a set that other columns may share."""
    own = own_enumeration(entity.table.name, column.name)
    return column.type is ColumnType.CHOICE and column.enumeration is not None and column.enumeration.name != own


def global_option_set(choices: Enumeration) -> Definition:
    """A set of choices that belongs to no single column."""
    return {
        **_option_set_head(choices.name, is_global=True),
        "OptionSetType": "Picklist",
        "Options": [_option(text, value) for text, value in choices.members],
    }


def _option_set_head(name: str, *, is_global: bool) -> Definition:
    return {"MetadataId": metadata_id(name), "Name": name, "IsGlobal": is_global, "IsManaged": False}


def option_set(entity: EntityModel, column: Column) -> Definition | None:
    """The choices of a column; None for a column without."""
    if is_global(entity, column) and column.enumeration is not None:
        return global_option_set(column.enumeration)
    head = _option_set_head(own_enumeration(entity.table.name, column.name), is_global=False)
    if column.type is ColumnType.BOOLEAN:
        options = {"TrueOption": _option("Yes", 1), "FalseOption": _option("No", 0)}
        return {**head, "OptionSetType": "Boolean", **options}
    if column.type is not ColumnType.CHOICE:
        return None
    members = column.enumeration.members if column.enumeration is not None else ()
    is_status = column.role is ColumnRole.STATUS
    kinds = {ColumnRole.STATE: "State", ColumnRole.STATUS: "Status"}
    options_listed = [
        {**_option(text, value), **({"State": _state_of(entity, text)} if is_status else {})} for text, value in members
    ]
    return {**head, "OptionSetType": kinds.get(column.role, "Picklist"), "Options": options_listed}


def _option(text: str, value: int) -> Definition:
    return {
        "Value": value,
        "Label": label(text),
        "Description": label(""),
        "Color": None,
        "IsManaged": False,
        "MetadataId": None,
    }


def _state_of(entity: EntityModel, status: str) -> int:
    """The state a status belongs to: the one of the same name, else the first."""
    for column in entity.table.columns:
        if column.role is ColumnRole.STATE and column.enumeration is not None:
            return column.enumeration.number(status) or 0
    return 0


def key_definitions(entity: EntityModel) -> list[Definition]:
    """The alternate keys of a table; all of them are in force."""
    keys = []
    for columns in entity.table.alternate_keys:
        name = key_name(entity, columns)
        keys.append(
            {
                "MetadataId": metadata_id("key", entity.table.name, *columns),
                "LogicalName": name.lower(),
                "SchemaName": name,
                "EntityLogicalName": entity.table.name,
                "KeyAttributes": list(columns),
                "EntityKeyIndexStatus": "Active",
                "IsManaged": False,
                "DisplayName": label(name),
            }
        )
    return keys


def key_name(entity: EntityModel, columns: tuple[str, ...]) -> str:
    """The schema name of an alternate key: the one it was given, else one made of table and columns."""
    table = entity.table
    given = dict(zip(table.alternate_keys, table.key_names, strict=False)).get(columns)
    return given or f"{table.name}_{'_'.join(columns)}"


def relationships_from(entity: EntityModel, model: ServiceModel) -> list[Definition]:
    """The many-to-one relationships: one for each lookup and each table it may point to."""
    return [
        _relationship(entity, column, model.by_table[target])
        for column in entity.table.columns
        if column.type is ColumnType.LOOKUP
        for target in column.targets
        if target in model.by_table
    ]


def relationships_to(entity: EntityModel, model: ServiceModel) -> list[Definition]:
    """The one-to-many relationships of a table."""
    return [
        _relationship(model.entity(table.name), column, entity)
        for table, column in model.schema.referencing(entity.table)
    ]


def all_relationships(model: ServiceModel) -> Iterable[Definition]:
    for entity in model.by_table.values():
        yield from relationships_from(entity, model)


def relationship_name(entity: EntityModel, column: Column, target: str) -> str:
    """The schema name of the relationship from a lookup to one table: the one given, else one made of the names."""
    given = dict(zip(column.targets, column.relationships, strict=False)).get(target)
    return given or f"{entity.table.name}_{column.name}_{target}"


def _relationship(entity: EntityModel, column: Column, target: EntityModel) -> Definition:
    name = relationship_name(entity, column, target.table.name)
    return {
        "@odata.type": f"#{_TYPE}OneToManyRelationshipMetadata",
        "MetadataId": metadata_id("relationship", entity.table.name, column.name, target.table.name),
        "SchemaName": name,
        "RelationshipType": "OneToManyRelationship",
        "ReferencedEntity": target.table.name,
        "ReferencedAttribute": target.id_column.name,
        "ReferencingEntity": entity.table.name,
        "ReferencingAttribute": column.name,
        "ReferencedEntityNavigationPropertyName": f"{entity.table.name}_{column.name}",
        "ReferencingEntityNavigationPropertyName": navigation_name(column, target.table.name),
        "IsCustomRelationship": "_" in column.name,
        "IsManaged": False,
        "IsHierarchical": False,
        "IsValidForAdvancedFind": True,
        "SecurityTypes": "None",
    }
