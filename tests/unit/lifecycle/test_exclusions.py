"""Maps that may not run beside each other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.exclusions import Exclusion, check_exclusions, exclusions_of
from dualwrite.store.solutions import SolutionRecord, SolutionState

SALES = Exclusion("Supply chain", (frozenset({"Quotes", "Orders"}), frozenset({"Sales quotes", "Sales orders"})))


@pytest.mark.parametrize(
    ("wanted", "live"),
    [(["Quotes", "Orders", "Units"], []), (["Quotes"], ["Orders", "Units"]), (["Units"], ["Quotes"]), ([], ["Quotes"])],
)
def test_maps_of_one_side_run_beside_each_other(wanted: list[str], live: list[str]) -> None:
    check_exclusions([SALES], wanted=wanted, live=live)


def test_a_map_does_not_run_beside_the_other_side_and_the_refusal_names_what_to_stop() -> None:
    with pytest.raises(NotAllowed) as refusal:
        check_exclusions([SALES], wanted=["Sales orders", "Units"], live=["Units", "Quotes", "Orders"])
    assert refusal.value.message == (
        "Sales orders may not run beside Quotes; Orders, says the solution Supply chain. "
        "Stop first: dualwrite maps stop 'Quotes' 'Orders'"
    )


def test_both_sides_are_not_started_at_once() -> None:
    with pytest.raises(NotAllowed, match="Quotes and Sales orders may not run beside each other"):
        check_exclusions([SALES], wanted=["Quotes", "Sales orders"], live=[])


def test_only_applied_solutions_exclude() -> None:
    def record(state: SolutionState) -> SolutionRecord:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        document = {"excludes": [["Quotes"], ["Sales quotes"]]}
        return SolutionRecord("main", "s", "S", "1.0.0.0", "us", "", True, state, now, now, document)

    (found,) = exclusions_of([record(SolutionState.APPLIED)])
    assert found == Exclusion("S", (frozenset({"Quotes"}), frozenset({"Sales quotes"})))
    assert list(exclusions_of([record(SolutionState.IMPORTED)])) == []
