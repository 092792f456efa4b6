"""A table as a JSON document and back: how the catalog's files and a hosted environment's own database spell it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from dualwrite.errors import CatalogRefused
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Enumeration, Side, Table

_TYPES: Mapping[str, ColumnType] = {member.value: member for member in ColumnType}
_ROLES: Mapping[str, ColumnRole] = {member.value: member for member in ColumnRole}


class ColumnDocument(TypedDict):
    """A column. ``options`` are the members of its enumeration in order; ``enum`` names it, alone where a list of
    enumerations comes with the document.
    """

    name: str
    type: str
    length: NotRequired[int]
    scale: NotRequired[int]
    required: NotRequired[bool]
    label: NotRequired[str]
    enum: NotRequired[str]
    options: NotRequired[dict[str, int]]
    targets: NotRequired[list[str]]
    role: NotRequired[str]
    inferred: NotRequired[list[str]]
    schema_name: NotRequired[str]
    relationships: NotRequired[list[str]]


class TableDocument(TypedDict):
    """A table; what is empty is left out."""

    name: str
    entity_set: str
    label: str
    company_column: NotRequired[str]
    key: list[str]
    alternate_keys: NotRequired[list[list[str]]]
    key_names: NotRequired[list[str]]
    primary_name: NotRequired[str]
    schema_name: NotRequired[str]
    collection_label: NotRequired[str]
    columns: list[ColumnDocument]


def read_table(document: TableDocument, side: Side, enums: Mapping[str, Enumeration] | None = None) -> Table:
    """The table that ``document`` describes. Raises: CatalogRefused."""
    name = document["name"]
    return Table(
        side=side,
        name=name,
        entity_set=document["entity_set"],
        label=document["label"],
        key=tuple(document["key"]),
        columns=tuple(_column(name, column, enums or {}) for column in document["columns"]),
        alternate_keys=tuple(tuple(key) for key in document.get("alternate_keys", ())),
        primary_name=document.get("primary_name"),
        company_column=document.get("company_column"),
        key_names=tuple(document.get("key_names", ())),
        schema_name=document.get("schema_name", ""),
        collection_label=document.get("collection_label", ""),
    )


def _column(table: str, document: ColumnDocument, enums: Mapping[str, Enumeration]) -> Column:
    return Column(
        name=document["name"],
        type=_TYPES[document["type"]],
        length=document.get("length"),
        scale=document.get("scale"),
        required=document.get("required", False),
        label=document.get("label", ""),
        enumeration=_enumeration(table, document, enums),
        targets=tuple(document.get("targets", ())),
        role=_ROLES[document.get("role", "plain")],
        inferred=tuple(document.get("inferred", ())),
        schema_name=document.get("schema_name", ""),
        relationships=tuple(document.get("relationships", ())),
    )


def _enumeration(table: str, document: ColumnDocument, enums: Mapping[str, Enumeration]) -> Enumeration | None:
    options, name = document.get("options"), document.get("enum")
    if options is not None:
        return Enumeration(own_enumeration(table, document["name"]) if name is None else name, tuple(options.items()))
    if name is None:
        return None
    if name not in enums:
        raise CatalogRefused(f"{table}.{document['name']}: there is no enum {name!r}")
    return enums[name]


def own_enumeration(table: str, column: str) -> str:
    """What the choices of a column are called that belong to it alone."""
    return f"{table}_{column}"


def table_document(table: Table) -> TableDocument:
    """``table`` spelled out, enumerations included; :func:`read_table` gives it back."""
    document: TableDocument = {
        "name": table.name,
        "entity_set": table.entity_set,
        "label": table.label,
        "key": list(table.key),
        "columns": [_column_document(table, column) for column in table.columns],
    }
    if table.company_column is not None:
        document["company_column"] = table.company_column
    if table.alternate_keys:
        document["alternate_keys"] = [list(key) for key in table.alternate_keys]
    if table.key_names:
        document["key_names"] = list(table.key_names)
    if table.primary_name is not None:
        document["primary_name"] = table.primary_name
    if table.schema_name:
        document["schema_name"] = table.schema_name
    if table.collection_label:
        document["collection_label"] = table.collection_label
    return document


def _column_document(table: Table, column: Column) -> ColumnDocument:
    document: ColumnDocument = {"name": column.name, "type": column.type.value}
    if column.length is not None:
        document["length"] = column.length
    if column.scale is not None:
        document["scale"] = column.scale
    if column.required:
        document["required"] = True
    if column.label:
        document["label"] = column.label
    if column.enumeration is not None:
        if column.enumeration.name != own_enumeration(table.name, column.name):
            document["enum"] = column.enumeration.name
        document["options"] = dict(column.enumeration.members)
    if column.role is not ColumnRole.PLAIN:
        document["role"] = column.role.value
    lists = {"targets": column.targets, "inferred": column.inferred, "relationships": column.relationships}
    document.update({name: list(values) for name, values in lists.items() if values})  # type: ignore[typeddict-item]
    if column.schema_name:
        document["schema_name"] = column.schema_name
    return document
