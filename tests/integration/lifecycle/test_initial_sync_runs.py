"""Runs of the initial sync over real environments: started, decided about, and done again."""

from __future__ import annotations

import pytest
from sync_room import CONTACTS, CUSTOMERS, GROUPS, SyncRoom, counts, is_sound

from dualwrite.environments.port import Update
from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import OnRefusals, RerunKind, RunState
from dualwrite.store.maps import MapState
from dualwrite.store.partitions import RowCounts
from dualwrite.store.refusals import RefusalField, RefusalFilter
from words import GROUP, account, customer, delete_customer, group, group_key, person

RUNNING, INITIALIZING, NOT_RUNNING = MapState.RUNNING, MapState.INITIALIZING, MapState.NOT_RUNNING


async def test_a_run_brings_both_sides_into_step_and_its_maps_to_running(room: SyncRoom) -> None:
    await room.finops(group("30"), customer("I1", CustomerGroupId="30"), customer("I2"))
    await room.dataverse(account("I3"))
    run = await room.run(CUSTOMERS, GROUPS)
    assert (run.state, run.message) == (RunState.COMPLETED, "")
    assert [each.map for each in await room.store.initial_syncs.maps(run.run)] == [GROUPS, CUSTOMERS]
    report = await room.reports.report(run.run)
    assert is_sound(report)
    assert counts(report, CUSTOMERS) == RowCounts(read=2, inserted=2)
    assert await room.accounts() == {"I1", "I2", "I3"}
    assert (await room.linked.customer("I3"))["OrganizationName"] == "Account I3"
    assert await room.states(GROUPS, CUSTOMERS) == [RUNNING, RUNNING]
    await room.finops(customer("I4"))
    assert "I4" in await room.accounts()
    assert [(what, map, result) for what, map, result in await room.what_happened() if "link" not in what][-4:] == [
        ("start initial sync", None, "2 maps"),
        ("run", GROUPS, "completed"),
        ("run", CUSTOMERS, "completed"),
        ("finish initial sync", None, "completed"),
    ]


async def test_a_second_run_finds_everything_equal(room: SyncRoom) -> None:
    await room.finops(customer("I1"), customer("I2"))
    await room.run(CUSTOMERS)
    report = await room.reports.report((await room.run(CUSTOMERS)).run)
    assert counts(report, CUSTOMERS) == RowCounts(read=2, equal=2)
    assert report.total.inserted == report.total.updated == 0


async def test_only_the_chosen_legal_entities_are_copied(room: SyncRoom) -> None:
    await room.finops(customer("I1"), customer("I1", company="demf"))
    run = await room.conduct(await room.start(CUSTOMERS, legal_entities=["DEMF"]))
    assert run.state is RunState.COMPLETED
    assert [row["msdyn_company"] for row in await room.linked.rows("dataverse", "account")] == [
        await room.linked.company_id("demf")
    ]
    (covered,) = await room.store.initial_syncs.maps(run.run)
    assert covered.legal_entities == ("demf",)


# --- refused rows ---------------------------------------------------------------------------------------------------


async def test_refused_rows_wait_for_a_decision_and_come_when_their_cause_is_mended(room: SyncRoom) -> None:
    await room.finops(customer("I1"), *(customer(f"R{number}", CustomerGroupId="77") for number in range(3)))
    waiting = await room.run(CUSTOMERS, on_refusals=OnRefusals.WAIT)
    assert waiting.state is RunState.AWAITING_DECISION
    assert await room.states(CUSTOMERS) == [INITIALIZING]
    first = await room.reports.report(waiting.run)
    assert is_sound(first) and counts(first, CUSTOMERS) == RowCounts(read=4, inserted=1, refused=3)
    (cause,) = await room.reports.refusal_groups(waiting.run)
    assert (cause.rows, cause.records) == (3, ("R0", "R1", "R2"))
    assert "77" in cause.fields[RefusalField.CAUSE] and "R0" not in cause.fields[RefusalField.CAUSE]

    await room.finops(group("77"))
    await room.run(GROUPS)
    again = await room.rerun(waiting.run, RerunKind.FAILED)
    assert again.state is RunState.COMPLETED
    assert (await room.reports.run(waiting.run)).state is RunState.WITH_REFUSALS
    report = await room.reports.report(again.run)
    assert counts(report, CUSTOMERS) == RowCounts(read=3, inserted=3)
    assert await room.accounts() == {"I1", "R0", "R1", "R2"}
    assert await room.states(CUSTOMERS) == [RUNNING]
    assert await room.refused() == []
    assert [each.settled_by for each in await room.reports.refused(waiting.run)] == [again.run] * 3


async def test_a_decision_may_be_to_go_live_without_the_refused_rows(room: SyncRoom) -> None:
    await room.finops(customer("R0", CustomerGroupId="77"), customer("I1"))
    waiting = await room.run(CUSTOMERS, on_refusals=OnRefusals.WAIT)
    live = await room.syncs.go_live(waiting.run, who="somebody")
    assert live.state is RunState.WITH_REFUSALS
    assert await room.states(CUSTOMERS) == [RUNNING]
    assert await room.refused() == ["R0"]
    with pytest.raises(NotAllowed, match="is with refusals and cannot go live"):
        await room.syncs.go_live(waiting.run, who="somebody")


async def test_a_row_that_is_refused_again_is_known_once(room: SyncRoom) -> None:
    await room.finops(*(customer(f"R{number}", CustomerGroupId="77") for number in range(2)))
    run = await room.run(CUSTOMERS)
    assert run.state is RunState.WITH_REFUSALS
    await room.finops(delete_customer("R0"))
    again = await room.rerun(run.run, RerunKind.FAILED)
    assert again.state is RunState.WITH_REFUSALS
    assert await room.refused() == await room.refused(again.run) == ["R1"]
    assert len(await room.reports.refused(run.run)) == 2
    third = await room.rerun(run.run, RerunKind.FAILED)
    assert counts(await room.reports.report(third.run), CUSTOMERS).read == 1
    assert await room.reports.refused(run.run, RefusalFilter(open_only=True)) == ()


async def test_rows_that_others_look_up_are_done_again_first(room: SyncRoom) -> None:
    """The group is refused for a cause of its own, the customers for the group: mending the group brings them all."""
    await room.finops(
        group("88", PaymentTermId="Net99"), *(customer(f"R{number}", CustomerGroupId="88") for number in range(3))
    )
    run = await room.run(CUSTOMERS, GROUPS)
    assert await room.refused() == ["88", "R0", "R1", "R2"]
    await room.lifecycle.stop([GROUPS])
    await room.finops(Update(GROUP, group_key("88"), {"PaymentTermId": "Net30"}))
    await room.lifecycle.run_without_initial_sync([GROUPS])
    again = await room.rerun(run.run, RerunKind.FAILED)
    assert again.state is RunState.COMPLETED
    assert await room.accounts() == {"R0", "R1", "R2"}
    assert await room.refused() == []


async def test_everything_is_done_again(room: SyncRoom) -> None:
    await room.finops(customer("I1"), customer("R0", CustomerGroupId="77"))
    run = await room.run(CUSTOMERS)
    await room.finops(group("77"))
    await room.run(GROUPS)
    again = await room.rerun(run.run, RerunKind.ALL)
    assert again.state is RunState.COMPLETED
    assert counts(await room.reports.report(again.run), CUSTOMERS) == RowCounts(read=2, inserted=1, equal=1)
    assert await room.refused() == []


async def test_everything_but_the_refused_rows_is_done_again(room: SyncRoom) -> None:
    await room.finops(customer("I1"), customer("R0", CustomerGroupId="77"))
    run = await room.run(CUSTOMERS)
    await room.finops(group("77"))
    await room.run(GROUPS)
    again = await room.rerun(run.run, RerunKind.WITHOUT_FAILED)
    assert counts(await room.reports.report(again.run), CUSTOMERS) == RowCounts(read=1, equal=1)
    assert await room.accounts() == {"I1"}
    assert await room.refused() == ["R0"]
    assert (await room.rerun(again.run, RerunKind.FAILED)).state is RunState.COMPLETED
    assert await room.accounts() == {"I1", "R0"}


async def test_a_fresh_run_has_the_last_word_about_what_earlier_ones_refused(room: SyncRoom) -> None:
    await room.finops(customer("R0", CustomerGroupId="77"), customer("R1", CustomerGroupId="77", company="demf"))
    run = await room.run(CUSTOMERS)
    await room.conduct(await room.start(CUSTOMERS, legal_entities=["usmf"]))
    assert len(await room.reports.refused(run.run)) == 2
    assert sorted(await room.refused()) == ["R0", "R1"]
    assert await room.refused(run.run) == ["R1"]
    await room.finops(group("77", company="demf"))
    await room.run(GROUPS)
    await room.rerun(run.run, RerunKind.FAILED)
    with pytest.raises(NotAllowed, match=r"No row of initial sync .* is refused any more"):
        await room.syncs.rerun(run.run, RerunKind.FAILED, who="tests")


async def test_rows_of_a_map_that_was_stopped_are_not_done_again_alone(room: SyncRoom) -> None:
    await room.finops(customer("R0", CustomerGroupId="77"))
    run = await room.run(CUSTOMERS)
    await room.lifecycle.stop([CUSTOMERS])
    with pytest.raises(NotAllowed, match=r"Customers V3 \(accounts\) has been stopped since"):
        await room.syncs.rerun(run.run, RerunKind.FAILED, who="tests")
    assert await room.states(CUSTOMERS) == [NOT_RUNNING]
    assert (await room.rerun(run.run, RerunKind.ALL)).state is RunState.WITH_REFUSALS


async def test_circles_are_closed_in_the_second_pass_and_its_refusals_counted_once(room: SyncRoom) -> None:
    await room.finops(
        customer("I1", InvoiceAccount="I2", ContactPersonId="IP"),
        customer("I2", InvoiceAccount="I1"),
        customer("I3", InvoiceAccount="NOBODY"),
        person("IP", "I1"),
    )
    run = await room.run(CUSTOMERS, CONTACTS)
    assert run.state is RunState.WITH_REFUSALS
    report = await room.reports.report(run.run)
    assert is_sound(report)
    assert counts(report, CUSTOMERS) == RowCounts(read=3, inserted=2, refused=1)
    assert await room.refused() == ["I3"]
    first, second, contact = [
        await room.linked.account("I1"),
        await room.linked.account("I2"),
        await room.linked.contact("IP"),
    ]
    assert first["msdyn_billingaccount"] == second["accountid"]
    assert second["msdyn_billingaccount"] == first["accountid"]
    assert first["primarycontactid"] == contact["contactid"]
    await room.finops(customer("NOBODY"))
    assert (await room.rerun(run.run, RerunKind.FAILED)).state is RunState.COMPLETED
    assert (await room.linked.account("I3"))["msdyn_billingaccount"] == (await room.linked.account("NOBODY"))[
        "accountid"
    ]


async def test_circles_are_closed_against_the_masters_way_too(room: SyncRoom) -> None:
    await room.finops(
        customer("I1", InvoiceAccount="I2", ContactPersonId="IP"),
        customer("I3", ContactPersonId="NOBODY"),
        customer("I2", InvoiceAccount="I1"),
        person("IP", "I1"),
    )
    choices = tuple(MapChoice(each, Side.DATAVERSE) for each in (CUSTOMERS, CONTACTS))
    run = await room.conduct(await room.syncs.start(RunOptions(choices, who="tests")))
    assert await room.refused() == ["I3"]
    assert is_sound(await room.reports.report(run.run))
    first, second, contact = (
        await room.linked.account("I1"),
        await room.linked.account("I2"),
        await room.linked.contact("IP"),
    )
    assert first["msdyn_billingaccount"] == second["accountid"]
    assert first["primarycontactid"] == contact["contactid"]
    await room.finops(person("NOBODY", "I1"))
    assert (await room.rerun(run.run, RerunKind.FAILED)).state is RunState.COMPLETED
    assert (await room.linked.account("I3"))["primarycontactid"] == (await room.linked.contact("NOBODY"))["contactid"]


@pytest.mark.parametrize("first_master", Side)
async def test_no_run_carries_back_what_another_could_not_complete(room: SyncRoom, first_master: Side) -> None:
    await room.finops(customer("I1"), customer("I3", InvoiceAccount="NOBODY"), customer("I2", InvoiceAccount="I1"))
    for master in (first_master, Side.DATAVERSE, Side.DATAVERSE, first_master):
        run = await room.conduct(await room.syncs.start(RunOptions((MapChoice(CUSTOMERS, master),), who="tests")))
        assert run.state is RunState.WITH_REFUSALS
        assert is_sound(await room.reports.report(run.run))
        assert await room.refused() == ["I3"]
        assert (await room.linked.account("I3"))["msdyn_billingaccount"] is None
        assert (await room.linked.customer("I3"))["InvoiceAccount"] == "NOBODY"
        await room.lifecycle.stop([CUSTOMERS])
    await room.finops(customer("NOBODY"))
    choices = (MapChoice(CUSTOMERS, Side.DATAVERSE),)
    run = await room.conduct(await room.syncs.start(RunOptions(choices, who="tests")))
    assert run.state is RunState.COMPLETED
    invoiced = await room.linked.account("NOBODY")
    assert (await room.linked.account("I3"))["msdyn_billingaccount"] == invoiced["accountid"]
    assert await room.refused() == []


# --- what may be started --------------------------------------------------------------------------------------------


async def test_a_map_is_copied_by_one_run_at_a_time(room: SyncRoom) -> None:
    run = await room.start(CUSTOMERS)
    with pytest.raises(NotAllowed, match=r"Customers V3 \(accounts\) is being copied by initial sync") as refused:
        await room.start(GROUPS, CUSTOMERS)
    assert str(run) in refused.value.message and "cancel it" in refused.value.message
    assert await room.states(GROUPS) == [NOT_RUNNING]
    await room.run(GROUPS)


async def test_a_proposal_puts_maps_in_order_and_names_those_they_need(room: SyncRoom) -> None:
    proposal = await room.syncs.plan(RunOptions((MapChoice(CUSTOMERS, Side.DATAVERSE),), who="tests"))
    names = [each.choice.name for each in proposal.maps]
    assert names.index(GROUPS) < names.index(CUSTOMERS)
    group_map = proposal.maps[names.index(GROUPS)]
    assert (group_map.related, group_map.is_included, group_map.needed_by) == (True, False, (CUSTOMERS,))
    assert group_map.choice.master is Side.DATAVERSE
    assert [each.name for each in proposal.included] == [CUSTOMERS]
    await room.run(GROUPS)
    wished = await room.syncs.plan(RunOptions((MapChoice(CUSTOMERS),), who="tests", include_related=True))
    running = next(each for each in wished.maps if each.choice.name == GROUPS)
    assert running.is_running and not running.is_included
    assert len(wished.included) > 1
    given = (MapChoice(CUSTOMERS), MapChoice(GROUPS))
    in_order = await room.syncs.plan(RunOptions(given, who="tests", in_order=True))
    assert in_order.included == given


async def test_what_cannot_be_started_is_told_before_anything_happens(room: SyncRoom) -> None:
    with pytest.raises(NotAllowed, match="There is no map 'Nothing'"):
        await room.start("Nothing")
    with pytest.raises(NotAllowed, match=r"nowhere is not linked\. The linked legal entities are: demf, usmf"):
        await room.start(CUSTOMERS, legal_entities=["usmf", "nowhere"])
    with pytest.raises(NotAllowed, match="is named twice"):
        await room.start(CUSTOMERS, CUSTOMERS)
    with pytest.raises(NotAllowed, match="No map is to be copied"):
        await room.start()
    off = RunOptions((MapChoice(CUSTOMERS, enabled=False), MapChoice(GROUPS)), who="tests")
    run = await room.conduct(await room.syncs.start(off))
    assert run.state is RunState.COMPLETED
    assert await room.states(CUSTOMERS, GROUPS) == [NOT_RUNNING, RUNNING]
