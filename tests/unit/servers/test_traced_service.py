"""Requests as traces: part of the caller's own where the caller names one, and told how they ended."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import Message, Receive, Scope, Send

from dualwrite.maps.values import Direction
from dualwrite.monitoring.tracing import Tracing
from dualwrite.servers.tracing import TracedService
from dualwrite.sync.steps import NobodyWatches, Step, Watching

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collected:
    """A service that saves something, and its traces."""

    def __init__(self, status: int = 204) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = Tracing(SimpleSpanProcessor(self.exporter), version="1", instance="test")
        self.status = status
        self.steps = Watching(NobodyWatches(), self.tracing.tracer).steps(Direction.TO_DATAVERSE)

    async def save(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.steps.take(Step.WRITE), self.steps.take(Step.LOOK_UP):
            pass
        await send({"type": "http.response.start", "status": self.status, "headers": []})

    async def request(self, headers: list[tuple[bytes, bytes]]) -> None:
        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            assert trace.get_current_span().is_recording()

        scope = {"type": "http", "method": "PATCH", "path": "/data/CustomersV3", "headers": headers}
        await TracedService(self.save, "finops", self.tracing.tracer)(scope, receive, send)


async def test_the_steps_belong_to_the_request_and_the_request_to_its_caller() -> None:
    collected = Collected()
    await collected.request([(b"Traceparent", CALLER.encode())])
    look_up, write, request = collected.exporter.get_finished_spans()
    assert [look_up.name, write.name, request.name] == ["dualwrite look up", "dualwrite write", "PATCH finops"]
    assert {trace.format_trace_id(each.context.trace_id) for each in (look_up, write, request)} == {CALLER[3:35]}
    assert trace.format_span_id(request.parent.span_id) == CALLER[36:52]
    assert write.parent.span_id == request.context.span_id
    assert look_up.parent.span_id == write.context.span_id
    assert request.kind is SpanKind.SERVER
    assert request.attributes["http.response.status_code"] == 204
    assert request.attributes["url.path"] == "/data/CustomersV3"


async def test_a_request_of_nobody_in_particular_begins_a_trace_and_a_failed_one_says_so() -> None:
    collected = Collected(status=503)
    await collected.request([(b"traceparent", b"nonsense")])
    *_, request = collected.exporter.get_finished_spans()
    assert request.parent is None
    assert request.status.status_code is StatusCode.ERROR


def test_steps_that_belong_to_no_request_are_not_traced() -> None:
    collected = Collected()
    with collected.steps.take(Step.MAP):
        assert not trace.get_current_span().is_recording()
    assert collected.exporter.get_finished_spans() == ()
