"""``$batch``: requests in order, change sets as one transaction each, one answer per part."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

from dualwrite.errors import DualwriteError, RecordRefused
from dualwrite.servers.finops.exchange import ODATA_VERSION, Reply, Request
from dualwrite.servers.finops.model import PublicEntity, PublicModel
from dualwrite.servers.finops.problems import problem_reply, refused_write
from dualwrite.servers.finops.settings import FinopsServiceSettings
from dualwrite.servers.finops.writing import PlannedChange, Target, Writer, earlier_result
from dualwrite.servers.odata.batch import (
    AnyBatchAnswer,
    BatchAnswer,
    BatchRequest,
    ChangeSet,
    ChangeSetAnswer,
    parse_batch,
    render_batch,
)
from dualwrite.servers.odata.options import parse_options
from dualwrite.servers.odata.path import parse_path
from dualwrite.servers.odata.refusals import MalformedRequest, ResourceNotFound

Answer = Callable[[Request], Awaitable[Reply]]

_GOES_ON = re.compile(r"\bcontinue-on-error\b(?!\s*=\s*\"?false)", re.IGNORECASE)


class Batches:
    """Runs batches; ``answer`` answers one request that stands alone and never raises."""

    def __init__(self, model: PublicModel, writer: Writer, settings: FinopsServiceSettings, *, answer: Answer) -> None:
        self._model = model
        self._writer = writer
        self._settings = settings
        self._answer = answer

    async def run(self, request: Request) -> Reply:
        """The multipart answer. Processing stops at the first failure unless the caller prefers to go on.

        Raises: MalformedRequest, UnsupportedBody, when the batch as a whole cannot be read; nothing was done then.
        """
        batch = parse_batch(
            request.headers.get("content-type"), request.body, most_requests=self._settings.batch_requests
        )
        goes_on = _GOES_ON.search(request.headers.get("prefer", "")) is not None
        answers: list[AnyBatchAnswer] = []
        for part in batch.parts:
            answer = await self._part(request, part)
            answers.append(answer)
            if isinstance(answer, BatchAnswer) and answer.status >= 400 and not goes_on:
                break
        content_type, body = render_batch(answers, batch_id=uuid4())
        return Reply(200, (("Content-Type", content_type), ODATA_VERSION), body)

    async def _part(self, outer: Request, part: BatchRequest | ChangeSet) -> AnyBatchAnswer:
        if isinstance(part, ChangeSet):
            return await self._change_set(outer, part)
        try:
            request = inner_request(outer, part)
            if "$batch" in request.path:
                raise MalformedRequest("A batch must not hold a batch.")
        except MalformedRequest as error:
            return _part_answer(part, problem_reply(error, retry_after_s=self._settings.retry_after_s))
        return _part_answer(part, await self._answer(request))

    async def _change_set(self, outer: Request, change_set: ChangeSet) -> AnyBatchAnswer:
        """All of the set or none of it; a failure is answered by one part that names the request that failed."""
        planned: list[PlannedChange] = []
        earlier: dict[str, tuple[int, PublicEntity]] = {}
        at = 0
        try:
            for at, part in enumerate(change_set.requests):
                change = await self._plan(inner_request(outer, part), earlier)
                if part.content_id is not None:
                    earlier[part.content_id] = (at, change.entity)
                planned.append(change)
            replies = await self._writer.run(planned, outer) if planned else ()
        except RecordRefused as error:
            at = _failed_command(error, default=at) if len(planned) == len(change_set.requests) else at
            entity = planned[at].entity if at < len(planned) else self._model.by_table.get(error.table)
            problem = self._problem(error) if entity is None else refused_write(entity.table, error)
            return _part_answer(change_set.requests[at], problem)
        except DualwriteError as error:
            return _part_answer(change_set.requests[at], self._problem(error))
        return ChangeSetAnswer(
            tuple(_part_answer(part, reply) for part, reply in zip(change_set.requests, replies, strict=True))
        )

    def _problem(self, error: DualwriteError) -> Reply:
        return problem_reply(error, retry_after_s=self._settings.retry_after_s)

    async def _plan(self, request: Request, earlier: dict[str, tuple[int, PublicEntity]]) -> PlannedChange:
        segments = parse_path(request.path.removeprefix("/data/"))
        options = parse_options(request.query)
        if len(segments) != 1 or not request.path.startswith("/data/"):
            raise ResourceNotFound("A change set writes rows of entity sets only.")
        first = segments[0]
        if first.content_reference is not None:
            target = earlier_result(first, earlier)
            if target is None:
                reference = first.name
                raise MalformedRequest(f"Content-ID Reference: '{reference}' does not exist in the batch context.")
            return await self._writer.plan(target, request, options)
        entity = self._model.by_set.get(first.name)
        if entity is None:
            raise ResourceNotFound(f"There is no entity set '{first.name}'.")
        return await self._writer.plan(Target(entity, first.key), request, options)


def inner_request(outer: Request, part: BatchRequest) -> Request:
    """A part as a request of its own; its address is absolute, from the host's root, or relative to ``/data/``.

    Raises: MalformedRequest.
    """
    address, _, query = part.url.partition("?")
    if "://" in address:
        try:
            address = urlsplit(address).path
        except ValueError as error:
            raise MalformedRequest(f"The address {part.url[:80]!r} cannot be read.") from error
    path = address if address.startswith("/") else f"/data/{address}"
    return replace(outer, method=part.method, path=path, query=query, headers=part.headers, body=part.body)


def _failed_command(error: RecordRefused, *, default: int) -> int:
    number = error.details.get("command")
    return number if isinstance(number, int) else default


def _part_answer(part: BatchRequest, reply: Reply) -> BatchAnswer:
    return BatchAnswer(reply.status, reply.headers, reply.body, part.content_id)
