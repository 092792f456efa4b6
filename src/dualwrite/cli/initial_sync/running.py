"""``dualwrite initial-sync run``, ``rerun``, ``resume`` and ``watch``: what begins a run, and waits for its end."""

from __future__ import annotations

from typing import Annotated

import typer

from dualwrite.cli.initial_sync.arrangement import Wishes, read_masters
from dualwrite.cli.initial_sync.choices import ByLegalEntity, Detach, RunName
from dualwrite.cli.initial_sync.job import carry_through
from dualwrite.cli.initial_sync.office import SyncOffice, find_run
from dualwrite.cli.initial_sync.previewing import preview_run
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import All, Names, may_ask, one_of
from dualwrite.store.initial_syncs import OnRefusals, RerunKind, RunId

Related = Annotated[
    bool | None,
    typer.Option(
        "--related/--no-related",
        help="Also the maps whose rows the chosen ones look up. Unless given: those that are not running.",
        show_default=False,
    ),
]
Order = Annotated[
    list[str] | None,
    typer.Option("--order", metavar="MAP", help="These maps follow each other in this order; given once for each."),
]
Without = Annotated[
    list[str] | None, typer.Option("--without", metavar="MAP", help="Leave this map out; may be given several times.")
]
LegalEntities = Annotated[
    list[str] | None,
    typer.Option(
        "--legal-entity", metavar="ID", help="Only this one; may be given several times. Else all that are linked."
    ),
]
Masters = Annotated[
    list[str] | None,
    typer.Option(
        "--master",
        metavar="[MAP=]SIDE",
        help="Whose values win where both sides differ: finops (unless given) or dataverse; of all maps, or of one.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Tell what would happen to the rows. Nothing is written, no map starts.")
]
WaitOnRefusals = Annotated[
    bool, typer.Option("--wait-on-refusals", help="With refused rows, wait for a decision: go-live, or rerun.")
]


def run_sync(
    context: typer.Context,
    names: Names = None,
    every: All = False,
    related: Related = None,
    order: Order = None,
    without: Without = None,
    legal_entities: LegalEntities = None,
    master: Masters = None,
    dry_run: DryRun = False,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="With --dry-run: conflicts and refusals shown of each map.")
    ] = 3,
    by_legal_entity: ByLegalEntity = False,
    wait_on_refusals: WaitOnRefusals = False,
    yes: Annotated[bool, typer.Option("--yes", help="Begin without asking.")] = False,
    detach: Detach = False,
) -> None:
    """Bring what both sides hold into step: the maps go live, then their rows are copied, in order.

    On a terminal the maps are shown and you are asked. Exit code 1 when rows were refused or the run is not through.
    """
    one_of(names, every)
    everywhere, masters = read_masters(master or ())
    companies = tuple(dict.fromkeys(each.lower() for each in legal_entities)) if legal_entities else None
    wishes = Wishes(
        related=related,
        order=tuple(order or ()),
        without=tuple(without or ()),
        master=everywhere,
        masters=tuple(masters.items()),
        legal_entities=companies,
    )
    call = invocation(context)
    if dry_run:
        if not preview_run(call, names or (), wishes, samples=samples, by_legal_entity=by_legal_entity):
            raise typer.Exit(1)
        return
    on_refusals = OnRefusals.WAIT if wait_on_refusals else OnRefusals.GO_LIVE

    async def begin(office: SyncOffice) -> RunId:
        proposed = await office.propose(names or (), wishes)
        proposed.show(call.output)
        if may_ask(call) and not yes:
            typer.confirm("Begin?", default=True, abort=True)
        return await office.start(proposed.arrangement.choices, in_order=True, on_refusals=on_refusals)

    carry_through(call, begin, detach=detach, by_legal_entity=by_legal_entity)


def rerun(
    context: typer.Context,
    name: RunName = "",
    failed: Annotated[
        bool, typer.Option("--failed", help="The rows that were refused, after their cause is mended.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="All rows; equal ones are not written again.")] = False,
    without_failed: Annotated[
        bool, typer.Option("--without-failed", help="All rows but those that were refused.")
    ] = False,
    detach: Detach = False,
) -> None:
    """Do rows of a run again, as a run of its own."""
    kinds = {RerunKind.FAILED: failed, RerunKind.ALL: every, RerunKind.WITHOUT_FAILED: without_failed}
    wanted = [kind for kind, given in kinds.items() if given]
    if len(wanted) != 1:
        raise typer.BadParameter("give one of --failed, --all, --without-failed")

    async def begin(office: SyncOffice) -> RunId:
        return await office.rerun(await find_run(office, name), wanted[0])

    carry_through(invocation(context), begin, detach=detach)


def resume(context: typer.Context, name: RunName = "", detach: Detach = False) -> None:
    """Go on with a run that was paused or has failed: what is done is not done again."""

    async def begin(office: SyncOffice) -> RunId:
        run = await find_run(office, name)
        await office.resume(run)
        return run

    carry_through(invocation(context), begin, detach=detach)


def watch_run(context: typer.Context, name: RunName = "") -> None:
    """Follow a run until it is at rest; Ctrl-C leaves it as it is. Exit code 1 as for: initial-sync run."""
    carry_through(invocation(context), lambda office: find_run(office, name), detach=False)
