"""The page about filters says what the parsers do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dualwrite.errors import FilterRefused
from dualwrite.filters.odata import parse_odata
from dualwrite.filters.range_expression import parse_range

PAGE = (Path(__file__).parents[3] / "docs/explanation/filters.md").read_text(encoding="utf-8")
ANSWERS = re.findall(r"^\| `(.+?)` in (a range expression|OData) \| .*`(.+?)` \|$", PAGE, re.MULTILINE)
ROWS = [line.split("|")[2:4] for line in PAGE.split("## What they mean")[0].splitlines() if line.startswith("| ")][2:]
VALUE = re.compile(r"null|true|[\"'{].*|[\w-]*\d\S*|\S+::\w+|\w\S*'\w+'")
CONDITION = re.compile(r"(a|\(1|startswith|primarycontactid)\b.+")


def _texts(language: int) -> list[str]:
    """What stands in a column of the table: whole conditions, and values, compared with a column."""
    texts: list[str] = []
    for row in ROWS:
        for spelling in re.findall(r"`(.+?)`", row[language]):
            if CONDITION.fullmatch(spelling):
                texts.append(spelling)
            elif VALUE.fullmatch(spelling):
                texts.append(f"a {('==', 'eq')[language]} {spelling}")
    return texts


@pytest.mark.parametrize(("text", "language", "answer"), ANSWERS)
def test_the_answers_of_the_page_are_given(text: str, language: str, answer: str) -> None:
    with pytest.raises(FilterRefused) as refusal:
        (parse_odata if language == "OData" else parse_range)(text)
    assert answer in refusal.value.message


def test_there_are_answers() -> None:
    assert len(ANSWERS) == 6


@pytest.mark.parametrize("text", _texts(0))
def test_the_range_expressions_of_the_page_are_read(text: str) -> None:
    assert parse_range(text) is not None


@pytest.mark.parametrize("text", _texts(1))
def test_the_odata_filters_of_the_page_are_read(text: str) -> None:
    assert parse_odata(text) is not None


def test_the_table_has_many() -> None:
    assert len(_texts(0)) > 20
    assert len(_texts(1)) > 10
