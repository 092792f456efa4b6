"""What all documents of the API have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StrictBool,
    StringConstraints,
)


class Told(BaseModel):
    """A document that the API answers with; made from our values attribute by attribute where the names agree."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


class Asked(BaseModel):
    """A document that callers send; what it does not know, it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


_WITHOUT_NUL = r"^[^\x00]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_WITHOUT_NUL)]
"""What something is called."""
Text = Annotated[str, StringConstraints(max_length=5000, pattern=_WITHOUT_NUL)]
"""A longer text."""


def _number(given: object) -> object:
    if isinstance(given, str | bool):
        raise ValueError("this is to be a number")
    return given


NOT_A_TEXT = BeforeValidator(_number)
"""A number in a body is one; behind its bounds, so that these are described."""

Flag = StrictBool


def _of_our_times(moment: datetime) -> datetime:
    # Nothing is older; the database knows neither the first nor the last days of a calendar in every zone.
    try:
        universal = moment.astimezone(UTC)
    except OverflowError:
        universal = moment.replace(tzinfo=UTC)
    return max(universal, _EARLIEST)


def _in_words(given: object) -> object:
    # A number would be taken for seconds since 1970.
    if isinstance(given, int | float) or (isinstance(given, str) and "-" not in given[1:]):
        raise ValueError("a moment is written like 2026-01-31T08:00:00Z")
    return given


_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
Moment = Annotated[AwareDatetime, AfterValidator(_of_our_times), BeforeValidator(_in_words)]
"""A moment with its time zone."""
