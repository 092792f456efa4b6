"""What dead processes leave behind in the databases: their servers' back ends may outlive them by a moment."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import psycopg

from databases import Databases
from dualwrite.environments.port import Create
from dualwrite.sync.recovery import Recovery
from linked_pair import CALLER, LinkedPair


async def test_recovery_waits_for_a_transaction_that_is_about_to_be_prepared(
    linked: LinkedPair, linked_databases: Databases
) -> None:
    epoch, change = await linked.dataverse.epoch(), uuid4()
    async with await psycopg.AsyncConnection.connect(linked_databases.dataverse, autocommit=True) as orphan:
        await orphan.execute(f"BEGIN; SELECT dualwrite.accept({int(epoch)}, '{change}', 'finops')")
        recovery = asyncio.create_task(Recovery(linked.pair).run())
        done, _ = await asyncio.wait({recovery}, timeout=0.5)
        assert not done
        await orphan.execute(f"PREPARE TRANSACTION 'dualwrite:finops:{int(epoch)}:{change}'")
        recovered = await recovery
    assert recovered.rolled_back == 1
    assert await linked.dataverse.prepared() == []


async def test_recovery_waits_for_a_decision_however_long_it_takes(
    linked: LinkedPair, linked_databases: Databases
) -> None:
    epoch = await linked.finops.epoch()
    async with await psycopg.AsyncConnection.connect(linked_databases.finops, autocommit=True) as orphan:
        await orphan.execute(f"BEGIN; SELECT dualwrite.decide({int(epoch)}, NULL, NULL, NULL)")
        recovery = asyncio.create_task(Recovery(linked.pair).run())
        done, _ = await asyncio.wait({recovery}, timeout=0.5)
        assert not done
        await orphan.execute("COMMIT")
        await recovery


async def test_work_that_is_cancelled_in_its_last_steps_is_done_or_undone_on_both_sides(
    linked: LinkedPair,
) -> None:
    """As at a shutdown: the task is cancelled wherever it is."""
    for number in range(40):
        group = Create("CustCustomerGroupEntity", {"dataAreaId": "usmf", "CustomerGroupId": f"X{number}"})
        before = asyncio.all_tasks()
        task = asyncio.create_task(linked.finops.transact([group], caller=CALLER))
        await asyncio.sleep(0.0004 * number)
        for each in asyncio.all_tasks() - before:
            if "_attempt" in repr(each):
                each.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await Recovery(linked.pair).run()
    assert await linked.differences() == []
