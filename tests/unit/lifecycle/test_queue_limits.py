"""When a queue is full, and what people are told then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dualwrite.composition.queues import queue_limits
from dualwrite.environments.queue import QueueCount
from dualwrite.lifecycle.catch_up.limits import (
    GIBIBYTE,
    QueueLimits,
    QueuePolicy,
    Waiting,
    limit_reached,
    refusal,
    waiting_by_map,
)
from dualwrite.maps.values import Direction
from dualwrite.settings import Settings

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("size_bytes", "age", "reached"),
    [
        (GIBIBYTE - 1, 7 * DAY - timedelta(seconds=1), ""),
        (GIBIBYTE, DAY, "1.0 GiB are queued, and 1.0 GiB are the limit"),
        (1, 7 * DAY, "the oldest queued change is of 2026-03-03 12:00 UTC, and 7 days are the limit"),
    ],
)
def test_a_limit_is_reached_by_size_or_by_age(size_bytes: int, age: timedelta, reached: str) -> None:
    assert limit_reached(Waiting(1, size_bytes, NOW - age), QueueLimits(), now=NOW) == reached


def test_what_waits_on_both_sides_counts_together() -> None:
    counts = [
        QueueCount("Customers", Direction.TO_DATAVERSE, 2, 3, 100, NOW - DAY),
        QueueCount("Customers", Direction.TO_FINOPS, 1, 1, 50, NOW - 2 * DAY),
        QueueCount("Groups", Direction.TO_FINOPS, 1, 1, 10, NOW),
    ]
    assert waiting_by_map(counts) == {
        "Customers": Waiting(4, 150, NOW - 2 * DAY),
        "Groups": Waiting(1, 10, NOW),
    }


def test_users_are_told_map_limit_and_way_out() -> None:
    told = refusal("Customers", "1.0 GiB are queued, and 1.0 GiB are the limit")
    assert all(each in told for each in ("Customers", "1.0 GiB are the limit", "resume the map or to stop it"))


def test_limits_are_settings() -> None:
    limits = queue_limits(Settings.load(queue_days=0.5, queue_gibibytes=0.25, queue_policy="stop"))
    assert limits == QueueLimits(timedelta(hours=12), GIBIBYTE // 4, QueuePolicy.STOP)
    assert queue_limits(Settings.load()) == QueueLimits(7 * DAY, GIBIBYTE, QueuePolicy.BLOCK)
