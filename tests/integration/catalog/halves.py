"""Two halves of one record, made up for any map: what each side would hold if the other half had been copied.

An oracle beside the engine. It knows what a line of a map says (value map, constant, plain copy, lookup by natural
key) and nothing of how the engine carries that out: no compiled plan, no converter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from dualwrite.filters.bind import bind
from dualwrite.filters.odata import parse_odata
from dualwrite.filters.range_expression import parse_range
from dualwrite.filters.tree import (
    Always,
    And,
    Compare,
    Comparison,
    Expression,
    Not,
    OneOf,
    Or,
    TextMatch,
)
from dualwrite.maps.lookup_path import LookupPath, parse_lookup_path
from dualwrite.maps.values import ColumnMapping, Direction, MapVersion, ValueMap
from dualwrite.metadata.schema import Column, ColumnType, EnvironmentSchema, Table

Path = tuple[str, ...]
_EMPTY_DAYS = (date(1900, 1, 1),)
_LONGEST = 14
_FIRST_DAY = date(2001, 1, 1)
_WHOLE = {ColumnType.INTEGER, ColumnType.BIGINT}
_FRACTIONS = {ColumnType.DECIMAL, ColumnType.MONEY}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NOTHING_PINNED: Mapping[str, Any] = {}


class CannotSay(Exception):
    """The oracle has no opinion on a pair of columns."""


@dataclass(frozen=True)
class Line:
    """One line of a map with the columns it names. ``landings`` are where a Dataverse path may end, by table."""

    mapping: ColumnMapping
    finops: Column | None
    path: LookupPath | None
    landings: tuple[tuple[str | None, Path, Column], ...]

    @property
    def own_column(self) -> str | None:
        """The column of the map's own Dataverse table."""
        return self.landings[0][1][0] if self.landings else None

    @property
    def is_lookup(self) -> bool:
        return bool(self.landings) and len(self.landings[0][1]) > 1

    def goes(self, direction: Direction) -> bool:
        if self.mapping.is_constant:
            writes = self.landings if direction is Direction.TO_DATAVERSE else self.finops
            return bool(writes) and self.mapping.sync_direction.includes(direction)
        return self.mapping.sync_direction.includes(direction)


@dataclass(frozen=True)
class Pointer:
    """A row of ``table`` that holds ``values`` at the paths."""

    table: str
    values: tuple[tuple[Path, Any], ...]


class MadeUp:
    """Makes halves for one map; every call gives another record."""

    def __init__(
        self,
        version: MapVersion,
        finops: EnvironmentSchema,
        dataverse: EnvironmentSchema,
        *,
        numbers: Iterator[int],
    ) -> None:
        self.version = version
        self._finops_schema, self._dataverse_schema = finops, dataverse
        self.finops = finops.table(version.finops_entity)
        self.dataverse = dataverse.table(version.dataverse_table)
        self._numbers = numbers
        self._number = 0

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._line(each) for each in self.version.columns)

    def _line(self, mapping: ColumnMapping) -> Line:
        finops = self.finops.column(mapping.finops) if mapping.finops is not None else None
        if mapping.dataverse is None:
            return Line(mapping, finops, None, ())
        path = parse_lookup_path(mapping.dataverse)
        own = self.dataverse.column(path.column)
        if not path.is_lookup:
            return Line(mapping, finops, path, ((None, (own.name,), own),))
        landings: list[tuple[str | None, Path, Column]] = []
        for alternative in path.alternatives:
            names = [alternative.table] if alternative.table is not None else list(own.targets)
            for name in names:
                found = self._end(own, name, alternative.parts)
                if found is not None:
                    landings.append(found)
        assert landings, f"{mapping}: leads nowhere"
        return Line(mapping, finops, path, tuple(landings))

    def _end(self, own: Column, name: str, parts: Path) -> tuple[str, Path, Column] | None:
        table = self._dataverse_schema.find(name)
        first, names = table, [own.name]
        column: Column | None = None
        for part in parts:
            if column is not None:
                table = self._dataverse_schema.find(column.targets[0]) if column.targets else None
            column = table.find(part) if table is not None else None
            if column is None:
                return None
            names.append(column.name)
        assert first is not None and column is not None
        return first.name, tuple(names), column

    # --- records ------------------------------------------------------------------------------------------------------

    def finops_half(
        self, *, alternative: int = 0, pinned: Mapping[str, Any] = _NOTHING_PINNED
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """A finance and operations row, and what Dataverse is to hold: values, ``Pointer`` where a lookup points.

        ``alternative`` chooses the table that polymorphic lookups point to; ``pinned`` are values of the finance and
        operations row.
        """
        row = self._finops_row(Direction.TO_DATAVERSE, pinned)
        expected: dict[str, Any] = {}
        pointers: dict[str, dict[str, list[tuple[Path, Any]]]] = {}
        for line in self.lines:
            if not line.goes(Direction.TO_DATAVERSE):
                continue
            if not line.is_lookup:
                ((_, path, column),) = line.landings
                expected[path[0]] = self._to_dataverse(line, row, column)
                continue
            choices = pointers.setdefault(str(line.own_column), {})
            for table, path, column in line.landings:
                choices.setdefault(str(table), []).append((path[1:], self._to_dataverse(line, row, column)))
        for column_name, choices in pointers.items():
            lines = sum(
                line.is_lookup and line.own_column == column_name and line.goes(Direction.TO_DATAVERSE)
                for line in self.lines
            )
            whole = [(table, values) for table, values in choices.items() if len(values) == lines]
            table, values = whole[alternative % len(whole)]
            expected[column_name] = None if all(v in (None, "") for _, v in values) else Pointer(table, tuple(values))
        return row, expected

    def dataverse_half(self, *, alternative: int = 0, pinned: Mapping[str, Any] = _NOTHING_PINNED) -> dict[str, Any]:
        """A Dataverse row, ``Pointer`` where a lookup points; what the environment itself keeps is left out."""
        seed = self._finops_row(Direction.TO_FINOPS, pinned)
        row: dict[str, Any] = {}
        pointers: dict[str, dict[str, list[tuple[Path, Any]]]] = {}
        for line in self.lines:
            if line.mapping.is_constant:
                continue
            for table, path, column in line.landings:
                value = self._to_dataverse(line, seed, column)
                if line.is_lookup:
                    pointers.setdefault(path[0], {}).setdefault(str(table), []).append((path[1:], value))
                elif column.writable:
                    row.setdefault(path[0], value)
        for column_name, choices in pointers.items():
            most = max(len(values) for values in choices.values())
            whole = [(table, values) for table, values in choices.items() if len(values) == most]
            table, values = whole[alternative % len(whole)]
            row[column_name] = None if all(v in (None, "") for _, v in values) else Pointer(table, tuple(values))
        self._satisfy(row, self._filter(Direction.TO_FINOPS), self.dataverse)
        return row

    def expected_in_finops(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What finance and operations is to hold for a Dataverse row with its pointers."""
        expected: dict[str, Any] = {}
        for line in self.lines:
            if line.finops is None or not line.goes(Direction.TO_FINOPS) or line.finops.name in expected:
                continue
            default = line.mapping.default
            if line.mapping.is_constant and default is not None:
                expected[line.finops.name] = parsed(default.value, line.finops)
            else:
                expected[line.finops.name] = self._to_finops(line, row)
        return expected

    def _finops_row(self, direction: Direction, pinned: Mapping[str, Any]) -> dict[str, Any]:
        self._number = next(self._numbers)
        row: dict[str, Any] = dict(pinned)
        if direction is Direction.TO_DATAVERSE:
            self._satisfy(row, self._filter(direction), self.finops)
        for line in self.lines:
            if line.finops is not None and not line.mapping.is_constant and line.finops.name not in row:
                row[line.finops.name] = self._made(line.finops)
        for column in self.finops.columns:
            if column.required and column.name not in row and column.name != self.finops.company_column:
                row[column.name] = self._plain(column, ())
        return row

    # --- values -------------------------------------------------------------------------------------------------------

    def _made(self, column: Column) -> Any:
        """A value of the finance and operations column that all its lines can carry."""
        lines = [each for each in self.lines if each.finops is column and not each.mapping.is_constant]
        ends = [end for line in lines for _, _, end in line.landings]
        maps = [each.mapping.value_map for each in lines if each.mapping.value_map is not None]
        if maps and not _only_of_blanks(maps[0]):
            return self._from_value_map(column, maps[0].pairs)
        return self._plain(column, ends)

    def _from_value_map(self, column: Column, pairs: Sequence[tuple[str, str]]) -> Any:
        usable: list[str] = []
        partners: set[str] = set()
        for left, right in pairs:
            if left.strip() and right.strip() and right not in partners:
                usable.append(left)
            partners.add(right)
        left = usable[self._number % len(usable)]
        if column.type.is_text:
            return left
        return parsed(left, column)

    def _plain(self, column: Column, ends: Sequence[Column]) -> Any:
        n = self._number
        if column.type is ColumnType.ENUM:
            members = _carried_members(column, ends)
            return members[n % len(members)]
        if column.type.is_text:
            return _text_for(n, column, ends)
        kinds = {end.type for end in ends}
        if column.type in _WHOLE and ColumnType.CHOICE in kinds:
            return _an_option(n, ends)[1]
        if column.type in _WHOLE:
            return n % 2 if ColumnType.BOOLEAN in kinds else n
        if column.type in _FRACTIONS:
            return Decimal(n) + (Decimal(0) if kinds & _WHOLE else Decimal("0.25"))
        if column.type is ColumnType.BOOLEAN:
            return n % 2 == 0
        if column.type is ColumnType.DATE:
            return _FIRST_DAY + timedelta(days=n)
        if column.type is ColumnType.DATETIME:
            at = datetime.combine(_FIRST_DAY, time(), UTC) + timedelta(days=n)
            return at if ColumnType.DATE in kinds else at + timedelta(hours=n % 24, minutes=7)
        if column.type is ColumnType.GUID:
            return UUID(int=n)
        raise CannotSay(f"a value for {column.type}")

    def _to_dataverse(self, line: Line, row: Mapping[str, Any], end: Column) -> Any:
        mapping = line.mapping
        if mapping.is_constant:
            return parsed(mapping.default.value, end)
        assert line.finops is not None
        value = row[line.finops.name]
        if mapping.default is not None and _nothing(value):
            return parsed(mapping.default.value, end)
        if mapping.value_map is not None:
            for left, right in mapping.value_map.pairs:
                if same(parsed(left, line.finops), value):
                    return parsed(right, end)
            if _blank(value, line.finops):
                return None
            if _only_of_blanks(mapping.value_map):
                return copied(value, line.finops, end)
            raise CannotSay(f"{mapping}: {value!r} is in no pair")
        return copied(value, line.finops, end)

    def _to_finops(self, line: Line, row: Mapping[str, Any]) -> Any:
        assert line.finops is not None
        for table, path, end in line.landings:
            value = row.get(path[0])
            if line.is_lookup:
                if not isinstance(value, Pointer) or value.table != table:
                    continue
                value = dict(value.values)[path[1:]]
            if line.mapping.value_map is not None:
                for left, right in line.mapping.value_map.pairs:
                    if left.strip() and same(parsed(right, end), value):
                        return parsed(left, line.finops)
            return copied(value, end, line.finops)
        return None

    # --- filters ------------------------------------------------------------------------------------------------------

    def _filter(self, direction: Direction) -> Expression | None:
        if direction is Direction.TO_DATAVERSE:
            tree, table, schema = parse_range(self.version.source_filter), self.finops, self._finops_schema
        else:
            tree = parse_odata(self.version.reversed_source_filter)
            table, schema = self.dataverse, self._dataverse_schema
        return None if tree is None else bind(tree, table=table, schema=schema)

    def _satisfy(self, row: dict[str, Any], expression: Expression | None, table: Table) -> None:
        if expression is None:
            return
        for name, wanted in _demands(expression, True):
            column = table.column(name)
            if isinstance(wanted, _Other):
                if name not in row or same(row[name], wanted.than) or (wanted.than is None and row[name] is None):
                    row[name] = self._other(column, wanted.than)
            else:
                row[name] = wanted

    def _other(self, column: Column, than: Any) -> Any:
        if column.enumeration is not None:
            members = column.enumeration.members
            values = [number if column.type is ColumnType.CHOICE else name for name, number in members]
            return next(each for each in values if each != than)
        if column.type is ColumnType.BOOLEAN:
            return not than
        if column.type is ColumnType.LOOKUP:
            raise CannotSay(f"a row for {column.name}")
        return self._plain(column, ())


@dataclass(frozen=True)
class _Other:
    than: Any


def _demands(expression: Expression, wanted: bool) -> Iterator[tuple[str, Any]]:
    """Values for columns that make ``expression`` come out as ``wanted``."""
    match expression:
        case Compare(operator=Comparison.EQ, left=left, right=right):
            yield left.parts[0], right if wanted else _Other(right)
        case Compare(operator=Comparison.NE, left=left, right=right):
            yield left.parts[0], _Other(right) if wanted else right
        case Not(operand=operand):
            yield from _demands(operand, not wanted)
        case And(operands=operands):
            for each in operands if wanted else operands[:1]:
                yield from _demands(each, wanted)
        case Or(operands=operands):
            for each in operands[:1] if wanted else operands:
                yield from _demands(each, wanted)
        case OneOf(column=column, values=values) if wanted:
            yield column.parts[0], values[0]
        case TextMatch(column=column, text=text) if wanted:
            yield column.parts[0], text
        case Always():
            return
        case _:
            raise CannotSay(f"what makes {expression} {wanted}")


# --- what a text of a map says, and a plain copy --------------------------------------------------------------------


def parsed(text: str, column: Column) -> Any:
    """The value that a text in a map means in ``column``."""
    match column.type:
        case ColumnType.STRING | ColumnType.MEMO:
            return text
        case ColumnType.ENUM:
            members = column.enumeration.members if column.enumeration is not None else ()
            wanted = _letters(text)
            return next((name for name, _ in members if _letters(name) == wanted), text)
        case ColumnType.CHOICE:
            if not text.strip():
                return None
            number = (
                {_letters(name): number for name, number in column.enumeration.members} if column.enumeration else {}
            )
            return number[_letters(text)] if _letters(text) in number else int(text)
        case ColumnType.INTEGER | ColumnType.BIGINT:
            return int(text) if text.strip() else None
        case ColumnType.DECIMAL | ColumnType.MONEY:
            return Decimal(text) if text.strip() else None
        case ColumnType.BOOLEAN:
            return text.strip().lower() in ("true", "yes", "1") if text.strip() else None
        case ColumnType.DATE | ColumnType.DATETIME:
            if not text.strip():
                return None
            day = datetime.strptime(text, "%m/%d/%Y").date() if "/" in text else date.fromisoformat(text[:10])
            return day if column.type is ColumnType.DATE else datetime.combine(day, time(), UTC)
        case ColumnType.GUID:
            return UUID(text) if text.strip() else None
        case _:
            raise CannotSay(f"what {text!r} is in {column.name}")


def copied(value: Any, source: Column, target: Column) -> Any:
    """``value`` after a plain copy from ``source`` to ``target``."""
    if value is None:
        return None
    if source.type is ColumnType.ENUM and target.type is not ColumnType.ENUM:
        return _from_member(value, source, target)
    if target.type is ColumnType.ENUM:
        return _to_member(value, source, target)
    return _COPIES[target.type](value, target)


def _as_text(value: Any, target: Column) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _as_boolean(value: Any, target: Column) -> Any:
    return value if isinstance(value, bool) else str(value).lower() in ("true", "1", "yes")


def _as_day(value: Any, target: Column) -> Any:
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    return value.date() if isinstance(value, datetime) else value


def _as_moment(value: Any, target: Column) -> Any:
    return value if isinstance(value, datetime) else datetime.combine(_as_day(value, target), time(), UTC)


_COPIES: Mapping[ColumnType, Callable[[Any, Column], Any]] = {
    **dict.fromkeys((ColumnType.STRING, ColumnType.MEMO), _as_text),
    **dict.fromkeys((ColumnType.INTEGER, ColumnType.BIGINT), lambda value, _: int(value)),
    **dict.fromkeys((ColumnType.DECIMAL, ColumnType.MONEY), lambda value, _: Decimal(value)),
    ColumnType.BOOLEAN: _as_boolean,
    ColumnType.CHOICE: lambda value, target: parsed(str(value), target),
    ColumnType.DATE: _as_day,
    ColumnType.DATETIME: _as_moment,
    ColumnType.GUID: lambda value, _: value if isinstance(value, UUID) else UUID(value),
}


def _from_member(value: str, source: Column, target: Column) -> Any:
    if target.type.is_text:
        return value
    if target.type is ColumnType.BOOLEAN:
        return value.lower() == "yes"
    if target.type is ColumnType.CHOICE:
        assert target.enumeration is not None
        return {_letters(name): number for name, number in target.enumeration.members}.get(_letters(value))
    assert source.enumeration is not None
    return dict(source.enumeration.members)[value]


def _to_member(value: Any, source: Column, target: Column) -> Any:
    assert target.enumeration is not None
    members = target.enumeration.members
    if isinstance(value, bool):
        return next(name for name, _ in members if name.lower() == ("yes" if value else "no"))
    if isinstance(value, str):
        return next(name for name, _ in members if _letters(name) == _letters(value))
    if source.type is ColumnType.CHOICE:
        assert source.enumeration is not None
        label = next(name for name, number in source.enumeration.members if number == value)
        return next(name for name, _ in members if _letters(name) == _letters(label))
    return next(name for name, number in members if number == value)


def _only_of_blanks(value_map: ValueMap) -> bool:
    """Whether a value map tells what is empty and nothing else; other values then go as they are."""
    return all(not right.strip() for _, right in value_map.pairs)


def _carried_members(column: Column, ends: Sequence[Column]) -> list[str]:
    """The members that have a partner in every choice they are copied to."""
    assert column.enumeration is not None
    members = [name for name, _ in column.enumeration.members]
    for end in ends:
        if end.type is ColumnType.CHOICE and end.enumeration is not None:
            known = {_letters(name) for name, _ in end.enumeration.members}
            members = [name for name in members if _letters(name) in known]
    return members


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character not in " -_")


def _an_option(number: int, ends: Sequence[Column]) -> tuple[str, int]:
    enumeration = next(end.enumeration for end in ends if end.type is ColumnType.CHOICE)
    assert enumeration is not None
    return enumeration.members[number % len(enumeration.members)]


def _text_for(number: int, column: Column, ends: Sequence[Column]) -> str:
    """A text that can be carried to all of ``ends``."""
    kinds = {end.type for end in ends}
    if kinds & _WHOLE:
        return str(number)
    if kinds & _FRACTIONS:
        return f"{number}.5"
    if ColumnType.BOOLEAN in kinds:
        return ("true", "false")[number % 2]
    if ColumnType.CHOICE in kinds:
        return _an_option(number, ends)[0]
    if kinds & {ColumnType.DATE, ColumnType.DATETIME}:
        return (_FIRST_DAY + timedelta(days=number)).isoformat()
    if ColumnType.GUID in kinds:
        return str(UUID(int=number))
    limit = min([_LONGEST, *(each.length for each in (column, *ends) if each.length is not None)])
    return _text(number, limit, column.name)


def _text(number: int, limit: int, name: str) -> str:
    """A text for a column called ``name`` that no other number has, as long as three characters are enough."""
    digits = ""
    while number or not digits:
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return (name[: max(0, limit - len(digits) - 1)] + " " + digits)[-limit:].strip()


def same(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _nothing(value: Any) -> bool:
    return value in (None, "") or value in _EMPTY_DAYS


def _blank(value: Any, column: Column) -> bool:
    return _nothing(value) or (column.enumeration is not None and value == column.enumeration.members[0][0])
