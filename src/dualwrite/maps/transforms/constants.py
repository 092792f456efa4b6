"""The texts of a map, turned into the columns' own values once, when the map is compiled."""

from __future__ import annotations

from collections.abc import Callable

from dualwrite.errors import ValueRefused
from dualwrite.maps.convert import plain_converter
from dualwrite.maps.end import End, blank_of
from dualwrite.maps.members import folded
from dualwrite.maps.transforms.kind import TransformUnfit
from dualwrite.metadata.schema import Column, ColumnType
from dualwrite.metadata.values import Value


def parse_text(text: str, end: End) -> Value:
    """The value that ``text`` spells in the column's type; an empty text is the side's blank. Raises:
    TransformUnfit."""
    return text_parser(end)(text)


def text_parser(end: End) -> Callable[[str], Value]:
    """:func:`parse_text` for many texts of one column. What it gives raises: TransformUnfit."""
    blank = blank_of(end)
    spell = _member_parser(end) if end.column.type is ColumnType.ENUM else _value_parser(end)

    def parse(text: str) -> Value:
        return blank if text == "" else spell(text)

    return parse


def _value_parser(end: End) -> Callable[[str], Value]:
    convert = plain_converter(End(end.table, Column(name="the value", type=ColumnType.STRING)), end)

    def parse(text: str) -> Value:
        if convert is None:
            raise TransformUnfit(f"{end.qualified} cannot be given by a text")
        try:
            return convert(text)
        except ValueRefused as refusal:
            raise TransformUnfit(refusal.message) from refusal

    return parse


def _member_parser(end: End) -> Callable[[str], Value]:
    """Members by name, as they are compared between the sides, or by number."""
    members = end.column.enumeration.members if end.column.enumeration is not None else ()
    named = {folded(name): name for name, _ in reversed(members)}
    numbered = {str(number): name for name, number in reversed(members)}

    def parse(text: str) -> Value:
        member = named.get(folded(text)) or numbered.get(text) if members else text
        if member is None:
            known = ", ".join(name for name, _ in members)
            raise TransformUnfit(f"{text!r} is no member of {end.qualified}, which has {known}")
        return member

    return parse
