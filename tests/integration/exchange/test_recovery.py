"""A process that dies in the middle of a chunk leaves both sides with it, or neither."""

from __future__ import annotations

import polars as pl
import pytest

from dualwrite.environments.bulk import CopyParticipant
from dualwrite.environments.port import Commitment, Decision, Epoch
from dualwrite.errors import Contention
from dualwrite.metadata.schema import Side, Table
from dualwrite.sync.frame_changes import FrameChange, FrameChanges
from dualwrite.sync.live import LiveSync
from dualwrite.sync.recovery import Recovery
from linked_pair import FixedRouter, LinkedPair, demonstration_plans


class DiesBeforeTelling:
    """A commitment whose process is gone once the source has committed."""

    def __init__(self, commitment: Commitment) -> None:
        self._commitment = commitment

    @property
    def epoch(self) -> Epoch:
        return self._commitment.epoch

    @property
    def decision(self) -> Decision | None:
        return self._commitment.decision

    async def committed(self) -> None: ...

    async def abandoned(self) -> None: ...

    async def unknown(self) -> bool:
        raise NotImplementedError


def changes_of(linked: LinkedPair) -> FrameChanges:
    router = FixedRouter(linked.pair, demonstration_plans())
    live = LiveSync(source=linked.finops, target=linked.dataverse, pair=linked.pair, router=router, tally=linked.tally)
    return FrameChanges(live, source=linked.finops, target=linked.dataverse)


async def written(linked: LinkedPair, session: CopyParticipant, changes: FrameChanges) -> Commitment:
    """Two customers are written and not committed; their other halves are prepared."""
    table: Table = linked.finops.schema.table("CustomersV3")
    await session.begin()
    frame = pl.DataFrame(
        {
            "dataAreaId": ["usmf", "usmf"],
            "CustomerAccount": ["R-1", "R-2"],
            "CustomerGroupId": ["10", "20"],
            "SalesCurrencyCode": ["USD", "USD"],
            "OrganizationName": ["One", "Two"],
            "PartyType": ["Organization", "Organization"],
        }
    )
    inserted = await session.insert_frame(table.name, frame)
    routing = await changes.routing()
    async with changes.other_half(routing, table) as half:
        change = FrameChange(table, tuple(inserted.ids.to_list()), (), frozenset())
        assert await half.carry(change, session) == []
        return await half.prepare()


async def accounts(linked: LinkedPair, side: Side) -> int:
    table = "CustCustomerV3Entity" if side is Side.FINOPS else "account"
    return len(await linked.rows(side.value, table))


async def test_what_nobody_has_decided_is_undone_on_both_sides(linked: LinkedPair) -> None:
    async with linked.finops.copying() as session:
        await written(linked, session, changes_of(linked))
    assert len(await linked.dataverse.prepared()) == 1
    await Recovery(linked.pair).run()
    assert await linked.dataverse.prepared() == []
    assert (await accounts(linked, Side.FINOPS), await accounts(linked, Side.DATAVERSE)) == (0, 0)


async def test_what_has_been_decided_is_carried_through_on_both_sides(linked: LinkedPair) -> None:
    async with linked.finops.copying() as session:
        await session.decide(DiesBeforeTelling(await written(linked, session, changes_of(linked))))
    assert (await accounts(linked, Side.FINOPS), await accounts(linked, Side.DATAVERSE)) == (2, 0)
    await Recovery(linked.pair).run()
    assert (await accounts(linked, Side.FINOPS), await accounts(linked, Side.DATAVERSE)) == (2, 2)
    assert await linked.differences() == []


async def test_a_recovery_that_has_passed_meanwhile_keeps_both_sides_without_it(linked: LinkedPair) -> None:
    changes = changes_of(linked)
    async with linked.finops.copying() as session:
        commitment = await written(linked, session, changes)
        await Recovery(linked.pair).run()
        with pytest.raises(Contention):
            await session.decide(commitment)
    assert (await accounts(linked, Side.FINOPS), await accounts(linked, Side.DATAVERSE)) == (0, 0)
