"""Users go on saving on both sides while a partition is copied; every step is tried as the moment when they do."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from dualwrite.environments.port import Command, Delete
from initial_runs import InitialRun, initial_run, unlinked
from linked_pair import CALLER, LinkedPair, demonstration_plans
from words import (
    account_key,
    accounts,
    change_account,
    change_customer,
    customer,
    customers,
    delete_customer,
)

CUSTOMERS = "Customers V3 (accounts)"
BEFORE_WRITING = ("read", "judged")
EVERY_STEP = (*BEFORE_WRITING, "written")

Save = Callable[[LinkedPair], Awaitable[object]]


def finops(*commands: Command) -> Save:
    return lambda linked: linked.finops.transact(list(commands), caller=CALLER)


def dataverse(*commands: Command) -> Save:
    return lambda linked: linked.dataverse.transact(list(commands), caller=CALLER)


class Meanwhile:
    """Somebody saves when the partition of customers reaches ``step`` for the first time."""

    def __init__(self, linked: LinkedPair, step: str, save: Save) -> None:
        self._linked = linked
        self._step = step
        self._save = save
        self._waiting: asyncio.Task[object] | None = None
        self.steps: list[str] = []

    async def __call__(self, step: str) -> None:
        self.steps.append(step)
        if step == self._step and self._waiting is None:
            self._waiting = asyncio.ensure_future(self._save(self._linked))
            # Later the partition is in the way: both go on, and one of them waits or gives way.
            if step in BEFORE_WRITING:
                await self._waiting

    async def ended(self) -> None:
        assert self._waiting is not None
        await self._waiting


async def copied(linked: LinkedPair, step: str, save: Save) -> InitialRun:
    """The customers go to Dataverse while somebody saves; when this returns everybody is through."""
    plans = [plan for plan in demonstration_plans() if plan.map.name == CUSTOMERS]
    meanwhile = Meanwhile(linked, step, save)
    run = replace(await initial_run(linked, plans), reached=meanwhile)
    await run.carry_out()
    await meanwhile.ended()
    assert all(count.is_sound for count in run.counts.values()), run.counts
    return run


@dataclass(frozen=True)
class Rows:
    """``new`` is in finance and operations only; ``both`` is on both sides and differs."""

    linked: LinkedPair
    new: str
    both: str

    def called(self, which: str) -> str:
        return self.new if which == "new" else self.both

    async def differences(self) -> list[str]:
        """What a comparison says of these rows."""
        return [each for each in await self.linked.differences() if each.endswith((self.new, self.both))]


_numbers = itertools.count(1)


@pytest.fixture
async def rows(shared_linked: LinkedPair) -> Rows:
    number = next(_numbers)
    rows = Rows(shared_linked, f"NEW{number}", f"BOTH{number}")
    await shared_linked.finops.transact([customer(rows.both, SalesMemo="old")], caller=CALLER)
    edits = [change_customer(rows.both, OrganizationName="another"), customer(rows.new)]
    await unlinked(shared_linked.finops, edits)
    return rows


@pytest.mark.parametrize("step", EVERY_STEP)
@pytest.mark.parametrize("which", ["new", "both"])
async def test_an_edit_in_finops_holds(rows: Rows, step: str, which: str) -> None:
    name = rows.called(which)
    await copied(rows.linked, step, finops(change_customer(name, SalesMemo="newer")))
    assert (await rows.linked.account(name))["description"] == "newer"
    assert (await rows.linked.customer(name))["SalesMemo"] == "newer"
    assert await rows.differences() == []


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_an_edit_in_dataverse_holds(rows: Rows, step: str) -> None:
    await copied(rows.linked, step, dataverse(change_account(rows.both, description="newer")))
    assert (await rows.linked.account(rows.both))["description"] == "newer"
    assert (await rows.linked.customer(rows.both))["SalesMemo"] == "newer"
    assert await rows.differences() == []


@pytest.mark.parametrize("step", EVERY_STEP)
@pytest.mark.parametrize("which", ["new", "both"])
async def test_a_delete_in_finops_holds(rows: Rows, step: str, which: str) -> None:
    name = rows.called(which)
    await copied(rows.linked, step, finops(delete_customer(name)))
    assert await customers(rows.linked, name) == await accounts(rows.linked, name) == 0


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_a_delete_in_dataverse_holds(rows: Rows, step: str) -> None:
    await copied(rows.linked, step, dataverse(Delete("account", account_key(rows.both))))
    assert await customers(rows.linked, rows.both) == await accounts(rows.linked, rows.both) == 0
    assert await accounts(rows.linked, rows.new) == 1


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_a_row_that_leaves_the_filter_is_written_no_more(rows: Rows, step: str) -> None:
    await copied(rows.linked, step, finops(change_customer(rows.new, PartyType="Person", PersonLastName="P")))
    assert (await rows.linked.contact(rows.new))["lastname"] == "P"
    if step in BEFORE_WRITING:
        assert await accounts(rows.linked, rows.new) == 0


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_a_new_row_is_not_written_twice(rows: Rows, step: str) -> None:
    newer = f"{rows.new}+"
    await copied(rows.linked, step, finops(customer(newer), change_customer(rows.new, InvoiceAccount=newer)))
    assert await accounts(rows.linked, newer) == await accounts(rows.linked, rows.new) == 1
    assert await rows.differences() == []


async def test_a_row_that_others_refer_to_is_written_again_with_them(rows: Rows) -> None:
    linked, payer = rows.linked, f"{rows.new}P"
    referring = [customer("A", InvoiceAccount=payer), customer("B", InvoiceAccount="A")]
    await unlinked(linked.finops, [customer(payer), *referring])
    await copied(linked, "judged", finops(change_customer(payer, SalesMemo="newer")))
    assert (await linked.account(payer))["description"] == "newer"
    assert (await linked.account("A"))["msdyn_billingaccount"] == (await linked.account(payer))["accountid"]
    assert (await linked.account("B"))["msdyn_billingaccount"] == (await linked.account("A"))["accountid"]


async def test_a_row_that_others_refer_to_may_go(rows: Rows) -> None:
    linked, payer, referring = rows.linked, f"{rows.new}P", f"{rows.new}R"
    await unlinked(linked.finops, [customer(payer), customer(referring, InvoiceAccount=payer)])
    run = await copied(linked, "judged", finops(delete_customer(payer)))
    assert await accounts(linked, payer) == 0
    assert [each.record for each in run.refused] == [referring]
    await linked.finops.transact([delete_customer(referring)], caller=CALLER)


async def test_behind_the_gates_everybody_waits(rows: Rows) -> None:
    order: list[str] = []

    async def save(linked: LinkedPair) -> None:
        await linked.finops.transact([change_customer(rows.both, SalesMemo="newer")], caller=CALLER)
        order.append("saved")

    plans = [plan for plan in demonstration_plans() if plan.map.name == CUSTOMERS]
    meanwhile = Meanwhile(rows.linked, "gates closed", save)

    async def reached(step: str) -> None:
        await meanwhile(step)
        if step in ("rechecked", "committed"):
            order.append(step)

    await replace(await initial_run(rows.linked, plans), reached=reached).carry_out()
    await meanwhile.ended()
    assert order.index("saved") > order.index("rechecked")
    assert (await rows.linked.account(rows.both))["description"] == "newer"
    assert await rows.differences() == []
