"""Where traces go: an OpenTelemetry collector, sent to in the background; nowhere unless an address is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import Tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_NAME = "dualwrite"
_PATH = "/v1/traces"
_SEND_S = 2


class Tracing:
    """A tracer of its own: nothing is registered for the whole process."""

    def __init__(self, processor: SpanProcessor, *, version: str, instance: str) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        facts = {"service.name": _NAME, "service.version": version, "service.instance.id": instance}
        self._provider = TracerProvider(resource=Resource.create(facts), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self.tracer: Tracer = self._provider.get_tracer(_NAME, version)

    def close(self) -> None:
        """What has been traced is sent, if the collector takes it soon."""
        self._provider.shutdown()


def trace_to(endpoint: str, *, version: str, instance: str) -> Tracing:
    """Traces are sent to the collector at ``endpoint``, by OTLP over HTTP."""
    # The exporter and what it needs take their time to load, and only who traces needs them.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    address = endpoint.rstrip("/")
    exporter = OTLPSpanExporter(address if address.endswith(_PATH) else address + _PATH, timeout=_SEND_S)
    return Tracing(BatchSpanProcessor(exporter), version=version, instance=instance)
