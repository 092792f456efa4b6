"""What the program counts, in the form that Prometheus reads: what each number means, and the page that tells them.

Latencies are counted as they happen. Everything else is looked up when somebody reads the page: the store and the
environments know it, and it is the same whichever process is asked, but for what is marked as this process's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from dualwrite.maps.values import Direction
from dualwrite.sync.steps import Step

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_S: Final = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4, 8)

Samples: TypeAlias = Mapping["Measure", Iterable[tuple[tuple[str, ...], float]]]
"""Per measure, its values with their labels."""


class Kind(Enum):
    """How a number behaves."""

    COUNTER = "counter"
    """Only ever grows, until the program is started anew."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Described:
    """What a number says."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str


class Measure(Enum):
    """Every number there is."""

    CHANGES = Described(
        "dualwrite_changes_total",
        Kind.COUNTER,
        ("map", "direction", "ending"),
        "Record changes by how they ended, since this process started.",
    )
    LIVE_SECONDS = Described(
        "dualwrite_live_step_seconds",
        Kind.HISTOGRAM,
        ("direction", "step"),
        "How long the steps of live changes took, in this process.",
    )
    GAVE_WAY = Described(
        "dualwrite_live_retries_total",
        Kind.COUNTER,
        ("direction",),
        "How often a change met another one and was started over, in this process.",
    )
    QUEUED_RECORDS = Described(
        "dualwrite_queue_records", Kind.GAUGE, ("map", "direction"), "Records that wait for a paused map."
    )
    QUEUED_TRANSACTIONS = Described(
        "dualwrite_queue_transactions", Kind.GAUGE, ("map", "direction"), "Transactions that wait for a paused map."
    )
    QUEUED_BYTES = Described(
        "dualwrite_queue_bytes", Kind.GAUGE, ("map", "direction"), "How large the queue of a paused map is."
    )
    QUEUE_AGE = Described(
        "dualwrite_queue_oldest_seconds",
        Kind.GAUGE,
        ("map", "direction"),
        "How long the oldest record of the queue has been waiting.",
    )
    ERRORS_OPEN = Described(
        "dualwrite_errors_open",
        Kind.GAUGE,
        ("map", "category"),
        "Failed records that nobody has retried successfully or dismissed.",
    )
    INITIAL_SYNC_ROWS = Described(
        "dualwrite_initial_sync_rows",
        Kind.GAUGE,
        ("map", "direction", "state"),
        "Rows of the latest initial sync: planned, done, refused.",
    )
    MAP_STATE = Described("dualwrite_map_state", Kind.GAUGE, ("map", "state"), "1 for the state that a map is in.")
    BREAKER = Described(
        "dualwrite_breaker_state",
        Kind.GAUGE,
        ("environment", "state"),
        "1 for the state of an environment's breaker in this process: closed, open, half-open.",
    )
    BREAKER_OPENED = Described(
        "dualwrite_breaker_opened_total",
        Kind.COUNTER,
        ("environment",),
        "How often an environment went away or became too slow, as seen by this process.",
    )
    PREPARED = Described(
        "dualwrite_prepared_transactions",
        Kind.GAUGE,
        ("environment",),
        "Transactions that are prepared in an environment and wait for their decision.",
    )
    CONNECTIONS = Described(
        "dualwrite_connections",
        Kind.GAUGE,
        ("environment", "pool", "state"),
        "Connections of this process to an environment's database: used, idle, and how many are waited for.",
    )
    ALERTS_OPEN = Described(
        "dualwrite_alerts_open", Kind.GAUGE, ("alert", "map"), "Alert events that have not been cleared."
    )


class LiveMetrics:
    """Implements ``steps.Watcher``: what happens in this process is counted as it happens."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        seconds, gave_way = Measure.LIVE_SECONDS.value, Measure.GAVE_WAY.value
        histogram = Histogram(seconds.name, seconds.meaning, seconds.labels, buckets=_BUCKETS_S, registry=self.registry)
        counter = Counter(gave_way.name, gave_way.meaning, gave_way.labels, registry=self.registry)
        # Looked up once: a change passes here several times.
        self._seconds = {
            (direction, step): histogram.labels(direction.value, step.value) for direction in Direction for step in Step
        }
        self._gave_way = {direction: counter.labels(direction.value) for direction in Direction}

    def took(self, direction: Direction, step: Step, seconds: float) -> None:
        self._seconds[direction, step].observe(seconds)

    def gave_way(self, direction: Direction) -> None:
        self._gave_way[direction].inc()


def page(live: LiveMetrics, samples: Samples) -> bytes:
    """All numbers as text that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Page(live, samples))
    return generate_latest(registry)


class _Page:
    """Collects what has been counted, and what has been looked up already."""

    def __init__(self, live: LiveMetrics, samples: Samples) -> None:
        self._live = live
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        for family in self._live.registry.collect():
            # When a number was first counted is a number of its own for every label: of no use, and many.
            family.samples = [each for each in family.samples if not each.name.endswith("_created")]
            yield family
        for measure, values in self._samples.items():
            described = measure.value
            family = (CounterMetricFamily if described.kind is Kind.COUNTER else GaugeMetricFamily)(
                described.name, described.meaning, labels=described.labels
            )
            for labels, value in values:
                family.add_metric(labels, value)
            yield family
