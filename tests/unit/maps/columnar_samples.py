"""Generated environments, maps between them and rows with nasty values, and the two executors side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from uuid import UUID

import polars as pl
from hypothesis import reject
from hypothesis import strategies as st
from map_samples import dataverse_table, finops_table

from dualwrite.errors import RecordRefused, ValueRefused
from dualwrite.maps.columnar.execute import ColumnarResult, transform_frame
from dualwrite.maps.columnar.frames import RelatedRow, dtype_of, frame_of, in_frame, reads, source_columns
from dualwrite.maps.columnar.kernels import converted
from dualwrite.maps.compile import compile_map
from dualwrite.maps.conversion import Conversion, compile_conversion
from dualwrite.maps.end import End
from dualwrite.maps.execute import Transformed, transform
from dualwrite.maps.plan import DirectionPlan, Path, Plan
from dualwrite.maps.transforms import CaseRule, Default, InTimeZone, Transform, Truncate, Unmapped, ValueMap
from dualwrite.maps.transforms.kind import TransformUnfit
from dualwrite.maps.values import ColumnMapping, Direction, MapVersion, SyncDirection, Version
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, EnvironmentSchema, Side, Table
from dualwrite.metadata.values import Value

T = ColumnType

GRADE = Enumeration("Grade", (("None", 0), ("Gold", 1), ("Half-Silver", 2), ("ßtraße", 3)))
NO_YES = Enumeration("NoYes", (("No", 0), ("Yes", 1)))
OPTIONS = Enumeration("grade", (("Gold", 192350000), ("half silver", 192350001), ("None", 192350002)))
TRUTHS = Enumeration("truth", (("No", 0), ("Yes", 1)))

# fmt: off
_TEXTS = (
    "", " ", "  ", "\u00a0", "A", "a", "ab", "Gold", "gold", "HALF silver", "No", "yes", "TRUE", "1", " 12 ", "-0",
    "0.5", "+3.", ".25", "1e5", "1_000", "１２", "1,5", "99999999999999999999", "9" * 39, "-2147483648", "2147483648",
    "9223372036854775808", "0.00005", "0.00015", "1.00000000005", "NaN", "Infinity", "ß", "ẞ", "İ", "Σ", "ﬀ",
    "2020-01-31", "1/31/2020", "31/1/2020", "1900-01-01", "1899-12-31", "2155-01-01", "0001-01-01", "9999-12-31",
    "2020-01-31T10:00:00Z", "2020-01-31 10:00", "1/31/2020 1:05 PM", "0001-01-01T00:00:00+14:00", "19000101",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}", "Customer name", "x" * 40,
)
_NUMBERS = (
    "0", "1", "-1", "0.5", "1.5", "2.5", "-0.5", "0.00005", "0.00015", "0.00025", "-0.00005", "123.4567", "2147483648",
    "99999.99995", "922337203685477.5807", "9" * 20, "9" * 28,
)
# fmt: on
_INTEGERS = (0, 1, 2, -1, 12, 2**31 - 1, -(2**31), 192350000, 192350001)
_DAYS = (
    *(date(1, 1, 1), date(1899, 12, 31), date(1900, 1, 1), date(1900, 1, 2)),
    *(date(2020, 2, 29), date(2154, 12, 31), date(2155, 1, 1), date(9999, 12, 31)),
)
_MOMENTS = (
    *(datetime(day.year, day.month, day.day, tzinfo=UTC) for day in _DAYS),
    *(datetime(1900, 1, 1, 12, tzinfo=UTC), datetime(1900, 1, 1, 12, 0, 0, 1, tzinfo=UTC)),
    *(datetime(2020, 3, 29, 1, 30, tzinfo=UTC), datetime(2020, 10, 24, 23, 15, 0, 5, tzinfo=UTC)),
    *(datetime(2154, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
)
_IDS = (UUID(int=0), UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301"), UUID(int=2**128 - 1))
_CONSTANTS = ("", "A", "7", "1.5", "yes", "no", "Gold", "192350000", "1900-01-01", "1/31/2020", str(_IDS[1]))


def every_value(column: Column) -> tuple[Value, ...]:
    """Values that a column of that type may hold, at its ends above all; null among them."""
    scale = column.scale if column.scale is not None else {T.MONEY: 4, T.DECIMAL: 10}.get(column.type, 0)
    step = Decimal(1).scaleb(-scale)
    numbers = (Decimal(text).quantize(step, context=Context(prec=60)) for text in _NUMBERS)
    fractions = tuple(number for number in numbers if abs(number) < Decimal(1).scaleb(38 - scale))
    members = [name for name, _ in column.enumeration.members] if column.enumeration else ["Gold"]
    options = [number for _, number in column.enumeration.members] if column.enumeration else [1]
    kinds: Mapping[ColumnType, Sequence[Value]] = {
        **dict.fromkeys((T.STRING, T.MEMO), _TEXTS),
        T.INTEGER: _INTEGERS,
        T.BIGINT: (*_INTEGERS, 2**31, 2**63 - 1, -(2**63), 10**18),
        **dict.fromkeys((T.DECIMAL, T.MONEY), fractions),
        T.BOOLEAN: (True, False),
        T.ENUM: [*members, members[0].upper(), "Ghost", ""],
        T.CHOICE: [*options, 0, 4711],
        T.DATE: _DAYS,
        T.DATETIME: _MOMENTS,
        **dict.fromkeys((T.GUID, T.LOOKUP), _IDS),
    }
    return (*kinds[column.type], None)


def values_of(column: Column) -> st.SearchStrategy[Value]:
    """The same, and for texts any other."""
    known = st.sampled_from(every_value(column))
    return known | st.text(max_size=6) if column.type.is_text else known


def accepted_rows(plan: DirectionPlan, *, count: int) -> list[RelatedRow]:
    """Rows of values that no conversion of the plan refuses."""
    accepted: dict[str, list[Value]] = {}
    for name, column in source_columns(plan).items():
        readers = [conversion for path, conversion in reads(plan) if ".".join(path) == name]
        in_key = name in {".".join(part.source_path) for part in plan.key}
        values = [
            value
            for value in every_value(column)
            if all(_accepts(each, value) for each in readers) and not (in_key and value in (None, ""))
        ]
        accepted[name] = values or [None]
    return [
        _split({name: values[(row + place) % len(values)] for place, (name, values) in enumerate(accepted.items())})
        for row in range(count)
    ]


def _accepts(conversion: Conversion, value: Value) -> bool:
    try:
        conversion.convert(value)
    except ValueRefused:
        return False
    return True


@st.composite
def _columns(draw: st.DrawFn, name: str, *, side: Side) -> Column:
    foreign = T.CHOICE if side is Side.FINOPS else T.ENUM
    kind = draw(st.sampled_from([each for each in T if each not in (T.LOOKUP, foreign)]))
    enumeration = None
    if kind is T.ENUM:
        enumeration = draw(st.sampled_from([GRADE, NO_YES]))
    elif kind is T.CHOICE:
        enumeration = draw(st.sampled_from([OPTIONS, TRUTHS, None]))
    return Column(
        name,
        kind,
        length=draw(st.sampled_from([None, 1, 4, 36, 60])) if kind.is_text else None,
        scale=draw(st.sampled_from([None, 0, 2, 4, 10])) if kind in (T.DECIMAL, T.MONEY) else None,
        enumeration=enumeration,
    )


_VALUE_MAPS = st.builds(
    ValueMap,
    st.lists(st.tuples(*[st.sampled_from((*_CONSTANTS, " ", "a"))] * 2), min_size=1, max_size=4).map(tuple),
    st.sampled_from(Unmapped),
    st.sampled_from(CaseRule),
)
_TRANSFORMS: st.SearchStrategy[Transform] = st.one_of(
    st.builds(Default, st.sampled_from(_CONSTANTS)),
    _VALUE_MAPS,
    st.builds(Truncate, st.sampled_from([None, 0, 1, 4])),
    st.sampled_from([InTimeZone("Europe/Berlin"), InTimeZone("Pacific/Kiritimati"), InTimeZone("America/New_York")]),
)
_TRANSFORM_LISTS = st.just(()) | st.lists(_TRANSFORMS, min_size=1, max_size=3).map(tuple)


def _ways(left: End, right: End, transforms: tuple[Transform, ...]) -> list[SyncDirection]:
    """The directions in which a line between the two columns works."""
    works: list[SyncDirection] = []
    for way, source, target in ((SyncDirection.TO_DATAVERSE, left, right), (SyncDirection.TO_FINOPS, right, left)):
        try:
            if compile_conversion(source, target, transforms) is not None:
                works.append(way)
        except TransformUnfit:
            continue
    return [*works, SyncDirection.BOTH] if len(works) == 2 else works


@st.composite
def generated_plans(draw: st.DrawFn) -> Plan:
    """A map that compiles, between two tables made for it: plain columns, lookups, polymorphic lookups, constants."""
    count = draw(st.integers(1, 6))
    left = [draw(_columns(f"F{n}", side=Side.FINOPS)) for n in range(count)]
    right = [draw(_columns(f"d{n}", side=Side.DATAVERSE)) for n in range(count)]
    places = [draw(st.sampled_from(["own", "own", "behind", "either"])) for _ in range(count)]
    finops = finops_table("Things", Column("Number", T.STRING, length=20, required=True), *left, key=("Number",))
    tables = _dataverse_tables(right, places)
    lines = [ColumnMapping("NUMBER", "number")]
    for n, place in enumerate(places):
        transforms = draw(_TRANSFORM_LISTS)
        home = tables[0] if place == "own" else tables[1]
        ways = _ways(End(finops, left[n]), End(home, right[n]), transforms)
        paths = {"own": f"d{n}", "behind": f"ref{n}.d{n}", "either": f"any{n}.first(d{n}).second(d{n})"}
        if ways:
            lines.append(ColumnMapping(f"F{n}", paths[place], draw(st.sampled_from(ways)), transforms))
    if draw(st.booleans()):
        lines.append(ColumnMapping(None, "note", SyncDirection.TO_DATAVERSE, (Default("made"),)))
    version = MapVersion("Things (things)", Version(1), "tests", "Things", "thing", columns=tuple(lines))
    plan = compile_map(
        version,
        finops=EnvironmentSchema(Side.FINOPS, (finops,)),
        dataverse=EnvironmentSchema(Side.DATAVERSE, tables),
    )
    assert isinstance(plan, Plan), [str(finding) for finding in plan]
    return plan


def _dataverse_tables(columns: Sequence[Column], places: Sequence[str]) -> tuple[Table, ...]:
    own = [column for column, place in zip(columns, places, strict=True) if place == "own"]
    behind = [column for column, place in zip(columns, places, strict=True) if place != "own"]
    lookups = [Column(f"ref{n}", T.LOOKUP, targets=("first",)) for n, place in enumerate(places) if place == "behind"]
    either = [
        Column(f"any{n}", T.LOOKUP, targets=("first", "second")) for n, place in enumerate(places) if place == "either"
    ]
    return (
        dataverse_table(
            "thing",
            Column("number", T.STRING, length=20),
            Column("note", T.STRING, length=10),
            *own,
            *lookups,
            *either,
            alternate=(("number", "company"),),
        ),
        dataverse_table("first", *behind),
        dataverse_table("second", *behind),
    )


def related_rows(plan: DirectionPlan) -> st.SearchStrategy[list[RelatedRow]]:
    """Rows of the source, with what lies behind their lookups."""
    tables = [name for names in plan.via.values() for name in names]
    strategies: dict[str, st.SearchStrategy[Value]] = {}
    for name, column in source_columns(plan).items():
        told = name.endswith("@table")
        strategies[name] = st.sampled_from([None, "nowhere", *tables]) if told else values_of(column)
        if (name,) in {part.source_path for part in plan.key}:
            strategies[name] = st.sampled_from(["N-1", "n-2", "N-3"]) | st.sampled_from(["", None, "x" * 21])
    return st.lists(st.fixed_dictionaries(strategies).map(_split), max_size=6)


def _split(held: dict[str, Value]) -> RelatedRow:
    row = {name: value for name, value in held.items() if "." not in name}
    related: dict[Path, Value] = {tuple(name.split(".")): value for name, value in held.items() if "." in name}
    return row, related


@st.composite
def conversions(draw: st.DrawFn) -> Conversion:
    """One column into another, with or without transforms."""
    left = End(finops_table("Things", key=()), draw(_columns("F", side=Side.FINOPS)))
    right = End(dataverse_table("thing"), draw(_columns("d", side=Side.DATAVERSE)))
    source, target = (left, right) if draw(st.booleans()) else (right, left)
    transforms = draw(_TRANSFORM_LISTS)
    for wanted in (transforms, ()):
        try:
            conversion = compile_conversion(source, target, wanted)
        except TransformUnfit:
            continue
        if conversion is not None:
            return conversion
    return reject()


# --- side by side ---------------------------------------------------------------------------------------------------


def assert_executors_agree(plan: DirectionPlan, rows: Sequence[RelatedRow]) -> ColumnarResult:
    """The frame's result, after every row of it was found to be what the row executor says."""
    result = transform_frame(plan, frame_of(plan, rows))
    assert result.values.height == result.key.height == len(result.refused) == len(rows)
    for position, (row, related) in enumerate(rows):
        try:
            expected = transform(plan, row, related=related, changed=None, label="")
        except RecordRefused as refusal:
            assert result.refused[position], f"the row executor says {refusal.message}"
        else:
            assert not result.refused[position], f"refused is {row} {related}, the row executor gives {expected}"
            _assert_row(expected, result, position)
    return result


def assert_conversion_agrees(conversion: Conversion, values: Sequence[Value]) -> None:
    """Each value of a whole column becomes what it becomes alone."""
    source = pl.Series("given", [in_frame(each) for each in values], dtype=dtype_of(conversion.source.column))
    found = source.to_frame().select(converted(conversion, pl.col("given")).alias("found"), "given").to_dicts()
    for value, each in zip(values, found, strict=True):
        try:
            expected = conversion.convert(value)
        except ValueRefused as refusal:
            assert each["found"]["refused"], f"the row converter says {refusal.message}"
        else:
            assert not each["found"]["refused"], f"refused is {value!r}, the row converter gives {expected!r}"
            assert each["found"]["value"] == _plain(expected)


def _assert_row(expected: Transformed, result: ColumnarResult, position: int) -> None:
    values = {name: _plain(value) for name, value in expected.values.items()}
    found: dict[str, object] = dict(result.values.row(position, named=True))
    for lookup in result.lookups:
        if lookup.pending[position]:
            found[lookup.plan.column] = tuple(frame.row(position) for frame in lookup.alternatives)
        else:
            found[lookup.plan.column] = None
    for pending in expected.lookups:
        values[pending.plan.column] = tuple(tuple(_plain(value) for value in each) for each in pending.values)
    assert found == values
    assert {name: type(value) for name, value in found.items()} == {
        name: Decimal if _is_fraction(result, name) and value is not None else type(value)
        for name, value in values.items()
    }
    assert result.key.row(position) == tuple(_plain(value) for value in expected.key)


def _is_fraction(result: ColumnarResult, name: str) -> bool:
    return name in result.values.columns and result.values.schema[name].is_decimal()


def _plain(value: Value) -> object:
    return in_frame(value)


def ways_of(plan: Plan) -> list[DirectionPlan]:
    """The directions that the map goes."""
    return [way for direction in Direction if (way := plan.direction(direction)) is not None]
