"""Traces as a collector receives them, and what happens where there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from dualwrite.monitoring.tracing import trace_to


class Collector(ThreadingHTTPServer):
    """Takes whatever is sent, and remembers it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[str, ExportTraceServiceRequest]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        self.server.received.append((self.path, sent))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_what_was_traced_has_arrived_when_the_program_has_ended(collector: Collector) -> None:
    tracing = trace_to(collector.url, version="1.2", instance="this one")
    tracing.tracer.start_span("PATCH finops").end()
    tracing.close()
    ((path, sent),) = collector.received
    assert path == "/v1/traces"
    (resource,) = sent.resource_spans
    facts = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert (facts["service.name"], facts["service.version"]) == ("dualwrite", "1.2")
    assert facts["service.instance.id"] == "this one"
    assert [each.name for each in resource.scope_spans[0].spans] == ["PATCH finops"]


def test_a_collector_that_is_not_there_holds_nobody_up() -> None:
    tracing = trace_to("http://127.0.0.1:9", version="1", instance="x")
    started = time.monotonic()
    tracing.tracer.start_span("PATCH finops").end()
    assert time.monotonic() - started < 1
    tracing.close()
    assert time.monotonic() - started < 5
