"""Rules that tell which company a row without one gets, as people write them: one for all, by a column, by keys.

Values and keys are compared as text, without regard to case. Loads Polars; commands import it when they need it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import polars as pl

from dualwrite.errors import SettingsRefused

COMPANY: Final = "@assigned"
LINE: Final = "@line"
_HEADER = "company"
ANY_OTHER: Final = "*"
"""The value that stands for all those that are not named."""


@dataclass(frozen=True, slots=True)
class OneCompany:
    """Every row gets ``company``."""

    company: str


@dataclass(frozen=True, slots=True)
class ByValue:
    """The value at ``path`` tells the company; an empty value is ``""``, all that are not named ``ANY_OTHER``."""

    path: str
    companies: Mapping[str, str]


@dataclass(frozen=True)
class ByKeys:
    """A row is named by the values at ``paths``: ``lines`` has a column for each of them, ``COMPANY`` and ``LINE``."""

    paths: tuple[str, ...]
    lines: pl.DataFrame


CompanyRule: TypeAlias = OneCompany | ByValue | ByKeys


def parse_by_value(text: str, *, file: str | None = None) -> ByValue:
    """The rule that ``COLUMN=VALUE:COMPANY,VALUE:COMPANY`` spells, or ``COLUMN`` with the content of a value map.

    Raises: SettingsRefused.
    """
    path, equals, pairs = (part.strip() for part in text.partition("="))
    if not path or bool(equals) == (file is not None):
        raise SettingsRefused(
            f"{text!r} does not tell companies by a column: write COLUMN=VALUE:COMPANY,VALUE:COMPANY, "
            "or COLUMN alone with --values and a file of values and companies."
        )
    found = _file_pairs(file) if file is not None else _line_pairs(pairs)
    companies: dict[str, str] = {}
    for value, company in found:
        known = companies.setdefault(value.strip().lower(), company.strip())
        if known.lower() != company.strip().lower():
            raise SettingsRefused(f"{path}: the value {value!r} stands for {known} and for {company}; name it once.")
    if not companies:
        raise SettingsRefused(f"{path}: there is no value with its company; write VALUE:COMPANY,VALUE:COMPANY.")
    return ByValue(path, companies)


def _line_pairs(text: str) -> Iterator[tuple[str, str]]:
    for each in next(csv.reader([text]), []):
        value, colon, company = each.rpartition(":")
        if not colon or not company.strip():
            raise SettingsRefused(f"{each!r} names no company: write VALUE:COMPANY, several of them between commas.")
        yield value, company


def _file_pairs(content: str) -> Iterator[tuple[str, str]]:
    lines = _csv_lines(content)
    header = [each.strip().lower() for each in next(lines)[1]]
    if header != ["value", _HEADER]:
        raise SettingsRefused("a file of values begins with the line value,company")
    for number, cells in lines:
        if len(cells) != len(header) or not cells[1].strip():
            raise SettingsRefused(f"line {number} of the values: write a value and its company")
        yield cells[0], cells[1]


def parse_by_keys(content: str) -> ByKeys:
    """The rule that a CSV file with key columns and a last column ``company`` spells. Raises: SettingsRefused."""
    lines = _csv_lines(content)
    header = [each.strip() for each in next(lines)[1]]
    names = [each.lower() for each in header]
    if names.count(_HEADER) != 1 or len(header) < 2 or len(set(names)) < len(names):
        raise SettingsRefused(
            "a file of keys begins with a line of column names: those of the key, each once, and company "
            "(accountnumber,company)"
        )
    at = names.index(_HEADER)
    rows: list[tuple[object, ...]] = []
    for number, cells in lines:
        if len(cells) != len(header) or not cells[at].strip():
            raise SettingsRefused(
                f"line {number} of the keys: it needs {len(header)} values, as many as the first line has names"
            )
        rows.append((number, cells[at].strip(), *(cell.strip() for i, cell in enumerate(cells) if i != at)))
    paths = tuple(name for i, name in enumerate(header) if i != at)
    schema = {LINE: pl.Int64, COMPANY: pl.String, **dict.fromkeys(paths, pl.String)}
    return ByKeys(paths, pl.DataFrame(rows, schema=schema, orient="row"))


def _csv_lines(content: str) -> Iterator[tuple[int, list[str]]]:
    """The records with the line each ends on; the first of them has the names. Raises: SettingsRefused."""
    content = content.removeprefix("\ufeff")
    delimiter = max(",;\t", key=content.split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    filled = ((reader.line_num, cells) for cells in reader if any(cells))
    try:
        first = next(filled, None)
        if first is None:
            raise SettingsRefused("the file is empty: it needs a line of column names")
        yield first
        yield from filled
    except csv.Error as error:
        raise SettingsRefused(f"the file cannot be read near line {reader.line_num}: {error}") from error
