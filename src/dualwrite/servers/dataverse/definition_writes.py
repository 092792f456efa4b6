"""Writing the definitions: tables, attributes, keys, relationships and options that users make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias
from uuid import UUID

from dualwrite.environments.port import Caller, TableDesign
from dualwrite.errors import CatalogRefused, NotAllowed
from dualwrite.metadata.conventions import company_column
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, Table
from dualwrite.security.roles import Role
from dualwrite.servers.dataverse.definition_bodies import (
    is_required,
    label_of,
    objects,
    read_column,
    read_lookup,
    read_options,
    read_table,
    schema_name_of,
)
from dualwrite.servers.dataverse.definitions import key_name, metadata_id, relationship_name
from dualwrite.servers.dataverse.exchange import NO_CONTENT, VERSION, Reply, Request, json_reply
from dualwrite.servers.dataverse.model import NAMESPACE, EntityModel, ServiceModel
from dualwrite.servers.dataverse.problems import (
    Code,
    CodedRefusal,
    RowMissing,
    invalid_argument,
    method_refused,
    unknown_segment,
)
from dualwrite.servers.odata.json_body import JsonObject, check_json_type, read_object
from dualwrite.servers.odata.path import KeyPredicate, Segment

Handler: TypeAlias = Callable[[Request, tuple[Segment, ...]], Awaitable[Reply]]

DESIGNERS: Final = frozenset({Role.SYSTEM_ADMINISTRATOR.value, Role.SYSTEM_CUSTOMIZER.value})
_MOST_KEY_COLUMNS = 16


class DefinitionWrites:
    """Answers what changes definitions, against one model."""

    def __init__(self, model: ServiceModel, design: TableDesign | None) -> None:
        self._model = model
        self._design = design
        self._roots: Mapping[str, Handler] = {
            "EntityDefinitions": self._entities,
            "RelationshipDefinitions": self._relationships,
            "CreateEntities": self._create_entities,
            "CreatePolymorphicLookupAttribute": self._create_polymorphic,
            "InsertOptionValue": self._insert_option,
            "PublishXml": self._publish,
            "PublishAllXml": self._publish,
        }

    def __contains__(self, name: str) -> bool:
        return name.removeprefix(f"{NAMESPACE}.") in self._roots

    async def answer(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        """The change is made, here and for everybody. Raises: RequestRefused, NotAllowed, CatalogRefused."""
        if self._design is None:
            raise method_refused(request.method, allowed=("GET",))
        _check_role(request.caller)
        return await self._roots[segments[0].name.removeprefix(f"{NAMESPACE}.")](request, segments)

    # --- tables -----------------------------------------------------------------------------------------------------

    async def _entities(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        first, rest = segments[0], segments[1:]
        if first.key is None:
            _only(request, "POST", at_all=not rest)
            table = read_table(_body(request), self._model)
            self._check_new(table)
            await self._define(request, table)
            return _created(request, f"EntityDefinitions({metadata_id(table.name)})")
        entity = self._entity(first.key)
        if rest:
            return await self._beneath(request, entity, rest)
        if request.method == "DELETE":
            await self._remove(request, entity.table.name)
            return NO_CONTENT
        _only(request, "PUT", "PATCH")
        body = _body(request)
        changed = replace(
            entity.table,
            label=label_of(body, "DisplayName") or entity.table.label,
            collection_label=label_of(body, "DisplayCollectionName") or entity.table.collection_label,
        )
        await self._define(request, changed)
        return NO_CONTENT

    async def _create_entities(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        _only(request, "POST")
        tables = [read_table(each, self._model) for each in objects(_body(request), "Entities")]
        if not tables:
            raise invalid_argument("CreateEntities needs Entities.")
        for table in tables:
            self._check_new(table)
        await self._define(request, *tables)
        context = f"{request.root}$metadata#{NAMESPACE}.CreateEntitiesResponse"
        return json_reply({"@odata.context": context, "EntityIds": [metadata_id(table.name) for table in tables]})

    def _check_new(self, table: Table) -> None:
        if table.name in self._model.by_table:
            raise _duplicate(f"An entity with the specified name {table.name} already exists. Specify a unique name.")

    def _entity(self, key: KeyPredicate) -> EntityModel:
        value = key.parts[0][1] if key.is_positional else key.get("LogicalName") or key.get("MetadataId")
        for entity in self._model.by_table.values():
            if value == metadata_id(entity.table.name) or (
                isinstance(value, str) and value.lower() == entity.table.name
            ):
                return entity
        raise _missing(f"Could not find an entity with the key '{value}'.")

    def _named(self, name: object) -> EntityModel:
        entity = self._model.by_table.get(name.lower()) if isinstance(name, str) else None
        if entity is None:
            raise _missing(f"The entity with a name = '{name}' was not found in the MetadataCache.")
        return entity

    # --- beneath a table --------------------------------------------------------------------------------------------

    async def _beneath(self, request: Request, entity: EntityModel, rest: tuple[Segment, ...]) -> Reply:
        first = rest[0]
        if any(not segment.is_cast for segment in rest[1:]):
            raise unknown_segment(rest[1].name)
        if first.name == "Attributes":
            if first.key is None:
                _only(request, "POST")
                return await self._add_attribute(request, entity)
            return await self._change_attribute(request, entity, self._column(entity, first.key))
        if first.name == "Keys":
            if first.key is None:
                _only(request, "POST")
                return await self._add_key(request, entity)
            _only(request, "DELETE")
            assert self._design is not None
            columns = self._key(entity, first.key)
            await self._design.remove_key(entity.table.name, columns, who=request.caller.name)
            return NO_CONTENT
        raise unknown_segment(first.name)

    async def _add_attribute(self, request: Request, entity: EntityModel) -> Reply:
        column = read_column(_body(request), entity.table.name, self._model)
        self._check_new_column(entity, column)
        await self._define(request, _with(entity.table, column))
        return _created(request, _attribute_address(entity.table.name, column.name))

    def _check_new_column(self, entity: EntityModel, column: Column) -> None:
        if column.name in entity.table.by_name:
            raise _duplicate(
                f"An attribute with the specified name {column.name} already exists for entity {entity.table.name}."
            )

    def _column(self, entity: EntityModel, key: KeyPredicate) -> Column:
        value = key.parts[0][1] if key.is_positional else key.get("LogicalName") or key.get("MetadataId")
        for column in entity.table.columns:
            if value == metadata_id(entity.table.name, column.name) or (
                isinstance(value, str) and value.lower() == column.name
            ):
                return column
        raise _missing(f"Could not find an attribute with the key '{value}' in entity {entity.table.name}.")

    async def _change_attribute(self, request: Request, entity: EntityModel, column: Column) -> Reply:
        if request.method == "DELETE":
            await self._remove(request, entity.table.name, column.name)
            return NO_CONTENT
        _only(request, "PUT", "PATCH")
        body = _body(request)
        changed = replace(column, label=label_of(body, "DisplayName") or column.label)
        if "RequiredLevel" in body:
            changed = replace(changed, required=is_required(body))
        if isinstance(length := body.get("MaxLength"), int) and column.type.is_text:
            changed = replace(changed, length=length)
        if isinstance(scale := body.get("Precision"), int) and column.scale is not None:
            changed = replace(changed, scale=scale)
        await self._define(request, _changed(entity.table, changed))
        return NO_CONTENT

    async def _add_key(self, request: Request, entity: EntityModel) -> Reply:
        body, table = _body(request), entity.table
        name = schema_name_of(body, "key")
        given = body.get("KeyAttributes")
        if not isinstance(given, list) or not 1 <= len(given) <= _MOST_KEY_COLUMNS:
            raise invalid_argument(f"KeyAttributes names one to {_MOST_KEY_COLUMNS} attributes.")
        columns = tuple(self._column(entity, KeyPredicate((("LogicalName", str(each)),))).name for each in given)
        unfit = next((c for c in columns if table.by_name[c].type in (ColumnType.MEMO, ColumnType.BOOLEAN)), None)
        if unfit is not None:
            raise invalid_argument(f"The attribute {unfit} is of a type that cannot be part of a key.")
        if columns in table.alternate_keys or any(key_name(entity, k) == name for k in table.alternate_keys):
            raise _duplicate(f"A key with the name {name} or the same attributes already exists for {table.name}.")
        names = [*table.key_names, *[""] * (len(table.alternate_keys) - len(table.key_names)), name]
        keyed = replace(table, alternate_keys=(*table.alternate_keys, columns), key_names=tuple(names))
        await self._define(request, keyed)
        # Clients take the first id in the address for the key's own: the table is told by its name.
        key_id = metadata_id("key", table.name, *columns)
        return _created(request, f"EntityDefinitions(LogicalName='{table.name}')/Keys({key_id})")

    def _key(self, entity: EntityModel, key: KeyPredicate) -> tuple[str, ...]:
        value = key.parts[0][1] if key.is_positional else key.get("LogicalName") or key.get("MetadataId")
        for columns in entity.table.alternate_keys:
            names = (metadata_id("key", entity.table.name, *columns), key_name(entity, columns).lower())
            if (value.lower() if isinstance(value, str) else value) in names:
                return columns
        raise _missing(f"Could not find a key with the key '{value}' in entity {entity.table.name}.")

    # --- relationships ----------------------------------------------------------------------------------------------

    async def _relationships(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        first = segments[0]
        if first.key is not None:
            _only(request, "DELETE")
            entity, column = self._relationship(first.key)
            await self._remove(request, entity.table.name, column.name)
            return NO_CONTENT
        _only(request, "POST")
        body = _body(request)
        if str(body.get("@odata.type", "")).endswith("ManyToManyRelationshipMetadata"):
            raise invalid_argument("Relationships of many to many are not supported here.")
        entity, column = self._lookup(body, [body])
        await self._define(request, _with(entity.table, column))
        relationship = metadata_id("relationship", entity.table.name, column.name, column.targets[0])
        return _created(request, f"RelationshipDefinitions({relationship})")

    async def _create_polymorphic(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        _only(request, "POST")
        body = _body(request)
        relationships = objects(body, "OneToManyRelationships")
        entity, column = self._lookup(body, relationships)
        await self._define(request, _with(entity.table, column))
        ids = [metadata_id("relationship", entity.table.name, column.name, target) for target in column.targets]
        response = {"RelationshipIds": ids, "AttributeId": metadata_id(entity.table.name, column.name)}
        context = f"{request.root}$metadata#{NAMESPACE}.CreatePolymorphicLookupAttributeResponse"
        return json_reply({"@odata.context": context, **response})

    def _lookup(self, body: JsonObject, relationships: list[JsonObject]) -> tuple[EntityModel, Column]:
        """The lookup that relationships from one table share. Raises: CodedRefusal."""
        lookup = body.get("Lookup")
        if not isinstance(lookup, dict) or not relationships:
            raise invalid_argument("A relationship needs a Lookup: the attribute that it makes.")
        referencing = {str(each.get("ReferencingEntity")) for each in relationships}
        if len(referencing) != 1:
            raise invalid_argument("The relationships of one lookup have one ReferencingEntity.")
        entity = self._named(referencing.pop())
        targets = tuple(self._named(each.get("ReferencedEntity")).table.name for each in relationships)
        names = tuple(schema_name_of(each, "relationship") for each in relationships)
        column = read_lookup(lookup, targets, names)
        self._check_new_column(entity, column)
        return entity, column

    def _relationship(self, key: KeyPredicate) -> tuple[EntityModel, Column]:
        value = key.parts[0][1] if key.is_positional else key.get("SchemaName") or key.get("MetadataId")
        for entity in self._model.by_table.values():
            for column in entity.table.lookups:
                for target in column.targets:
                    known = metadata_id("relationship", entity.table.name, column.name, target)
                    if value in (known, relationship_name(entity, column, target)):
                        return entity, column
        raise _missing(f"Could not find a relationship with the key '{value}'.")

    # --- options ----------------------------------------------------------------------------------------------------

    async def _insert_option(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        """One more choice, for the column or for all columns that share its set."""
        _only(request, "POST")
        body = _body(request)
        shared = body.get("OptionSetName")
        if isinstance(shared, str) and shared:
            choices = self._model.global_choices.get(shared.lower())
        else:
            entity = self._named(body.get("EntityLogicalName"))
            name = str(body.get("AttributeLogicalName"))
            choices = self._column(entity, KeyPredicate((("LogicalName", name),))).enumeration
        if choices is None:
            raise invalid_argument("There is no set of choices to which an option could be added.")
        listed: list[JsonObject] = [{"Label": label, "Value": value} for label, value in choices.members]
        members = read_options([*listed, {"Label": body.get("Label"), "Value": body.get("Value")}])
        larger = Enumeration(choices.name, members)
        await self._define(request, *self._with_choices(larger))
        context = f"{request.root}$metadata#{NAMESPACE}.InsertOptionValueResponse"
        return json_reply({"@odata.context": context, "NewOptionValue": members[-1][1]})

    def _with_choices(self, larger: Enumeration) -> list[Table]:
        tables = []
        for entity in self._model.by_table.values():
            table = entity.table
            if any(c.enumeration is not None and c.enumeration.name == larger.name for c in table.columns):
                columns = tuple(
                    replace(c, enumeration=larger)
                    if c.enumeration is not None and c.enumeration.name == larger.name
                    else c
                    for c in table.columns
                )
                tables.append(replace(table, columns=columns))
        return tables

    async def _publish(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        """Nothing waits to be published: every change holds at once."""
        _only(request, "POST")
        return NO_CONTENT

    # --- carrying out -----------------------------------------------------------------------------------------------

    async def _define(self, request: Request, *tables: Table) -> None:
        assert self._design is not None
        await self._design.define(tables, who=request.caller.name)

    async def _remove(self, request: Request, table: str, column: str | None = None) -> None:
        assert self._design is not None
        try:
            if column is None:
                await self._design.remove_table(table, who=request.caller.name)
            else:
                await self._design.remove_column(table, column, who=request.caller.name)
        except CatalogRefused as refusal:
            what = "Entity" if column is None else "Attribute"
            message = f"The {what}({column or table}) component cannot be deleted. {refusal.message}"
            raise CodedRefusal(message, wire_code=Code.STILL_USED) from refusal


def _with(table: Table, column: Column) -> Table:
    """The table with one more column; a lookup to companies, the first one, makes it company-specific."""
    columns = (*table.columns, column)
    return replace(table, columns=columns, company_column=table.company_column or company_column(columns))


def _changed(table: Table, column: Column) -> Table:
    return replace(table, columns=tuple(column if c.name == column.name else c for c in table.columns))


def _check_role(caller: Caller) -> None:
    """Raises: NotAllowed."""
    if caller.roles and not caller.roles & DESIGNERS:
        raise NotAllowed(
            f"Principal user {caller.name} is missing a privilege: only a system customizer or a system administrator "
            "may change tables."
        )


def _only(request: Request, *methods: str, at_all: bool = True) -> None:
    if request.method not in methods or not at_all:
        raise method_refused(request.method, allowed=("GET", *methods))


def _body(request: Request) -> JsonObject:
    check_json_type(request.header("content-type"))
    return read_object(request.body)


def _created(request: Request, address: str) -> Reply:
    return Reply(204, (VERSION, ("OData-EntityId", request.root + address)))


def _attribute_address(table: str, column: str) -> str:
    table_id: UUID = metadata_id(table)
    return f"EntityDefinitions({table_id})/Attributes({metadata_id(table, column)})"


def _duplicate(message: str) -> CodedRefusal:
    return CodedRefusal(message, wire_code=Code.DUPLICATE_NAME)


def _missing(message: str) -> CodedRefusal:
    return RowMissing(message, wire_code=Code.NOT_FOUND)
