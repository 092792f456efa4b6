"""The columnar executor says what the row executor says."""

from __future__ import annotations

from columnar_samples import (
    assert_conversion_agrees,
    assert_executors_agree,
    conversions,
    generated_plans,
    related_rows,
    values_of,
    ways_of,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(max_examples=1500, deadline=None)
@given(data=st.data())
def test_a_conversion_agrees_on_every_value(data: st.DataObject) -> None:
    conversion = data.draw(conversions())
    values = data.draw(st.lists(values_of(conversion.source.column), min_size=1, max_size=12))
    assert_conversion_agrees(conversion, values)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_executors_agree_on_generated_maps(data: st.DataObject) -> None:
    plan = data.draw(generated_plans())
    for way in ways_of(plan):
        assert_executors_agree(way, data.draw(related_rows(way)))
