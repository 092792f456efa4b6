"""Values as texts: what a text means as a number, a truth, a date or a GUID, and the text of each value.

Whatever is not listed here is refused.

======  ==========================================================================================================
number  ``12``, ``-0.5``, ``+3.``, ``.25``: digits and one point; no exponent, no grouping
truth   ``true yes 1`` and ``false no 0``, in any case
day     ``2024-02-29`` or month first ``2/29/2024``
moment  ``2024-02-29T13:05``, also with a blank for the ``T``, seconds, up to nine decimals (cut to six), ``Z`` or an
        offset (without one: UTC); ``2/29/2024 1:05 PM``, ``2/29/2024 13:05:00``
GUID    32 hexadecimal digits, also with hyphens (8-4-4-4-12), also in braces
======  ==========================================================================================================

Digits and letters are ASCII. Blanks around are ignored; blanks within count.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final
from uuid import UUID

from dualwrite.metadata.values import Value

_A = re.ASCII
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", _A)
_WHOLE = re.compile(r"[+-]?\d+", _A)
_TIME = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?"
_ISO = re.compile(rf"(\d{{4}})-(\d{{2}})-(\d{{2}})(?:[T ]{_TIME}(Z|[+-]\d{{2}}:?\d{{2}})?)?", _A)
_US = re.compile(rf"(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})(?: {_TIME}(?: ?([AaPp])[Mm])?)?", _A)
_GUID = re.compile(
    r"(\{)?([0-9a-f]{8})(-?)([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{12})(?(1)\})", _A | re.I
)
TRUE: Final = frozenset({"true", "yes", "1"})
FALSE: Final = frozenset({"false", "no", "0"})
LONGEST_NUMBER: Final = 100
"""Characters; what is longer is no number of either side."""


def text_of(value: Value) -> str:
    """The text of ``value`` in a text column and in messages."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        text = format(value or Decimal(0), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def read_number(text: str) -> Decimal | None:
    """The number that ``text`` spells, None when it is none."""
    text = text.strip(" ")
    return Decimal(text) if len(text) <= LONGEST_NUMBER and _NUMBER.fullmatch(text) else None


def read_whole(text: str) -> int | None:
    """The whole number that ``text`` spells without a point, None when it is none."""
    text = text.strip(" ")
    return int(text) if len(text) <= LONGEST_NUMBER and _WHOLE.fullmatch(text) else None


def read_truth(text: str) -> bool | None:
    """Yes or no, None when ``text`` is neither."""
    word = text.strip(" ").lower()
    return word in TRUE if word in TRUE or word in FALSE else None


def read_guid(text: str) -> UUID | None:
    """The GUID that ``text`` spells, None when it is none."""
    found = _GUID.fullmatch(text.strip(" "))
    return UUID("".join(found.group(2, 4, 5, 6, 7))) if found else None


def read_date(text: str) -> date | None:
    """The day or the moment (in UTC) that ``text`` spells, None when it is none."""
    text = text.strip(" ")
    try:
        if found := _ISO.fullmatch(text):
            year, month, day, *clock, offset = found.groups()
            return _at(int(year), int(month), int(day), clock, offset=_offset(offset))
        if found := _US.fullmatch(text):
            month, day, year, *clock, half = found.groups()
            return _at(int(year), int(month), int(day), clock, half=half)
    except (ValueError, OverflowError):
        return None
    return None


def _at(
    year: int, month: int, day: int, clock: list[str | None], *, offset: timezone = UTC, half: str | None = None
) -> date:
    hour, minute, second, fraction = clock
    if hour is None or minute is None:
        return date(year, month, day)
    hours = int(hour)
    if half is not None:
        if not 1 <= hours <= 12:
            raise ValueError(hour)
        hours = hours % 12 + (12 if half in "pP" else 0)
    micros = int((fraction or "").ljust(6, "0")[:6])
    return datetime(year, month, day, hours, int(minute), int(second or 0), micros, offset).astimezone(UTC)


def _offset(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    if int(text[-2:]) > 59:
        raise ValueError(text)
    return timezone(timedelta(minutes=minutes if text[0] == "+" else -minutes))
