"""Which alerts the errors of a window raise, and which are over."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.monitoring.alerts.evaluation import TRANSITIONS, Reading, Standing, covers, judge
from dualwrite.monitoring.alerts.notices import condition_of
from dualwrite.store.alerts import AlertRule, AlertWindow, WindowUnit
from dualwrite.store.sync_errors import Category

MAPS = ("Customers", "Vendors", "Units")
FIVE_MINUTES = AlertWindow(5, WindowUnit.MINUTES)


def rule(
    threshold: int = 3, *, categories: tuple[Category, ...] = tuple(Category), maps: tuple[str, ...] | None = None
) -> AlertRule:
    return AlertRule("too many", categories, threshold, FIVE_MINUTES, maps)


def test_every_standing_knows_what_to_make_of_every_reading() -> None:
    assert {standing: set(row) for standing, row in TRANSITIONS.items()} == {each: set(Reading) for each in Standing}


def test_errors_of_one_map_are_counted_together_and_those_of_others_apart() -> None:
    counts = {
        ("Customers", Category.APPLICATION): 2,
        ("Customers", Category.SYSTEM): 1,
        ("Vendors", Category.APPLICATION): 2,
    }
    assert judge(rule(3), counts, alerting=()).raised == {"Customers": 3}


def test_errors_of_other_types_and_maps_do_not_count() -> None:
    counts = {("Customers", Category.CONFLICT): 9, ("Vendors", Category.SYSTEM): 9, ("Units", Category.SYSTEM): 2}
    wanted = rule(3, categories=(Category.SYSTEM,), maps=("Customers", "Units"))
    assert judge(wanted, counts, alerting=()).raised == {}
    assert covers(wanted, "Units") and not covers(wanted, "Vendors")


def test_a_map_that_alerts_already_raises_nothing_more_until_it_was_below() -> None:
    many = {("Customers", Category.SYSTEM): 50}
    verdict = judge(rule(3), many, alerting={"Customers"})
    assert (verdict.raised, verdict.cleared) == ({}, frozenset())
    assert judge(rule(3), {("Customers", Category.SYSTEM): 2}, alerting={"Customers"}).cleared == {"Customers"}
    assert judge(rule(3), {}, alerting={"Customers"}).cleared == {"Customers"}


@pytest.mark.parametrize(
    ("categories", "count", "said"),
    [
        ((Category.SYSTEM,), 1, "1 system error within 5 minutes (threshold 3)"),
        (
            (Category.APPLICATION, Category.SYSTEM),
            1200,
            "1,200 application or system errors within 5 minutes (threshold 3)",
        ),
        (tuple(Category), 4, "4 application, system, concurrency or conflict errors within 5 minutes (threshold 3)"),
    ],
)
def test_what_was_reached_is_said_in_words(categories: tuple[Category, ...], count: int, said: str) -> None:
    assert condition_of(rule(3, categories=categories), count) == said


def test_windows_have_a_length_and_a_name() -> None:
    assert (str(AlertWindow(1, WindowUnit.HOURS)), AlertWindow(1, WindowUnit.HOURS).length) == (
        "1 hour",
        timedelta(hours=1),
    )
    assert (str(AlertWindow(2, WindowUnit.DAYS)), AlertWindow(2, WindowUnit.DAYS).length) == (
        "2 days",
        timedelta(days=2),
    )


failures = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(MAPS), st.sampled_from(tuple(Category))), max_size=60)


@given(
    failures,
    st.integers(1, 6),
    st.integers(1, 20),
    st.sets(st.sampled_from(tuple(Category)), min_size=1),
    st.none() | st.sets(st.sampled_from(MAPS), min_size=1),
)
def test_one_event_for_each_time_that_a_sliding_window_fills(
    failed: list[tuple[int, str, Category]],
    threshold: int,
    length: int,
    categories: set[Category],
    maps: set[str] | None,
) -> None:
    """Minute by minute: an event is open exactly while the window is full, and was raised when it became so."""
    wanted = rule(threshold, categories=tuple(categories), maps=None if maps is None else tuple(maps))
    alerting: set[str] = set()
    full_before: set[str] = set()
    for minute in range(90):
        within = [(name, kind) for at, name, kind in failed if minute - length <= at < minute]
        verdict = judge(wanted, Counter(within), alerting=frozenset(alerting))
        alerting = (alerting | set(verdict.raised)) - verdict.cleared
        counted = Counter(name for name, kind in within if kind in categories and (maps is None or name in maps))
        full = {name for name, count in counted.items() if count >= threshold}
        assert alerting == full
        assert verdict.raised == {name: counted[name] for name in full - full_before}
        assert verdict.cleared == full_before - full
        full_before = full
