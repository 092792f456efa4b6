"""One change followed from the request that saves it to the commit on the other side, also by way of the queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dualwrite.environments.port import Caller
from dualwrite.metadata.schema import Side
from dualwrite.monitoring.metrics import LiveMetrics
from dualwrite.monitoring.tracing import Tracing
from dualwrite.servers.finops.service import build_app
from dualwrite.servers.finops.settings import FinopsServiceSettings
from dualwrite.servers.tracing import TracedService
from dualwrite.sync.catch_up.replay import Replay
from dualwrite.sync.failures import NoFailureSink
from dualwrite.sync.link import Pair
from dualwrite.sync.live import LiveSync
from dualwrite.sync.steps import Watching
from linked_pair import CALLER, LinkedPair
from words import customer

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
CUSTOMERS = "Customers V3 (accounts)"


async def anybody(authorization: str | None) -> Caller:
    return CALLER


@dataclass
class Traced:
    """A linked pair whose finance and operations service is traced."""

    linked: LinkedPair
    pair: Pair
    exporter: InMemorySpanExporter
    client: httpx.AsyncClient

    async def save(self, memo: str) -> None:
        path = "/data/CustomersV3(dataAreaId='usmf',CustomerAccount='W1')"
        answer = await self.client.patch(path, json={"SalesMemo": memo}, headers=PARENT)
        assert answer.status_code == 204, answer.text

    def spans(self) -> Sequence[ReadableSpan]:
        """What was traced since the last call, in the order of its beginning."""
        found = sorted(self.exporter.get_finished_spans(), key=lambda each: each.start_time or 0)
        self.exporter.clear()
        return found


@pytest.fixture
async def traced(linked: LinkedPair) -> AsyncIterator[Traced]:
    exporter = InMemorySpanExporter()
    tracer = Tracing(SimpleSpanProcessor(exporter), version="1", instance="test").tracer
    pair = replace(linked.pair, watching=Watching(LiveMetrics(), tracer))
    for source, target in ((linked.finops, linked.dataverse), (linked.dataverse, linked.finops)):
        source.follow_pipeline(
            LiveSync(source=source, target=target, pair=pair, router=linked.router, tally=linked.tally)
        )
    await linked.finops.transact([customer("W1")], caller=CALLER)
    app = TracedService(
        build_app(linked.finops, anybody, FinopsServiceSettings(skiptoken_secret=b"secret")), "finops", tracer
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://finops") as client:
        exporter.clear()
        yield Traced(linked, pair, exporter, client)


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return trace.format_trace_id(span.context.trace_id)


async def test_a_live_change_is_one_trace(traced: Traced) -> None:
    await traced.save("live")
    spans = traced.spans()
    assert [each.name for each in spans] == [
        "PATCH finops",
        "dualwrite map",
        "dualwrite write",
        "dualwrite prepare",
        "dualwrite decide",
        "dualwrite commit",
    ]
    assert {trace_of(each) for each in spans} == {TRACE}


async def test_the_replay_of_a_queued_change_leads_back_to_the_request(traced: Traced) -> None:
    await traced.linked.router.queue(CUSTOMERS)
    await traced.save("queued")
    assert [each.name for each in traced.spans()] == ["PATCH finops", "dualwrite map"]
    replay = Replay(traced.pair, traced.linked.router, Side.FINOPS, NoFailureSink(), traced.linked.tally)
    for group in await replay.plan([CUSTOMERS]):
        await replay.carry_out(group)
    spans = traced.spans()
    assert spans[0].name == "dualwrite replay"
    assert [trace.format_trace_id(link.context.trace_id) for link in spans[0].links] == [TRACE]
    assert "dualwrite prepare" in [each.name for each in spans]
    assert {trace_of(each) for each in spans} == {trace_of(spans[0])} != {TRACE}
    assert (await traced.linked.account("W1"))["description"] == "queued"
