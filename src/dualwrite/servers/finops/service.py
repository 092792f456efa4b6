"""The finance and operations service: from ASGI to a request value, to the part that answers it, and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

import structlog
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from dualwrite.environments.port import Environment
from dualwrite.errors import DualwriteError, RecordRefused
from dualwrite.metadata.schema import EnvironmentSchema
from dualwrite.servers.finops.batches import Batches
from dualwrite.servers.finops.documents import metadata_document, service_document
from dualwrite.servers.finops.exchange import ODATA_VERSION, Reply, Request, json_reply
from dualwrite.servers.finops.metadata_service import MetadataService
from dualwrite.servers.finops.model import PublicEntity, PublicModel
from dualwrite.servers.finops.problems import error_reply, problem_reply, refused_write
from dualwrite.servers.finops.reading import Reader
from dualwrite.servers.finops.settings import FinopsServiceSettings
from dualwrite.servers.finops.writing import ROW_METHODS, SET_METHODS, Target, Writer
from dualwrite.servers.odata.authentication import Authenticator
from dualwrite.servers.odata.current import LOOK_AGAIN_S, Current
from dualwrite.servers.odata.options import Options, parse_options
from dualwrite.servers.odata.path import Segment, parse_path
from dualwrite.servers.odata.refusals import (
    BodyTooLarge,
    MalformedRequest,
    MethodRefused,
    ResourceNotFound,
    UnsupportedBody,
)

_log = structlog.get_logger(__name__)


def build_app(environment: Environment, authenticate: Authenticator, settings: FinopsServiceSettings) -> Starlette:
    """An application that serves ``environment`` at ``/data`` and ``/metadata``, to proven callers only."""
    app = Starlette()
    # Not a route: a route matches the decoded path by pattern and misses addresses such as "*" or one with a line end.
    app.router.default = FinopsApplication(environment, authenticate, settings)
    return app


class FinopsApplication:
    """The ASGI face: reads the request, proves the caller, sends the answer."""

    def __init__(self, environment: Environment, authenticate: Authenticator, settings: FinopsServiceSettings) -> None:
        self._service = FinopsService(environment, settings)
        self._authenticate = authenticate
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            reply = await self._reply(scope, receive)
        except DualwriteError as error:
            reply = problem_reply(error, retry_after_s=self._settings.retry_after_s)
        except Exception:
            # The last resort: whatever went wrong, the caller gets the service's own shape and the log gets the story.
            _log.exception("request failed", method=scope["method"], path=scope["path"])
            reply = error_reply(500, "An unexpected error occurred; the service's log has the details.")
        await _send(send, reply)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        caller = await self._authenticate(headers.get("authorization"))
        request = Request(
            method=scope["method"],
            path=_path(scope),
            query=_text(scope["query_string"]),
            headers=headers,
            body=await self._body(headers, receive),
            origin=self._settings.public_origin or f"{scope['scheme']}://{headers.get('host', 'localhost')}",
            caller=caller,
        )
        return await self._service.answer(request)

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedBody("A compressed body cannot be read here.")
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise MalformedRequest("The body ended before it was complete.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._settings.body_bytes:
                raise BodyTooLarge(f"The body is larger than {self._settings.body_bytes} bytes.")
            chunks.append(chunk)
            if not message.get("more_body"):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class FinopsService:
    """Answers requests as values, by the tables as they are now."""

    def __init__(self, environment: Environment, settings: FinopsServiceSettings) -> None:
        self._settings = settings
        self._faces = Current(environment, lambda schema: _Face(environment, schema, settings, answer=self.answer))

    async def answer(self, request: Request) -> Reply:
        """The answer to ``request``, refusals included: our own errors do not leave here."""
        try:
            within_s = 0.0 if "$batch" in request.path else LOOK_AGAIN_S
            return await self._faces.ask(lambda face: face.answer(request), within_s=within_s)
        except DualwriteError as error:
            return problem_reply(error, retry_after_s=self._settings.retry_after_s)


class _Face:
    """The service over the tables of one schema."""

    def __init__(
        self,
        environment: Environment,
        schema: EnvironmentSchema,
        settings: FinopsServiceSettings,
        *,
        answer: Callable[[Request], Awaitable[Reply]],
    ) -> None:
        self._model = PublicModel(schema)
        self._reader = Reader(environment, settings)
        self._writer = Writer(environment, self._reader)
        self._metadata = MetadataService(self._model)
        self._batches = Batches(self._model, self._writer, settings, answer=answer)
        self._metadata_document: bytes | None = None

    async def answer(self, request: Request) -> Reply:
        """The answer to ``request``. Raises: DualwriteError."""
        first, _, rest = request.path.lstrip("/").partition("/")
        if first == "data":
            return await self._data(request, rest)
        if first.lower() == "metadata":
            return self._metadata.answer(request, rest)
        raise ResourceNotFound("There is no resource at this address; the service is at /data.")

    async def _data(self, request: Request, path: str) -> Reply:
        segments = parse_path(path)
        options = parse_options(request.query)
        if not segments:
            _only(request, "GET")
            return json_reply(service_document(self._model, request.root))
        first = segments[0]
        entity = self._model.by_set.get(first.name)
        if entity is None:
            return await self._special(request, segments)
        if len(segments) == 1:
            return await self._rows(request, entity, first, options)
        if len(segments) == 2 and segments[1].name == "$count" and first.key is None:
            _only(request, "GET")
            return await self._reader.count(entity, request, options)
        raise ResourceNotFound(f"There is no property or operation '{segments[1].name}' on '{entity.type_name}'.")

    async def _special(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        first = segments[0]
        if len(segments) == 1 and first.key is None:
            if first.name == "$metadata":
                _only(request, "GET")
                return Reply(200, (("Content-Type", "application/xml"), ODATA_VERSION), self._described())
            if first.name == "$batch":
                _only(request, "POST")
                return await self._batches.run(request)
        raise ResourceNotFound(f"There is no entity set or operation '{first.name}'.")

    def _described(self) -> bytes:
        if self._metadata_document is None:
            self._metadata_document = metadata_document(self._model)
        return self._metadata_document

    async def _rows(self, request: Request, entity: PublicEntity, segment: Segment, options: Options) -> Reply:
        if request.method == "GET":
            if segment.key is None:
                return await self._reader.many(entity, request, options)
            return await self._reader.one(entity, segment.key, request, options)
        allowed = SET_METHODS if segment.key is None else ROW_METHODS
        if request.method not in allowed:
            raise MethodRefused(f"{request.method} is not supported here.", allowed=allowed)
        try:
            planned = await self._writer.plan(Target(entity, segment.key), request, options)
            return (await self._writer.run((planned,), request))[0]
        except RecordRefused as error:
            return refused_write(entity.table, error)


def _only(request: Request, method: str) -> None:
    if request.method != method:
        raise MethodRefused(f"{request.method} is not supported here.", allowed=(method,))


def _path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        raise MalformedRequest("The address cannot be read.")
    return _text(raw)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeError as error:
        raise MalformedRequest("The address is not UTF-8.") from error


async def _send(send: Send, reply: Reply) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in reply.headers]
    if reply.status not in (204, 304):
        headers.append((b"content-length", str(len(reply.body)).encode()))
    headers.append((b"ms-dyn-aid", str(uuid4()).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
