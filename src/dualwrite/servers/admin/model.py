"""What all documents of the API have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StrictBool, StringConstraints


class Told(BaseModel):
    """A document that the API answers with; made from our values attribute by attribute where the names agree."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


class Asked(BaseModel):
    """A document that callers send; what it does not know, it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise ValueError("a text may not hold NUL or half a character")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_storable)]
"""What something is called."""

Flag = StrictBool


def _of_our_times(moment: datetime) -> datetime:
    try:
        universal = moment.astimezone(UTC)
    except OverflowError:
        universal = datetime.min.replace(tzinfo=UTC)
    if universal.year < _FIRST_YEAR:
        raise ValueError(f"a moment is in the year {_FIRST_YEAR} or later")
    return universal


_FIRST_YEAR = 1900
Moment = Annotated[AwareDatetime, AfterValidator(_of_our_times)]
"""A moment with its time zone."""
