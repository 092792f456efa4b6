"""How both filter languages read and write the values that they spell alike: numbers, dates, moments, GUIDs.

Reading raises ``ValueError`` and nothing else; the parsers turn it into a refusal that points at the character.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

from dualwrite.filters.tree import Comparison, EnumLiteral, Literal

NUMBER_DIGITS = 100
"""A number may have this many digits on either side of the point; longer ones are refused before they cost memory."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_US_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.([0-9]{1,12}))?(Z|[+-][0-9]{2}:[0-9]{2})?",
    re.IGNORECASE,
)
_GUID = re.compile(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)

_FLIPPED = {
    Comparison.EQ: Comparison.EQ,
    Comparison.NE: Comparison.NE,
    Comparison.GT: Comparison.LT,
    Comparison.GE: Comparison.LE,
    Comparison.LT: Comparison.GT,
    Comparison.LE: Comparison.GE,
}


def flipped(operator: Comparison) -> Comparison:
    """The operator that says the same with the sides exchanged: ``3 lt a`` is ``a gt 3``."""
    return _FLIPPED[operator]


def read_number(text: str) -> int | Decimal:
    """The number that ``text`` spells: ``int`` without point and exponent, else ``Decimal``. Raises: ValueError."""
    if len(text) > 2 * NUMBER_DIGITS + 2 or _NUMBER.fullmatch(text) is None:
        raise ValueError("not a number, or one with too many digits")
    if _INTEGER.fullmatch(text):
        number: int | Decimal = int(text)
    else:
        try:
            number = Decimal(text)
        except InvalidOperation as exc:
            raise ValueError("not a number") from exc
    require_sane(number)
    return number


def require_sane(number: int | Decimal) -> None:
    """Raises ValueError when a number has more digits than any column and any database can hold."""
    if isinstance(number, int):
        if abs(number) >= 10**NUMBER_DIGITS:
            raise ValueError("the number has too many digits")
        return
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("not a number")
    if exponent < -NUMBER_DIGITS or exponent + len(digits) > NUMBER_DIGITS:
        raise ValueError("the number has too many digits")


def read_date(text: str) -> date:
    """The day that ``2020-12-31`` or ``12/31/2020`` (month first) names. Raises: ValueError."""
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    parts = _US_DATE.fullmatch(text)
    if parts is None:
        raise ValueError("not a date")
    month, day, year = (int(part) for part in parts.groups())
    return date(year, month, day)


def read_moment(text: str) -> datetime:
    """The moment that an ISO date-time names, in UTC; without an offset it is UTC already. Raises: ValueError."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError("not a date and time")
    whole, fraction, offset = match.groups()
    moment = datetime.fromisoformat(whole + (offset or "Z").upper())
    if fraction:
        moment = moment.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    return in_utc(moment)


def in_utc(moment: datetime) -> datetime:
    """``moment`` in UTC; one without an offset is taken as UTC. Raises: ValueError."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("outside of the calendar") from exc


def read_guid(text: str) -> UUID:
    """The GUID that ``text`` spells with hyphens, in braces or not. Raises: ValueError."""
    match = _GUID.fullmatch(text)
    if match is None:
        raise ValueError("not a GUID")
    return UUID(match.group(1))


def write_number(number: int | Decimal) -> str:
    return str(number) if isinstance(number, int) else format(number, "f")


def write_moment(moment: datetime) -> str:
    """ISO with ``Z``; fractions of a second only where there are any."""
    utc = in_utc(moment)
    fraction = f".{utc.microsecond:06}" if utc.microsecond else ""
    return f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{utc.hour:02}:{utc.minute:02}:{utc.second:02}{fraction}Z"


def spoken(literal: Literal) -> str:
    """How a message to the user shows a literal: one printable line, shortened when long."""
    if isinstance(literal, str):
        shown = literal if len(literal) <= 60 else literal[:57] + "..."
        return f"'{shown}'" if shown.isprintable() else ascii(shown)
    if literal is None:
        return "null"
    if isinstance(literal, EnumLiteral):
        return f"{literal.type_name}'{literal.member}'"
    return str(literal)
