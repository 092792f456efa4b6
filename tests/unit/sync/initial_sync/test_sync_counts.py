"""Counts add up, and what is kept between processes is read back as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dualwrite.sync.initial_sync.job import (
    Count,
    Ending,
    LeftOpen,
    PartitionOutcome,
    together,
    total,
)

small = st.integers(0, 1000)


@st.composite
def counts(draw: st.DrawFn) -> Count:
    inserted, updated, equal, filtered, refused = (draw(small) for _ in range(5))
    read = inserted + updated + equal + filtered + refused
    return Count(read, inserted, updated, equal, filtered, refused, draw(st.integers(0, updated)))


ids = st.integers(1, 2**63 - 1) | st.uuids()
outcomes = st.builds(
    PartitionOutcome,
    st.dictionaries(st.sampled_from(["", "usmf", "demf"]), counts()),
    st.lists(
        st.builds(
            LeftOpen, st.sampled_from(["", "usmf"]), st.sampled_from(Ending), st.lists(ids).map(tuple), st.booleans()
        )
    ).map(tuple),
)


@given(st.lists(counts()))
def test_sound_counts_stay_sound_when_added(several: list[Count]) -> None:
    assert total(several).is_sound
    assert total(several).read == sum(each.read for each in several)


@given(counts(), st.sampled_from(["read", "inserted", "updated", "equal", "filtered", "refused"]))
def test_a_row_too_many_is_noticed(count: Count, where: str) -> None:
    assert not (count + Count(**{where: 1})).is_sound


def test_a_conflict_is_an_update() -> None:
    assert Count(read=2, updated=1, equal=1, conflicts=1).is_sound
    assert not Count(read=2, updated=1, equal=1, conflicts=2).is_sound


@given(outcomes)
def test_an_outcome_is_read_back_as_it_was(outcome: PartitionOutcome) -> None:
    assert PartitionOutcome.from_json(outcome.to_json()) == outcome


@given(st.lists(outcomes))
def test_parts_add_up(parts: list[PartitionOutcome]) -> None:
    assert together(parts).count == total(each.count for each in parts)
    assert together(parts).open_ids == tuple(row_id for each in parts for row_id in each.open_ids)
