"""Value maps and constants, with their texts turned into the columns' own values once, when a map is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from dualwrite.errors import ValueRefused
from dualwrite.maps.convert import End, blank_of, compile_conversion, folded, is_blank, no_counterpart
from dualwrite.maps.plan import Converter
from dualwrite.maps.values import ValueMap
from dualwrite.metadata.schema import Column, ColumnType
from dualwrite.metadata.values import Value


class TextUnfit(Exception):
    """A text of a map that its column cannot hold; caught by the compiler, which makes a finding of it."""


def parse_text(text: str, end: End) -> Value:
    """The value that ``text`` spells in the column's type; an empty text is the side's blank. Raises: TextUnfit."""
    if text == "":
        return blank_of(end)
    if end.column.type is ColumnType.ENUM:
        return _member(text, end)
    spelled = End(end.table, Column(name="the value", type=ColumnType.STRING))
    convert = compile_conversion(spelled, end)
    if convert is None:
        raise TextUnfit(f"{end.qualified} cannot be given by a text")
    try:
        return convert(text)
    except ValueRefused as refusal:
        raise TextUnfit(refusal.message) from refusal


def _member(text: str, end: End) -> str:
    members = end.column.enumeration.members if end.column.enumeration is not None else ()
    if not members:
        return text
    wanted = folded(text)
    for name, _ in members:
        if folded(name) == wanted:
            return name
    raise TextUnfit(f"{text!r} is no member of {end.qualified}, which has {', '.join(name for name, _ in members)}")


@dataclass(frozen=True, slots=True)
class ParsedValueMap:
    """A value map in the columns' own values, in the order of the map."""

    finops: End
    dataverse: End
    pairs: tuple[tuple[Value, Value], ...]

    def ambiguous(self, *, backward: bool) -> Value:
        """A value that stands on the source side of two pairs, None when there is none."""
        end = self.dataverse if backward else self.finops
        seen: set[Value] = set()
        for pair in self.pairs:
            value = pair[1] if backward else pair[0]
            key = _key(value, end)
            if key in seen:
                return "" if value is None else value
            seen.add(key)
        return None

    def uncovered(self, *, backward: bool) -> tuple[str, ...]:
        """Members of the source's enum or choice that no pair translates; records with them are refused."""
        end = self.dataverse if backward else self.finops
        members = end.column.enumeration.members if end.column.enumeration is not None else ()
        named: tuple[tuple[str, Value], ...] = tuple(
            (name, name if end.column.type is ColumnType.ENUM else number) for name, number in members
        )
        covered = {_key(pair[1] if backward else pair[0], end) for pair in self.pairs}
        return tuple(name for name, value in named if _key(value, end) not in covered and not is_blank(value, end))

    def converter(self, *, backward: bool) -> Converter:
        """The converter of one direction. A blank without an entry becomes a blank; other values must have one."""
        source, target = (self.dataverse, self.finops) if backward else (self.finops, self.dataverse)
        oriented = [(b, a) if backward else (a, b) for a, b in self.pairs]
        table: Mapping[Value, Value] = {_key(left, source): right for left, right in reversed(oriented)}
        known = ", ".join(_spelled(left) for left, _ in oriented)
        blank = blank_of(target)

        def convert(value: Value) -> Value:
            try:
                return table[value.casefold() if isinstance(value, str) else value]
            except KeyError:
                if is_blank(value, source):
                    return table.get("" if source.column.type.is_text else None, blank)
                raise no_counterpart(source, target, value, known) from None

        return convert


def _key(value: Value, end: End) -> Value:
    if value is None and end.column.type.is_text:
        return ""
    return value.casefold() if isinstance(value, str) else value


def _spelled(value: Value) -> str:
    if value is None or value == "":
        return "(empty)"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def parse_value_map(value_map: ValueMap, *, finops: End, dataverse: End) -> ParsedValueMap:
    """``value_map`` in the columns' own values. Raises: TextUnfit."""
    pairs = tuple((parse_text(left, finops), parse_text(right, dataverse)) for left, right in value_map.pairs)
    return ParsedValueMap(finops, dataverse, pairs)
