"""Compiling never fails: whatever a map version holds, the answer is a plan or findings."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_samples import DATAVERSE, FINOPS, MAPS, customers

from dualwrite.maps.compile import compile_map
from dualwrite.maps.findings import RULES, Code, grouped
from dualwrite.maps.plan import Plan
from dualwrite.maps.text import line_of, parse_map, render_map
from dualwrite.maps.transforms import CaseRule, Default, InTimeZone, Truncate, Unmapped, ValueMap
from dualwrite.maps.values import ColumnMapping, MapVersion, SyncDirection, Version
from dualwrite.metadata.schema import EnvironmentSchema


def _names(schema: EnvironmentSchema) -> list[str]:
    return [column.name for table in schema for column in table.columns]


TABLES = [table.name for schema in (FINOPS, DATAVERSE) for table in schema]
ODD = st.text(max_size=30) | st.sampled_from(["", " ", "none", "a.b", "a.A(b)", "a..b", "x" * 5000, "\x00", "𝔘", "ß.İ"])
FINOPS_NAMES = st.sampled_from([*_names(FINOPS), *(name.upper() for name in _names(FINOPS))]) | ODD
PLAIN = st.sampled_from(_names(DATAVERSE))
DOTTED = st.lists(PLAIN, min_size=1, max_size=4).map(".".join)
POLYMORPHIC = st.tuples(PLAIN, st.lists(st.tuples(st.sampled_from(TABLES), DOTTED), min_size=1, max_size=3)).map(
    lambda found: found[0] + "".join(f".{table}({path})" for table, path in found[1])
)
VALUES = (
    st.sampled_from(["", " ", "No", "no", "Yes", "1", "806380000", "Gold", "1900-01-01", "1/1/1900", "9" * 400]) | ODD
)
TRANSFORMS = (
    st.builds(Default, VALUES)
    | st.builds(
        ValueMap,
        pairs=st.lists(st.tuples(VALUES, VALUES), max_size=4).map(tuple),
        unmapped=st.sampled_from(Unmapped),
        case=st.sampled_from(CaseRule),
    )
    | st.builds(Truncate, st.none() | st.integers(-1, 300))
    | st.builds(InTimeZone, st.sampled_from(["Europe/Berlin", "UTC", "../etc", "", "/", "nowhere"]) | ODD)
)
COLUMNS = st.builds(
    ColumnMapping,
    st.none() | FINOPS_NAMES,
    st.none() | PLAIN | DOTTED | POLYMORPHIC | ODD,
    st.sampled_from(SyncDirection),
    st.lists(TRANSFORMS, max_size=2).map(tuple),
)
FILTERS = st.text(max_size=30) | st.text(string.ascii_letters + " '\"()=<>&|!0123456789:.,", max_size=60)
ANY = st.builds(
    MapVersion,
    name=ODD,
    version=st.just(Version(1)),
    publisher=ODD,
    finops_entity=st.sampled_from(TABLES) | ODD,
    dataverse_table=st.sampled_from(TABLES) | ODD,
    source_filter=st.just("") | FILTERS,
    reversed_source_filter=st.just("") | FILTERS,
    columns=st.lists(COLUMNS, max_size=6).map(tuple),
    integration_key=st.none() | st.lists(PLAIN | DOTTED | ODD, max_size=3).map(tuple),
)
KEYS = st.dictionaries(st.sampled_from(TABLES), st.lists(PLAIN | ODD, max_size=3).map(tuple), max_size=3)


def outcome(version: MapVersion, keys: dict[str, tuple[str, ...]]) -> None:
    found = compile_map(version, finops=FINOPS, dataverse=DATAVERSE, keys=keys)
    findings = found.warnings if isinstance(found, Plan) else found
    assert isinstance(found, Plan) or any(each.is_error for each in findings)
    assert sum(map(len, grouped(findings).values())) == len(findings)
    for each in findings:
        assert each.message and each.remedy and each.path


@settings(max_examples=300)
@given(ANY, KEYS)
def test_whatever_a_map_holds_it_is_compiled_or_refused(version: MapVersion, keys: dict[str, tuple[str, ...]]) -> None:
    outcome(version, keys)


@settings(max_examples=300)
@given(st.lists(COLUMNS, max_size=5), KEYS)
def test_whatever_is_added_to_a_right_map_it_is_compiled_or_refused(
    columns: list[ColumnMapping], keys: dict[str, tuple[str, ...]]
) -> None:
    outcome(customers(*columns), keys)


@given(MAPS)
def test_every_finding_of_a_map_file_has_a_line(version: MapVersion) -> None:
    text = render_map(version)
    found = compile_map(parse_map(text), finops=FINOPS, dataverse=DATAVERSE)
    assert not isinstance(found, Plan)
    lines = text.count("\n") + 1
    assert all(1 <= line_of(text, each.path) <= lines for each in found)


@pytest.mark.parametrize("filter", ["(" * 100_000, "a eq " * 50_000, "not " * 50_000 + "x", '"' * 99_999, "\ud800"])
def test_a_monstrous_filter_is_refused(filter: str) -> None:
    for version in (
        replace(customers(), source_filter=filter),
        replace(customers(), reversed_source_filter=filter),
    ):
        found = compile_map(version, finops=FINOPS, dataverse=DATAVERSE)
        assert not isinstance(found, Plan)
        assert [each.code for each in found] == [Code.FILTER]


def test_a_path_that_goes_in_circles_ends() -> None:
    round_and_round = ".".join(["parent"] * 5_000 + ["number"])
    outcome(customers(ColumnMapping("PARENTID", round_and_round)), {})


def test_every_code_has_a_meaning_and_a_remedy() -> None:
    assert set(RULES) == set(Code)
    assert all(each.meaning and each.remedy.endswith(".") for each in Code)
