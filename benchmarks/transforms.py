"""The two executors of a plan: what a row costs alone, and in a frame."""

from __future__ import annotations

from benchmarks.figures import cost_of, print_costs
from benchmarks.wide_map import customers_map, rows_for, wide_map
from dualwrite.maps.columnar.execute import transform_frame
from dualwrite.maps.columnar.frames import RelatedRow, frame_of
from dualwrite.maps.execute import transform
from dualwrite.maps.plan import DirectionPlan

ROWS = 2_000
FRAME_ROWS = 100_000
LIMIT_US = 150


def measure_transforms() -> None:
    """Prints a table for each map."""
    _measure("the customers map", customers_map())
    _measure("a map of mixed columns", wide_map())


def _measure(what: str, plan: DirectionPlan) -> None:
    rows = rows_for(plan, ROWS)
    frame = frame_of(plan, rows_for(plan, FRAME_ROWS))
    first = plan.columns[0].source_columns
    print_costs(
        f"Transforms of {what} ({len(plan.columns)} columns; at most {LIMIT_US} us a live row are promised)",
        [
            cost_of("row by row, every column", lambda: _one_by_one(plan, rows, None), items=ROWS),
            cost_of("row by row, one column changed", lambda: _one_by_one(plan, rows, first), items=ROWS),
            cost_of("in a frame, every column", lambda: transform_frame(plan, frame), items=FRAME_ROWS),
        ],
    )


def _one_by_one(plan: DirectionPlan, rows: list[RelatedRow], changed: frozenset[str] | None) -> None:
    for row, related in rows:
        transform(plan, row, related=related, changed=changed, label="")
