"""What a dry run tells."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dualwrite.cli.initial_sync.preview import preview_document, preview_shown
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.sync.initial_sync.job import Conflict, Count, PreviewedWay, RefusedRow

MAP = "Customers V3 (accounts)"
THERE, BACK = Direction.TO_DATAVERSE, Direction.TO_FINOPS
CONFLICT = Conflict("US-001", "creditlimit", "2000.00", "1500.00")
REFUSED = RefusedRow(
    map_name=MAP,
    direction=THERE,
    company="usmf",
    record_id=1,
    record="US-002",
    column="CUSTOMERGROUPID",
    code="DW0505",
    reason="Customers V3 (accounts), US-002: there is no group 90.",
    cause="There is no group 90.",
    row={"CustomerAccount": "US-002"},
)
FOUND = [
    PreviewedWay(MAP, THERE, "usmf", Count(10, 5, 1, 2, 0, 2, 1), (CONFLICT,), (REFUSED,)),
    PreviewedWay(MAP, BACK, "usmf", Count(3, 0, 0, 3)),
]


def shown(found: list[PreviewedWay], width: int) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None)
    for each in preview_shown(found, {MAP: Side.FINOPS}):
        console.print(each)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_rows_conflicts_and_refusals_are_shown_with_samples(width: int) -> None:
    lines = [" ".join(line.split()) for line in shown(FOUND, width).splitlines()]
    assert "What would happen; nothing has been written, and no map was started" in lines
    assert "Customers V3 → 10 5 1 2 2 1" in lines
    assert "Conflicts to be settled by the master: 1, such as" in lines
    assert "Customers V3 usmf: US-001 creditlimit 1500.00 2000.00 Dataverse" in lines
    assert "Customers V3 usmf: US-002 CUSTOMERGROUPID There is no group 90." in lines


def test_sides_in_step_have_no_samples() -> None:
    text = shown(FOUND[1:], 80)
    assert "Conflicts" not in text
    assert "would be refused" not in text


def test_scripts_get_everything() -> None:
    document = preview_document(FOUND)
    assert document["conflicts"] == [
        {
            "map": MAP,
            "direction": THERE,
            "legal_entity": "usmf",
            "record": "US-001",
            "column": "creditlimit",
            "value": "2000.00",
            "held": "1500.00",
        }
    ]
    total = document["total"]
    assert isinstance(total, dict)
    assert (total["read"], total["conflicts"], total["refused"]) == (13, 1, 2)
