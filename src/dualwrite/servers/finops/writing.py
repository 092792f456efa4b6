"""Rows in: POST, PATCH and DELETE planned as commands, carried out as one transaction, answered one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dualwrite.environments.port import (
    Command,
    Create,
    Delete,
    Environment,
    Operation,
    RecordChange,
    RecordKey,
    ResultOf,
    Update,
)
from dualwrite.errors import PreconditionFailed, RecordNotFound
from dualwrite.metadata.values import Row
from dualwrite.servers.finops.exchange import ODATA_VERSION, Reply, Request, json_reply
from dualwrite.servers.finops.model import PublicEntity
from dualwrite.servers.finops.reading import Reader, company_of
from dualwrite.servers.finops.wire import COMPANY, RECORD_VERSION, etag, names_row
from dualwrite.servers.odata.json_body import JsonObject, check_json_type, read_object
from dualwrite.servers.odata.options import Options, check_write_options
from dualwrite.servers.odata.path import KeyPredicate, Segment
from dualwrite.servers.odata.refusals import MethodRefused

SET_METHODS = ("GET", "POST")
ROW_METHODS = ("GET", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Target:
    """What a write addresses: a set, a row by key, or the row an earlier request of the change set wrote."""

    entity: PublicEntity
    key: KeyPredicate | ResultOf | None


@dataclass(frozen=True, slots=True)
class PlannedChange:
    entity: PublicEntity
    command: Command


class Writer:
    """Plans and runs the writes of one request or one change set."""

    def __init__(self, environment: Environment, reader: Reader) -> None:
        self._environment = environment
        self._reader = reader

    async def plan(self, target: Target, request: Request, options: Options) -> PlannedChange:
        """The command that ``request`` asks for.

        Raises: MethodRefused, MalformedRequest, ValueRefused, RecordNotFound (a key of another company),
        PreconditionFailed.
        """
        entity = target.entity
        check_write_options(options)
        self._reader.check(entity, options)
        if target.key is None:
            if request.method != "POST":
                raise MethodRefused(f"{request.method} is not for an entity set.", allowed=SET_METHODS)
            return PlannedChange(entity, self._create(entity, request))
        if request.method == "PATCH":
            return PlannedChange(entity, await self._update(entity, target.key, request, options))
        if request.method == "DELETE":
            key = self._addressed(entity, target.key, request, options)
            version = await self._demanded_version(entity, key, request)
            return PlannedChange(entity, Delete(entity.table.name, key, version))
        raise MethodRefused(f"{request.method} is not for a row.", allowed=ROW_METHODS)

    def _create(self, entity: PublicEntity, request: Request) -> Create:
        values = entity.wire.new_values(_body(request))
        if entity.table.is_company_specific and not values.get(COMPANY):
            values[COMPANY] = company_of(request)
        return Create(entity.table.name, values)

    async def _update(
        self, entity: PublicEntity, addressed: KeyPredicate | ResultOf, request: Request, options: Options
    ) -> Update:
        key = self._addressed(entity, addressed, request, options)
        values = entity.wire.changed_values(_body(request))
        if isinstance(key, RecordKey):
            values = entity.wire.without_key(values, key)
        version = await self._demanded_version(entity, key, request)
        return Update(entity.table.name, key, values, version=version, echo=False)

    def _addressed(
        self, entity: PublicEntity, addressed: KeyPredicate | ResultOf, request: Request, options: Options
    ) -> RecordKey | ResultOf:
        if isinstance(addressed, ResultOf):
            return addressed
        key = entity.wire.key(addressed)
        if not self._reader.may_see(entity, key, request, options):
            raise RecordNotFound("the key belongs to another company", table=entity.table.name)
        return key

    async def _demanded_version(self, entity: PublicEntity, key: RecordKey | ResultOf, request: Request) -> int | None:
        """The version that ``If-Match`` demands; the row is read because an etag also names the record itself."""
        demanded = request.headers.get("if-match")
        if demanded is None or demanded.strip() == "*" or isinstance(key, ResultOf):
            return None
        row = await self._reader.find(entity, key)
        if row is None:
            raise RecordNotFound("there is no such row", table=entity.table.name)
        if not names_row(demanded, row):
            raise PreconditionFailed("the row has changed", table=entity.table.name)
        version = row.get(RECORD_VERSION)
        return version if isinstance(version, int) else None

    async def run(self, planned: Sequence[PlannedChange], request: Request) -> Sequence[Reply]:
        """The answers, after all of ``planned`` was written in one transaction. Raises: what ``transact`` raises."""
        changes = await self._environment.transact([change.command for change in planned], caller=request.caller)
        return [_answer(change.entity, done, request) for change, done in zip(planned, changes, strict=True)]


def earlier_result(segment: Segment, earlier: Mapping[str, tuple[int, PublicEntity]]) -> Target | None:
    """What ``$1`` stands for in a change set, None when no earlier request has that Content-ID."""
    found = earlier.get(segment.content_reference or "")
    return None if found is None else Target(found[1], ResultOf(found[0]))


def _body(request: Request) -> JsonObject:
    check_json_type(request.headers.get("content-type"))
    return read_object(request.body)


def _answer(entity: PublicEntity, change: RecordChange, request: Request) -> Reply:
    if change.operation is Operation.CREATE and change.after is not None:
        return _created(entity, change.after, request)
    if change.after is not None:
        return Reply(204, (ODATA_VERSION, ("ETag", etag(change.after))))
    return Reply(204, (ODATA_VERSION,))


def _created(entity: PublicEntity, row: Row, request: Request) -> Reply:
    location = f"{request.root}{entity.set_name}({entity.wire.key_text(row)})"
    body: dict[str, object] = {"@odata.context": f"{request.root}$metadata#{entity.set_name}/$entity"}
    body.update(entity.wire.write(row))
    return json_reply(body, status=201, headers=(("Location", location), ("ETag", etag(row))))
