"""Which refused rows are meant, by query parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from dualwrite.maps.values import Direction
from dualwrite.servers.admin.model import Name, Text
from dualwrite.store.refusals import RefusalFilter


def _which(
    map: Annotated[Name | None, Query(description="Of this map.")] = None,
    legal_entity: Annotated[Name | None, Query(description="Of this legal entity.")] = None,
    direction: Annotated[Direction | None, Query(description="On this way.")] = None,
    column: Annotated[Name | None, Query(description="Because of this column.")] = None,
    code: Annotated[Name | None, Query(description="With this code.")] = None,
    cause: Annotated[Text | None, Query(description="For this cause, as the groups tell it.")] = None,
    open_only: Annotated[bool, Query(description="Only rows that no later run has done again.")] = False,
) -> RefusalFilter:
    return RefusalFilter(
        map=map,
        legal_entity=None if legal_entity is None else legal_entity.lower(),
        direction=direction,
        column=column,
        code=code,
        cause=cause,
        open_only=open_only,
    )


Refused = Annotated[RefusalFilter, Depends(_which)]
