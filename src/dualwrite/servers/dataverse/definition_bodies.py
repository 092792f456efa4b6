"""Definitions as clients send them (EntityMetadata, AttributeMetadata, OptionSetMetadata), as tables and columns."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dualwrite.metadata.conventions import FIRST_OWN_CHOICE, id_column, plural, standard_columns
from dualwrite.metadata.document import own_enumeration
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, Side, Table
from dualwrite.servers.dataverse.model import ServiceModel
from dualwrite.servers.dataverse.problems import Code, CodedRefusal, invalid_argument
from dualwrite.servers.odata.json_body import JsonObject, JsonValue

_PREFIXED = re.compile(r"[A-Za-z][A-Za-z0-9]{1,7}_[A-Za-z][A-Za-z0-9_]*")
_KIND = re.compile(r"#?(?:Microsoft\.Dynamics\.CRM\.?)?(?:Complex)?(\w+?)AttributeMetadata")
_LONGEST_TEXT: Mapping[ColumnType, int] = {ColumnType.STRING: 4000, ColumnType.MEMO: 1_048_576}
_PLAIN_KINDS: Mapping[str, ColumnType] = {
    "String": ColumnType.STRING,
    "Memo": ColumnType.MEMO,
    "Integer": ColumnType.INTEGER,
    "BigInt": ColumnType.BIGINT,
    "Decimal": ColumnType.DECIMAL,
    # Amounts are exact here: what Dataverse keeps as a binary fraction is a decimal of the same precision.
    "Double": ColumnType.DECIMAL,
    "Money": ColumnType.MONEY,
    "Boolean": ColumnType.BOOLEAN,
    "DateTime": ColumnType.DATETIME,
    "Picklist": ColumnType.CHOICE,
}
_LENGTHS: Mapping[ColumnType, int] = {ColumnType.STRING: 100, ColumnType.MEMO: 2000}
_PRECISIONS: Mapping[str, tuple[int, int]] = {"Decimal": (2, 10), "Double": (2, 5), "Money": (2, 4)}
_NOT_HERE: Mapping[str, str] = {
    "Lookup": "A lookup is made by creating a relationship: POST RelationshipDefinitions.",
    "Customer": "A lookup to accounts and contacts is made by CreatePolymorphicLookupAttribute.",
    "Owner": "A table has one owner, which comes with the table.",
    "Uniqueidentifier": "A column of type Uniqueidentifier cannot be created.",
    "UniqueIdentifier": "A column of type Uniqueidentifier cannot be created.",
    "State": "Columns of type State come with the table.",
    "Status": "Columns of type Status come with the table.",
}


def read_table(body: JsonObject, model: ServiceModel) -> Table:
    """A new table with the columns that every custom table has and those of the body. Raises: CodedRefusal."""
    schema_name = schema_name_of(body, "table")
    name = schema_name.lower()
    label = label_of(body, "DisplayName") or schema_name.partition("_")[2]
    attributes = [each for each in objects(body, "Attributes")]
    columns = tuple(read_column(each, name, model) for each in attributes)
    names = [c for each, c in zip(attributes, columns, strict=True) if each.get("IsPrimaryName") is True]
    if len(names) != 1 or names[0].type is not ColumnType.STRING:
        raise invalid_argument(f"The table {name} needs one primary name: a String attribute with IsPrimaryName.")
    key = id_column(name)
    return Table(
        side=Side.DATAVERSE,
        name=name,
        entity_set=_text(body, "EntitySetName") or plural(name),
        label=label,
        key=(key.name,),
        columns=(key, *columns, *standard_columns(name, is_owned=_text(body, "OwnershipType") != "OrganizationOwned")),
        primary_name=names[0].name,
        schema_name=schema_name,
        collection_label=label_of(body, "DisplayCollectionName") or "",
    )


def read_column(body: JsonObject, table: str, model: ServiceModel) -> Column:
    """The column that an AttributeMetadata describes. Raises: CodedRefusal."""
    kind = _kind(body)
    if kind in _NOT_HERE:
        raise invalid_argument(_NOT_HERE[kind])
    if kind not in _PLAIN_KINDS:
        raise invalid_argument(f"Attributes of type {kind} are not supported here.")
    schema_name = schema_name_of(body, "column")
    name = schema_name.lower()
    column_type = _PLAIN_KINDS[kind]
    if kind == "DateTime" and _is_date_only(body):
        column_type = ColumnType.DATE
    return Column(
        name=name,
        type=column_type,
        length=_length(body, column_type),
        scale=_scale(body, kind),
        required=is_required(body),
        label=label_of(body, "DisplayName") or "",
        enumeration=_choices(body, table, name, model) if column_type is ColumnType.CHOICE else None,
        schema_name=schema_name,
    )


def read_lookup(body: JsonObject, targets: tuple[str, ...], relationships: tuple[str, ...]) -> Column:
    """The lookup column that a LookupAttributeMetadata describes. Raises: CodedRefusal."""
    schema_name = schema_name_of(body, "column")
    return Column(
        name=schema_name.lower(),
        type=ColumnType.LOOKUP,
        required=is_required(body),
        label=label_of(body, "DisplayName") or "",
        targets=targets,
        schema_name=schema_name,
        relationships=relationships,
    )


def _kind(body: JsonObject) -> str:
    match = _KIND.fullmatch(_text(body, "@odata.type"))
    kind = match[1] if match else _text(body, "AttributeType")
    if not kind:
        raise invalid_argument("The @odata.type is missing (as in #Microsoft.Dynamics.CRM.StringAttributeMetadata).")
    return kind


def _is_date_only(body: JsonObject) -> bool:
    """The behaviour decides; the format only says what of a moment is shown."""
    behavior = body.get("DateTimeBehavior")
    return (behavior.get("Value") if isinstance(behavior, dict) else behavior) == "DateOnly"


def _length(body: JsonObject, column_type: ColumnType) -> int | None:
    if column_type not in _LENGTHS:
        return None
    length, most = body.get("MaxLength", _LENGTHS[column_type]), _LONGEST_TEXT[column_type]
    if length is None:
        return _LENGTHS[column_type]
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= most:
        raise invalid_argument(f"MaxLength must be a whole number from 1 to {most}.")
    return length


def _scale(body: JsonObject, kind: str) -> int | None:
    if kind not in _PRECISIONS:
        return None
    usual, most = _PRECISIONS[kind]
    scale = body.get("Precision")
    if scale is None:
        return usual
    if isinstance(scale, bool) or not isinstance(scale, int) or not 0 <= scale <= most:
        raise invalid_argument(f"Precision of a {kind} must be a whole number from 0 to {most}.")
    return scale


def _choices(body: JsonObject, table: str, column: str, model: ServiceModel) -> Enumeration:
    """The options of a Picklist: its own, or a global set that columns have already."""
    bound = body.get("GlobalOptionSet@odata.bind")
    given = body.get("OptionSet") or body.get("GlobalOptionSet")
    if isinstance(bound, str):
        return _global_set(bound.rstrip(")").rpartition("(")[2].partition("=")[2].strip("'") or bound, model)
    if not isinstance(given, dict):
        raise invalid_argument("A Picklist needs an OptionSet with Options.")
    is_global = given.get("IsGlobal") is True
    name = _text(given, "Name").lower()
    options = objects(given, "Options")
    if is_global and name and not options:
        return _global_set(name, model)
    return Enumeration(name if is_global and name else own_enumeration(table, column), read_options(options))


def _global_set(name: str, model: ServiceModel) -> Enumeration:
    found = model.global_choices.get(name.lower())
    if found is None:
        raise CodedRefusal(f"Could not find the global option set '{name}'.", wire_code=Code.NOT_FOUND)
    return found


def read_options(options: list[JsonObject]) -> tuple[tuple[str, int], ...]:
    """Labels with their numbers; those without a number get the next free one. Raises: CodedRefusal."""
    members: list[tuple[str, int]] = []
    for option in options:
        value = option.get("Value")
        if value is None:
            value = max((number + 1 for _, number in members if number >= FIRST_OWN_CHOICE), default=FIRST_OWN_CHOICE)
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid_argument("The Value of an option is a whole number.")
        label = label_of(option, "Label") or str(value)
        if any(label == known or value == number for known, number in members):
            raise invalid_argument(f"The option {label} ({value}) is there twice.")
        members.append((label, value))
    if not members:
        raise invalid_argument("An option set needs options.")
    return tuple(members)


def schema_name_of(body: JsonObject, what: str) -> str:
    """The schema name, which starts with a publisher's prefix. Raises: CodedRefusal."""
    name = _text(body, "SchemaName") or _text(body, "LogicalName")
    if not name:
        raise invalid_argument(f"The SchemaName of the {what} is missing.")
    if not _PREFIXED.fullmatch(name):
        raise invalid_argument(
            f"Invalid name {name}. Custom {what} names must start with a valid customization prefix (as in new_Name): "
            "two to eight letters and digits, an underscore, then letters, digits and underscores."
        )
    return name


def is_required(body: JsonObject) -> bool:
    level = body.get("RequiredLevel")
    stated = level.get("Value") if isinstance(level, dict) else level
    return stated in ("ApplicationRequired", "SystemRequired")


def label_of(body: JsonObject, name: str) -> str | None:
    """The text of a label, English first; None where there is none."""
    given = body.get(name)
    if isinstance(given, str):
        return given
    if not isinstance(given, dict):
        return None
    user = given.get("UserLocalizedLabel")
    labels = [*objects(given, "LocalizedLabels"), *([user] if isinstance(user, dict) else [])]
    labels.sort(key=lambda each: each.get("LanguageCode") != 1033)
    text = labels[0].get("Label") if labels else None
    return text if isinstance(text, str) else None


def objects(body: JsonObject, name: str) -> list[JsonObject]:
    """The objects of a list in the body; none where there is no list. Raises: CodedRefusal."""
    given = body.get(name)
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise invalid_argument(f"{name} must be a list of objects.")
    return [each for each in given if isinstance(each, dict)]


def _text(body: Mapping[str, JsonValue], name: str) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid_argument(f"{name} must be a text.")
    return value or ""
