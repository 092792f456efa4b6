"""A map of a hundred columns between two tables made for it, the customers map of the catalog, and rows for both."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import demonstration_maps
from dualwrite.maps.columnar.frames import RelatedRow, source_columns
from dualwrite.maps.compile import compile_map
from dualwrite.maps.plan import DirectionPlan, Path, Plan
from dualwrite.maps.transforms import Transform, ValueMap
from dualwrite.maps.values import ColumnMapping, MapVersion, SyncDirection, Version
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, EnvironmentSchema, Side, Table
from dualwrite.metadata.values import Value

T = ColumnType
COLUMNS = 100
"""Ten of them lookups, ten value maps."""

_STATUS = Enumeration("Status", (("Open", 0), ("Held", 1), ("Closed", 2)))
_OPTIONS = Enumeration("status", (("Open", 192350000), ("Held", 192350001), ("Closed", 192350002)))
_STATUS_MAP = ValueMap((("open", "192350000"), ("held", "192350001"), ("closed", "192350002")))
_KINDS: tuple[tuple[ColumnType, ColumnType], ...] = (
    *((T.STRING, T.STRING), (T.STRING, T.MEMO), (T.DECIMAL, T.DECIMAL), (T.DECIMAL, T.MONEY), (T.INTEGER, T.INTEGER)),
    *((T.ENUM, T.CHOICE), (T.ENUM, T.BOOLEAN), (T.DATE, T.DATE), (T.DATETIME, T.DATETIME), (T.STRING, T.LOOKUP)),
)
_NO_YES = Enumeration("NoYes", (("No", 0), ("Yes", 1)))


def wide_map() -> DirectionPlan:
    """The way to Dataverse of a map with ``COLUMNS`` columns of mixed types."""
    left: list[Column] = []
    right: list[Column] = []
    lines: list[ColumnMapping] = []
    for number in range(COLUMNS - 1):
        source, target = _KINDS[number % len(_KINDS)]
        name, partner = f"Column{number}", f"column{number}"
        left.append(_column(name, source, _NO_YES if target is T.BOOLEAN else _STATUS))
        right.append(_column(partner, target, _OPTIONS))
        transforms: tuple[Transform, ...] = (_STATUS_MAP,) if target is T.CHOICE else ()
        path = f"{partner}.code" if target is T.LOOKUP else partner
        lines.append(ColumnMapping(name, path, SyncDirection.BOTH, transforms))
    version = MapVersion(
        name="Wide (wides)",
        version=Version(1),
        publisher="benchmark",
        finops_entity="WideEntity",
        dataverse_table="wide",
        columns=(ColumnMapping("Number", "number"), *lines),
    )
    finops = _table(Side.FINOPS, "WideEntity", (_column("Number", T.STRING), *left), key=("Number",))
    tables = (
        _table(Side.DATAVERSE, "wide", (_column("number", T.STRING), *right), key=("wideid",), alternate=("number",)),
        _table(Side.DATAVERSE, "target", (_column("code", T.STRING),), key=("targetid",), alternate=("code",)),
    )
    plan = compile_map(
        version, finops=EnvironmentSchema(Side.FINOPS, (finops,)), dataverse=EnvironmentSchema(Side.DATAVERSE, tables)
    )
    return _forth(plan)


def customers_map() -> DirectionPlan:
    """The way to Dataverse of the shipped map of customers."""
    (version,) = (each.map for each in demonstration_maps() if each.id == "customers-accounts")
    return _forth(compile_map(version, finops=load_schema(Side.FINOPS), dataverse=load_schema(Side.DATAVERSE)))


def rows_for(plan: DirectionPlan, count: int) -> list[RelatedRow]:
    """Rows that are all different, of values that the map carries."""
    columns = source_columns(plan)
    rows: list[RelatedRow] = []
    for number in range(count):
        held = {name: _value(column, number + place) for place, (name, column) in enumerate(columns.items())}
        related: dict[Path, Value] = {}
        rows.append((held, related))
    return rows


def _forth(plan: object) -> DirectionPlan:
    assert isinstance(plan, Plan) and plan.to_dataverse is not None, plan
    return plan.to_dataverse


def _column(name: str, kind: ColumnType, enumeration: Enumeration | None = None) -> Column:
    members = enumeration if kind in (T.ENUM, T.CHOICE) else None
    targets = ("target",) if kind is T.LOOKUP else ()
    length, scale = (60 if kind is T.STRING else None), (6 if kind is T.DECIMAL else None)
    return Column(name, kind, length=length, scale=scale, enumeration=members, targets=targets)


def _table(
    side: Side, name: str, columns: tuple[Column, ...], *, key: tuple[str, ...], alternate: tuple[str, ...] = ()
) -> Table:
    own = tuple(Column(each, T.GUID) for each in key if side is Side.DATAVERSE)
    return Table(
        side=side,
        name=name,
        entity_set=f"{name}s",
        label=name,
        key=key,
        columns=(*own, *columns),
        alternate_keys=(alternate,) if alternate else (),
    )


def _value(column: Column, number: int) -> Value:
    members = column.enumeration.members if column.enumeration is not None else (("", 0),)
    name, option = members[number % len(members)]
    match column.type:
        case T.ENUM:
            return name
        case T.CHOICE:
            return option
        case T.STRING | T.MEMO:
            return f"{number:x}"[: column.length]
        case T.INTEGER | T.BIGINT:
            return number
        case T.DECIMAL | T.MONEY:
            return Decimal(number).scaleb(-2)
        case T.BOOLEAN:
            return number % 2 == 0
        case T.DATE:
            return date(2000, 1, 1) + timedelta(days=number % 30_000)
        case T.DATETIME:
            return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
        case _:
            return UUID(int=number)
