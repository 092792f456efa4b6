"""The request of a service as a trace: the span that everything done for it belongs to."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PROPAGATOR = TraceContextTextMapPropagator()
_FIRST_SERVER_ERROR = 500


class TracedService:
    """An ASGI application whose requests are traced, as part of the caller's trace where one is named (W3C)."""

    def __init__(self, app: ASGIApp, service: str, tracer: Tracer) -> None:
        self._app = app
        self._service = service
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        span = self._tracer.start_span(
            f"{scope['method']} {self._service}",
            _PROPAGATOR.extract(headers),
            SpanKind.SERVER,
            {"http.request.method": scope["method"], "url.path": scope["path"], "dualwrite.service": self._service},
        )

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                span.set_attribute("http.response.status_code", status)
                if status >= _FIRST_SERVER_ERROR:
                    span.set_status(Status(StatusCode.ERROR))
            await send(message)

        with trace.use_span(span, end_on_exit=True):
            await self._app(scope, receive, told)
