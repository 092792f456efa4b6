"""Partitions are packed into batches: small ones together, none lost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dualwrite.environments.bulk import Extent, Span
from dualwrite.maps.values import Direction
from dualwrite.sync.initial_sync.job import PlannedPartition
from dualwrite.sync.initial_sync.survey import pack

MOST = 100

partitions = st.lists(
    st.builds(
        lambda wave, name, way, rows: PlannedPartition(0, wave, 0, name, way, Extent(None, Span(), rows)),
        st.integers(0, 3),
        st.sampled_from(["customers", "groups"]),
        st.sampled_from(Direction),
        st.integers(0, MOST),
    ),
    max_size=60,
)


@given(partitions)
def test_every_partition_is_in_one_batch_of_its_wave(given_partitions: list[PlannedPartition]) -> None:
    packed = pack(given_partitions, most_rows=MOST)
    assert [each.number for each in packed] == list(range(len(packed)))

    def plain(each: PlannedPartition) -> str:
        return str(replace(each, number=0, batch=0))

    assert sorted(map(plain, packed)) == sorted(map(plain, given_partitions))
    assert [each.wave for each in packed] == sorted(each.wave for each in packed)
    batches: dict[int, list[PlannedPartition]] = defaultdict(list)
    for each in packed:
        batches[each.batch].append(each)
    assert sorted(batches) == list(range(len(batches)))
    for together in batches.values():
        assert len({(each.wave, each.direction) for each in together}) == 1
        assert len(together) == 1 or sum(each.rows for each in together) <= MOST


@given(partitions)
def test_two_batches_that_follow_each_other_would_not_fit_into_one(given_partitions: list[PlannedPartition]) -> None:
    packed = pack([replace(each, wave=0, direction=Direction.TO_FINOPS) for each in given_partitions], most_rows=MOST)
    weights: dict[int, int] = defaultdict(int)
    first: dict[int, int] = {}
    for each in packed:
        weight = max(each.rows, MOST // 50)
        weights[each.batch] += weight
        first.setdefault(each.batch, weight)
    for batch in list(weights)[:-1]:
        assert weights[batch] + first[batch + 1] > MOST
