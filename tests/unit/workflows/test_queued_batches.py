"""What a coordinator puts into the queue keeps the order of the waves, and is as few batches as it can be."""

from __future__ import annotations

from itertools import chain, count

from hypothesis import given
from hypothesis import strategies as st

from dualwrite.lifecycle.initial_sync.work import Batch
from dualwrite.metadata.schema import Side
from dualwrite.workflows.limits import JOINED_ROWS, Limits
from dualwrite.workflows.plan import Plan, partitions, plan_of

ENVIRONMENTS = {Side.FINOPS: "erp", Side.DATAVERSE: "crm"}
PLENTY = Limits()
Waves = list[list[Batch]]


@st.composite
def waves(draw: st.DrawFn) -> Waves:
    """Waves of batches, their partitions numbered in the order of their turn."""
    batches, numbers = count(), count()
    batch = st.tuples(st.sampled_from(Side), st.integers(1, 3), st.integers(0, 20_000))
    sizes = draw(st.lists(st.lists(batch, min_size=1, max_size=3), max_size=6))
    return [
        [Batch(next(batches), side, tuple(next(numbers) for _ in range(size)), rows) for side, size, rows in wave]
        for wave in sizes
    ]


def rows_of(wave: list[Batch]) -> int:
    return sum(each.rows for each in wave)


def queued(plan: Plan) -> list[list[tuple[str, tuple[int, ...]]]]:
    return [[(environment, tuple(numbers)) for environment, numbers in wave] for wave in plan["waves"]]


def planned(waves: Waves, limits: Limits = PLENTY) -> list[list[tuple[str, tuple[int, ...]]]]:
    return queued(plan_of(waves, ENVIRONMENTS, limits))


@given(waves())
def test_everything_is_queued_once_in_the_order_of_the_waves(waves: Waves) -> None:
    numbers = list(chain.from_iterable(each.partitions for wave in waves for each in wave))
    plan = plan_of(waves, ENVIRONMENTS, Limits())
    assert [each for wave in queued(plan) for _, some in wave for each in some] == numbers
    assert partitions(plan) == len(numbers)


@given(waves())
def test_what_may_go_on_at_the_same_time_still_may_unless_it_is_small(waves: Waves) -> None:
    together = [[each.partitions for each in wave] for wave in waves if len(wave) > 1 and rows_of(wave) > JOINED_ROWS]
    assert [[numbers for _, numbers in wave] for wave in planned(waves) if len(wave) > 1] == together


def test_small_waves_are_one_batch_and_large_ones_stay() -> None:
    small = [Batch(0, Side.DATAVERSE, (0, 1), 300), Batch(1, Side.FINOPS, (2,), 200)]
    large = [Batch(3, Side.DATAVERSE, (4,), JOINED_ROWS), Batch(4, Side.FINOPS, (5,), JOINED_ROWS)]
    waves = [small, [Batch(2, Side.FINOPS, (3,), 0)], large, [Batch(5, Side.FINOPS, (6,), 1)]]
    assert planned(waves) == [[("crm", (0, 1, 2, 3))], [("crm", (4,)), ("erp", (5,))], [("erp", (6,))]]


def test_what_waits_for_one_large_batch_is_one_with_it() -> None:
    waves = [[Batch(number, Side.DATAVERSE, (number,), 50_000)] for number in range(3)]
    assert planned(waves) == [[("crm", (0, 1, 2))]]


def test_under_a_limit_of_partitions_per_minute_each_goes_by_itself() -> None:
    waves = [[Batch(0, Side.DATAVERSE, (0, 1), 1), Batch(1, Side.FINOPS, (2,), 1)], [Batch(2, Side.FINOPS, (3,), 1)]]
    assert planned(waves, Limits(partitions_per_minute=60)) == [
        [("crm", (0,)), ("crm", (1,)), ("erp", (2,))],
        [("erp", (3,))],
    ]


def test_a_run_does_not_fill_the_queue() -> None:
    assert plan_of([], ENVIRONMENTS, Limits(environment_concurrency=3))["at_once"] == 6
