"""What every new Dataverse table has, and how names are made from names."""

from __future__ import annotations

from typing import Final

from dualwrite.metadata.document import own_enumeration
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Enumeration

COMPANY_TABLE: Final = "cdm_company"
FIRST_OWN_CHOICE: Final = 100_000_000
"""The number that the first choice of a user's own gets."""


def id_column(table: str) -> Column:
    return Column(f"{table}id", ColumnType.GUID)


def standard_columns(table: str, *, is_owned: bool = True) -> tuple[Column, ...]:
    """The columns that come with every table, beside its id."""
    system = ColumnRole.SYSTEM
    state = Enumeration(own_enumeration(table, "statecode"), (("Active", 0), ("Inactive", 1)))
    status = Enumeration(own_enumeration(table, "statuscode"), (("Active", 1), ("Inactive", 2)))
    common = (
        Column("statecode", ColumnType.CHOICE, enumeration=state, role=ColumnRole.STATE, label="Status"),
        Column("statuscode", ColumnType.CHOICE, enumeration=status, role=ColumnRole.STATUS, label="Status Reason"),
        Column("createdon", ColumnType.DATETIME, role=system, label="Created On"),
        Column("modifiedon", ColumnType.DATETIME, role=system, label="Modified On"),
        Column("versionnumber", ColumnType.BIGINT, role=system, label="Version Number"),
        Column("createdby", ColumnType.LOOKUP, targets=("systemuser",), role=system, label="Created By"),
        Column("modifiedby", ColumnType.LOOKUP, targets=("systemuser",), role=system, label="Modified By"),
    )
    if not is_owned:
        return common
    return (
        *common,
        Column("ownerid", ColumnType.LOOKUP, targets=("systemuser", "team"), role=ColumnRole.OWNER, label="Owner"),
        Column("owningbusinessunit", ColumnType.LOOKUP, targets=("businessunit",), role=system),
        Column("owninguser", ColumnType.LOOKUP, targets=("systemuser",), role=system, label="Owning User"),
        Column("owningteam", ColumnType.LOOKUP, targets=("team",), role=system, label="Owning Team"),
    )


def company_column(columns: tuple[Column, ...]) -> str | None:
    """The column that makes a Dataverse table company-specific: its first lookup to companies alone."""
    return next((column.name for column in columns if column.targets == (COMPANY_TABLE,)), None)


def plural(name: str) -> str:
    """What the set of a table is called: ``new_projects``, ``new_companies``, ``new_boxes``."""
    if name.endswith("y") and name[-2:-1] not in tuple("aeiou"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "z", "ch", "sh")) else f"{name}s"
