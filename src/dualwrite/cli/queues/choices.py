"""What the commands on paused maps have in common: their options, and how catch-ups are named and shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from dualwrite.cli.initial_sync.words import Word
from dualwrite.cli.queues.office import QueueOffice
from dualwrite.store.catch_ups import CatchUp, CatchUpId, CatchUpState

CatchUpName = Annotated[
    str,
    typer.Argument(
        metavar="CATCH-UP", help="The beginning of a catch-up's id; the latest unless given.", show_default=False
    ),
]
Detach = Annotated[bool, typer.Option("--detach", help="Do not wait for the end; see: dualwrite catch-ups watch")]
Related = Annotated[
    bool, typer.Option("--related", help="Also the related maps that this can be done with, in the right order.")
]
MapName = Annotated[
    list[str] | None, typer.Option("--map", metavar="MAP", help="Only this map; may be given several times.")
]

STATE_WORDS: Mapping[CatchUpState, Word] = {
    CatchUpState.REPLAYING: Word("replaying", "yellow"),
    CatchUpState.HANDING_OVER: Word("handing over", "yellow"),
    CatchUpState.COMPLETED: Word("completed", "green"),
    CatchUpState.FAILED: Word("failed, paused again", "red"),
    CatchUpState.STOPPED: Word("stopped", "dim"),
}
_LETTERS = 8


def short(run: CatchUpId) -> str:
    """So much of a catch-up's id as people need."""
    return str(run)[:_LETTERS]


async def find_catch_up(office: QueueOffice, name: str) -> CatchUp:
    """The catch-up that ``name`` stands for. Raises: NotFound."""
    return await office.find(name.strip().lower())
