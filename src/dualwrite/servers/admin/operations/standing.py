"""Where operations are told from: every kind of long work tells of its own as operations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fastapi import Request, Response

from dualwrite.errors import NotFound
from dualwrite.servers.admin.operations.models import Operation, OperationKind

PREFIX = "/api/v1"


class OperationSource(Protocol):
    """Work of one kind, told as operations."""

    @property
    def kind(self) -> OperationKind: ...

    async def find(self, subject: str) -> Operation | None:
        """The operation that stands for ``subject``, None when there is none."""
        ...

    async def latest(self, *, before: datetime | None, limit_rows: int) -> Sequence[Operation]:
        """The operations started before this moment, or at it, latest first."""
        ...


def operation_id(kind: OperationKind, subject: object) -> str:
    """The operation that stands for ``subject``; asking for the same work again gives the same one."""
    return f"{kind.value}.{subject}"


async def find_operation(sources: Sequence[OperationSource], name: str) -> Operation:
    """The operation of this id. Raises: NotFound."""
    kind, _, subject = name.partition(".")
    for source in sources:
        if source.kind.value == kind:
            found = await source.find(subject)
            if found is not None:
                return found
    raise NotFound(f"There is no operation {name!r}. GET {PREFIX}/operations lists those there are.", operation=name)


def accepted(request: Request, operation: Operation) -> Response:
    """The answer 202 with the operation and where to ask for it again."""
    return Response(
        operation.model_dump_json(),
        status_code=202,
        media_type="application/json",
        headers={"Location": f"{PREFIX}/operations/{operation.id}", "Retry-After": "1"},
    )
