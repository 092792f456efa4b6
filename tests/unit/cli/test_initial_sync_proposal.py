"""What is shown before a run begins."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dualwrite.cli.initial_sync.arrangement import Arrangement
from dualwrite.cli.initial_sync.proposal import proposal_document, proposal_shown
from dualwrite.lifecycle.initial_sync.options import MapChoice, ProposedMap
from dualwrite.metadata.schema import Side

CUSTOMERS = "Customers V3 (accounts)"


def proposed(name: str, *needed_by: str, running: bool = False, related: bool = True) -> ProposedMap:
    return ProposedMap(MapChoice(name), 1, related, needed_by, True, running)


ARRANGEMENT = Arrangement(
    (
        proposed("Groups (msdyn_groups)", CUSTOMERS, "Vendors (msdyn_vendors)"),
        proposed("Schedules (msdyn_schedules)"),
        proposed(CUSTOMERS, related=False),
    ),
    (
        proposed("Terms (msdyn_terms)", CUSTOMERS),
        proposed("Units (uoms)", CUSTOMERS, running=True),
        proposed("Currencies (transactioncurrencies)", CUSTOMERS, running=True),
    ),
)
ROWS = {CUSTOMERS: {Side.FINOPS: 1_000_000, Side.DATAVERSE: 12}}


def shown(arrangement: Arrangement, companies: tuple[str, ...] = ("usmf", "demf"), *, width: int = 100) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None)
    for each in proposal_shown(arrangement, ROWS, companies=companies):
        console.print(each)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_maps_are_shown_with_the_rows_of_both_sides_and_why_they_are_there(width: int) -> None:
    lines = [" ".join(line.split()) for line in shown(ARRANGEMENT, width=width).splitlines()]
    assert "Initial sync of 3 maps for usmf and demf" in lines
    assert "1 Groups Customers V3 and 1 more F&O 0 0" in lines
    assert "1 Schedules other related maps F&O 0 0" in lines
    assert "1 Customers V3 F&O 1,000,000 12" in lines


def test_related_maps_that_are_left_out_are_named_those_that_do_not_run_with_a_warning() -> None:
    text = " ".join(shown(ARRANGEMENT).split())
    assert "Left out, and not running: Terms. Customers V3 looks up its rows; what is not found there is" in text
    assert "Related, and running already: Units and Currencies. To do them, too: --related" in text


def test_many_legal_entities_are_counted() -> None:
    many = tuple(f"le{number}" for number in range(200))
    assert "Initial sync of 3 maps for 200 legal entities" in shown(ARRANGEMENT, many)


def test_scripts_see_included_and_left_out_maps() -> None:
    found = {str(each["map"]): each for each in proposal_document(ARRANGEMENT, ROWS)}
    assert found[CUSTOMERS]["rows"] == {"finops": 1_000_000, "dataverse": 12}
    assert (found[CUSTOMERS]["included"], found["Terms (msdyn_terms)"]["included"]) == (True, False)
