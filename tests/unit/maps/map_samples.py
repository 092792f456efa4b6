"""Two small environments, maps between them, and generated values, for the tests of maps."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import strategies as st

from dualwrite.maps.compile import compile_map
from dualwrite.maps.end import End
from dualwrite.maps.findings import Finding
from dualwrite.maps.plan import Plan
from dualwrite.maps.transforms import CaseRule, InTimeZone, Truncate, Unmapped
from dualwrite.maps.values import (
    MAP_TYPES,
    ColumnMapping,
    Default,
    FilterExit,
    MapVersion,
    SyncDirection,
    ValueMap,
    Version,
)
from dualwrite.metadata.empty import EMPTY_DATE
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Enumeration, EnvironmentSchema, Side, Table
from dualwrite.metadata.values import Value

NO_YES = Enumeration("NoYes", (("No", 0), ("Yes", 1)))
BLOCKED = Enumeration("CustVendorBlocked", (("No", 0), ("Invoice", 1), ("All", 2)))
GRADE = Enumeration("Grade", (("None", 0), ("Gold", 1), ("Silver", 2)))
HOLD = Enumeration("hold", (("No", 806380000), ("Invoice", 806380001), ("All", 806380002)))
GRADES = Enumeration("grade", (("Gold", 1), ("Silver", 2)))

T = ColumnType


def finops_table(name: str, *columns: Column, key: tuple[str, ...], company: bool = True) -> Table:
    own = (Column("dataAreaId", T.STRING, length=4, required=True),) if company else ()
    return Table(
        side=Side.FINOPS,
        name=f"{name}Entity",
        entity_set=name,
        label=name,
        key=(*(("dataAreaId",) if company else ()), *key),
        columns=(*own, *columns),
        company_column="dataAreaId" if company else None,
    )


def dataverse_table(
    name: str, *columns: Column, alternate: tuple[tuple[str, ...], ...] = (), company: bool = True
) -> Table:
    own = (Column("company", T.LOOKUP, targets=("cdm_company",)),) if company else ()
    return Table(
        side=Side.DATAVERSE,
        name=name,
        entity_set=f"{name}s",
        label=name.title(),
        key=(f"{name}id",),
        columns=(
            Column(f"{name}id", T.GUID, required=True),
            *columns,
            *own,
            Column("ownerid", T.LOOKUP, targets=("team",), required=True, role=ColumnRole.OWNER),
            Column("createdon", T.DATETIME, role=ColumnRole.SYSTEM),
        ),
        alternate_keys=alternate,
        company_column="company" if company else None,
    )


FINOPS = EnvironmentSchema(
    Side.FINOPS,
    (
        finops_table(
            "Customers",
            Column("CustomerAccount", T.STRING, length=20, required=True),
            Column("OrganizationName", T.STRING, length=100),
            Column("GroupId", T.STRING, length=10),
            Column("ParentId", T.STRING, length=20),
            Column("CategoryName", T.STRING, length=30),
            Column("HierarchyName", T.STRING, length=30),
            Column("CreditRating", T.STRING, length=30),
            Column("CreditLimit", T.DECIMAL, scale=6),
            Column("Employees", T.INTEGER),
            Column("Since", T.DATE),
            Column("SeenAt", T.DATETIME),
            Column("Hold", T.ENUM, enumeration=BLOCKED),
            Column("Grade", T.ENUM, enumeration=GRADE),
            Column("IsOneTime", T.ENUM, enumeration=NO_YES),
            Column("LanguageId", T.STRING, length=7),
            key=("CustomerAccount",),
        ),
        finops_table("Groups", Column("GroupId", T.STRING, length=10, required=True), key=("GroupId",)),
        finops_table(
            "Units",
            Column("Symbol", T.STRING, length=10, required=True),
            Column("Name", T.STRING, length=20, required=True),
            key=("Symbol",),
            company=False,
        ),
        finops_table(
            "Lines",
            Column("Schedule", T.STRING, length=10, required=True),
            Column("LineNumber", T.DECIMAL, scale=6, required=True),
            Column("Days", T.INTEGER),
            key=("Schedule", "LineNumber"),
        ),
    ),
)

DATAVERSE = EnvironmentSchema(
    Side.DATAVERSE,
    (
        dataverse_table(
            "account",
            Column("number", T.STRING, length=20),
            Column("name", T.STRING, length=160),
            Column("groupid", T.LOOKUP, targets=("group",)),
            Column("parent", T.LOOKUP, targets=("account", "contact")),
            Column("category", T.LOOKUP, targets=("category",)),
            Column("rating", T.STRING, length=10),
            Column("credit", T.MONEY, scale=4),
            Column("employees", T.INTEGER),
            Column("since", T.DATE),
            Column("seenat", T.DATETIME),
            Column("hold", T.CHOICE, enumeration=HOLD),
            Column("grade", T.CHOICE, enumeration=GRADES),
            Column("onetime", T.BOOLEAN),
            Column("kind", T.CHOICE, enumeration=Enumeration("kind", (("Customer", 3), ("Other", 12)))),
            alternate=(("number", "company"),),
        ),
        dataverse_table("contact", Column("personid", T.STRING, length=20), alternate=(("personid", "company"),)),
        dataverse_table("group", Column("name", T.STRING, length=20), alternate=(("name", "company"),)),
        dataverse_table(
            "category",
            Column("name", T.STRING, length=30),
            Column("hierarchy", T.LOOKUP, targets=("hierarchy",)),
            company=False,
        ),
        dataverse_table("hierarchy", Column("name", T.STRING, length=30), company=False),
        dataverse_table(
            "unit",
            Column("symbol", T.STRING, length=10),
            Column("name", T.STRING, length=20, required=True),
            alternate=(("symbol",),),
            company=False,
        ),
        dataverse_table("schedule", Column("name", T.STRING, length=10), alternate=(("name", "company"),)),
        dataverse_table(
            "line",
            Column("schedule", T.LOOKUP, targets=("schedule",)),
            Column("number", T.DECIMAL, scale=6),
            Column("days", T.INTEGER),
            alternate=(("schedule", "number", "company"),),
        ),
    ),
)

BOTH, FORTH, BACK = SyncDirection.BOTH, SyncDirection.TO_DATAVERSE, SyncDirection.TO_FINOPS
HOLD_MAP = ValueMap((("no", "806380000"), ("invoice", "806380001"), ("all", "806380002")))

CUSTOMER_COLUMNS = (
    ColumnMapping("CUSTOMERACCOUNT", "number"),
    ColumnMapping("ORGANIZATIONNAME", "name"),
    ColumnMapping("GROUPID", "groupid.name"),
    ColumnMapping("CATEGORYNAME", "category.name"),
    ColumnMapping("HIERARCHYNAME", "category.hierarchy.name"),
    ColumnMapping("PARENTID", "parent.Account(number).Contact(personid)"),
    ColumnMapping("CREDITRATING", "rating"),
    ColumnMapping("CREDITLIMIT", "credit"),
    ColumnMapping("EMPLOYEES", "employees", FORTH),
    ColumnMapping("SINCE", "since"),
    ColumnMapping("SEENAT", "seenat"),
    ColumnMapping("HOLD", "hold", BOTH, (HOLD_MAP,)),
    ColumnMapping("GRADE", "grade"),
    ColumnMapping("ISONETIME", "onetime"),
    ColumnMapping(None, "kind", FORTH, (Default("3"),)),
    ColumnMapping("LANGUAGEID", None, BACK, (Default("en-us"),)),
)


def customers(*extra: ColumnMapping, columns: tuple[ColumnMapping, ...] = CUSTOMER_COLUMNS) -> MapVersion:
    """The map most tests use."""
    return MapVersion("Customers (accounts)", Version(1), "tests", "Customers", "account", columns=(*columns, *extra))


def compiled(version: MapVersion) -> Plan:
    """The plan of a map that is expected to be right."""
    plan = compile_map(version, finops=FINOPS, dataverse=DATAVERSE)
    assert isinstance(plan, Plan), [str(finding) for finding in plan]
    return plan


def refused(version: MapVersion) -> tuple[Finding, ...]:
    """The findings of a map that is expected to be wrong."""
    findings = compile_map(version, finops=FINOPS, dataverse=DATAVERSE)
    assert not isinstance(findings, Plan)
    return findings


CUSTOMER: Mapping[str, Value] = {
    "dataAreaId": "usmf",
    "CustomerAccount": "US-004",
    "OrganizationName": "Cave Wholesales",
    "GroupId": "90",
    "ParentId": "",
    "CategoryName": "",
    "HierarchyName": "",
    "CreditRating": "Good",
    "CreditLimit": Decimal("10.5"),
    "Employees": 0,
    "Since": EMPTY_DATE,
    "SeenAt": datetime(1900, 1, 1, 12, tzinfo=UTC),
    "Hold": "Invoice",
    "Grade": "None",
    "IsOneTime": "Yes",
    "LanguageId": "en-us",
}

# --- generated values -----------------------------------------------------------------------------------------------

_NAMES = st.text(string.ascii_letters + string.digits + "_", max_size=8).map(lambda tail: "c" + tail)
_DOTTED = st.lists(_NAMES, min_size=1, max_size=3).map(".".join)
_POLYMORPHIC = st.tuples(_NAMES, st.lists(st.tuples(_NAMES, _DOTTED), min_size=1, max_size=3)).map(
    lambda found: found[0] + "".join(f".{table}({path})" for table, path in found[1])
)
PATHS = _DOTTED | _POLYMORPHIC
_TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
_VALUE_MAPS = st.builds(
    ValueMap,
    pairs=st.lists(st.tuples(_TEXTS, _TEXTS), max_size=4).map(tuple),
    unmapped=st.sampled_from(Unmapped),
    case=st.sampled_from(CaseRule),
)
_TRANSFORMS = (
    st.builds(Default, _TEXTS)
    | _VALUE_MAPS
    | st.builds(Truncate, st.none() | st.integers(0, 10**6))
    | st.builds(InTimeZone, _TEXTS)
)


@st.composite
def _mappings(draw: st.DrawFn) -> ColumnMapping:
    direction, transformed = draw(st.sampled_from(sorted(MAP_TYPES.values(), key=str)))
    transforms = draw(st.lists(_TRANSFORMS, min_size=1, max_size=3)) if transformed else []
    finops, dataverse = draw(_NAMES.map(str.upper)), draw(PATHS)
    gone = draw(st.sampled_from(["finops", "dataverse", None, None]))
    return ColumnMapping(
        None if gone == "finops" else finops,
        None if gone == "dataverse" else dataverse,
        direction,
        tuple(transforms),
    )


_PARTS = st.integers(0, 10**6)
MAPS = st.builds(
    MapVersion,
    name=_TEXTS,
    version=st.builds(Version, _PARTS, _PARTS, _PARTS, _PARTS),
    publisher=_TEXTS,
    finops_entity=_TEXTS,
    dataverse_table=_TEXTS,
    source_filter=_TEXTS,
    reversed_source_filter=_TEXTS,
    columns=st.lists(_mappings(), max_size=6).map(tuple),
    integration_key=st.none() | st.lists(_TEXTS, max_size=3).map(tuple),
    on_filter_exit=st.sampled_from(FilterExit),
    owning_team=st.none() | _TEXTS,
    description=_TEXTS,
    notes=_TEXTS,
)


def values_of(end: End) -> st.SearchStrategy[Value]:
    """Values that ``end`` can hold: filled in, and its blank."""
    column = end.column
    members = column.enumeration.members if column.enumeration is not None else ()
    scale = column.scale if column.scale is not None else 4
    length = min(column.length or 30, 30)
    text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=length)
    kinds: Mapping[ColumnType, st.SearchStrategy[Value]] = {
        T.STRING: text,
        T.MEMO: text,
        T.INTEGER: st.integers(-(2**31), 2**31 - 1),
        T.BIGINT: st.integers(-(2**63), 2**63 - 1),
        T.DECIMAL: st.decimals(-(10**9), 10**9, places=scale),
        T.MONEY: st.decimals(-(10**9), 10**9, places=scale),
        T.BOOLEAN: st.booleans(),
        T.ENUM: st.sampled_from([name for name, _ in members] or [""]),
        T.CHOICE: st.sampled_from([number for _, number in members] or [None]),
        T.DATE: st.dates(date(1900, 1, 1), date(2154, 12, 31)),
        T.DATETIME: st.datetimes(datetime(1900, 1, 2), datetime(2154, 12, 31), timezones=st.just(UTC)),
        T.GUID: st.uuids(),
        T.LOOKUP: st.uuids(),
    }
    found = kinds[column.type]
    return found if end.is_finops else st.none() | found
