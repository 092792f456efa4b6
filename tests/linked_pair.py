"""Two hosted environments over real databases, linked without the store: what the engine needs and nothing else.

Used by fixtures and by the processes that the crash suite kills.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

from dualwrite.applications.company import OwnerTeam
from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import demonstration_maps
from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.hosted.dataverse_rules import dataverse_rules
from dualwrite.environments.hosted.dataverse_seed import ADMINISTRATOR_ID, ENGINE_USER_ID
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.hosted.settings import HostedSettings
from dualwrite.environments.port import Caller, EnvironmentName, Epoch, LegalEntityLink, RowQuery
from dualwrite.filters.tree import And, ColumnPath, Compare
from dualwrite.filters.tree import Comparison as Operator
from dualwrite.maps.compile import compile_map
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId, Row, Value
from dualwrite.sync.comparison import compare_map
from dualwrite.sync.link import Companies, Pair, Routing
from dualwrite.sync.live import LiveSync
from dualwrite.sync.recovery import Recovery
from dualwrite.sync.tally import Tally

FINOPS = EnvironmentName("finops")
DATAVERSE = EnvironmentName("dataverse")
LINKED = ("usmf", "demf")
CALLER = Caller("tests", company=LegalEntityId("usmf"), user_id=ADMINISTRATOR_ID)


def hosted_finops(
    conninfo: str, *, reached: CrashPoints = nowhere, settings: HostedSettings | None = None
) -> HostedEnvironment:
    """The finance and operations environment as the program builds it; not open yet."""
    return HostedEnvironment(FINOPS, Side.FINOPS, conninfo, settings=settings, reached=reached)


def hosted_dataverse(
    conninfo: str, *, reached: CrashPoints = nowhere, settings: HostedSettings | None = None
) -> HostedEnvironment:
    """The Dataverse environment as the program builds it; not open yet."""
    return HostedEnvironment(
        DATAVERSE,
        Side.DATAVERSE,
        conninfo,
        settings=settings,
        rules=(*dataverse_rules(), OwnerTeam()),
        engine_user=ENGINE_USER_ID,
        reached=reached,
    )


@lru_cache
def demonstration_plans() -> tuple[Plan, ...]:
    """The maps of the demonstration, compiled."""
    finops, dataverse = load_schema(Side.FINOPS), load_schema(Side.DATAVERSE)
    compiled = (compile_map(each.map, finops=finops, dataverse=dataverse) for each in demonstration_maps())
    return tuple(each for each in compiled if isinstance(each, Plan))


def tables_of(plans: Sequence[Plan]) -> frozenset[str]:
    """The tables of both sides: a test may copy them whenever it likes, so live changes always pass their gates."""
    return frozenset(table.name for plan in plans for table in (plan.finops, plan.dataverse))


class FixedRouter:
    """Implements ``link.Router`` for maps that always run; only the epoch is read."""

    def __init__(
        self,
        pair: Pair,
        plans: Sequence[Plan],
        *,
        legal_entities: Sequence[str] = LINKED,
        copying: frozenset[str] = frozenset(),
    ) -> None:
        self._pair = pair
        links = tuple(LegalEntityLink(LegalEntityId(each), each) for each in legal_entities)
        known = {plan.dataverse.name: plan.map.name for plan in reversed(plans)}
        self._routing = Routing(Epoch(0), tuple(plans), Companies(links), known, copying)
        self._expired = True

    def expire(self) -> None:
        self._expired = True

    async def queue(self, *maps: str, held: bool = False, blocked: str = "", job: str = "") -> None:
        """From now on the changes of these maps, and of no others, wait in the queue; or are held back, or refused; or
        are an integration job's.
        """
        names = frozenset(maps)
        self._routing = replace(
            self._routing,
            queueing=names,
            held=names if held else frozenset(),
            blocked=dict.fromkeys(names, blocked) if blocked else {},
            asynchronous=dict.fromkeys(names, job) if job else {},
        )
        await Recovery(self._pair).level()
        self._expired = True

    async def current(self) -> Routing:
        if self._expired:
            self._expired = False
            finops, dataverse = await self._pair.finops.epoch(), await self._pair.dataverse.epoch()
            epoch = finops if finops == dataverse else await Recovery(self._pair).level()
            self._routing = replace(self._routing, epoch=epoch)
        return self._routing


@dataclass(frozen=True)
class LinkedPair:
    """Two open environments in step, with the questions that tests ask again and again."""

    finops: HostedEnvironment
    dataverse: HostedEnvironment
    pair: Pair
    tally: Tally
    router: FixedRouter

    async def differences(self, plans: Sequence[Plan] | None = None) -> list[str]:
        """What a comparison of every map complains about, in words; empty when the two sides agree."""
        found: list[str] = []
        plans = demonstration_plans() if plans is None else plans
        routing = await FixedRouter(self.pair, plans).current()
        for plan in plans:
            comparison = await compare_map(self.pair, routing, plan)
            found += [f"{plan.map.name}: missing {each}" for each in comparison.missing]
            found += [f"{plan.map.name}: extra {each}" for each in comparison.extra]
            found += [f"{plan.map.name}: different {each}" for each in comparison.different]
        return found

    async def company_id(self, code: str = "usmf") -> Value:
        return (await self.row("dataverse", "cdm_company", cdm_companycode=code))["cdm_companyid"]

    async def rows(self, side: str, table: str, **equal: Value) -> Sequence[Row]:
        """The rows whose columns have these values."""
        environment = self.finops if side == "finops" else self.dataverse
        wanted = tuple(Compare(Operator.EQ, ColumnPath((name,)), value) for name, value in equal.items())
        where = And(wanted) if len(wanted) > 1 else wanted[0] if wanted else None
        return (await environment.read(RowQuery(table, where=where))).rows

    async def row(self, side: str, table: str, **equal: Value) -> Row:
        """The one row whose columns have these values."""
        (row,) = await self.rows(side, table, **equal)
        return row

    async def customer(self, account: str, company: str = "usmf") -> Row:
        return await self.row("finops", "CustCustomerV3Entity", dataAreaId=company, CustomerAccount=account)

    async def account(self, number: str, company: str = "usmf") -> Row:
        return await self.row(
            "dataverse", "account", accountnumber=number, msdyn_company=await self.company_id(company)
        )

    async def contact(self, number: str, company: str = "usmf") -> Row:
        wanted = {"msdyn_contactpersonid": number, "msdyn_company": await self.company_id(company)}
        return await self.row("dataverse", "contact", **wanted)


@asynccontextmanager
async def open_linked(
    finops: HostedEnvironment,
    dataverse: HostedEnvironment,
    *,
    plans: Sequence[Plan] | None = None,
    reached: tuple[CrashPoints, CrashPoints] = (nowhere, nowhere),
) -> AsyncIterator[LinkedPair]:
    """The two environments open and following each other. ``reached`` is told the steps of changes from each side."""
    await finops.open()
    await dataverse.open()
    try:
        pair, tally = Pair(finops, dataverse), Tally()
        plans = demonstration_plans() if plans is None else plans
        router = FixedRouter(pair, plans, copying=tables_of(plans))
        for source, target, places in ((finops, dataverse, reached[0]), (dataverse, finops, reached[1])):
            source.follow_pipeline(
                LiveSync(
                    source=source,
                    target=target,
                    pair=pair,
                    router=router,
                    tally=tally,
                    reached=places,
                )
            )
        yield LinkedPair(finops, dataverse, pair, tally, router)
    finally:
        await finops.close()
        await dataverse.close()
