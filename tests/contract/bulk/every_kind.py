"""Two tables with a column of every kind, and rows for them, good and bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import polars as pl
from hypothesis import strategies as st

from dualwrite.environments.bulk import CopyParticipant
from dualwrite.environments.hosted.dataverse_seed import ADMINISTRATOR_ID, ROOT_TEAM_ID
from dualwrite.maps.columnar.frames import dtype_of, in_frame
from dualwrite.metadata.conventions import id_column, standard_columns
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Enumeration, Side, Table
from dualwrite.metadata.values import Value, target_entry

T = ColumnType
COLOUR = Enumeration("Colour", (("None", 0), ("Red", 1), ("Blue", 2)))
SIZE = Enumeration("new_size", (("Small", 100), ("Large", 200)))
COMPANIES = {"usmf": UUID(int=0x10), "DEMF": UUID(int=0x11)}
"""Two companies, one of them in capitals."""
ACCOUNT, CONTACT, TARGET = UUID(int=0x20), UUID(int=0x21), UUID(int=0x22)
NOBODY = UUID(int=0xDEAD)


def _plain(prefix: str, *, key_length: int) -> tuple[Column, ...]:
    return (
        Column(f"{prefix}code", T.STRING, length=key_length, required=True),
        Column(f"{prefix}text", T.STRING, length=5),
        Column(f"{prefix}memo", T.MEMO),
        Column(f"{prefix}whole", T.INTEGER),
        Column(f"{prefix}big", T.BIGINT),
        Column(f"{prefix}rate", T.DECIMAL, scale=3),
        Column(f"{prefix}amount", T.MONEY),
        Column(f"{prefix}flag", T.BOOLEAN),
        Column(f"{prefix}day", T.DATE),
        Column(f"{prefix}moment", T.DATETIME),
        Column(f"{prefix}guid", T.GUID),
    )


FINOPS_TABLE = Table(
    Side.FINOPS,
    "EveryKindEntity",
    "EveryKinds",
    "Every kind",
    ("dataAreaId", "code"),
    (
        Column("dataAreaId", T.STRING, length=4),
        *_plain("", key_length=10),
        Column("colour", T.ENUM, enumeration=COLOUR),
    ),
    company_column="dataAreaId",
)
TARGET_TABLE = Table(
    Side.DATAVERSE,
    "new_target",
    "new_targets",
    "Target",
    ("new_targetid",),
    (id_column("new_target"), Column("new_name", T.STRING, length=100), *standard_columns("new_target")),
    alternate_keys=(("new_name",),),
    primary_name="new_name",
)
DATAVERSE_TABLE = Table(
    Side.DATAVERSE,
    "new_everykind",
    "new_everykinds",
    "Every kind",
    ("new_everykindid",),
    (
        id_column("new_everykind"),
        Column("new_company", T.LOOKUP, targets=("cdm_company",)),
        *_plain("new_", key_length=10),
        Column("new_size", T.CHOICE, enumeration=SIZE),
        Column("new_target", T.LOOKUP, targets=("new_target",)),
        Column("new_parent", T.LOOKUP, targets=("new_everykind",)),
        Column("new_party", T.LOOKUP, targets=("account", "contact")),
        Column("new_absent", T.LOOKUP, targets=("new_nowhere",)),
        *(Column(name, T.STRING, length=8) for name in ("firstname", "middlename", "lastname")),
        Column("fullname", T.STRING, length=12),
        *standard_columns("new_everykind"),
    ),
    alternate_keys=(("new_code", "new_company"), ("new_whole",)),
    primary_name="new_code",
    company_column="new_company",
)
STAMPS = frozenset({"RecId", "new_everykindid", "versionnumber", "createdon", "modifiedon"})
"""What two writers of the same row do not have in common."""


def written_columns(table: Table) -> tuple[Column, ...]:
    """The columns that callers may write, ids of rows aside."""
    own = {table.key[0]} if table.side is Side.DATAVERSE else set()
    return tuple(column for column in table.columns if column.role is not ColumnRole.SYSTEM and column.name not in own)


def frame_of(table: Table, rows: Sequence[Mapping[str, Value]]) -> pl.DataFrame:
    """The rows as a frame, with the columns that any of them has."""
    names = dict.fromkeys(name for row in rows for name in row)
    dtypes = {name: dtype_of(table.by_name[name]) if name in table.by_name else pl.String() for name in names}
    return pl.DataFrame(
        [pl.Series(name, [in_frame(row.get(name)) for row in rows], dtype=dtype) for name, dtype in dtypes.items()]
    )


def as_id(value: Value) -> Value:
    """A record id as rows have it."""
    return UUID(value) if isinstance(value, str) else value


def code_of(table: Table) -> str:
    """The column that names a row within its company."""
    return "code" if table.side is Side.FINOPS else "new_code"


async def insert_codes(
    participant: CopyParticipant, table: Table, codes: Mapping[str, Sequence[str]], **others: Value
) -> pl.Series:
    """Rows of these companies with these codes are there; their ids."""
    ids = {company.lower(): row_id for company, row_id in COMPANIES.items()}
    rows: list[dict[str, Value]] = []
    for company, each in codes.items():
        named: Value = company if table.side is Side.FINOPS else ids[company]
        rows += [{table.company_column or "": named, code_of(table): code, **others} for code in each]
    inserted = await participant.insert_frame(table.name, frame_of(table, rows))
    assert inserted.left == ()
    return inserted.ids


# --- rows -----------------------------------------------------------------------------------------------------------

WEIRD = st.sampled_from(
    [
        "",
        " ",
        "\\N",
        "\\.",
        '"',
        '""',
        "a,b",
        "a\nb",
        "\r\n",
        "\t",
        "NULL",
        "null",
        "{}",
        "é",
        "ẞß",
        "İı",
        "\\",
        "'",
        "%s",
        "😀",
    ]
)
TEXTS = WEIRD | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
DECIMALS = st.decimals(-(10**12), 10**12, places=3) | st.sampled_from(
    [Decimal("0.0005"), Decimal("0.0015"), Decimal("-0.0005"), Decimal("1E+20"), Decimal("999999999999.9999")]
)
MOMENTS = st.datetimes(
    datetime(1750, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), timezones=st.just(UTC)
) | st.just(datetime(2024, 2, 29, 12, tzinfo=UTC) + timedelta(microseconds=1))

_BY_TYPE: dict[ColumnType, st.SearchStrategy[Value]] = {
    T.STRING: TEXTS,
    T.MEMO: TEXTS,
    T.INTEGER: st.integers(-5, 5) | st.sampled_from([2**31, -(2**31), 2**31 - 1]),
    T.BIGINT: st.integers(-(2**63), 2**63 - 1),
    T.DECIMAL: DECIMALS,
    T.MONEY: DECIMALS,
    T.BOOLEAN: st.booleans(),
    T.DATE: st.dates() | st.sampled_from([date(1900, 1, 1), date(1753, 1, 1), date(9999, 12, 31)]),
    T.DATETIME: MOMENTS,
    T.GUID: st.uuids(),
    T.ENUM: st.sampled_from(["Red", "red", "BLUE", "Green", ""]),
    T.CHOICE: st.sampled_from([100, 200, 300]),
}
_BY_NAME: dict[str, st.SearchStrategy[Value]] = {
    "dataAreaId": st.sampled_from(["usmf", "USMF", "demf", "none", ""]),
    "code": st.sampled_from(["A", "a", "B", "C", "", "ß", "ẞ"]),
    "new_code": st.sampled_from(["A", "a", "B", "C", "", "ß", "ẞ"]),
    "new_company": st.sampled_from([*COMPANIES.values(), NOBODY]),
    "new_target": st.sampled_from([TARGET, NOBODY]),
    "new_parent": st.just(NOBODY),
    "new_party": st.sampled_from([ACCOUNT, CONTACT, NOBODY]),
    target_entry("new_party"): st.sampled_from(["account", "contact", "lead", ""]),
    "new_absent": st.just(NOBODY),
    "ownerid": st.sampled_from([ADMINISTRATOR_ID, ROOT_TEAM_ID, NOBODY]),
    target_entry("ownerid"): st.sampled_from(["systemuser", "team"]),
    "statecode": st.sampled_from([0, 1, 2]),
    "statuscode": st.sampled_from([1, 2, 3]),
}
_MOSTLY_EMPTY = frozenset({"new_parent", "new_absent"})


def _cell(table: Table, name: str) -> st.SearchStrategy[Value]:
    kind = table.by_name[name].type if name in table.by_name else T.STRING
    good = _BY_NAME[name] if name in _BY_NAME else _BY_TYPE[kind]
    if name in _MOSTLY_EMPTY:
        return st.one_of(*[st.none()] * 9, good)
    return st.one_of(good, good, st.none())


@st.composite
def row_lists(draw: st.DrawFn, table: Table, *, least: int = 1, most: int = 6) -> list[dict[str, Value]]:
    """Rows that have the same columns: some of those that callers may write, in any order."""
    names = [column.name for column in written_columns(table)]
    keys = [name for name in names if name in ("dataAreaId", "code", "new_code", "new_company")]
    chosen = [*keys, *draw(st.lists(st.sampled_from([n for n in names if n not in keys]), unique=True))]
    with_entries = [
        entry
        for name in chosen
        for entry in (name, target_entry(name))
        if entry == name or (table.by_name[name].is_polymorphic and draw(st.booleans()))
    ]
    row = st.fixed_dictionaries({name: _cell(table, name) for name in with_entries})
    return [_without_empty_entries(each) for each in draw(st.lists(row, min_size=least, max_size=most))]


def _without_empty_entries(row: dict[str, Value]) -> dict[str, Value]:
    """No entry tells which table a lookup points to that points nowhere."""
    nothing = {target_entry(name): None for name, value in row.items() if value is None}
    return {**row, **{name: value for name, value in nothing.items() if name in row}}
