"""Reading the definitions: addresses, ``$select``, ``$filter`` and ``$expand`` over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from dualwrite.filters.odata import parse_odata
from dualwrite.filters.tree import (
    Always,
    And,
    ColumnPath,
    Compare,
    Comparison,
    EnumLiteral,
    Expression,
    Not,
    OneOf,
    Or,
    TextMatch,
    TextTest,
)
from dualwrite.servers.dataverse.definitions import (
    Definition,
    all_relationships,
    attribute_definition,
    entity_definition,
    global_option_set,
    is_global,
    key_definitions,
    metadata_id,
    option_set,
    relationships_from,
    relationships_to,
)
from dualwrite.servers.dataverse.exchange import Reply, Request, json_reply
from dualwrite.servers.dataverse.model import NAMESPACE, EntityModel, ServiceModel
from dualwrite.servers.dataverse.problems import Code, RowMissing, method_refused, unknown_segment
from dualwrite.servers.odata.options import Options, parse_options
from dualwrite.servers.odata.path import KeyPredicate, Segment
from dualwrite.servers.odata.refusals import MalformedRequest

_OPTION_SETS = ("OptionSet", "GlobalOptionSet")
_ALWAYS_SHOWN = ("@odata.type", "MetadataId")


class Definitions:
    """Answers ``EntityDefinitions``, ``RelationshipDefinitions`` and ``GlobalOptionSetDefinitions``; pure."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._by_id = {metadata_id(entity.table.name): entity for entity in model.by_table.values()}
        self._roots: Mapping[str, Callable[[Request, tuple[Segment, ...], Options], Reply]] = {
            "EntityDefinitions": self._entities,
            "RelationshipDefinitions": self._relationships,
            "GlobalOptionSetDefinitions": self._option_sets,
        }

    def __contains__(self, name: str) -> bool:
        return name in self._roots

    def answer(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        """The definitions that ``segments`` address. Raises: RequestRefused, FilterRefused."""
        if request.method != "GET":
            raise method_refused(request.method, allowed=("GET",))
        return self._roots[segments[0].name](request, segments, parse_options(request.query))

    # --- tables -------------------------------------------------------------------------------------------------

    def _entities(self, request: Request, segments: tuple[Segment, ...], options: Options) -> Reply:
        first, rest = segments[0], segments[1:]
        if first.key is None:
            if rest:
                raise unknown_segment(rest[0].name)
            definitions = [
                self._expanded(entity, entity_definition(entity), options) for entity in self._model.by_table.values()
            ]
            return _listed(request, "EntityDefinitions", definitions, options)
        entity = self._entity(first.key)
        if not rest:
            return _single(
                request, "EntityDefinitions", self._expanded(entity, entity_definition(entity), options), options
            )
        return self._beneath(request, entity, rest, options)

    def _entity(self, key: KeyPredicate) -> EntityModel:
        value = key.parts[0][1] if key.is_positional else key.get("LogicalName") or key.get("MetadataId")
        if isinstance(value, UUID):
            entity = self._by_id.get(value)
        else:
            entity = self._model.by_table.get(value.lower()) if isinstance(value, str) else None
        if entity is None:
            raise _missing(f"Could not find an entity with the key '{value}'.")
        return entity

    def _expanded(self, entity: EntityModel, definition: Definition, options: Options) -> Definition:
        for item in options.expand:
            children = self._children(entity, item.name)
            if children is None:
                raise MalformedRequest(f"'{item.name}' cannot be expanded on EntityDefinitions.")
            definition[item.name] = [_selected(child, item.options) for child in _filtered(children, item.options)]
        return definition

    def _children(self, entity: EntityModel, name: str) -> list[Definition] | None:
        match name:
            case "Attributes":
                return [attribute_definition(entity, column) for column in entity.table.columns]
            case "Keys":
                return key_definitions(entity)
            case "ManyToOneRelationships":
                return relationships_from(entity, self._model)
            case "OneToManyRelationships":
                return relationships_to(entity, self._model)
            case "ManyToManyRelationships":
                return []
            case _:
                return None

    def _beneath(self, request: Request, entity: EntityModel, rest: tuple[Segment, ...], options: Options) -> Reply:
        name = rest[0].name
        children = self._children(entity, name)
        if children is None:
            raise unknown_segment(name)
        context = f"EntityDefinitions({metadata_id(entity.table.name)})/{name}"
        casts = [segment.name for segment in rest[1:] if segment.is_cast]
        others = [segment.name for segment in rest[1:] if not segment.is_cast]
        if len(casts) > 1 or (casts and name != "Attributes"):
            raise unknown_segment(casts[-1])
        if casts:
            children = [child for child in children if _is_of(child, casts[0])]
        if name == "Attributes":
            children = [_with_options(entity, child, options, others) for child in children]
        if rest[0].key is None:
            if others:
                raise unknown_segment(others[0])
            return _listed(request, context, children, options)
        child = _by_key(children, rest[0].key)
        if others:
            return self._option_set_of(request, context, child, others, options)
        return _single(request, context, child, options)

    def _option_set_of(
        self, request: Request, context: str, child: Definition, others: list[str], options: Options
    ) -> Reply:
        found = child.get(others[0]) if others[0] in _OPTION_SETS and len(others) == 1 else None
        if not isinstance(found, dict):
            raise unknown_segment(others[-1])
        return _single(request, f"{context}/{others[0]}", found, options)

    # --- relationships and option sets --------------------------------------------------------------------------

    def _relationships(self, request: Request, segments: tuple[Segment, ...], options: Options) -> Reply:
        definitions = list(all_relationships(self._model))
        return _flat(request, segments, definitions, options)

    def _option_sets(self, request: Request, segments: tuple[Segment, ...], options: Options) -> Reply:
        sets = [global_option_set(choices) for choices in self._model.global_choices.values()]
        return _flat(request, segments, sets, options)


def _flat(request: Request, segments: tuple[Segment, ...], definitions: list[Definition], options: Options) -> Reply:
    """A list without anything beneath, casts passed over."""
    if any(not segment.is_cast for segment in segments[1:]):
        raise unknown_segment(segments[1].name)
    first = segments[0]
    if first.key is None:
        return _listed(request, first.name, definitions, options)
    return _single(request, first.name, _by_key(definitions, first.key), options)


def _is_of(child: Definition, cast: str) -> bool:
    return child["@odata.type"] == f"#{cast}" or cast == f"{NAMESPACE}.AttributeMetadata"


def _with_options(entity: EntityModel, child: Definition, options: Options, others: list[str]) -> Definition:
    """``child`` with its option set, where it is asked for."""
    wanted = {item.name: item.options for item in options.expand}
    unknown = next((name for name in wanted if name not in _OPTION_SETS), None)
    if unknown is not None:
        raise MalformedRequest(f"'{unknown}' cannot be expanded on an attribute.")
    for name in others:
        wanted.setdefault(name, Options())
    column = entity.table.by_name[str(child["LogicalName"])]
    if "OptionSet" in wanted:
        choices = option_set(entity, column)
        child["OptionSet"] = None if choices is None else _selected(choices, wanted["OptionSet"])
    if "GlobalOptionSet" in wanted:
        shared = option_set(entity, column) if is_global(entity, column) else None
        child["GlobalOptionSet"] = None if shared is None else _selected(shared, wanted["GlobalOptionSet"])
    return child


def _by_key(definitions: list[Definition], key: KeyPredicate) -> Definition:
    if len(key.parts) != 1:
        raise MalformedRequest("A definition is addressed by its id or by one name.")
    name, value = key.parts[0]
    for definition in definitions:
        held = definition.get(name or "MetadataId")
        if held == value or (isinstance(held, str) and isinstance(value, str) and held.lower() == value.lower()):
            return definition
    raise _missing(f"Could not find a definition with the key '{value}'.")


def _missing(message: str) -> RowMissing:
    return RowMissing(message, wire_code=Code.NOT_FOUND)


# --- shaping ---------------------------------------------------------------------------------------------------------


def _listed(request: Request, context: str, definitions: list[Definition], options: Options) -> Reply:
    found = _filtered(definitions, options)
    if options.orderby:
        for key in reversed(options.orderby):
            found.sort(key=lambda item: str(_value(item, key.path)).lower(), reverse=key.descending)
    if options.top is not None:
        found = found[: options.top]
    body: Definition = {"@odata.context": f"{request.root}$metadata#{context}"}
    if options.count:
        body["@odata.count"] = len(found)
    return json_reply({**body, "value": [_selected(item, options) for item in found]})


def _single(request: Request, context: str, definition: Definition, options: Options) -> Reply:
    return json_reply(
        {"@odata.context": f"{request.root}$metadata#{context}/$entity", **_selected(definition, options)}
    )


def _selected(definition: Definition, options: Options) -> Definition:
    """What ``$select`` leaves; names that a kind does not have are passed over, as kinds differ."""
    if options.select is None:
        return definition
    expanded = [item.name for item in options.expand]
    return {name: definition[name] for name in (*_ALWAYS_SHOWN, *options.select, *expanded) if name in definition}


def _filtered(definitions: list[Definition], options: Options) -> list[Definition]:
    if options.filter is None:
        return definitions
    tree = parse_odata(options.filter)
    if tree is None:
        return definitions
    return [definition for definition in definitions if _holds(tree, definition)]


def _holds(tree: Expression, definition: Definition) -> bool:
    match tree:
        case Compare(operator, left, right):
            other = _value(definition, right.parts) if isinstance(right, ColumnPath) else right
            return _compare(operator, _value(definition, left.parts), other)
        case TextMatch(test, column, text):
            return _text(test, str(_value(definition, column.parts) or "").lower(), text.lower())
        case OneOf(column, values):
            held = _value(definition, column.parts)
            return any(_compare(Comparison.EQ, held, value) for value in values)
        case Not(operand):
            return not _holds(operand, definition)
        case And(operands):
            return all(_holds(operand, definition) for operand in operands)
        case Or(operands):
            return any(_holds(operand, definition) for operand in operands)
        case Always(value):
            return value
        case _:
            assert_never(tree)


def _value(definition: Mapping[str, object], path: tuple[str, ...]) -> object:
    value: object = definition
    for part in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _text(test: TextTest, held: str, text: str) -> bool:
    match test:
        case TextTest.STARTS_WITH:
            return held.startswith(text)
        case TextTest.ENDS_WITH:
            return held.endswith(text)
        case TextTest.CONTAINS:
            return text in held
        case _:
            assert_never(test)


def _compare(operator: Comparison, left: object, right: object) -> bool:
    """Enum members, ids and texts compare by their spelling, whichever way they are written."""
    one, other = _comparable(left), _comparable(right)
    if operator is Comparison.EQ:
        return one == other
    if operator is Comparison.NE:
        return one != other
    difference = _difference(one, other)
    if difference is None:
        return False
    match operator:
        case Comparison.GT:
            return difference > 0
        case Comparison.GE:
            return difference >= 0
        case Comparison.LT:
            return difference < 0
        case Comparison.LE:
            return difference <= 0
        case _:
            assert_never(operator)


def _difference(one: object, other: object) -> int | None:
    """Below, at or above zero as ``one`` is less, equal or more; None for values of different kinds."""
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return (one > other) - (one < other)
    if isinstance(one, str) and isinstance(other, str):
        return (one > other) - (one < other)
    return None


def _comparable(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, EnumLiteral):
        return value.member.lower()
    if isinstance(value, int | Decimal):
        return Decimal(value)
    return str(value).lower()
