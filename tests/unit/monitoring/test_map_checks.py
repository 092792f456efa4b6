"""What a map's own text and tables tell about its health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from dualwrite.lifecycle.checks import CheckedMap, PlacedFinding
from dualwrite.maps.findings import Code, Finding
from dualwrite.maps.findings import Severity as MapSeverity
from dualwrite.metadata.schema import Side
from dualwrite.monitoring.health.findings import MEANINGS, HealthCode, HealthFinding, Severity, worst_first
from dualwrite.monitoring.health.map_checks import check_map
from linked_pair import demonstration_plans

CUSTOMERS = "Customers V3 (accounts)"
PERSONS = "Customers V3 (contacts)"


def checked(name: str, *errors: Code) -> CheckedMap:
    plan = next(each for each in demonstration_plans() if each.map.name == name)
    placed = tuple(
        PlacedFinding(Finding(code, MapSeverity.ERROR, "the text is wrong", "", remedy="Correct it."), 7)
        for code in errors
    )
    return CheckedMap(name, "1.0.0.0", None, placed, plan.map, None if errors else plan)


def codes(
    of: CheckedMap, sharing: Mapping[tuple[Side, str], Sequence[str]] | None = None
) -> dict[HealthCode, HealthFinding]:
    return {each.code: each for each in check_map(of, sharing or {})}


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(HealthCode)
    assert len({each.value for each in HealthCode}) == len(HealthCode)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (Code.FILTER, HealthCode.FILTER),
        (Code.FINOPS_ENTITY, HealthCode.PLATFORM),
        (Code.DATAVERSE_COLUMN, HealthCode.PLATFORM),
        (Code.NO_KEY, HealthCode.CANNOT_RUN),
    ],
)
def test_a_map_that_cannot_run_says_where_and_what_to_do(code: Code, told: HealthCode) -> None:
    ((found, finding),) = codes(checked(CUSTOMERS, code)).items()
    assert (found, finding.severity) == (told, Severity.ERROR)
    assert finding.message == f"{CUSTOMERS} 1.0.0.0:7: {code.value} the text is wrong"
    assert finding.remedy == "Correct it."


def test_filters_are_shown_and_rows_outside_are_spoken_of() -> None:
    found = codes(checked(CUSTOMERS))
    assert "PartyType" in " ".join(each.message for each in check_map(checked(CUSTOMERS), {}))
    assert found[HealthCode.RANGE].severity is Severity.INFORMATION


def test_maps_of_one_table_name_each_other() -> None:
    sharing = {(Side.FINOPS, "CustCustomerV3Entity"): [CUSTOMERS, PERSONS]}
    assert f"mapped by {PERSONS}, too" in codes(checked(CUSTOMERS), sharing)[HealthCode.SHARED_TABLE].message
    alone = {(Side.FINOPS, "CustCustomerV3Entity"): [CUSTOMERS]}
    assert HealthCode.SHARED_TABLE not in codes(checked(CUSTOMERS), alone)


def test_no_map_of_the_demonstration_has_errors() -> None:
    for plan in demonstration_plans():
        for each in check_map(CheckedMap(plan.map.name, "1.0.0.0", None, (), plan.map, plan), {}):
            assert each.severity is not Severity.ERROR, (plan.map.name, each)


def test_the_worst_comes_first() -> None:
    findings = [
        HealthFinding(HealthCode.TABLES, Severity.INFORMATION, ""),
        HealthFinding(HealthCode.DIVERGENCE, Severity.ERROR, ""),
        HealthFinding(HealthCode.FILTER, Severity.ERROR, ""),
        HealthFinding(HealthCode.ERRORS, Severity.WARNING, ""),
    ]
    found = [each.code for each in sorted(findings, key=worst_first)]
    assert found == [HealthCode.FILTER, HealthCode.DIVERGENCE, HealthCode.ERRORS, HealthCode.TABLES]
