"""Which errors are meant, by query parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from dualwrite.maps.values import Direction
from dualwrite.servers.admin.model import Moment, Name, Text
from dualwrite.store.sync_errors import Category, ErrorState, FailureKind, SyncErrorFilter


def _which(
    state: Annotated[ErrorState | None, Query(description="Open, completed, stale or dismissed.")] = None,
    kind: Annotated[FailureKind | None, Query(description="When the change failed.")] = None,
    category: Annotated[Category | None, Query(description="What sort of thing stood in the way.")] = None,
    map: Annotated[Name | None, Query(description="Of this map.")] = None,
    direction: Annotated[Direction | None, Query(description="On this way.")] = None,
    legal_entity: Annotated[Name | None, Query(description="Of this legal entity.")] = None,
    code: Annotated[Name | None, Query(description="With this code.")] = None,
    column: Annotated[Name | None, Query(description="Because of this column.")] = None,
    cause: Annotated[Text | None, Query(description="For this cause, as the groups tell it.")] = None,
    record: Annotated[Name | None, Query(description="A part of the record's name, with no regard to case.")] = None,
    since: Annotated[Moment | None, Query(description="At this moment or later.")] = None,
    until: Annotated[Moment | None, Query(description="Before this moment.")] = None,
) -> SyncErrorFilter:
    return SyncErrorFilter(
        state=state,
        kind=kind,
        category=category,
        map=map,
        direction=direction,
        legal_entity=legal_entity,
        code=code,
        column=column,
        cause=cause,
        record=record,
        since=since,
        until=until,
    )


Chosen = Annotated[SyncErrorFilter, Depends(_which)]
