"""Every shipped map runs on frames as it runs row by row."""

from __future__ import annotations

import pytest
from columnar_samples import accepted_rows, assert_conversion_agrees, assert_executors_agree, every_value, ways_of

from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import load_solutions
from dualwrite.maps.columnar.frames import reads
from dualwrite.maps.compile import compile_map
from dualwrite.maps.plan import DirectionPlan, Plan
from dualwrite.metadata.schema import Side


def _ways() -> list[tuple[str, DirectionPlan]]:
    ways: list[tuple[str, DirectionPlan]] = []
    for solution in load_solutions():
        for entry in solution.entries:
            plan = compile_map(entry.map, finops=load_schema(Side.FINOPS), dataverse=load_schema(Side.DATAVERSE))
            assert isinstance(plan, Plan)
            ways += ((f"{solution.name}/{entry.full_id} {way.direction.value}", way) for way in ways_of(plan))
    return ways


WAYS = _ways()


@pytest.mark.parametrize("way", [way for _, way in WAYS], ids=[name for name, _ in WAYS])
def test_a_shipped_map_gives_the_same_in_frames(way: DirectionPlan) -> None:
    rows = accepted_rows(way, count=12)
    result = assert_executors_agree(way, rows)
    assert not result.refused.all()
    written = {*result.values.columns, *(each.plan.column for each in result.lookups)}
    assert written == {column.target_column for column in way.columns}


@pytest.mark.parametrize("way", [way for _, way in WAYS], ids=[name for name, _ in WAYS])
def test_its_conversions_agree_on_nasty_values(way: DirectionPlan) -> None:
    for _, conversion in reads(way):
        assert_conversion_agrees(conversion, every_value(conversion.source.column))
