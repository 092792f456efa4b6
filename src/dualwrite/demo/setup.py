"""The set-up of the demonstration companies: legal entities and the reference rows that customers and vendors name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TypedDict, cast

import yaml

from dualwrite.catalog import load_schema
from dualwrite.demo.country import DATA, CountryCode
from dualwrite.metadata.schema import ColumnType, Side
from dualwrite.metadata.values import LegalEntityId, Value

DemoRow = dict[str, Value]


@dataclass(frozen=True, slots=True)
class DemoCompany:
    """One legal entity and how much is made up for it. ``prefix`` starts its account numbers."""

    legal_entity: LegalEntityId
    country: CountryCode
    prefix: str
    customers: int
    vendors: int


class _LegalEntityFile(TypedDict):
    country: str
    customers: int
    vendors: int
    prefix: str
    row: dict[str, str]


_RowsFile = dict[str, list[dict[str, str | int]]]
_SetupFile = TypedDict(
    "_SetupFile",
    {"legal_entities": dict[str, _LegalEntityFile], "global": _RowsFile, "companies": dict[str, _RowsFile]},
)


@lru_cache(maxsize=1)
def _load() -> _SetupFile:
    content = yaml.safe_load((DATA / "reference.yaml").read_text(encoding="utf-8"))
    return cast(_SetupFile, content)


def load_companies() -> tuple[DemoCompany, ...]:
    return tuple(
        DemoCompany(
            legal_entity=LegalEntityId(name),
            country=CountryCode(facts["country"]),
            prefix=facts["prefix"],
            customers=facts["customers"],
            vendors=facts["vendors"],
        )
        for name, facts in _load()["legal_entities"].items()
    )


def legal_entity_rows() -> list[DemoRow]:
    return [dict(facts["row"]) for facts in _load()["legal_entities"].values()]


def global_rows() -> Iterator[tuple[str, list[DemoRow]]]:
    """Rows of tables without a company, in the order in which they may be written."""
    for entity, rows in _load()["global"].items():
        yield entity, [_typed(entity, row) for row in rows]


def company_rows(company: DemoCompany) -> Iterator[tuple[str, list[DemoRow]]]:
    """Reference rows of one company, in the order in which they may be written."""
    for entity, rows in _load()["companies"][company.country].items():
        yield entity, [{"dataAreaId": company.legal_entity, **_typed(entity, row)} for row in rows]


def _typed(entity: str, row: Mapping[str, str | int]) -> DemoRow:
    """The row with decimals where its table has decimals; YAML knows only whole numbers and text."""
    table = load_schema(Side.FINOPS).table(entity)
    return {
        name: Decimal(value) if table.column(name).type is ColumnType.DECIMAL else value for name, value in row.items()
    }
