"""What a first start does, step by step; every step knows from what is stored whether it has been done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from dualwrite.catalog.maps import demonstration_names
from dualwrite.cli.import_report import refusals_table
from dualwrite.cli.initial_sync.choices import desk_of, reports_of
from dualwrite.cli.initial_sync.ending import Ending, ending_of, rows_shown
from dualwrite.cli.initial_sync.watching import follow, in_step
from dualwrite.cli.refused_maps import refused_maps_table
from dualwrite.cli.steps import Steps
from dualwrite.composition.house import CONNECTION, DEFAULT_COMPANY, House
from dualwrite.composition.linking import link_desk
from dualwrite.demo.country import DATA
from dualwrite.demo.finops import finops_rows
from dualwrite.demo.setup import DemoRow, load_companies
from dualwrite.environments.port import Caller, Create, RowQuery
from dualwrite.exchange.csv_file import parse_export
from dualwrite.exchange.import_file import ImportReport, import_rows
from dualwrite.lifecycle.checks import CheckedMap
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.lifecycle.initial_sync.reports import RunProgress
from dualwrite.linking.link import LEGAL_ENTITIES, link_environments
from dualwrite.metadata.values import LegalEntityId
from dualwrite.solutions.starter import apply_starters, missing_starters
from dualwrite.store.initial_syncs import InitialSyncRun, RunId, RunState
from dualwrite.store.maps import MapState

LINKED = (LegalEntityId("usmf"), LegalEntityId("demf"))
EXPORT = DATA / "customers_v3_export.csv"
CUSTOMERS = "CustCustomerV3Entity"
_ROWS_A_TRANSACTION = 500
_WHO = "first start"
_THROUGH = frozenset({RunState.COMPLETED, RunState.WITH_REFUSALS})
_CALLER = Caller(_WHO, company=LegalEntityId(DEFAULT_COMPANY))


@dataclass(slots=True)
class Done:
    """What a start had to do; all None where it found everything in place."""

    demo_rows: int | None = None
    imported: ImportReport | None = None
    linked: tuple[str, ...] | None = None
    synced: Ending | None = None
    under_way: RunProgress | None = None
    """A run that is not through, and that this start has not waited for."""
    stopped: tuple[CheckedMap, ...] = ()
    """Maps that were running and cannot, as this program understands them."""

    @property
    def nothing(self) -> bool:
        return self.demo_rows is None and self.linked is None and self.synced is None


class FirstStart:
    """The way from empty databases to running maps.

    Idempotency: by step; a start that was killed half-way is continued by the next one, and a house in which somebody
    has stopped a map on purpose is left as it is. After failure: start again.
    """

    def __init__(self, house: House, steps: Steps) -> None:
        self._house = house
        self._steps = steps
        self.done = Done()

    async def run(self, *, demo: bool) -> Done:
        """The environments are linked and their maps run, unless there is nothing to link. Raises: DualwriteError."""
        await link_desk(self._house).ending.resume(who=_WHO)
        connected = bool(await self._house.store.connections.list())
        if not connected and demo and await self._is_new():
            await self._demo_rows()
            await self._sample_export()
            await self._link()
            connected = True
        if connected:
            await self._stop_refused()
            await self._solutions()
            await self._run_maps()
            await self._copy_pending()
        return self.done

    async def _is_new(self) -> bool:
        """Whether nobody has ever unlinked anything, and nothing is there but a demonstration that was not finished."""
        if await self._house.store.connections.former():
            return False
        page = await self._house.finops.read(RowQuery(LEGAL_ENTITIES))
        found = {str(row["LegalEntityId"]).lower() for row in page.rows}
        return found <= {company.legal_entity for company in load_companies()}

    # --- the F&O environment ----------------------------------------------------------------------------------------

    async def _demo_rows(self) -> None:
        batches = list(finops_rows())
        total = sum(len(rows) for _, rows in batches)
        await self._house.ensure_tables({CUSTOMERS, *(entity for entity, _ in batches)}, ())
        with self._steps.step("Filling the F&O environment with demonstration data") as step:
            written = seen = 0
            for entity, rows in batches:
                missing = await self._missing(entity, rows)
                for start in range(0, len(missing), _ROWS_A_TRANSACTION):
                    some = missing[start : start + _ROWS_A_TRANSACTION]
                    await self._house.finops.transact([Create(entity, row) for row in some], caller=_CALLER)
                written += len(missing)
                seen += len(rows)
                step.bar("rows", seen, total)
            companies = load_companies()
            customers = sum(company.customers for company in companies)
            vendors = sum(company.vendors for company in companies)
            names = ", ".join(company.legal_entity for company in companies)
            step.result(
                f"F&O environment filled: {total:,} rows in {names} [dim]({customers} customers, {vendors} vendors)[/]"
            )
        self.done.demo_rows = written

    async def _missing(self, entity: str, rows: Sequence[DemoRow]) -> Sequence[DemoRow]:
        """The rows that a start killed before has not written yet."""
        key = self._house.finops.schema.table(entity).key
        there = {
            tuple(row[name] for name in key)
            async for some in self._house.finops.scan(RowQuery(entity, columns=key))
            for row in some
        }
        return [row for row in rows if tuple(row[name] for name in key) not in there]

    async def _sample_export(self) -> None:
        table = self._house.finops.schema.table(CUSTOMERS)
        with self._steps.step(f"Importing {EXPORT.name}") as step:
            parsed = parse_export(table, EXPORT.read_bytes())
            report = await import_rows(
                self._house.finops,
                table,
                parsed,
                caller=_CALLER,
                progress=lambda done, total: step.bar("records", done, total),
            )
            step.result(
                f"{EXPORT.name} imported: {report.created} created, {report.updated + report.unchanged} there already, "
                f"{report.refused_records} refused"
            )
            if report.refused:
                step.detail(refusals_table(report))
        self.done.imported = report

    # --- the link ---------------------------------------------------------------------------------------------------

    async def _link(self) -> None:
        house = self._house
        with self._steps.step("Linking the environments") as step:
            await link_environments(house.store, house.pair, CONNECTION, legal_entities=LINKED, who=_WHO)
            others = [each.legal_entity for each in load_companies() if each.legal_entity not in LINKED]
            step.result(
                f"Linked with the empty Dataverse environment for {' and '.join(LINKED)}"
                f" [dim]({', '.join(others)} stays in F&O only)[/]"
            )
        self.done.linked = tuple(LINKED)

    async def _solutions(self) -> None:
        """The starter solutions are applied, unless maps have run before: then somebody may have removed one."""
        missing = await missing_starters(self._house.store, CONNECTION)
        if not missing or await self._synced_before():
            return
        with self._steps.step(f"Applying {len(missing)} solutions") as step:
            await apply_starters(self._house.store, CONNECTION, who=_WHO, ensure_tables=self._house.ensure_tables)
            names = ", ".join(each.display_name for each in missing)
            step.result(f"Solutions applied: {names} [dim]({sum(len(each.ids) for each in missing)} table maps)[/]")

    async def _stop_refused(self) -> None:
        """No map runs that would hold up all the others."""
        stopped = await self._house.lifecycle.stop_refused()
        if not stopped:
            return
        with self._steps.step("Stopping maps that cannot run") as step:
            step.result(f"[yellow]Maps that cannot run any more are stopped ({len(stopped)}); the others go on[/]")
            step.detail(refused_maps_table(stopped))
        self.done.stopped = tuple(stopped)

    async def _run_maps(self) -> None:
        """The maps that are to run do so; a run that somebody else has begun goes on by itself, and is told of."""
        run = await self._run_of_ours()
        if run is None:
            self.done.under_way = await self._under_way()
            return
        house, conductor = self._house, self._house.conductor
        count = len((await reports_of(house).report(run)).maps)
        with self._steps.step(f"Running {count} maps") as step:
            await conductor.conduct(run)
            await follow(reports_of(house), conductor, run, show=in_step(step))
            ending = await ending_of(reports_of(house), run)
            if ending.report.run.state not in _THROUGH:
                step.result(f"[red]The initial sync of {count} maps is {ending.report.run.state.value}[/]")
                step.detail(Text(ending.report.run.message))
                self.done.under_way = await self._under_way()
                return
            total = ending.report.total
            refused = f", [red]{total.refused:,} refused[/]" if total.refused else ", none refused"
            step.result(f"{count} maps are running: {total.inserted:,} rows copied{refused}")
            for each in rows_shown(ending):
                step.detail(each)
        self.done.synced = ending

    async def _run_of_ours(self) -> RunId | None:
        """The run that a start has begun and nobody has paused, or a new one; None when there is nothing to do."""
        desk = desk_of(self._house)
        for each in await self._open_runs():
            if each.started_by == _WHO and each.state is not RunState.PAUSED:
                if each.state is RunState.FAILED:
                    await desk.resume(each.run, who=_WHO)
                return each.run
        names = await self._to_run()
        return await desk.start(RunOptions(tuple(map(MapChoice, names)), who=_WHO)) if names else None

    async def _copy_pending(self) -> None:
        """Legal entities that were added as their process died have a run that copies their rows."""
        if not await self._open_runs():
            await link_desk(self._house).legal_entities.copy_pending(who=_WHO)

    async def _to_run(self) -> Sequence[str]:
        """The demonstration's before there has been any run; afterwards maps that no run brings to their end."""
        maps = await self._house.store.maps.list(CONNECTION)
        if not await reports_of(self._house).history(limit_rows=1):
            known = {each.name for each in maps}
            return [name for name in demonstration_names() if name in known]
        left = [each.name for each in maps if each.state is MapState.INITIALIZING]
        covered = await self._house.store.initial_syncs.covering(CONNECTION, left)
        return [each for each in left if each not in covered]

    async def _synced_before(self) -> bool:
        return any(each.run.state in _THROUGH for each in await reports_of(self._house).history())

    async def _open_runs(self) -> Sequence[InitialSyncRun]:
        """The runs that have not ended, earliest first."""
        states = [each for each in RunState if not each.has_ended]
        return await self._house.store.initial_syncs.in_states(CONNECTION, states)

    async def _under_way(self) -> RunProgress | None:
        runs = await self._open_runs()
        return await reports_of(self._house).progress(runs[-1].run) if runs else None


async def inventory(house: House) -> Mapping[str, object]:
    """What the house holds: companies, maps by state, customers and vendors on both sides."""
    maps = await house.store.maps.list(CONNECTION)
    counted = {
        "customers in F&O": (house.finops, CUSTOMERS),
        "accounts in Dataverse": (house.dataverse, "account"),
        "contacts in Dataverse": (house.dataverse, "contact"),
    }
    rows = {
        what: (await environment.read(RowQuery(table, columns=(), limit=1, count=True))).total or 0
        for what, (environment, table) in counted.items()
        if environment.schema.find(table) is not None
    }
    return {
        "companies": [each.company_code for each in await house.store.connections.companies(CONNECTION)],
        "maps": {"running": sum(each.state is MapState.RUNNING for each in maps), "all": len(maps)},
        "rows": rows,
    }
