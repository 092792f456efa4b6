"""The texts of a map, turned into the columns' own values once, when the map is compiled."""

from __future__ import annotations

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
    if text == "":
        return blank_of(end)
    if end.column.type is ColumnType.ENUM:
        return _member(text, end)
    spelled = End(end.table, Column(name="the value", type=ColumnType.STRING))
    convert = plain_converter(spelled, end)
    if convert is None:
        raise TransformUnfit(f"{end.qualified} cannot be given by a text")
    try:
        return convert(text)
    except ValueRefused as refusal:
        raise TransformUnfit(refusal.message) from refusal


def _member(text: str, end: End) -> str:
    members = end.column.enumeration.members if end.column.enumeration is not None else ()
    if not members:
        return text
    wanted = folded(text)
    for name, number in members:
        if folded(name) == wanted or str(number) == text:
            return name
    raise TransformUnfit(
        f"{text!r} is no member of {end.qualified}, which has {', '.join(name for name, _ in members)}"
    )
