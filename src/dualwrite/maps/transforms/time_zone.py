"""Moments as the days of a time zone; without this transform a day is a day in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import ClassVar, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dualwrite.errors import ValueProblem
from dualwrite.maps.end import Converter, End, is_empty, refuse
from dualwrite.maps.transforms.kind import (
    Entries,
    Kind,
    Published,
    Spelling,
    SpellingRefused,
    TransformUnfit,
    options_of,
    texts_of,
)
from dualwrite.metadata.schema import ColumnType
from dualwrite.metadata.values import Value


@dataclass(frozen=True, slots=True)
class InTimeZone(Kind):
    """A moment becomes the day on which it falls in the zone ``name``, and a day the moment at which it begins there.

    ``{time zone: {name: Europe/Berlin}}``.
    """

    name: str

    word: ClassVar[str] = "time zone"
    depth: ClassVar[int] = 1
    published_type: ClassVar[str] = "TimeZone"

    @classmethod
    def read(cls, spelling: Entries) -> Self:
        content, _ = options_of(spelling, cls)
        match texts_of(content):
            case (("name", name),):
                return cls(name)
        raise SpellingRefused("write {time zone: {name: Europe/Berlin}}, with the name of a zone")

    def spelled(self) -> Spelling:
        return Entries(((self.word, Entries((("name", self.name),))),))

    @classmethod
    def read_published(cls, properties: Mapping[str, object]) -> Self | None:
        name = properties.get("name")
        return cls(name) if isinstance(name, str) else None

    def published(self) -> Published:
        return {"transformType": self.published_type, "name": self.name}

    def described(self) -> str:
        return f"{self.word} {self.name}"

    def wrap(self, convert: Converter | None, *, source: End, target: End) -> Converter | None:
        if convert is None:
            return None
        zone = _zone(self.name)
        types = source.column.type, target.column.type
        if types == (ColumnType.DATETIME, ColumnType.DATE):
            shift = _day_of
        elif types == (ColumnType.DATE, ColumnType.DATETIME):
            shift = _start_of
        else:
            message = f"a time zone turns moments into days and back; {source.qualified} and {target.qualified} are "
            raise TransformUnfit(f"{message}{types[0].value} and {types[1].value}")
        rest = convert

        def zoned(value: Value) -> Value:
            if is_empty(value, source) or not isinstance(value, date):
                return rest(value)
            try:
                shifted = shift(value, zone)
            except OverflowError:
                message = f"{source.column.name} is {value}, which is no day in {zone}."
                raise refuse(target, message, ValueProblem.OUT_OF_RANGE) from None
            return rest(shifted)

        return zoned


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TransformUnfit(f"there is no time zone {name!r}; take a name such as Europe/Berlin") from None


def _day_of(value: date, zone: tzinfo) -> date:
    return value.astimezone(zone).date() if isinstance(value, datetime) else value


def _start_of(value: date, zone: tzinfo) -> date:
    return value if isinstance(value, datetime) else datetime.combine(value, time.min, zone).astimezone(UTC)
