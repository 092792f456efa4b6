"""An operation as server-sent events: one whenever it has moved, a last one when it has ended, heartbeats in between.

The id of an event is a digest of what it tells. Whoever comes back with the id of the last event they have seen gets
the next one that tells something else; who has seen the end gets 204, upon which clients stop coming back.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from fastapi.sse import format_sse_event

from dualwrite.servers.admin.operations.models import Operation

LOOK_S = 0.5
HEARTBEAT_S = 15.0
LONGEST_S = 600.0
"""So long a stream is kept open; clients come back by themselves."""

Look = Callable[[], Awaitable[Operation]]
Pause = Callable[[float], Awaitable[None]]


def event_id(operation: Operation) -> str:
    """The same for operations that tell the same."""
    return hashlib.sha256(operation.model_dump_json().encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class EventStream:
    """The events of one operation, until it has ended or ``closing`` is set: the program stops, or it lasted long."""

    look: Look
    closing: asyncio.Event
    last_id: str | None = None
    pause: Pause = asyncio.sleep

    async def events(self) -> AsyncIterator[bytes]:
        """The lines of the stream. Raises: EnvironmentUnavailable."""
        last, silent_s, open_s = self.last_id, 0.0, 0.0
        while not self.closing.is_set() and open_s < LONGEST_S:
            operation = await self.look()
            name = "ended" if operation.state.has_ended else "progress"
            if (number := event_id(operation)) != last:
                last, silent_s = number, 0.0
                yield format_sse_event(data_str=operation.model_dump_json(), event=name, id=number)
            elif silent_s >= HEARTBEAT_S:
                silent_s = 0.0
                yield format_sse_event(comment="heartbeat")
            if operation.state.has_ended:
                return
            await self.pause(LOOK_S)
            silent_s += LOOK_S
            open_s += LOOK_S
