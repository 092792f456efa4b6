"""``dualwrite catch-ups``: how the queues of resumed maps were worked off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.words import moment, seconds_in_words
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import find_map
from dualwrite.cli.output import grid
from dualwrite.cli.queues.choices import STATE_WORDS, CatchUpName, find_catch_up, short
from dualwrite.cli.queues.following import catch_up_document, catch_up_facts, follow, next_commands, went_well
from dualwrite.cli.queues.office import QueueOffice, at_queue_office
from dualwrite.store.catch_ups import CatchUp

app = typer.Typer(help="Catch-ups: how the queues of resumed maps were worked off; follow one.", no_args_is_help=True)


@app.command("list")
def list_catch_ups(
    context: typer.Context,
    map_name: Annotated[str | None, typer.Option("--map", metavar="MAP", help="Only those of this map.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many, the latest first.")] = 20,
) -> None:
    """List the catch-ups, the latest first: when, of how many maps, and how their records ended."""
    call = invocation(context)

    async def history(office: QueueOffice) -> Sequence[CatchUp]:
        known = [each.name for each in await office.states()]
        name = None if map_name is None else find_map(known, map_name)
        return await office.history(map=name, limit_rows=most)

    found = at_queue_office(call, history)
    nothing = Text("There has been no catch-up yet: dualwrite maps pause, then dualwrite maps resume", style="dim")
    call.output.show([catch_up_document(each) for each in found], _table(found) if found else nothing)


@app.command("show")
def show_catch_up(context: typer.Context, name: CatchUpName = "") -> None:
    """Show how a catch-up stands or went."""
    call = invocation(context)
    found = at_queue_office(call, lambda office: find_catch_up(office, name))
    call.output.show(catch_up_document(found), catch_up_facts(found), next_commands(found))


@app.command("watch")
def watch_catch_up(context: typer.Context, name: CatchUpName = "") -> None:
    """Follow a catch-up until it has come to its end; Ctrl-C leaves it as it is. Exit code 1 as for: maps resume."""
    call = invocation(context)

    async def followed(office: QueueOffice) -> CatchUp:
        return await follow(office, call.output.console, (await find_catch_up(office, name)).run)

    found = at_queue_office(call, followed)
    call.output.show(catch_up_document(found), catch_up_facts(found), next_commands(found))
    if not went_well(found):
        raise typer.Exit(1)


def _table(found: Sequence[CatchUp]) -> Table:
    numbers = ("maps", "applied", "conflicts", "failed")
    table = grid("catch-up", "began", "took", "queue", "state", *numbers, numbers=("began", "took", *numbers))
    for each in found:
        word, counts = STATE_WORDS[each.state], each.counts
        took = (
            "" if each.finished_at is None else seconds_in_words((each.finished_at - each.started_at).total_seconds())
        )
        table.add_row(
            short(each.run),
            moment(each.started_at, short=True),
            took,
            each.option.value,
            Text(word.word, style=word.style),
            *(f"{number:,}" for number in (len(each.maps), counts.applied, counts.conflicts, counts.failed)),
        )
    return table
