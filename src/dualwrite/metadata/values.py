"""The values a column can hold, and the ids of the two sides.

A row is a ``dict`` from column name (canonical spelling) to ``Value``. Text is ``str``, numbers ``int`` or ``Decimal``,
an F&O enum its member name (``str``), a Dataverse choice its number (``int``), a lookup the target's ``UUID``. A
lookup that may point to several tables has a companion entry ``<column>@table`` with the target's logical name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NewType, TypeAlias
from uuid import UUID

Value: TypeAlias = str | int | bool | Decimal | date | datetime | UUID | None
Row: TypeAlias = Mapping[str, Value]

LegalEntityId = NewType("LegalEntityId", str)
"""A company as finance and operations names it: ``dataAreaId``, lower case, at most four characters."""
CompanyCode = NewType("CompanyCode", str)
"""A company as Dataverse names it: ``cdm_company.cdm_companycode``."""

TARGET_SUFFIX = "@table"


def target_entry(column: str) -> str:
    """The row entry that tells which table a polymorphic lookup ``column`` points to."""
    return column + TARGET_SUFFIX
