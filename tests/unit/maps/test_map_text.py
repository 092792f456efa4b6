"""Map versions as YAML."""

from __future__ import annotations

import pytest
from hypothesis import given
from map_samples import MAPS, customers

from dualwrite.errors import MapRefused
from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.values import ColumnMapping, Default, MapVersion, SyncDirection, ValueMap

HEAD = """\
name: Customers V3 (accounts)
version: 1.0.0.0
publisher: tests
finops_entity: CustCustomerV3Entity
dataverse_table: account
"""


@given(MAPS)
def test_every_map_reads_back_as_it_was(version: MapVersion) -> None:
    assert parse_map(render_map(version)) == version


def test_columns_are_one_readable_line_each() -> None:
    lines = render_map(customers()).splitlines()
    assert "- CUSTOMERACCOUNT = number" in lines
    assert "- HOLD >< hold: {no: 806380000, invoice: 806380001, all: 806380002}" in lines
    assert "- none >> kind: 3" in lines
    assert "- LANGUAGEID << none: en-us" in lines


def test_words_that_yaml_takes_for_truth_or_numbers_stay_text() -> None:
    version = parse_map(HEAD + "columns:\n- A >< b: {no: False, yes: True}  # a comment\n- none >> c: 010\n")
    assert version.columns == (
        ColumnMapping("A", "b", SyncDirection.BOTH, (ValueMap((("no", "False"), ("yes", "True"))),)),
        ColumnMapping(None, "c", SyncDirection.TO_DATAVERSE, (Default("010"),)),
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("- A => b", "not a column mapping"),
        ("- A", "not a column mapping"),
        ("- A >> b", "needs a value map or a constant; write > for a plain copy"),
        ("- A >< b", "write = for a plain copy"),
        ("- 'A = b': {x: y}", "= takes no transform"),
        ("- none = none", "names no column"),
        ("- A = b..c", "not a column path"),
        ("- [A, b]", "a column is one line"),
        ("- A >> b: []", "at least two"),
        ("- A >> b: {x: [1]}", "a text is expected"),
    ],
)
def test_a_wrong_column_is_refused_with_file_and_line(line: str, reason: str) -> None:
    with pytest.raises(MapRefused) as refusal:
        parse_map(HEAD + "# hint\ncolumns:\n" + line + "\n", file="maps/accounts.yaml")
    assert refusal.value.message.startswith("maps/accounts.yaml:8: ")
    assert reason in refusal.value.message
    assert refusal.value.details == {"file": "maps/accounts.yaml", "line": 8}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "YAML mapping"),
        ("- a\n", 1, "YAML mapping"),
        ("name: [\n", 2, "expected the node content"),
        (HEAD + "columns: []\nfoo: bar\n", 7, "unknown key 'foo'"),
        (HEAD, 1, "'columns' is missing"),
        (HEAD + "name: again\ncolumns: []\n", 6, "stands here twice"),
        (HEAD.replace("1.0.0.0", "1.0") + "columns: []\n", 2, "not a version"),
        (HEAD + "on_filter_exit: drop\ncolumns: []\n", 6, "keep or delete"),
        (HEAD + "columns: {}\n", 6, "a list is expected"),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(MapRefused) as refusal:
        parse_map(text, file="m.yaml")
    assert refusal.value.message.startswith(f"m.yaml:{line}: ")
    assert reason in refusal.value.message
