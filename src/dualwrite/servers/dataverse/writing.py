"""Requests that write, planned: the commands of each and what is answered once they are carried out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from dualwrite.environments.port import (
    Command,
    CommandValue,
    Delete,
    Existence,
    RecordKey,
    Reference,
    ResultOf,
    Update,
)
from dualwrite.servers.dataverse.composing import Composer, Referenced
from dualwrite.servers.dataverse.exchange import Request
from dualwrite.servers.dataverse.keys import RowAddress, read_link, row_address
from dualwrite.servers.dataverse.model import Collection, EntityModel, Navigation, ServiceModel
from dualwrite.servers.dataverse.problems import method_refused, unknown_property, unknown_segment
from dualwrite.servers.odata.json_body import JsonObject, check_json_type, read_object
from dualwrite.servers.odata.path import KeyPredicate, Segment
from dualwrite.servers.odata.refusals import MalformedRequest

_ETAG = re.compile(r'(?:W/)?"(\d{1,19})"', re.ASCII)
NO_REFERENCES: Mapping[str, Referenced] = {}
BULK_ACTIONS = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")


class Outcome(Enum):
    """What a write is answered with."""

    CREATED = "created"
    WRITTEN = "written"
    DONE = "done"
    IDS = "ids"


@dataclass(frozen=True, slots=True)
class WritePlan:
    """The commands of one request. ``subject`` is the position, among them, of the row the request is about.

    ``address`` is the row as the caller named it, None for a new row or one of the same change set.
    """

    entity: EntityModel
    commands: tuple[Command, ...]
    outcome: Outcome
    subject: int = 0
    address: RowAddress | None = None
    created: tuple[int, ...] = ()
    """Positions, among the commands, of the rows that CreateMultiple tells the ids of."""

    @property
    def addressed_by_alternate_key(self) -> bool:
        return self.address is not None and not self.address.is_primary


@dataclass(frozen=True, slots=True)
class _Row:
    """The row a request addresses: by key, or as the result of an earlier command."""

    entity: EntityModel
    key: RecordKey | ResultOf
    address: RowAddress | None


class WritePlanner:
    """Plans writes against one model; pure."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model

    def plan(
        self,
        request: Request,
        segments: tuple[Segment, ...],
        *,
        references: Mapping[str, Referenced] = NO_REFERENCES,
        offset: int = 0,
    ) -> WritePlan:
        """The commands that ``request`` asks for. Raises: RequestRefused."""
        composer = Composer(self._model, root=request.root, references=references, offset=offset)
        first = segments[0]
        if first.content_reference is None and first.key is None:
            return self._on_set(request, segments, composer)
        row = self._row(first, composer)
        if len(segments) == 1:
            return self._on_row(request, row, composer)
        return self._on_part(request, row, segments[1:], composer)

    def _row(self, segment: Segment, composer: Composer) -> _Row:
        if segment.content_reference is not None:
            referenced = composer.referenced(segment.content_reference)
            return _Row(referenced.entity, ResultOf(referenced.command), None)
        address = row_address(self._entity(segment), _key_of(segment))
        return _Row(address.entity, address.record_key, address)

    def _entity(self, segment: Segment) -> EntityModel:
        entity = self._model.by_set.get(segment.name)
        if entity is None:
            raise unknown_segment(segment.name)
        return entity

    # --- a whole set: create, bulk actions ----------------------------------------------------------------------

    def _on_set(self, request: Request, segments: tuple[Segment, ...], composer: Composer) -> WritePlan:
        entity = self._entity(segments[0])
        if len(segments) == 1:
            if request.method != "POST":
                raise method_refused(request.method, allowed=("GET", "POST"))
            subject = composer.create(entity, _body(request)) - composer.offset
            return _planned(entity, composer, Outcome.CREATED, subject=subject)
        action = segments[1].name.removeprefix("Microsoft.Dynamics.CRM.")
        if len(segments) > 2 or action not in BULK_ACTIONS:
            raise unknown_segment(segments[1].name)
        if request.method != "POST":
            raise method_refused(request.method, allowed=("POST",))
        created = []
        for target in _targets(request):
            _check_type(target, entity)
            if action == "CreateMultiple":
                created.append(composer.create(entity, target) - composer.offset)
            else:
                self._bulk_update(entity, target, composer, upsert=action == "UpsertMultiple", root=request.root)
        outcome = Outcome.IDS if created else Outcome.DONE
        return WritePlan(entity, tuple(composer.commands), outcome, created=tuple(created))

    def _bulk_update(
        self, entity: EntityModel, target: JsonObject, composer: Composer, *, upsert: bool, root: str
    ) -> None:
        body = dict(target)
        if isinstance(link := body.pop("@odata.id", None), str):
            address = read_link(link, model=self._model, root=root)
            if address.entity is not entity:
                raise MalformedRequest(f"The address {link[:200]!r} is not one of '{entity.set_name}'.")
        else:
            key = entity.by_column[entity.id_column.name]
            value = key.read(body.pop(key.name, None))
            if value is None and upsert:
                composer.create(entity, body)
                return
            if value is None:
                raise MalformedRequest(f"Each of Targets must have '{key.name}' or '@odata.id'.")
            address = RowAddress(entity, ((key.column.name, value),), is_primary=True)
        existence = Existence.ANY if upsert else Existence.MUST_EXIST
        values = _without_key(composer.values(entity, body), address, existence)
        composer.add(Update(entity.table.name, address.record_key, values, existence, echo=False))

    # --- one row ------------------------------------------------------------------------------------------------

    def _on_row(self, request: Request, row: _Row, composer: Composer) -> WritePlan:
        entity = row.entity
        version = _version(request.header("if-match"))
        if request.method == "DELETE":
            composer.add(Delete(entity.table.name, row.key, version=version))
            return _planned(entity, composer, Outcome.DONE, address=row.address)
        if request.method != "PATCH":
            raise method_refused(request.method, allowed=("GET", "PATCH", "DELETE"))
        existence = _existence(request)
        if row.address is None:
            existence = Existence.MUST_EXIST
        values = composer.values(entity, _body(request))
        if row.address is not None:
            values = _without_key(values, row.address, existence)
        echo = request.header("prefer") is not None
        composer.add(Update(entity.table.name, row.key, values, existence, version, echo=echo))
        return _planned(entity, composer, Outcome.WRITTEN, address=row.address)

    def _on_part(self, request: Request, row: _Row, rest: tuple[Segment, ...], composer: Composer) -> WritePlan:
        """A single property, or a ``$ref`` of a navigation."""
        entity, name = row.entity, rest[0].name
        is_ref = len(rest) == 2 and rest[1].name == "$ref"
        if is_ref and name in entity.collections:
            return self._on_collection_ref(request, row, rest[0], entity.collections[name], composer)
        if rest[0].key is not None or (len(rest) > 1 and not is_ref):
            raise unknown_segment(rest[-1].name)
        if is_ref:
            navigation = entity.navigations.get(name)
            if navigation is None:
                raise unknown_property(name, table=entity.table.name)
            values = {navigation.column.name: self._single_ref(request, navigation, composer)}
        else:
            values = self._single_property(request, entity, name)
        version = _version(request.header("if-match"))
        composer.add(Update(entity.table.name, row.key, values, Existence.MUST_EXIST, version, echo=False))
        return _planned(entity, composer, Outcome.DONE, address=row.address)

    def _single_property(self, request: Request, entity: EntityModel, name: str) -> dict[str, CommandValue]:
        prop = entity.properties.get(name)
        if prop is None:
            raise unknown_segment(name)
        if prop.is_lookup:
            raise MalformedRequest(f"'{name}' is read-only: set the lookup with its navigation property's $ref.")
        if request.method == "DELETE":
            return {prop.column.name: None}
        if request.method != "PUT":
            raise method_refused(request.method, allowed=("GET", "PUT", "DELETE"))
        body = _body(request)
        if "value" not in body:
            raise MalformedRequest("The body must hold the property's new value as 'value'.")
        return {prop.column.name: prop.read(body["value"])}

    def _single_ref(self, request: Request, navigation: Navigation, composer: Composer) -> CommandValue:
        if request.method == "DELETE":
            return None
        if request.method not in ("PUT", "POST"):
            raise method_refused(request.method, allowed=("PUT", "DELETE"))
        return composer.link(navigation, _body(request).get("@odata.id"))

    def _on_collection_ref(
        self, request: Request, row: _Row, segment: Segment, collection: Collection, composer: Composer
    ) -> WritePlan:
        child = self._model.entity(collection.referencing)
        value: CommandValue
        if request.method == "POST" and segment.key is None:
            other = read_link(_body(request).get("@odata.id"), model=self._model, root=request.root)
            value = row.key if isinstance(row.key, ResultOf) else Reference(row.entity.table.name, row.key)
        elif request.method == "DELETE" and segment.key is not None:
            other, value = row_address(child, segment.key), None
        else:
            raise method_refused(request.method, allowed=("POST", "DELETE"))
        if other.entity is not child:
            raise MalformedRequest(
                f"'{collection.name}' holds rows of {child.table.name}, not of {other.entity.table.name}."
            )
        composer.add(Update(child.table.name, other.record_key, {collection.column.name: value}))
        return _planned(child, composer, Outcome.DONE, address=other)


def _planned(
    entity: EntityModel,
    composer: Composer,
    outcome: Outcome,
    *,
    subject: int = 0,
    address: RowAddress | None = None,
) -> WritePlan:
    return WritePlan(entity, tuple(composer.commands), outcome, subject, address)


def _key_of(segment: Segment) -> KeyPredicate:
    if segment.key is None:
        raise unknown_segment(segment.name)
    return segment.key


def _body(request: Request) -> JsonObject:
    check_json_type(request.header("content-type"))
    return read_object(request.body)


def _targets(request: Request) -> Sequence[JsonObject]:
    targets = _body(request).get("Targets")
    if not isinstance(targets, list) or not targets:
        raise MalformedRequest("The body must hold the rows as a non-empty list 'Targets'.")
    rows = [target for target in targets if isinstance(target, dict)]
    if len(rows) < len(targets):
        raise MalformedRequest("Each of Targets must be a JSON object.")
    return rows


def _check_type(target: JsonObject, entity: EntityModel) -> None:
    named = target.get("@odata.type")
    if isinstance(named, str) and named.lstrip("#").rpartition(".")[2] != entity.table.name:
        raise MalformedRequest(f"A target of type {named[:100]!r} cannot be written to '{entity.set_name}'.")


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None or int(match[1]) >= 2**63:
        raise MalformedRequest("If-Match must be '*' or the etag of the row.")
    return int(match[1])


def _existence(request: Request) -> Existence:
    must_exist = request.header("if-match") is not None
    must_not_exist = (request.header("if-none-match") or "").strip() == "*"
    if must_exist and must_not_exist:
        raise MalformedRequest("If-Match and If-None-Match cannot stand in one request.")
    if must_exist:
        return Existence.MUST_EXIST
    return Existence.MUST_NOT_EXIST if must_not_exist else Existence.ANY


def _without_key(values: dict[str, CommandValue], address: RowAddress, existence: Existence) -> dict[str, CommandValue]:
    """``values`` without repeated key columns: on an update they are dropped, on a create a different one wins."""
    for column, value in address.parts:
        if column in values and (
            existence is Existence.MUST_EXIST or address.is_primary or _same(values[column], value)
        ):
            del values[column]
    return values


def _same(left: CommandValue, right: CommandValue) -> bool:
    if isinstance(left, Reference) and len(left.key.parts) == 1:
        left = left.key.parts[0][1]
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return left == right
