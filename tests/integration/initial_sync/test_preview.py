"""A preview tells what the run then does, and writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dualwrite.metadata.schema import Side
from dualwrite.sync.initial_sync.job import Count, PreviewedWay
from dualwrite.sync.initial_sync.preview import preview
from generated_rows import fill, held
from initial_runs import initial_run, unlinked
from linked_pair import CALLER, LinkedPair
from words import account, change_account, customer, group

CUSTOMERS = "Customers V3 (accounts)"


def counts(told: list[PreviewedWay]) -> dict[tuple[str, str, str], Count]:
    return {(each.map_name, each.direction.name, each.legal_entity): each.count for each in told}


@pytest.mark.parametrize(("seed", "master", "most_rows"), [(1, Side.FINOPS, 50_000), (2, Side.DATAVERSE, 6)])
async def test_the_run_does_what_the_preview_told(linked: LinkedPair, seed: int, master: Side, most_rows: int) -> None:
    await fill(linked, seed, entering=False)
    before = await held(linked)
    run = await initial_run(linked, master=master, most_rows=most_rows)
    told = await preview(run.pair, run.routing, run.maps, most_rows=most_rows, samples=1000)
    assert await held(linked) == before
    run.created_before = datetime.now(UTC)
    await run.carry_out()
    mine = {key: count for key, count in counts(list(told)).items() if count != Count()}
    assert mine == {key: count for key, count in run.counts.items() if count != Count()}
    assert sorted(each.reason for way in told for each in way.refused) == sorted(each.reason for each in run.refused)


async def test_rows_of_earlier_maps_count_as_there(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [group("77"), customer("I1", CustomerGroupId="77", InvoiceAccount="I1")])
    run = await initial_run(linked)
    told = await preview(run.pair, run.routing, run.maps)
    assert [each.reason for way in told for each in way.refused] == []
    assert counts(list(told))[CUSTOMERS, "TO_DATAVERSE", "usmf"].inserted == 1


async def test_what_the_target_itself_refuses_is_told(linked: LinkedPair) -> None:
    await unlinked(linked.dataverse, [account("I1", name=None)])
    run = await initial_run(linked)
    told = await preview(run.pair, run.routing, run.maps)
    await run.carry_out()
    assert [each.reason for way in told for each in way.refused] == [each.reason for each in run.refused]
    assert counts(list(told))[CUSTOMERS, "TO_FINOPS", "usmf"] == run.counts[CUSTOMERS, "TO_FINOPS", "usmf"]


async def test_conflicts_are_told_column_by_column(linked: LinkedPair) -> None:
    await linked.finops.transact([customer("I1")], caller=CALLER)
    await unlinked(linked.dataverse, [change_account("I1", name="another", description="a note")])
    run = await initial_run(linked)
    told = await preview(run.pair, run.routing, run.maps)
    (way,) = [each for each in told if each.conflicts]
    assert way.count.conflicts == 1
    assert {(each.record, each.column, each.value, each.held) for each in way.conflicts} == {
        ("I1", "name", "Customer I1", "another"),
        ("I1", "description", None, "a note"),
    }
