"""``dualwrite link reset`` and ``unlink``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.link.office import LinkOffice, at_link_office
from dualwrite.linking.ending import Ended


def reset(
    context: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Stop maps that run, and cancel initial syncs, instead of refusing.")
    ] = False,
) -> None:
    """Reset the link: no map runs, and their states and the history of initial syncs are forgotten.

    Environments, legal entities, maps, solutions and owning teams are kept. What was queued are catch-up errors.
    """

    async def done(office: LinkOffice) -> Ended:
        return await office.reset(forced=force)

    call = invocation(context)
    ended = at_link_office(call, done)
    call.output.show({"reset": True, **ended.document()}, *_shown("The link has been reset.", ended))


def unlink(
    context: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Stop maps that run, and let go of what is queued or in error.")
    ] = False,
) -> None:
    """Take the link apart: the environments can be linked anew. Rows stay on either side as they are."""

    async def done(office: LinkOffice) -> Ended:
        return await office.unlink(forced=force)

    call = invocation(context)
    ended = at_link_office(call, done)
    call.output.show(
        {"unlinked": True, **ended.document()}, *_shown("The environments are not linked any more.", ended)
    )


def _shown(what: str, ended: Ended) -> Iterator[Text]:
    yield Text(what)
    remains = ended.remains
    if remains.live:
        yield Text(f"  {len(remains.live)} maps were stopped with it.")
    if ended.cancelled:
        yield Text(f"  {ended.cancelled} initial syncs were cancelled.")
    if ended.forgotten:
        yield Text(f"  The history of {ended.forgotten} initial syncs is forgotten.", style="dim")
    if remains.lost:
        yield Text(f"  There were {remains.lost}.", style="yellow")
    if ended.given_up:
        yield Text(
            f"  {ended.given_up:,} queued records are catch-up errors now: dualwrite errors list", style="yellow"
        )
    if ended.discarded:
        yield Text(f"  {ended.discarded:,} queued records are gone.", style="yellow")
