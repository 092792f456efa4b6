"""Gates between the copy and live changes, and the outcomes of partitions."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import polars as pl
import pytest
from every_kind import code_of, insert_codes

from dualwrite.environments.bulk import ID, Scan
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import ChangeId, EnvironmentName, Participant, PreparedName
from dualwrite.errors import Contention
from dualwrite.metadata.schema import Side, Table

SOURCE = EnvironmentName("source")


async def accepted(participant: Participant, environment: HostedEnvironment, *gates: str) -> PreparedName:
    """A live change has passed these gates of its target."""
    return await participant.accept(ChangeId(uuid4()), source=SOURCE, epoch=await environment.epoch(), gates=gates)


async def test_nobody_passes_a_closed_gate(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as copying:
        await copying.begin()
        await copying.close_gate(table.name)
        async with environment.participate() as live:
            with pytest.raises(Contention):
                await accepted(live, environment, table.name)
        async with environment.participate() as live:
            await accepted(live, environment, "another table")
        await copying.commit()
    async with environment.participate() as live:
        await accepted(live, environment, table.name)


async def test_a_gate_is_closed_when_everybody_is_through(environment: HostedEnvironment, table: Table) -> None:
    async with environment.participate() as first, environment.participate() as second:
        await accepted(first, environment, table.name, "another table")
        await accepted(second, environment, "another table", table.name)
        async with environment.copying() as copying:
            await copying.begin()
            with pytest.raises(Contention):
                await copying.close_gate(table.name)
    async with environment.copying() as copying:
        await copying.begin()
        await copying.close_gate(table.name)


@pytest.mark.parametrize("commit", [True, False], ids=["committed", "rolled back"])
async def test_a_prepared_change_is_through_when_it_is_settled(
    environment: HostedEnvironment, table: Table, commit: bool
) -> None:
    async with environment.participate() as live:
        await accepted(live, environment, table.name)
        prepared = await live.prepare()
    async with environment.copying() as copying:
        await copying.begin()
        with pytest.raises(Contention):
            await copying.close_gate(table.name)
    async with environment.copying() as copying:
        await copying.begin()
        await asyncio.gather(copying.close_gate(table.name), environment.settle(prepared, commit=commit))


async def test_what_changed_before_the_gate_closed_is_seen_behind_it(
    environment: HostedEnvironment, table: Table
) -> None:
    async with environment.copying() as setting_up:
        await setting_up.begin()
        ids = await insert_codes(setting_up, table, {"usmf": ["seen"]})
        await setting_up.commit()
    async with environment.copying() as reading:
        await reading.begin()
        before = await reading.versions(table.name, ids)
        async with environment.copying() as live:
            await live.begin()
            await live.delete_ids(table.name, ids)
            await live.commit()
        await reading.close_gate(table.name)
        assert before.height == 1
        assert (await reading.versions(table.name, ids)).height == 0


async def test_frames_can_be_the_other_half_of_a_change(environment: HostedEnvironment, table: Table) -> None:
    """New and changed rows, prepared like any live change, and there when it is settled."""
    text = "text" if table.side is Side.FINOPS else "new_text"
    async with environment.copying() as half:
        await accepted(half, environment)
        ids = await insert_codes(half, table, {"usmf": ["half", 'q"\\,{}']})
        assert await half.update_frame(table.name, pl.DataFrame({ID: ids, text: ['a"\\', None]})) == ()
        prepared = await half.prepare()
    async with environment.copying() as reading:
        await reading.begin()
        assert (await reading.versions(table.name, ids)).height == 0
        await environment.settle(prepared, commit=True)
        frame = await reading.frame(Scan(table.name, ((code_of(table),), (text,))))
        nothing = "" if table.side is Side.FINOPS else None
        assert frame.select(code_of(table), text).rows() == [("half", 'a"\\'), ('q"\\,{}', nothing)]
        await reading.delete_ids(table.name, ids)
        await reading.commit()


# --- outcomes -------------------------------------------------------------------------------------------------------


async def test_an_outcome_is_kept_with_the_rows(environment: HostedEnvironment, table: Table) -> None:
    run = uuid4()
    async with environment.copying() as given_up:
        await given_up.begin()
        await given_up.keep_outcome(run, 1, "lost")
    async with environment.copying() as copying:
        await copying.begin()
        assert await copying.outcome_of(run, 1) is None
        await copying.keep_outcome(run, 1, '{"read": 5}')
        await copying.commit()
    async with environment.copying() as again:
        await again.begin()
        assert await again.outcome_of(run, 1) == '{"read": 5}'
        assert await again.outcome_of(run, 2) is None
        assert await again.outcome_of(uuid4(), 1) is None
    await environment.forget_outcomes(run)
    async with environment.copying() as again:
        await again.begin()
        assert await again.outcome_of(run, 1) is None


async def test_a_partition_is_committed_once(environment: HostedEnvironment, table: Table) -> None:
    """Also where two workers carry it out at the same time."""
    run = uuid4()
    async with environment.copying() as first, environment.copying() as second:
        await first.begin()
        await second.begin()
        await first.keep_outcome(run, 1, "first")
        with pytest.raises(Contention):
            await asyncio.gather(second.keep_outcome(run, 1, "second"), first.commit())
    async with environment.copying() as third:
        await third.begin()
        with pytest.raises(Contention, match="another worker"):
            await third.keep_outcome(run, 1, "third")
    async with environment.copying() as last:
        await last.begin()
        assert await last.outcome_of(run, 1) == "first"
    await environment.forget_outcomes(run)


async def test_what_is_not_committed_is_rolled_back(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as copying:
        await copying.begin()
        await insert_codes(copying, table, {"usmf": ["gone"]})
    async with environment.copying() as reading:
        await reading.begin()
        frame = await reading.frame(Scan(table.name, ((code_of(table),),)))
    assert "gone" not in frame[code_of(table)].to_list()
