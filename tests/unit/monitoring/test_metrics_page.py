"""The page of metrics: every number is described, and stands there as Prometheus reads it."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from dualwrite.maps.values import Direction
from dualwrite.monitoring.metrics import Kind, LiveMetrics, Measure, page
from dualwrite.sync.steps import Step

DOCUMENTED = Path(__file__).parents[3] / "docs" / "how-to" / "watch.md"


def test_every_metric_is_documented_with_its_labels() -> None:
    text = DOCUMENTED.read_text()
    for each in Measure:
        described = each.value
        labels = ", ".join(f"`{label}`" for label in described.labels)
        assert f"| `{described.name}` | {described.kind.value} | {labels} |" in text, described.name


def test_what_is_counted_can_be_read_back() -> None:
    live = LiveMetrics()
    live.took(Direction.TO_DATAVERSE, Step.WRITE, 0.003)
    live.gave_way(Direction.TO_FINOPS)
    samples = {
        each: [(tuple(f"a {label}" for label in each.value.labels), 3.0)]
        for each in Measure
        if each not in (Measure.LIVE_SECONDS, Measure.GAVE_WAY)
    }
    families = {each.name: each for each in text_string_to_metric_families(page(live, samples).decode())}
    assert {each.value.name.removesuffix("_total") for each in Measure} == set(families)
    for each in Measure:
        family = families[each.value.name.removesuffix("_total")]
        assert family.type == each.value.kind.value
        assert family.documentation == each.value.meaning
    held = {
        (each.name, frozenset(each.labels.values())): each.value
        for family in families.values()
        for each in family.samples
    }
    assert held["dualwrite_live_step_seconds_count", frozenset({"to Dataverse", "write"})] == 1
    assert held["dualwrite_live_retries_total", frozenset({"to finance and operations"})] == 1
    assert held["dualwrite_queue_records", frozenset({"a map", "a direction"})] == 3


def test_a_counter_is_named_as_one() -> None:
    for each in Measure:
        assert each.value.name.endswith("_total") == (each.value.kind is Kind.COUNTER)
