"""``dualwrite link legal-entities``: which legal entities take part, changed while everything runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import typer
from rich.text import Text

from dualwrite.cli.initial_sync.choices import Detach
from dualwrite.cli.initial_sync.ending import Ending, ending_document, ending_of, ending_shown
from dualwrite.cli.initial_sync.watching import INTERRUPTED, how_to_go_on, watch
from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.link.creating import Every, LegalEntityNames, chosen_legal_entities
from dualwrite.cli.link.office import LinkOffice, at_link_office
from dualwrite.cli.output import grid
from dualwrite.errors import SettingsRefused
from dualwrite.linking.legal_entities import AddedLegalEntities, KnownLegalEntity, few

app = typer.Typer(help="Legal entities of the link: list, add, remove, copy.", no_args_is_help=True)

_FEW = 5
"""So many legal entities have a line of their own for every map."""

Begin = Callable[[LinkOffice], Awaitable[AddedLegalEntities]]


@app.command("list")
def list_legal_entities(context: typer.Context) -> None:
    """List the legal entities of finance and operations: which are linked, and which have rows still to be copied."""

    async def listed(office: LinkOffice) -> Sequence[KnownLegalEntity]:
        return await office.legal_entities()

    call = invocation(context)
    found = at_link_office(call, listed)
    shown = grid("legal entity", "name", "linked", "company in Dataverse", "to be copied by")
    for each in found:
        shown.add_row(
            Text(each.legal_entity),
            Text(each.name),
            Text("yes", style="green") if each.linked else Text("no", style="dim"),
            "yes" if each.company else "no",
            Text(few(each.awaited_by)),
        )
    call.output.show(found, shown)


@app.command("add")
def add(context: typer.Context, names: LegalEntityNames = None, every: Every = False, detach: Detach = False) -> None:
    """Add legal entities: they take part at once, and the rows they have are copied for the maps that run.

    Exit code 1 when a row was refused.
    """

    async def begun(office: LinkOffice) -> AddedLegalEntities:
        return await office.add(await chosen_legal_entities(office, names, every))

    _carried(invocation(context), begun, detach=detach)


@app.command("copy")
def copy(context: typer.Context, detach: Detach = False) -> None:
    """Copy the rows of added legal entities that have waited, for maps that were paused when those were added."""

    async def begun(office: LinkOffice) -> AddedLegalEntities:
        return await office.copy_pending()

    _carried(invocation(context), begun, detach=detach)


@app.command("remove")
def remove(context: typer.Context, names: LegalEntityNames = None) -> None:
    """Remove legal entities: they take no part any more. Their rows stay on both sides as they are."""
    if not names:
        raise SettingsRefused("Name the legal entities that are to be removed.")
    wanted = names

    async def done(office: LinkOffice) -> Sequence[str]:
        return await office.remove(wanted)

    call = invocation(context)
    removed = at_link_office(call, done)
    call.output.show({"removed": removed}, Text(f"Removed: {few(removed)}. Their rows stay where they are."))


@dataclass(frozen=True, slots=True)
class _Copied:
    """What was added, and how the copying of its rows has ended; None where it is left to others."""

    added: AddedLegalEntities
    ending: Ending | None


def _carried(call: Invocation, begin: Begin, *, detach: bool) -> None:
    """The rows have been copied, or are left to others (``--detach``, Ctrl-C)."""

    async def carried(office: LinkOffice) -> _Copied:
        added = await begin(office)
        if added.run is None or detach:
            return _Copied(added, None)
        if not await watch(call.output.console, office.runs.reports, office.runs, added.run):
            return _Copied(added, None)
        return _Copied(added, await ending_of(office.runs.reports, added.run))

    copied = at_link_office(call, carried)
    added = copied.added
    document: dict[str, object] = {"added": added.added, "run": added.run, "awaiting": added.awaiting}
    lines = [Text(f"Added: {few(added.added)}." if added.added else "All of them were linked before.")]
    if added.awaiting:
        command = "once they run again: dualwrite link legal-entities copy"
        lines.append(Text(f"{few(added.awaiting)}: paused, and have still to copy them, {command}", style="yellow"))
    if copied.ending is not None:
        document["initial_sync"] = ending_document(copied.ending)
        call.output.show(document, *lines, *ending_shown(copied.ending, by_legal_entity=len(added.added) <= _FEW))
        if not copied.ending.is_complete:
            raise typer.Exit(1)
        return
    if added.run is None:
        lines.append(Text("There was nothing to copy: no map that depends on them is running.", style="dim"))
    else:
        lines.append(how_to_go_on(added.run))
    call.output.show(document, *lines)
    if added.run is not None and not detach:
        raise typer.Exit(INTERRUPTED)
