"""``/metadata``: what the environment holds, in the words of its own metadata service. Read only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from dualwrite.filters.evaluate import matches
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, EnvironmentSchema, Side, Table
from dualwrite.metadata.values import Value
from dualwrite.servers.finops.documents import edm_type
from dualwrite.servers.finops.exchange import ODATA_VERSION, Reply, Request, json_reply
from dualwrite.servers.finops.filtering import read_filter
from dualwrite.servers.finops.model import PublicEntity, PublicModel
from dualwrite.servers.odata.options import Options, parse_options
from dualwrite.servers.odata.path import KeyPredicate, parse_path
from dualwrite.servers.odata.refusals import MalformedRequest, MethodRefused, ResourceNotFound

Document = dict[str, object]

_CATEGORY = Enumeration(
    "EntityCategory", (("Master", 0), ("Transaction", 1), ("Reference", 2), ("Document", 3), ("Parameter", 4))
)
_DATA_TYPES: Mapping[ColumnType, str] = {
    ColumnType.STRING: "String",
    ColumnType.MEMO: "String",
    ColumnType.INTEGER: "Int32",
    ColumnType.CHOICE: "Int32",
    ColumnType.BIGINT: "Int64",
    ColumnType.DECIMAL: "Real",
    ColumnType.MONEY: "Real",
    ColumnType.BOOLEAN: "Boolean",
    ColumnType.ENUM: "Enum",
    ColumnType.DATE: "Date",
    ColumnType.DATETIME: "UtcDateTime",
    ColumnType.GUID: "Guid",
    ColumnType.LOOKUP: "Guid",
}


class MetadataService:
    """The three collections and the labels."""

    def __init__(self, model: PublicModel) -> None:
        self._model = model
        self._collections: Mapping[str, tuple[str, Table, Callable[[], Sequence[Document]]]] = {
            "dataentities": ("DataEntities", _DATA_ENTITY, lambda: self._data_entities),
            "publicentities": ("PublicEntities", _PUBLIC_ENTITY, lambda: self._public_entities),
            "publicenumerations": ("PublicEnumerations", _PUBLIC_ENUMERATION, lambda: self._enumerations),
        }

    def answer(self, request: Request, path: str) -> Reply:
        """The answer to a request for ``path`` below ``/metadata``. Raises: RequestRefused, QueryRefused."""
        segments = parse_path(path)
        options = parse_options(request.query)
        if request.method != "GET":
            raise MethodRefused("The metadata service is read only.", allowed=("GET",))
        if not segments:
            return self._roots(request)
        first = segments[0]
        if first.name.lower() == "labels" and first.key is not None and len(segments) == 1:
            return self._label(request, first.key)
        found = self._collections.get(first.name.lower())
        if found is None or len(segments) > 2:
            raise ResourceNotFound(f"There is no metadata resource '{first.name}'.")
        name, table, rows = found
        if len(segments) == 2:
            if segments[1].name != "$count" or first.key is not None:
                raise ResourceNotFound(f"There is no metadata resource '{segments[1].name}'.")
            total = len(_matching(table, rows(), options))
            return Reply(200, (("Content-Type", "text/plain"), ODATA_VERSION), str(total).encode())
        if first.key is not None:
            return _one(request, name, rows(), first.key, options)
        return _many(request, name, table, rows(), options)

    def _roots(self, request: Request) -> Reply:
        names = [name for name, _, _ in self._collections.values()]
        listed = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
        return json_reply({"@odata.context": f"{request.origin}/metadata/$metadata", "value": listed})

    def _label(self, request: Request, key: KeyPredicate) -> Reply:
        label, language = key.get("Id"), key.get("Language")
        if not isinstance(label, str) or not isinstance(language, str):
            raise MalformedRequest("A label is addressed by Id and Language.")
        context = f"{request.origin}/metadata/$metadata#Labels/$entity"
        return json_reply({"@odata.context": context, "Id": label, "Language": language, "Value": label})

    @cached_property
    def _data_entities(self) -> Sequence[Document]:
        return [_data_entity(entity) for entity in self._model.by_set.values()]

    @cached_property
    def _public_entities(self) -> Sequence[Document]:
        return [_public_entity(entity) for entity in self._model.by_set.values()]

    @cached_property
    def _enumerations(self) -> Sequence[Document]:
        return [_public_enumeration(enumeration) for enumeration in self._model.enumerations.values()]


# --- rows -----------------------------------------------------------------------------------------------------------


def _data_entity(entity: PublicEntity) -> Document:
    return {
        "Name": entity.table.name,
        "PublicEntityName": entity.type_name,
        "PublicCollectionName": entity.set_name,
        "LabelId": entity.table.label,
        "DataServiceEnabled": True,
        "DataManagementEnabled": True,
        "EntityCategory": "Master",
        "IsReadOnly": False,
    }


def _public_entity(entity: PublicEntity) -> Document:
    return {
        "Name": entity.type_name,
        "EntitySetName": entity.set_name,
        "LabelId": entity.table.label,
        "IsReadOnly": False,
        "ConfigurationEnabled": True,
        "Properties": [_property(column, entity.table) for column in entity.table.columns],
        "NavigationProperties": [],
        "PropertyGroups": [],
        "Actions": [],
    }


def _property(column: Column, table: Table) -> Document:
    is_key = column.name in table.key
    return {
        "Name": column.name,
        "TypeName": edm_type(column),
        "DataType": _DATA_TYPES[column.type],
        "LabelId": column.label,
        "IsKey": is_key,
        "IsMandatory": column.required,
        "ConfigurationEnabled": True,
        "AllowEdit": column.writable and not is_key,
        "AllowEditOnCreate": column.writable,
        "IsDimension": False,
        "DimensionRelation": None,
        "IsDynamicDimension": False,
        "DimensionLegalEntityProperty": None,
        "DimensionTypeProperty": None,
    }


def _public_enumeration(enumeration: Enumeration) -> Document:
    members = [
        {"Name": name, "Value": number, "LabelId": name, "ConfigurationEnabled": True}
        for name, number in enumeration.members
    ]
    return {"Name": enumeration.name, "LabelId": enumeration.name, "Members": members}


def _described(name: str, texts: Sequence[str], flags: Sequence[str], *enums: Column) -> Table:
    """What can be filtered of a metadata row, as a table."""
    columns = [Column(text, ColumnType.STRING) for text in texts] + [Column(f, ColumnType.BOOLEAN) for f in flags]
    return Table(Side.FINOPS, name, name, name, ("Name",), (*columns, *enums))


_DATA_ENTITY = _described(
    "DataEntities",
    ("Name", "PublicEntityName", "PublicCollectionName", "LabelId"),
    ("DataServiceEnabled", "DataManagementEnabled", "IsReadOnly"),
    Column("EntityCategory", ColumnType.ENUM, enumeration=_CATEGORY),
)
_PUBLIC_ENTITY = _described(
    "PublicEntities", ("Name", "EntitySetName", "LabelId"), ("IsReadOnly", "ConfigurationEnabled")
)
_PUBLIC_ENUMERATION = _described("PublicEnumerations", ("Name", "LabelId"), ())
_SCHEMA = EnvironmentSchema(Side.FINOPS, (_DATA_ENTITY, _PUBLIC_ENTITY, _PUBLIC_ENUMERATION))


# --- answers --------------------------------------------------------------------------------------------------------


def _one(request: Request, collection: str, rows: Sequence[Document], key: KeyPredicate, options: Options) -> Reply:
    wanted = key.parts[0][1] if len(key.parts) == 1 and key.parts[0][0] in ("", "Name") else None
    row = next((row for row in rows if row["Name"] == wanted), None)
    if row is None:
        raise ResourceNotFound(f"There is no row with that key in '{collection}'.")
    context = f"{request.origin}/metadata/$metadata#{collection}/$entity"
    return json_reply({"@odata.context": context, **_selected(row, options)})


def _many(request: Request, collection: str, table: Table, rows: Sequence[Document], options: Options) -> Reply:
    found = _matching(table, rows, options)
    first = options.skip or 0
    last = None if options.top is None else first + options.top
    body: Document = {"@odata.context": f"{request.origin}/metadata/$metadata#{collection}"}
    if options.count:
        body["@odata.count"] = len(found)
    body["value"] = [_selected(row, options) for row in found[first:last]]
    return json_reply(body)


def _matching(table: Table, rows: Sequence[Document], options: Options) -> Sequence[Document]:
    condition = None if options.filter is None else read_filter(options.filter, table=table, schema=_SCHEMA)
    if condition is None:
        return rows
    return [row for row in rows if matches(condition, {name: _value(row[name]) for name in table.by_name})]


def _value(cell: object) -> Value:
    assert isinstance(cell, str | bool)
    return cell


def _selected(row: Document, options: Options) -> Document:
    if options.select is None:
        return row
    for name in options.select:
        if name not in row:
            raise MalformedRequest(f"Could not find a property named '{name[:128]}' to select.")
    return {name: row[name] for name in options.select}
