"""Enums and choices: members by name, choices by label, both by number; *No* and *Yes* as truths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.maps.end import Converter, End, refuse
from dualwrite.maps.literals import read_whole, text_of
from dualwrite.metadata.empty import empty_member
from dualwrite.metadata.schema import ColumnType
from dualwrite.metadata.values import Value

_DROPPED: Final = str.maketrans("", "", " -_")
_CHOICE_END: Final = 2**31
"""The numbers of choices have 32 bits."""
WHOLE: Final = frozenset({ColumnType.INTEGER, ColumnType.BIGINT})


def folded(member: str) -> str:
    """A member's name as it is compared between the sides: without case, blanks and hyphens."""
    return member.casefold().translate(_DROPPED)


def no_counterpart(source: End, target: End, value: Value, known: str) -> ValueRefused:
    message = f"{source.column.name} '{text_of(value)}' has no counterpart in {target.qualified}; allowed are {known}."
    return refuse(target, message, ValueProblem.UNKNOWN_CHOICE)


def to_enum(source: End, target: End) -> Converter | None:
    """Members by name from text, by number from numbers, by equal name from choices, No and Yes from booleans."""
    members = _members(target)
    table: dict[Value, Value]
    match source.column.type:
        case ColumnType.STRING | ColumnType.MEMO | ColumnType.ENUM:
            return _named_member(source, target, members)
        case ColumnType.INTEGER | ColumnType.BIGINT:
            table = {number: name for name, number in members}
        case ColumnType.BOOLEAN:
            named = {name.casefold(): name for name, _ in members}
            table = {False: named.get("no"), True: named.get("yes")}
            if None in table.values():
                return None
        case ColumnType.CHOICE:
            named = {folded(name): name for name, _ in members}
            table = {number: named[folded(label)] for label, number in _members(source) if folded(label) in named}
        case _:
            return None
    return _looked_up(source, target, table)


def _named_member(source: End, target: End, members: tuple[tuple[str, int], ...]) -> Converter:
    named = {name.casefold(): name for name, _ in members}
    known = ", ".join(name for name, _ in members)

    def convert(value: Value) -> Value:
        text = text_of(value)
        if not named:
            return text
        member = named.get(text.casefold())
        if member is None:
            raise no_counterpart(source, target, value, known)
        return member

    return convert


def _looked_up(source: End, target: End, table: Mapping[Value, Value]) -> Converter | None:
    if not table:
        return None
    known = ", ".join(text_of(value) for value in table)

    def convert(value: Value) -> Value:
        try:
            return table[value]
        except KeyError:
            raise no_counterpart(source, target, value, known) from None

    return convert


def from_enum(source: End, target: End) -> Converter | None:
    """To choices by equal name, to booleans from No and Yes, to numbers by number."""
    members = _members(source)
    kind = target.column.type
    table: dict[Value, Value] = {}
    if kind is ColumnType.CHOICE:
        labelled = {folded(label): number for label, number in _members(target)}
        table = {name: labelled[folded(name)] for name, _ in members if folded(name) in labelled}
        if table:
            table.setdefault(empty_member(source.column.enumeration), None)
    elif kind is ColumnType.BOOLEAN:
        if {name.casefold() for name, _ in members} != {"no", "yes"}:
            return None
        table = {name: name.casefold() == "yes" for name, _ in members}
    elif kind in WHOLE:
        table = {name: number for name, number in members}
    return _looked_up(source, target, table)


def to_choice(source: End, target: End) -> Converter | None:
    """By number from numbers and choices, by label or number from text, *No* and *Yes* from booleans."""
    kind = source.column.type
    if kind is ColumnType.BOOLEAN:
        truths = _truths(target)
        return _looked_up(source, target, {truth: number for number, truth in truths.items()})
    if not kind.is_text and kind is not ColumnType.CHOICE and kind not in WHOLE:
        return None
    known = ", ".join(f"{number} ({label})" for label, number in _members(target))
    by_number: dict[Value, Value] = {number: number for _, number in _members(target)}
    by_label: dict[Value, Value] = {folded(label): number for label, number in _members(target)}

    def from_number(value: Value) -> Value:
        if by_number and value not in by_number:
            raise no_counterpart(source, target, value, known)
        if isinstance(value, int) and not -_CHOICE_END <= value < _CHOICE_END:
            message = f"{source.column.name} is {value}, {target.qualified} takes the numbers of choices."
            raise refuse(target, message, ValueProblem.OUT_OF_RANGE)
        return value

    def from_text(value: Value) -> Value:
        text = text_of(value)
        number = by_label.get(folded(text))
        if number is None:
            number = read_whole(text)
            if number is None:
                raise no_counterpart(source, target, value, known)
        return from_number(number)

    return from_text if kind.is_text else from_number


def choice_to_boolean(source: End, target: End) -> Converter | None:
    """From the options labelled *No* and *Yes*; None where there are no such options."""
    return _looked_up(source, target, dict(_truths(source)))


def _members(end: End) -> tuple[tuple[str, int], ...]:
    return end.column.enumeration.members if end.column.enumeration is not None else ()


def _truths(end: End) -> dict[Value, Value]:
    """By number, which of the options mean no and yes; empty unless there is one for each."""
    meanings = {"no": False, "false": False, "yes": True, "true": True}
    found: dict[Value, Value] = {
        number: meanings[folded(label)] for label, number in _members(end) if folded(label) in meanings
    }
    return found if len(found) == 2 and set(found.values()) == {False, True} else {}
