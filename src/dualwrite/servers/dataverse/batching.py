"""``$batch``: requests one after another, change sets as one transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from uuid import uuid4

from dualwrite.environments.port import ResultOf
from dualwrite.errors import DualwriteError
from dualwrite.servers.dataverse.composing import Referenced
from dualwrite.servers.dataverse.desk import Desk
from dualwrite.servers.dataverse.exchange import VERSION, Reply, Request, problem_reply
from dualwrite.servers.dataverse.keys import relative_path
from dualwrite.servers.dataverse.preferences import parse_preferences
from dualwrite.servers.dataverse.problems import method_refused, problem_of
from dualwrite.servers.dataverse.service import WRITING_METHODS, PreparedWrite, Service
from dualwrite.servers.dataverse.writing import WritePlan
from dualwrite.servers.odata.batch import (
    AnyBatchAnswer,
    BatchAnswer,
    BatchRequest,
    ChangeSet,
    ChangeSetAnswer,
    parse_batch,
    render_batch,
)
from dualwrite.servers.odata.path import parse_path
from dualwrite.servers.odata.refusals import MalformedRequest

LONGEST_ADDRESS = 65_536


async def answer_batch(request: Request, desk: Desk, *, most_requests: int) -> Reply:
    """The answers to all requests of a batch, up to the first failure unless the caller wants to go on.

    Raises: RequestRefused, for a body that is no batch.
    """
    if request.method != "POST":
        raise method_refused(request.method, allowed=("POST",))
    batch = parse_batch(request.header("content-type"), request.body, most_requests=most_requests)
    go_on = parse_preferences(request.header("prefer")).continue_on_error
    answers: list[AnyBatchAnswer] = []
    status = HTTPStatus.OK
    for part in batch.parts:
        answer = (
            await _change_set(request, await desk.service(), part)
            if isinstance(part, ChangeSet)
            else await _single(request, desk, part)
        )
        answers.append(answer)
        if isinstance(answer, BatchAnswer) and answer.status >= 400 and not go_on:
            status = HTTPStatus.BAD_REQUEST
            break
    content_type, body = render_batch(answers, batch_id=uuid4())
    return Reply(status, (("Content-Type", content_type), VERSION), body)


async def _single(outer: Request, desk: Desk, part: BatchRequest) -> BatchAnswer:
    try:
        inner = _inner(outer, part)
        if inner.path.split("?")[0].strip("/") == "$batch":
            raise MalformedRequest("A batch cannot stand within a batch.")
        return _answer(await desk.answer(inner), part.content_id)
    except DualwriteError as error:
        return _answer(problem_reply(problem_of(error)), part.content_id)


async def _change_set(outer: Request, service: Service, change_set: ChangeSet) -> AnyBatchAnswer:
    """One transaction; one answer for the whole set when it fails."""
    failed: str | None = None
    try:
        writes: list[PreparedWrite] = []
        references: dict[str, Referenced] = {}
        offset = 0
        for part in change_set.requests:
            failed = part.content_id
            writes.append(_prepare(outer, service, part, references=references, offset=offset))
            offset += len(writes[-1].plan.commands)
        ids = [part.content_id for part in change_set.requests]
        try:
            changes = await service.carry_out(writes, caller=outer.caller) if writes else ()
        except DualwriteError as error:
            failed = _content_id_of(writes, ids, error)
            raise
        answers: list[BatchAnswer] = []
        start = 0
        for write, content_id in zip(writes, ids, strict=True):
            end = start + len(write.plan.commands)
            answers.append(_answer(await service.written(write, changes[start:end]), content_id))
            start = end
        return ChangeSetAnswer(tuple(answers))
    except DualwriteError as error:
        return _answer(problem_reply(problem_of(error)), failed)


def _prepare(
    outer: Request, service: Service, part: BatchRequest, *, references: dict[str, Referenced], offset: int
) -> PreparedWrite:
    """One request, planned; its row can be referenced by its Content-ID from here on. Raises: RequestRefused."""
    inner = _inner(outer, part)
    if inner.method not in WRITING_METHODS:
        raise method_refused(inner.method, allowed=sorted(WRITING_METHODS))
    segments = parse_path(inner.path)
    if not segments:
        raise MalformedRequest("A change set holds requests that write rows.")
    write = service.prepare(inner, segments, references=references, offset=offset)
    if part.content_id is not None:
        references[part.content_id] = Referenced(_origin(write.plan, offset), write.plan.entity)
    return write


def _origin(plan: WritePlan, offset: int) -> int:
    """The command whose row the request is about."""
    subject = plan.commands[plan.subject]
    key = getattr(subject, "key", None)
    return key.command if isinstance(key, ResultOf) else offset + plan.subject


def _inner(outer: Request, part: BatchRequest) -> Request:
    if len(part.url) > LONGEST_ADDRESS:
        raise MalformedRequest("The address of a request in the batch is too long.")
    address, _, query = part.url.partition("?")
    path = relative_path(address.partition("#")[0], root=outer.root)
    return Request(part.method, path, query, part.headers, part.body, outer.root, outer.caller)


def _answer(reply: Reply, content_id: str | None) -> BatchAnswer:
    return BatchAnswer(reply.status, reply.headers, reply.body, content_id)


def _content_id_of(
    writes: Sequence[PreparedWrite], content_ids: Sequence[str | None], error: DualwriteError
) -> str | None:
    """The Content-ID of the request whose command failed, the first one's when that is not known."""
    cause = error if "command" in error.details else error.__cause__
    position = cause.details.get("command") if isinstance(cause, DualwriteError) else None
    end = 0
    for write, content_id in zip(writes, content_ids, strict=True):
        end += len(write.plan.commands)
        if isinstance(position, int) and position < end:
            return content_id
    return content_ids[0] if content_ids else None
