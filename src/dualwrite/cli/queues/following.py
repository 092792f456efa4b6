"""A catch-up is followed until it has come to its end, and then told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.words import moment, seconds_in_words
from dualwrite.cli.map_names import short_names
from dualwrite.cli.queues.choices import STATE_WORDS, short
from dualwrite.cli.queues.office import QueueOffice
from dualwrite.lifecycle.catch_up.work import shown
from dualwrite.store.catch_ups import CatchUp, CatchUpId, CatchUpState

_LOOK_S = 0.5


async def follow(office: QueueOffice, console: Console, run: CatchUpId) -> CatchUp:
    """The catch-up when it is at rest."""
    ended = asyncio.ensure_future(office.ended(run))
    with console.status("Catching up…") as status:
        while not ended.done():
            status.update(_standing(await office.get(run), await office.left(run)))
            await asyncio.wait((ended,), timeout=_LOOK_S)
    return await ended


def _standing(catch_up: CatchUp, left: int) -> Text:
    word = STATE_WORDS[catch_up.state]
    return Text.assemble((word.word, word.style), f"  {left:,} queued transactions left, {shown(catch_up.counts)}")


def catch_up_document(catch_up: CatchUp) -> Mapping[str, object]:
    """The catch-up as JSON."""
    return asdict(catch_up)


def catch_up_facts(catch_up: CatchUp) -> Table:
    """The catch-up for people."""
    word = STATE_WORDS[catch_up.state]
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    facts.add_row("catch-up", str(catch_up.run))
    facts.add_row("state", Text(word.word, style=word.style))
    facts.add_row("maps", Text(", ".join(short_names(catch_up.maps).values())))
    facts.add_row("queue", f"{catch_up.option.value}, {catch_up.queued:,} transactions when it began")
    facts.add_row("began", Text(f"{moment(catch_up.started_at)}, by {catch_up.started_by}"))
    if catch_up.finished_at is not None:
        took = seconds_in_words((catch_up.finished_at - catch_up.started_at).total_seconds())
        facts.add_row("ended", f"{moment(catch_up.finished_at)}, after {took}")
    facts.add_row("records", shown(catch_up.counts))
    if catch_up.message:
        facts.add_row("", Text(catch_up.message, style=word.style))
    return facts


def went_well(catch_up: CatchUp) -> bool:
    """Whether its maps run, and no change has become an error for another reason than that it was asked for."""
    return catch_up.state is CatchUpState.COMPLETED and not catch_up.counts.failed


def next_commands(catch_up: CatchUp) -> Text:
    """What somebody can do who is not content."""
    text = Text()
    if catch_up.counts.failed or catch_up.counts.kept or catch_up.counts.conflicts:
        text.append("  dualwrite errors list", style="cyan")
        text.append("    what was refused, with the records\n", style="dim")
    if catch_up.state is CatchUpState.FAILED:
        text.append("  dualwrite maps resume …", style="cyan")
        text.append("  goes on where it was; nothing is lost\n", style="dim")
    text.rstrip()
    return text


def how_to_follow(run: CatchUpId) -> Text:
    """What somebody can do who does not wait."""
    text = Text(f"Catch-up {short(run)} goes on while dualwrite up or a dualwrite worker runs.\n", style="yellow")
    text.append(f"  dualwrite catch-ups watch {short(run)}", style="cyan")
    return text
