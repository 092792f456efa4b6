"""Copied as frames or row by row: the same rows stand in the target afterwards, counted and refused alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal

import pytest

from databases import Databases
from dualwrite.metadata.schema import Side
from dualwrite.sync.initial_sync.desk import Desk
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.job import PartitionOutcome, PlannedPartition, together
from dualwrite.sync.initial_sync.partition import parts
from dualwrite.sync.initial_sync.reading import read_rows
from dualwrite.sync.initial_sync.row_path import write_one_by_one
from dualwrite.sync.initial_sync.written import Written
from generated_rows import fill, held
from initial_runs import InitialRun, initial_run, unlinked
from linked_pair import CALLER, LinkedPair, demonstration_plans, hosted_dataverse, hosted_finops, open_linked
from words import change_customer, customer


class RowByRow(InitialRun):
    """A run that does every row on its own."""

    async def do(self, each: PlannedPartition) -> PartitionOutcome:
        (chosen,) = [it for it in self.maps if it.plan.map.name == each.map_name]
        job = each.job(self.run, chosen, created_before=self.created_before)
        source, target = self.pair.side(job.route.source.side), self.pair.side(job.route.target.side)
        async with source.copying() as reading, target.copying() as writing:
            await reading.begin()
            await writing.begin()
            first = self.outcomes[job.second_pass_of][1] if job.second_pass_of is not None else None
            ended: list[PartitionOutcome] = []
            for part in parts(job, first):
                rows = await read_rows(reading, self.routing, part)
                desk = Desk(reading, writing, self.routing, part, rows.frame, Endings(part, rows))
                await write_one_by_one(desk, rows.frame, Written())
                self.refused_of[job.number] = [*self.refused_of.get(job.number, ()), *desk.endings.refused]
                ended.append(desk.endings.outcome() if first is None else desk.endings.correction(first))
            outcome = together(ended)
            await writing.commit()
        self.outcomes[each.number] = each, outcome
        return outcome


def _only_in(left: Sequence[str], right: Sequence[str]) -> list[set[str]]:
    """What tells the first two different rows apart."""
    first, second = next((each for each in zip(left, right, strict=False) if each[0] != each[1]), ("", ""))
    return [set(first.split("), (")) ^ set(second.split("), ("))]


def _refusals(run: InitialRun) -> list[tuple[object, ...]]:
    return sorted(
        (
            each.map_name,
            each.direction.value,
            each.company,
            each.record,
            each.column,
            each.code,
            each.reason,
            each.cause,
        )
        for each in run.refused
    )


@pytest.fixture
def another_pair(linked_templates: Databases, clone_database: Callable[[str], str]) -> Databases:
    return Databases(clone_database(linked_templates.finops), clone_database(linked_templates.dataverse))


@pytest.mark.parametrize(("seed", "master"), [(1, Side.FINOPS), (2, Side.FINOPS), (3, Side.DATAVERSE)])
async def test_frames_and_rows_leave_the_same_behind(
    linked: LinkedPair, another_pair: Databases, seed: int, master: Side
) -> None:
    async with AsyncExitStack() as stack:
        environments = hosted_finops(another_pair.finops), hosted_dataverse(another_pair.dataverse)
        other = await stack.enter_async_context(open_linked(*environments))
        await fill(linked, seed)
        await fill(other, seed)
        frames = await (await initial_run(linked, master=master)).carry_out()
        as_rows = await initial_run(other, master=master)
        rows = await RowByRow(as_rows.pair, as_rows.routing, as_rows.maps).carry_out()
        assert _refusals(frames) == _refusals(rows)
        assert frames.counts == rows.counts
        assert all(count.is_sound for count in frames.counts.values())
        left, right = await held(linked), await held(other)
        assert {table: _only_in(left[table], right[table]) for table in left if left[table] != right[table]} == {}


@pytest.mark.parametrize("seed", [4, 5])
async def test_a_second_run_writes_nothing(linked: LinkedPair, seed: int) -> None:
    await fill(linked, seed, broken=False)
    first = await (await initial_run(linked)).carry_out()
    assert first.refused == []
    assert await linked.differences() == []
    before = await held(linked)
    second = await (await initial_run(linked)).carry_out()
    assert second.total.inserted == second.total.updated == 0, second.counts
    assert second.refused == []
    assert await held(linked) == before


@pytest.mark.parametrize("kind", [InitialRun, RowByRow])
async def test_the_case_of_a_key_behind_a_lookup_is_no_difference(linked: LinkedPair, kind: type[InitialRun]) -> None:
    await linked.finops.transact([customer("I1", PaymentTerms="NET30")], caller=CALLER)
    planned = await initial_run(linked, master=Side.DATAVERSE)
    run = await kind(planned.pair, planned.routing, planned.maps).carry_out()
    assert run.total.updated == run.total.conflicts == 0, run.counts
    assert (await linked.customer("I1"))["PaymentTerms"] == "NET30"


async def test_rows_that_are_equal_need_not_be_read_whole(linked: LinkedPair) -> None:
    names = [f"C{number:04d}" for number in range(1_200)]
    rows = [customer(name, SalesMemo=f"memo {name}", CreditLimit=Decimal(7)) for name in names]
    await unlinked(linked.finops, rows)
    plans = [plan for plan in demonstration_plans() if plan.map.name == "Customers V3 (accounts)"]
    await (await initial_run(linked, plans)).carry_out()
    changes = [
        change_customer(names[3], SalesMemo="another"),
        change_customer(names[4], SalesMemo=""),
        change_customer(names[5], CreditLimit=Decimal(8)),
        change_customer(names[6], CustomerGroupId="99"),
        change_customer(names[7], InvoiceAccount=names[8]),
        change_customer(names[9], PartyType="Person", PersonLastName="P"),
        customer("NEW"),
    ]
    await unlinked(linked.finops, changes)
    run = await (await initial_run(linked, plans)).carry_out()
    count = run.of("Customers V3 (accounts)")
    assert (count.inserted, count.updated, count.filtered, count.refused) == (1, 4, 1, 1)
    assert (count.read, count.equal, count.conflicts) == (1_201, 1_194, 4)
    assert count.is_sound
    assert [each.record for each in run.refused] == [names[6]]
    assert (await linked.account(names[4]))["description"] is None
