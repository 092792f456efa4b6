"""What a first start does, step by step; every step knows from what is stored whether it has been done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from dualwrite.catalog.maps import demonstration_names
from dualwrite.cli.copy_bars import CopyBars, copy_table, refusal_table, source_rows
from dualwrite.cli.import_report import refusals_table
from dualwrite.cli.refused_maps import refused_maps_table
from dualwrite.cli.steps import Step, Steps
from dualwrite.composition.house import CONNECTION, DEFAULT_COMPANY, House
from dualwrite.demo.country import DATA
from dualwrite.demo.finops import finops_rows
from dualwrite.demo.setup import DemoRow, load_companies
from dualwrite.environments.port import Caller, Create, RowQuery
from dualwrite.exchange.csv_file import parse_export
from dualwrite.exchange.import_file import ImportReport, import_rows
from dualwrite.lifecycle.checks import CheckedMap
from dualwrite.linking.link import LEGAL_ENTITIES, link_environments
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId
from dualwrite.solutions.starter import apply_starters, missing_starters
from dualwrite.store.initial_copies import CopyOutcome
from dualwrite.store.maps import MapState, TableMap
from dualwrite.sync.initial_copy import CopyReport

LINKED = (LegalEntityId("usmf"), LegalEntityId("demf"))
EXPORT = DATA / "customers_v3_export.csv"
CUSTOMERS = "CustCustomerV3Entity"
_ROWS_A_TRANSACTION = 500
_WHO = "first start"
_CALLER = Caller(_WHO, company=LegalEntityId(DEFAULT_COMPANY))


@dataclass(slots=True)
class Done:
    """What a start had to do; all None where it found everything in place."""

    demo_rows: int | None = None
    imported: ImportReport | None = None
    linked: tuple[str, ...] | None = None
    copied: CopyReport | None = None
    stopped: tuple[CheckedMap, ...] = ()
    """Maps that were running and cannot, as this program understands them."""

    @property
    def nothing(self) -> bool:
        return self.demo_rows is None and self.linked is None and self.copied is None


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
        connected = bool(await self._house.store.connections.list())
        if not connected and demo and await self._only_demo_companies():
            await self._demo_rows()
            await self._sample_export()
            await self._link()
            connected = True
        if connected:
            await self._stop_refused()
            await self._solutions()
            await self._run_maps()
        return self.done

    async def _only_demo_companies(self) -> bool:
        """Whether the environment is empty, or holds nothing but a demonstration that was not finished."""
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
        if not missing or await self._copied_before():
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
        maps = await self._house.store.maps.list(CONNECTION)
        names = [each.name for each in await self._to_run(maps)]
        if not names:
            return
        await self._house.store.initial_copies.abandon_unfinished(CONNECTION)
        with self._steps.step(f"Running {len(names)} maps") as step:
            report = await self._copy(names, step)
            created = sum(count.inserted for count in report.counts)
            refused = f", [red]{len(report.refused)} refused[/]" if report.refused else ", none refused"
            step.result(f"{len(names)} maps are running: {created:,} rows copied to Dataverse{refused}")
            step.detail(copy_table(report, master=Side.FINOPS))
            if report.refused:
                step.detail(Text())
                step.detail(refusal_table(report))
        self.done.copied = report

    async def _to_run(self, maps: Sequence[TableMap]) -> Sequence[TableMap]:
        """The demonstration's before the first copy has ended; afterwards those whose copy was interrupted."""
        if await self._copied_before():
            return [each for each in maps if each.state is MapState.INITIALIZING]
        known = {each.name: each for each in maps}
        return [known[name] for name in demonstration_names() if name in known]

    async def _copied_before(self) -> bool:
        through = {CopyOutcome.COMPLETED, CopyOutcome.WITH_REFUSALS}
        runs = await self._house.store.initial_copies.list(CONNECTION)
        return any(run.outcome in through for run in runs)

    async def _copy(self, names: Sequence[str], step: Step) -> CopyReport:
        lifecycle = self._house.lifecycle
        plans = await lifecycle.plans(names)
        totals = await source_rows(self._house, plans, master=Side.FINOPS)
        bars = CopyBars(step, master=Side.FINOPS, totals=totals)
        return await lifecycle.run(names, master=Side.FINOPS, progress=bars)


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
    }
    return {
        "companies": [each.company_code for each in await house.store.connections.companies(CONNECTION)],
        "maps": {"running": sum(each.state is MapState.RUNNING for each in maps), "all": len(maps)},
        "rows": rows,
    }
