"""Record ids as text columns hold them: RecIds on the way to Dataverse, GUIDs on the way back."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value


def record_id(text: str, direction: Direction) -> Value:
    """The id of a row of the direction's source that ``text`` spells."""
    return int(text) if direction.source is Side.FINOPS else UUID(text)


def record_ids(texts: Iterable[str], direction: Direction) -> tuple[Value, ...]:
    """The ids that ``texts`` spell, in order."""
    return tuple(record_id(each, direction) for each in texts)
