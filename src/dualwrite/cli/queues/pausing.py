"""``dualwrite maps pause`` and ``resume``: changes wait for maps, and are replayed when these go live again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.map_choices import All, Names, counted, one_of
from dualwrite.cli.map_names import find_map, short_names
from dualwrite.cli.queues.choices import Detach, Related
from dualwrite.cli.queues.following import (
    catch_up_document,
    catch_up_facts,
    follow,
    how_to_follow,
    next_commands,
    went_well,
)
from dualwrite.cli.queues.office import QueueOffice, at_queue_office
from dualwrite.lifecycle.related_maps import OfferedMap
from dualwrite.lifecycle.transitions import Action, allowed_from
from dualwrite.store.catch_ups import CatchUp, CatchUpId, QueueOption


def pause_maps(context: typer.Context, names: Names = None, every: All = False, related: Related = False) -> None:
    """Pause maps, or all that are running: saves on both sides succeed, and wait. See: dualwrite maps resume

    Also while an environment is away.
    """
    one_of(names, every)
    call = invocation(context)

    async def paused(office: QueueOffice) -> tuple[Sequence[str], Sequence[OfferedMap]]:
        chosen, others = await _chosen(office, Action.PAUSE, names or (), related=related)
        if chosen:
            await office.pause(chosen)
        return chosen, others

    chosen, others = at_queue_office(call, paused)
    document = {"paused": chosen, "related": [each.name for each in others]}
    call.output.show(document, f"Paused: {counted(chosen)}" if chosen else "No map was running.")
    _tell_related(call, others, "look up rows of them and are still running; what they carry may be refused")


def resume_maps(
    context: typer.Context,
    names: Names = None,
    every: All = False,
    keep_as_errors: Annotated[
        bool, typer.Option("--keep-as-errors", help="Go live at once; what waits becomes catch-up errors.")
    ] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Go live at once; what waits is forgotten.")] = False,
    related: Related = False,
    detach: Detach = False,
) -> None:
    """Resume maps, or all that are paused: what waits is replayed in its order, then they are live.

    Exit code 1 when a change was refused, or when the maps are paused again because an environment stayed away.
    """
    one_of(names, every)
    if keep_as_errors and discard:
        raise typer.BadParameter("give one of --keep-as-errors, --discard")
    option = QueueOption.KEEP if keep_as_errors else QueueOption.DISCARD if discard else QueueOption.REPLAY
    call = invocation(context)

    async def resumed(office: QueueOffice) -> CatchUp | CatchUpId | None:
        chosen, others = await _chosen(office, Action.RESUME, names or (), related=related)
        _tell_related(call, others, "are paused, too, and hold rows that they look up")
        if not chosen:
            return None
        run = await office.resume(chosen, option=option)
        return run if detach else await follow(office, call.output.console, run)

    ended = at_queue_office(call, resumed)
    if ended is None:
        call.output.show({"resumed": []}, "No map was paused.")
    elif isinstance(ended, CatchUp):
        call.output.show(catch_up_document(ended), catch_up_facts(ended), next_commands(ended))
        if not went_well(ended):
            raise typer.Exit(1)
    else:
        call.output.show({"run": ended, "state": "left to others"}, how_to_follow(ended))


async def _chosen(
    office: QueueOffice, action: Action, texts: Sequence[str], *, related: bool
) -> tuple[Sequence[str], Sequence[OfferedMap]]:
    """The maps that are meant, in order, and the related ones that the action is possible with and that are not."""
    maps = await office.states()
    if not texts:
        return [each.name for each in maps if each.state in allowed_from(action)], ()
    known = [each.name for each in maps]
    named = {find_map(known, text) for text in texts}
    chosen = [name for name in known if name in named]
    others = [each for each in await office.offered(action, chosen) if each.related and each.allowed]
    if not related:
        return chosen, others
    order = [each.name for each in await office.offered(action, chosen)]
    wanted = {*chosen, *(each.name for each in others)}
    return [name for name in order if name in wanted], ()


def _tell_related(call: Invocation, others: Sequence[OfferedMap], what: str) -> None:
    if others:
        names = ", ".join(short_names(each.name for each in others).values())
        call.output.console.print(Text(f"Related maps {what}: {names}. Take them along with --related.", style="dim"))
