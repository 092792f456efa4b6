"""Value maps: pairs of an F&O value and the Dataverse value it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import ClassVar, Self

from dualwrite.errors import ValueRefused
from dualwrite.maps.end import Converter, End, blank_of, is_blank, is_empty
from dualwrite.maps.members import no_counterpart
from dualwrite.maps.transforms.constants import text_parser
from dualwrite.maps.transforms.kind import (
    Entries,
    Kind,
    Published,
    Spelling,
    SpellingRefused,
    TransformUnfit,
    options_of,
    text_of_json,
    texts_of,
)
from dualwrite.metadata.schema import ColumnType
from dualwrite.metadata.values import Value


class Unmapped(Enum):
    """What becomes of a value that stands in no pair. A blank always becomes a blank."""

    REFUSE = "refuse"
    PASS = "pass through"
    """Converted as if there were no value map."""
    EMPTY = "empty"


class CaseRule(Enum):
    """How texts are found in the pairs."""

    IGNORE = "ignore"
    MATCH = "match"


@dataclass(frozen=True, slots=True)
class ValueMap(Kind):
    """Pairs of texts, F&O's first. Short spelling ``{no: 1}``; long ``{value map: {no: 1}, unmapped: pass through}``.

    A text of blanks only is the empty value. An empty value may share its counterpart with another one, which then
    wins on the way back; no other value may stand in two different pairs on the side that is read. A map of empty
    values only (``{1/1/1900: ''}``) tells what is empty, and lets all others pass.
    """

    pairs: tuple[tuple[str, str], ...]
    unmapped: Unmapped = Unmapped.REFUSE
    case: CaseRule = CaseRule.IGNORE

    word: ClassVar[str] = "value map"
    depth: ClassVar[int] = 2
    published_type: ClassVar[str] = "ValueMap"

    # --- spellings ------------------------------------------------------------------------------------------------

    @classmethod
    def read(cls, spelling: Entries) -> Self:
        content, options = options_of(spelling, cls, "unmapped", "case")
        unmapped, case = options.get("unmapped", "refuse"), options.get("case", "ignore")
        if unmapped not in (each.value for each in Unmapped):
            raise SpellingRefused(f"unmapped is {', '.join(each.value for each in Unmapped)}, not {unmapped!r}")
        if case not in (each.value for each in CaseRule):
            raise SpellingRefused(f"case is {', '.join(each.value for each in CaseRule)}, not {case!r}")
        return cls(texts_of(content), Unmapped(unmapped), CaseRule(case))

    def spelled(self) -> Spelling:
        options = tuple(self._options().items())
        pairs = Entries(self.pairs)
        return Entries(((self.word, pairs), *options)) if options else pairs

    def _options(self) -> dict[str, str]:
        options: dict[str, str] = {}
        if self.unmapped is not Unmapped.REFUSE:
            options["unmapped"] = self.unmapped.value
        if self.case is not CaseRule.IGNORE:
            options["case"] = self.case.value
        return options

    @classmethod
    def read_published(cls, properties: Mapping[str, object]) -> Self | None:
        """Also reads what :meth:`published` adds: ``furtherPairs``, ``unmapped`` and ``case``."""
        found, further = properties.get("valueMap"), properties.get("furtherPairs", [])
        if not isinstance(found, Mapping) or not isinstance(further, list):
            return None
        pairs: list[tuple[str, str]] = []
        for pair in (*found.items(), *further):
            texts = [text_of_json(each) for each in pair] if isinstance(pair, list | tuple) else []
            if len(texts) != 2 or texts[0] is None or texts[1] is None:
                return None
            pairs.append((texts[0], texts[1]))
        options = (("unmapped", Unmapped.REFUSE, Unmapped), ("case", CaseRule.IGNORE, CaseRule))
        if any(
            properties.get(name, default.value) not in (each.value for each in kind) for name, default, kind in options
        ):
            return None
        unmapped = Unmapped(properties.get("unmapped", Unmapped.REFUSE.value))
        return cls(tuple(pairs), unmapped, CaseRule(properties.get("case", CaseRule.IGNORE.value)))

    def published(self) -> Published:
        """JSON objects hold a name once: a second pair of an F&O value stands in ``furtherPairs``."""
        first: dict[str, str] = {}
        further: list[list[str]] = []
        for left, right in self.pairs:
            if left in first or further:
                further.append([left, right])
            else:
                first[left] = right
        published: Published = {"transformType": self.published_type, "valueMap": first, **self._options()}
        if further:
            published["furtherPairs"] = further
        return published

    def described(self) -> str:
        return ", ".join(f"{left}: {right}" for left, right in (*self.pairs, *self._options().items()))

    # --- meaning --------------------------------------------------------------------------------------------------

    def wrap(self, convert: Converter | None, *, source: End, target: End) -> Converter | None:
        if not self.pairs and self.unmapped is Unmapped.REFUSE:
            raise TransformUnfit("a value map without pairs refuses every value")
        backward = target.is_finops
        finops, dataverse = (target, source) if backward else (source, target)
        parsed = parse_value_map(self, finops=finops, dataverse=dataverse)
        table = parsed.table(backward=backward)
        if parsed.tells_blanks_only and convert is not None and self.unmapped is Unmapped.REFUSE:
            otherwise = convert
        else:
            otherwise = self._otherwise(convert, source, target, table)
        blank = table.get(_key(None, source, self.case), blank_of(target))
        return _by_text(table, otherwise, blank, source, self.case)

    def _otherwise(
        self, convert: Converter | None, source: End, target: End, table: Mapping[Value, Value]
    ) -> Converter:
        known = ", ".join(_spelled(value) for value in table)
        nothing = blank_of(target)

        def refused(value: Value) -> Value:
            raise no_counterpart(source, target, value, known)

        match self.unmapped:
            case Unmapped.REFUSE:
                return refused
            case Unmapped.EMPTY:
                return lambda _: nothing
            case Unmapped.PASS if convert is not None:
                return convert
        raise TransformUnfit(f"values of {source.qualified} cannot pass through to {target.qualified}: types differ")

    def doubts(self, convert: Converter, *, source: End, target: End) -> tuple[str, ...]:
        """The members of the source's enum or choice that are refused."""
        side = "finance and operations" if source.is_finops else "Dataverse"
        members = source.column.enumeration.members if source.column.enumeration is not None else ()
        refused: list[str] = []
        for name, number in members:
            value: Value = name if source.column.type is ColumnType.ENUM else number
            if not is_blank(value, source) and not _works(convert, value):
                refused.append(name)
        return (f"the {side} values {', '.join(refused)} are in no pair and will be refused",) if refused else ()


def _works(convert: Converter, value: Value) -> bool:
    try:
        convert(value)
    except ValueRefused:
        return False
    return True


def _by_text(
    table: Mapping[Value, Value], otherwise: Converter, blank: Value, source: End, case: CaseRule
) -> Converter:
    is_text = source.column.type.is_text
    fold = case is CaseRule.IGNORE

    def of_text(value: Value) -> Value:
        text = "" if value is None else str(value)
        found = table.get(text.casefold() if fold else text, _MISSING)
        if found is not _MISSING:
            return found
        return blank if not text.strip(" ") else otherwise(value)

    def of_others(value: Value) -> Value:
        try:
            return table[value]
        except KeyError:
            return blank if is_blank(value, source) else otherwise(value)

    return of_text if is_text else of_others


_MISSING = "\x00 stands in no pair"


@dataclass(frozen=True, slots=True)
class ParsedPair:
    """A pair in the columns' own values, with its texts."""

    values: tuple[Value, Value]
    texts: tuple[str, str]

    def is_spelled_blank(self, side: int) -> bool:
        return not self.texts[side].strip(" ")


@dataclass(frozen=True, slots=True)
class ParsedValueMap:
    """A value map in the columns' own values, in the order of the map."""

    ends: tuple[End, End]
    pairs: tuple[ParsedPair, ...]
    case: CaseRule

    @property
    def tells_blanks_only(self) -> bool:
        """Whether the map says what is empty (``1/1/1900`` is nothing) and nothing of other values, which then pass."""
        return all(any(is_empty(pair.values[side], self.ends[side]) for side in (0, 1)) for pair in self.pairs)

    def table(self, *, backward: bool) -> dict[Value, Value]:
        """The target's value for each source value, texts as they are compared. Raises: TransformUnfit for a value
        with two counterparts."""
        here, there = (1, 0) if backward else (0, 1)
        groups: dict[Value, list[ParsedPair]] = {}
        for pair in self.pairs:
            groups.setdefault(_key(pair.values[here], self.ends[here], self.case), []).append(pair)
        return {key: _winner(group, there, self._named(group[0], here)) for key, group in groups.items()}

    def _named(self, pair: ParsedPair, side: int) -> str:
        application = ("finance and operations", "Dataverse")[side]
        return f"the {application} value {pair.texts[side] or '(empty)'!r}"


def _winner(pairs: Iterable[ParsedPair], there: int, named: str) -> Value:
    """The one counterpart; one that is not empty goes before an empty one. Raises: TransformUnfit when several do."""
    filled = {pair.values[there]: pair for pair in pairs if not pair.is_spelled_blank(there)}
    if len(filled) > 1:
        words = " and ".join(repr(pair.texts[there]) for pair in filled.values())
        raise TransformUnfit(f"{named} stands in pairs with {words}")
    return next(iter((*filled, *(pair.values[there] for pair in pairs))))


def _key(value: Value, end: End, case: CaseRule) -> Value:
    if not end.column.type.is_text:
        return value
    text = "" if value is None else str(value)
    if not text.strip(" "):
        return ""
    return text.casefold() if case is CaseRule.IGNORE else text


def _spelled(value: Value) -> str:
    if value is None or value == "":
        return "(empty)"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def parse_value_map(value_map: ValueMap, *, finops: End, dataverse: End) -> ParsedValueMap:
    """``value_map`` in the columns' own values. Raises: TransformUnfit."""
    left, right = text_parser(finops), text_parser(dataverse)
    pairs = tuple(
        ParsedPair((left(_trimmed(one)), right(_trimmed(other))), (one, other)) for one, other in value_map.pairs
    )
    return ParsedValueMap((finops, dataverse), pairs, value_map.case)


def _trimmed(text: str) -> str:
    return text if text.strip(" ") else ""
