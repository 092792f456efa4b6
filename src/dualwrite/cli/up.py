"""``dualwrite up``: from an empty data folder to two environments in step, served until somebody stops them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from starlette.types import ASGIApp

from dualwrite import __version__
from dualwrite.cli.addresses import Addresses, folder_option, forget_addresses, write_addresses
from dualwrite.cli.first_start import Done, FirstStart, inventory
from dualwrite.cli.initial_sync.ending import next_command
from dualwrite.cli.initial_sync.progress import headline, map_lines
from dualwrite.cli.invocation import invocation
from dualwrite.cli.logs import log_to_standard_error
from dualwrite.cli.output import Output
from dualwrite.cli.refused_maps import way_out
from dualwrite.cli.round_trip import RoundTrip, prove_round_trip
from dualwrite.cli.services import Services
from dualwrite.cli.steps import Steps
from dualwrite.cli.stopping import run_until_stopped
from dualwrite.composition.alerting import watching
from dualwrite.composition.error_retention import forgetting_errors
from dualwrite.composition.house import DEFAULT_COMPANY, House, open_house
from dualwrite.composition.integration_jobs import moving
from dualwrite.composition.queues import watching_queues
from dualwrite.composition.services import build_apps
from dualwrite.lifecycle.checks import document_of
from dualwrite.lifecycle.initial_sync.reports import RunProgress
from dualwrite.security.clock import system_clock
from dualwrite.servers.serving import BoundPorts, ReadinessGate, bound_ports, serving
from dualwrite.settings import Settings
from dualwrite.sync.sweeper import Sweeper


def up(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on (DUALWRITE_HOST, else 127.0.0.1).")] = None,
    admin_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the admin API and the token endpoint, else 8000.")
    ] = None,
    finops_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the F&O environment, else 8001.")
    ] = None,
    dataverse_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the Dataverse environment, else 8002.")
    ] = None,
    no_demo: Annotated[
        bool, typer.Option("--no-demo", help="Leave new environments empty and unlinked; see: dualwrite link create.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Stop again as soon as everything is ready.")] = False,
) -> None:
    """Create what is missing, run the maps, serve both environments, and stay until stopped."""
    call = invocation(context)
    settings = call.settings(host=host, admin_port=admin_port, finops_port=finops_port, dataverse_port=dataverse_port)
    log_to_standard_error(settings.log_level, settings.log_format)
    job = _Up(call.output, demo=not no_demo, once=once)
    raise typer.Exit(run_until_stopped(job.run(settings)))


@dataclass(slots=True)
class _Up:
    """The job of one ``dualwrite up``."""

    output: Output
    demo: bool
    once: bool

    async def run(self, settings: Settings) -> None:
        """Returns when the program is to end; everything is closed then."""
        started = time.monotonic()
        console = self.output.console
        steps = Steps(console)
        console.print(f"[bold]dualwrite {__version__}[/] [dim]· data in[/] {settings.data_folder}\n", soft_wrap=True)
        async with AsyncExitStack() as stack:
            ports = stack.enter_context(bound_ports(settings))
            stack.callback(console.print, "[dim]Stopped.[/]")
            house = await self._open(stack, ports.within(settings), steps)
            await house.workers.join(impose_limits=True)
            done = await FirstStart(house, steps).run(demo=self.demo)
            gate, ended = await self._serve(stack, house, ports, steps)
            trip = await self._round_trip(house, steps) if done.synced is not None else None
            gate.open()
            await self._ready(house, done, trip, time.monotonic() - started)
            stack.callback(console.print, "\n[dim]Stopping…[/]")
            if not self.once:
                await ended

    async def _open(self, stack: AsyncExitStack, settings: Settings, steps: Steps) -> House:
        where = "the PostgreSQL server" if settings.database_url else "PostgreSQL"
        with steps.step(f"Starting {where}") as step:
            house = await stack.enter_async_context(open_house(settings))
            step.result(
                "PostgreSQL server found, its databases are ready"
                if settings.database_url
                else "PostgreSQL started [dim](embedded)[/], its databases are ready"
            )
        return house

    async def _serve(
        self, stack: AsyncExitStack, house: House, ports: BoundPorts, steps: Steps
    ) -> tuple[ReadinessGate, asyncio.Future[None]]:
        with steps.step("Starting the services") as step:
            apps = build_apps(house)
            gate = ReadinessGate(apps.admin, instance=house.instance)
            services: dict[str, ASGIApp] = {"admin": gate, "finops": apps.finops, "dataverse": apps.dataverse}
            ended = await stack.enter_async_context(serving(services, ports, house.settings))
            stack.callback(apps.closing.set)
            await stack.enter_async_context(_sweeping(house))
            await stack.enter_async_context(house.feeling_pulses())
            await stack.enter_async_context(watching(house))
            await stack.enter_async_context(moving(house))
            await stack.enter_async_context(watching_queues(house))
            await stack.enter_async_context(forgetting_errors(house))
            folder = house.settings.data_folder
            write_addresses(folder, _addresses(house))
            stack.callback(forget_addresses, folder)
            step.result("Services started")
        return gate, ended

    async def _round_trip(self, house: House, steps: Steps) -> RoundTrip | None:
        with steps.step("Proving live sync") as step:
            services = Services(house.settings, _addresses(house), house.administrator)
            trip = await asyncio.to_thread(prove_round_trip, services, company=DEFAULT_COMPANY)
            if trip is None:
                step.result("Live sync: there is no customer yet to prove it with")
                return None
            step.result(f"Live sync proved both ways over HTTP [dim](customer {trip.customer}, value restored)[/]")
            for name, way in (("F&O → Dataverse", trip.to_dataverse), ("Dataverse → F&O", trip.to_finops)):
                step.detail(
                    Text.from_markup(
                        f"{name:<16} saved on both sides in [bold]{way.saved_ms:.0f} ms[/]"
                        f" [dim](read back from the other side in {way.read_ms:.0f} ms)[/]"
                    )
                )
        return trip

    async def _ready(self, house: House, done: Done, trip: RoundTrip | None, seconds: float) -> None:
        held = await inventory(house)
        document = {
            "status": "ready",
            "seconds": round(seconds, 3),
            "first_start": not done.nothing,
            "addresses": house.urls,
            "data_folder": house.settings.data_folder,
            "round_trip": trip,
            "initial_sync": None if done.under_way is None else _run_document(done.under_way),
            "stopped_maps": [{**document_of(each), "way_out": way_out(each)} for each in done.stopped],
            **held,
        }
        if self.output.as_json:
            self.output.show(document)
            return
        console = self.output.console
        linked = bool(held["companies"])
        if done.nothing and linked:
            console.print(_as_it_was(held, otherwise=bool(done.stopped) or done.under_way is not None))
        if done.under_way is not None:
            console.print(_under_way(done.under_way))
        console.print()
        title = f"[green]Ready[/] after {seconds:.1f} s"
        console.print(Panel.fit(_address_table(house), title=title, title_align="left", border_style="green"))
        console.print("\nTry in another terminal:" if linked else "\nNothing is linked yet. In another terminal:")
        for line in _examples(house, linked=linked):
            console.print(Text(f"  {line}", style="cyan"), soft_wrap=True)
        if not self.once:
            console.print("\n[dim]Ctrl-C stops everything; the next start finds it as it was.[/]")


@asynccontextmanager
async def _sweeping(house: House) -> AsyncIterator[None]:
    sweeper = asyncio.ensure_future(Sweeper(house.pair, house.recovery, now=system_clock).run())
    try:
        yield
    finally:
        sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeper


def _as_it_was(held: Mapping[str, object], *, otherwise: bool) -> Text:
    maps, rows = held["maps"], held["rows"]
    assert isinstance(maps, Mapping)
    assert isinstance(rows, Mapping)
    counted = ", ".join(f"{number:,} {what}" for what, number in rows.items())
    everything = "Everything else is as it was" if otherwise else "Everything is as it was"
    return Text.from_markup(
        f" [green]✓[/] {everything}: {maps['running']} of {maps['all']} maps are running; {counted}"
    )


def _run_document(progress: RunProgress) -> Mapping[str, object]:
    return {"run": progress.run.run, "state": progress.run.state}


def _under_way(progress: RunProgress) -> Text:
    """A run of the initial sync that is not through, and the command that follows."""
    standing = headline(progress, map_lines(progress))
    return Text.assemble((" · ", "yellow"), standing, (f"\n   {next_command(progress.run)}", "dim"))


def _addresses(house: House) -> Addresses:
    return Addresses(house.urls, house.instance)


def _address_table(house: House) -> Table:
    urls = house.urls
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    table.add_row("F&O environment", Text(f"{urls['finops']}/data"))
    table.add_row("Dataverse environment", Text(f"{urls['dataverse']}/api/data/v9.2/"))
    table.add_row("Admin API and tokens", Text(urls["admin"]))
    return table


def _examples(house: House, *, linked: bool) -> list[str]:
    """Commands that work as they stand, whatever this program was started as."""
    program = _program() + folder_option(house.settings)
    templates = _EXAMPLES if linked else _EXAMPLES_UNLINKED
    return [each.format(dualwrite=program, finops=house.urls["finops"]) for each in templates]


def _program() -> str:
    if shutil.which("dualwrite"):
        return "dualwrite"
    started_as = Path(sys.argv[0])
    if started_as.name == "__main__.py":
        return f"{shlex.quote(os.path.relpath(sys.executable))} -m dualwrite"
    return shlex.quote(os.path.relpath(started_as))


_EXAMPLES_UNLINKED = (
    "{dualwrite} records create finops LegalEntities LegalEntityId=usmf Name='Contoso'",
    "{dualwrite} link create usmf",
    "{dualwrite} maps run --all",
)
_EXAMPLES = (
    'curl -gH "Authorization: Bearer $({dualwrite} token finops)" '
    "'{finops}/data/CustomersV3?cross-company=true&$top=2&$select=CustomerAccount,OrganizationName'",
    "{dualwrite} records list finops CustomersV3 --company usmf --top 5 --select CustomerAccount,OrganizationName",
    "{dualwrite} records update finops CustomersV3 usmf,US-001 SalesMemo='Hello, Dataverse'",
    "{dualwrite} records get dataverse accounts usmf,US-001 --select name,description",
    "{dualwrite} maps list",
    "{dualwrite} compare",
)
