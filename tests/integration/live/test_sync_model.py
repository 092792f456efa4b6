"""Any sequence of changes on either side leaves both sides as a dictionary would have it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualwrite.environments.port import Command, Delete
from linked_pair import CALLER, LinkedPair
from words import (
    account,
    account_key,
    change_account,
    change_customer,
    customer,
    delete_customer,
)

NAMES = ("M1", "M2", "M3")
TEXTS = st.sampled_from(["", "a", "b", "ü 🎉", "it's", '"', "x" * 60])


@dataclass(frozen=True)
class Step:
    """One command: to which row, with which memo; None deletes."""

    name: str
    memo: str | None


@dataclass
class Model:
    """The two applications as one dictionary: a row's memo by its key."""

    rows: dict[str, str] = field(default_factory=dict)

    def command(self, step: Step, *, finops: bool) -> Command | None:
        """What the step means for the row as it is; None where there is nothing to delete."""
        exists = step.name in self.rows
        if step.memo is None:
            if not exists:
                return None
            del self.rows[step.name]
            return delete_customer(step.name) if finops else Delete("account", account_key(step.name))
        self.rows[step.name] = step.memo
        if finops:
            make = change_customer if exists else customer
            return make(step.name, SalesMemo=step.memo)
        make = change_account if exists else account
        return make(step.name, description=step.memo or None)


STEPS = st.builds(Step, st.sampled_from(NAMES), st.none() | TEXTS)
TRANSACTIONS = st.lists(st.tuples(st.booleans(), st.lists(STEPS, min_size=1, max_size=4)), max_size=6)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(transactions=TRANSACTIONS)
async def test_both_sides_are_what_the_model_says(
    shared_linked: LinkedPair, transactions: list[tuple[bool, list[Step]]]
) -> None:
    pair, model = shared_linked, Model()
    for finops, steps in transactions:
        commands = [each for each in (model.command(step, finops=finops) for step in steps) if each is not None]
        if commands:
            await (pair.finops if finops else pair.dataverse).transact(commands, caller=CALLER)
    customers = await pair.rows("finops", "CustCustomerV3Entity")
    accounts = await pair.rows("dataverse", "account")
    assert {row["CustomerAccount"]: row["SalesMemo"] for row in customers} == model.rows
    assert {row["accountnumber"]: row["description"] or "" for row in accounts} == model.rows
    leftovers: list[Command] = [delete_customer(name) for name in model.rows]
    if leftovers:
        await pair.finops.transact(leftovers, caller=CALLER)
