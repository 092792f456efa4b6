"""Map versions as YAML."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from map_samples import MAPS, customers

from dualwrite.errors import MapRefused
from dualwrite.maps.text import line_of, parse_map, render_map
from dualwrite.maps.transforms import CaseRule, InTimeZone, Truncate, Unmapped, read_published, write_published
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


def test_transforms_with_options_have_a_long_spelling() -> None:
    version = parse_map(
        HEAD
        + "columns:\n"
        + "- A >< b: {value map: {no: 1}, unmapped: pass through, case: match}\n"
        + "- C >> d: {truncate: {}}\n"
        + "- E >> f: [{truncate: {to: 20}}, nothing]\n"
        + "- G >> h: {time zone: {name: Europe/Berlin}}\n"
        + "- I >< j: {truncate: to}\n"
    )
    assert [each.transforms for each in version.columns] == [
        (ValueMap((("no", "1"),), Unmapped.PASS, CaseRule.MATCH),),
        (Truncate(),),
        (Truncate(20), Default("nothing")),
        (InTimeZone("Europe/Berlin"),),
        (ValueMap((("truncate", "to"),)),),
    ]
    assert parse_map(render_map(version)) == version
    assert "- A >< b: {value map: {no: 1}, unmapped: pass through, case: match}\n" in render_map(version)


@pytest.mark.parametrize(
    ("spelling", "reason"),
    [
        ("{cut: {to: 1}}", "there is no transform 'cut'; known are default, time zone, value map, truncate"),
        ("{truncate: {to: x}}", "with a number of characters"),
        ("{truncate: {by: 1}}", "with a number of characters"),
        ("{truncate: {}, by: 1}", "'by' is no option of a truncate"),
        ("{value map: {a: b}, unmapped: perhaps}", "unmapped is refuse, pass through, empty, not 'perhaps'"),
        ("{value map: {a: b}, case: upper}", "case is ignore, match, not 'upper'"),
        ("{value map: {a: b}, unmapped: [empty]}", "'unmapped' is no option"),
        ("{value map: {a: {b: c}}}", "a text is expected behind 'a'"),
        ("{time zone: {zone: Europe/Berlin}}", "with the name of a zone"),
        ("{default: {value: x}}", "a default is written as the text alone"),
        ("{a: b, truncate: {}}", "a text is expected behind 'truncate'"),
        ("[[a, b], c]", "pairs are expected"),
    ],
)
def test_a_wrong_transform_is_refused_at_its_line(spelling: str, reason: str) -> None:
    with pytest.raises(MapRefused) as refusal:
        parse_map(HEAD + "columns:\n- A = b\n- C >< d:\n    " + spelling + "\n", file="m.yaml")
    assert refusal.value.message.startswith("m.yaml:9: ")
    assert reason in refusal.value.message


@given(MAPS)
def test_every_transform_reads_back_from_its_published_spelling(version: MapVersion) -> None:
    for transform in (each for column in version.columns for each in column.transforms):
        assert read_published(json.loads(json.dumps(write_published(transform)))) == transform


def test_published_transforms_are_read_as_they_are_found() -> None:
    found = {"$type": "x", "transformType": "ValueMap", "valueMap": {"no": 1, "yes": None, "maybe": True}}
    assert read_published(found) == ValueMap((("no", "1"), ("yes", ""), ("maybe", "True")))
    assert read_published({"transformType": "default", "defaultValue": None}) == Default("")
    for odd in ({}, {"transformType": "Round"}, {"transformType": "ValueMap"}, {"transformType": 1, "valueMap": {}}):
        assert read_published(odd) is None
    for odd in ({"valueMap": {"a": [1]}}, {"valueMap": {}, "unmapped": []}, {"valueMap": {}, "furtherPairs": [["a"]]}):
        assert read_published({"transformType": "ValueMap", **odd}) is None


TEXT = HEAD + "source_filter: A == 1\n# hint\ncolumns:\n- A = b\n- C >< d:\n    {no: 1}\n- E >> f: [a, b]\n"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("finops_entity", 4),
        ("source_filter", 6),
        ("columns", 8),
        ("columns[0]", 9),
        ("columns[0].finops", 9),
        ("columns[1].transforms", 11),
        ("columns[2].transforms[1]", 12),
        ("columns[9]", 8),
        ("integration_key[0]", 8),
        ("", 1),
    ],
)
def test_a_path_leads_to_its_line(path: str, line: int) -> None:
    assert line_of(TEXT, path) == line


@pytest.mark.parametrize("text", ["", "[", "a", "- a", "\ud800", "columns: x"])
def test_a_path_leads_to_the_first_line_of_what_is_no_map(text: str) -> None:
    assert line_of(text, "columns[1].finops") == 1


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
        ("name: [\n", 2, "expected node content"),
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
