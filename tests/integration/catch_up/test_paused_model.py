"""Whatever both sides do while a map is paused: a record that only one side has changed is as that side left it, and
one that both have changed as the primary did.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualwrite.environments.port import Command, Delete
from dualwrite.metadata.schema import Side
from dualwrite.sync.catch_up.replay import Replay
from dualwrite.sync.failures import NoFailureSink
from linked_pair import CALLER, LinkedPair
from words import account, account_key, change_account, change_customer, customer, delete_customer

CUSTOMERS = "Customers V3 (accounts)"
NAMES = ("P1", "P2", "P3")


@dataclass(frozen=True)
class Step:
    """Who does something with which record: the record is deleted where it is there, or given another memo."""

    side: Side
    name: str
    deletes: bool


@dataclass
class Application:
    """One side as a dictionary, memo by key, and the records it has changed."""

    rows: dict[str, str]
    touched: set[str] = field(default_factory=set)

    def command(self, step: Step, memo: str) -> Command | None:
        exists, finops = step.name in self.rows, step.side is Side.FINOPS
        if step.deletes:
            if not exists:
                return None
            del self.rows[step.name]
            self.touched.add(step.name)
            return delete_customer(step.name) if finops else Delete("account", account_key(step.name))
        self.rows[step.name] = memo
        self.touched.add(step.name)
        if finops:
            return (change_customer if exists else customer)(step.name, SalesMemo=memo)
        return (change_account if exists else account)(step.name, description=memo)


def expected(primary: Application, other: Application) -> dict[str, str]:
    """What both sides are to hold."""
    found = {name: memo for name, memo in primary.rows.items() if name not in other.touched - primary.touched}
    return found | {name: other.rows[name] for name in other.touched - primary.touched if name in other.rows}


STEPS = st.lists(
    st.builds(Step, st.sampled_from(Side), st.sampled_from(NAMES), st.sampled_from([False, False, True])), max_size=10
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=st.sets(st.sampled_from(NAMES)), steps=STEPS, primary=st.sampled_from(Side))
async def test_both_sides_are_what_the_model_says(
    shared_linked: LinkedPair, before: set[str], steps: list[Step], primary: Side
) -> None:
    pair = shared_linked
    if before:
        await pair.finops.transact([customer(name, SalesMemo="before") for name in sorted(before)], caller=CALLER)
    sides = {side: Application(dict.fromkeys(before, "before")) for side in Side}
    await pair.router.queue(CUSTOMERS)
    for number, step in enumerate(steps):
        command = sides[step.side].command(step, f"{step.side.value} {number}")
        if command is not None:
            await pair.pair.side(step.side).transact([command], caller=CALLER)
    replay = Replay(pair.pair, pair.router, primary, NoFailureSink(), pair.tally)
    failed = 0
    while groups := await replay.plan([CUSTOMERS]):
        for each in groups:
            failed += (await replay.carry_out(each)).failed
    await pair.router.queue()
    model = expected(sides[primary], sides[primary.partner])
    customers = await pair.rows("finops", "CustCustomerV3Entity")
    accounts = await pair.rows("dataverse", "account")
    assert failed == 0
    assert {row["CustomerAccount"]: row["SalesMemo"] for row in customers} == model
    assert {row["accountnumber"]: row["description"] or "" for row in accounts} == model
    if model:
        await pair.finops.transact([delete_customer(name) for name in model], caller=CALLER)
