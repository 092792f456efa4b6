"""Legal entities come and go while maps run: their rows follow, and what would leave changes behind is refused."""

from __future__ import annotations

import asyncio

import pytest
from link_room import COMPANIES, GROUPS, LinkRoom

from dualwrite.environments.port import Create, RecordKey, Update
from dualwrite.errors import NotAllowed, NotFound
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId
from dualwrite.store.activity import Severity
from dualwrite.store.initial_syncs import OnRefusals, RunState
from dualwrite.store.integration_jobs import JobState
from dualwrite.store.maps import MapState
from dualwrite.store.pending_copies import PendingCopy

USRT = LegalEntityId("usrt")


def group(company: str, number: str) -> Create:
    return Create("CustCustomerGroupEntity", {"dataAreaId": company, "CustomerGroupId": number, "Description": number})


async def test_an_added_legal_entity_brings_its_rows_and_takes_part_at_once(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    assert await link_room.groups("usrt") == set()
    done = await link_room.desk.legal_entities.add([LegalEntityId("USRT")], who="tests")
    assert (done.added, done.awaiting) == (("usrt",), ())
    report = await link_room.report(done.run)
    assert report.run.state is RunState.COMPLETED
    assert [each.map for each in report.maps] == [COMPANIES, GROUPS]
    assert await link_room.groups("usrt") == {"10", "20"}
    await link_room.finops(group("usrt", "30"))
    assert await link_room.groups("usrt") == {"10", "20", "30"}
    assert await link_room.state(GROUPS) is MapState.RUNNING
    (entry,) = await link_room.activities("add legal entities")
    assert (entry.who, entry.result, entry.details["legal_entities"]) == ("tests", "usrt", ["usrt"])


async def test_only_rows_of_the_added_legal_entity_are_copied(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    done = await link_room.desk.legal_entities.add([USRT], who="tests")
    counts = (await link_room.report(done.run)).counts
    assert {each.legal_entity for each in counts if each.map == GROUPS and each.counts.read} == {"usrt"}


async def test_adding_again_changes_nothing_and_unknown_ones_are_named(link_room: LinkRoom) -> None:
    await link_room.desk.legal_entities.add([USRT], who="tests")
    again = await link_room.desk.legal_entities.add([USRT, LegalEntityId("usmf")], who="tests")
    assert (again.added, again.run) == ((), None)
    with pytest.raises(NotFound, match="There is no legal entity nowhere in finops; there are: demf, usmf, usrt"):
        await link_room.desk.legal_entities.add([LegalEntityId("nowhere")], who="tests")
    assert await link_room.legal_entities() == ["demf", "usmf", "usrt"]


async def test_a_removed_legal_entity_takes_no_part_and_keeps_its_rows(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    assert await link_room.desk.legal_entities.remove([LegalEntityId("demf")], who="tests") == ("demf",)
    await link_room.finops(group("demf", "30"))
    assert await link_room.groups("demf") == {"10", "20"}
    back = await link_room.desk.legal_entities.add([LegalEntityId("demf")], who="tests")
    assert back.run is not None
    assert await link_room.groups("demf") == {"10", "20", "30"}


async def test_neither_goes_while_an_initial_sync_is_in_progress(link_room: LinkRoom) -> None:
    run = await link_room.syncs.start(RunOptions((MapChoice(GROUPS),), who="tests", on_refusals=OnRefusals.WAIT))
    entities = link_room.desk.legal_entities
    with pytest.raises(NotAllowed, match=f"Initial sync {run} is planned"):
        await entities.add([USRT], who="tests")
    with pytest.raises(NotAllowed, match="Wait until it is through, or cancel it"):
        await entities.remove([LegalEntityId("demf")], who="tests")
    assert await link_room.legal_entities() == ["demf", "usmf"]
    await link_room.syncs.cancel(run, who="tests")
    assert await entities.remove([LegalEntityId("demf")], who="tests") == ("demf",)


async def test_none_is_removed_while_a_map_is_paused(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.lifecycle.pause([GROUPS])
    with pytest.raises(NotAllowed, match="paused, and what the legal entities have queued would be left behind"):
        await link_room.desk.legal_entities.remove([LegalEntityId("demf")], who="tests")
    await link_room.lifecycle.resume([GROUPS])
    assert await link_room.desk.legal_entities.remove([LegalEntityId("demf")], who="tests") == ("demf",)


async def test_none_is_removed_while_a_job_moves_its_changes(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    jobs = link_room.store.integration_jobs
    await jobs.save("main", "nightly", maps=[GROUPS], primary=Side.FINOPS, changed_by="tests")
    await jobs.set_state("main", "nightly", JobState.ACTIVE, changed_by="tests")
    with pytest.raises(NotAllowed, match="moved by the integration job nightly"):
        await link_room.desk.legal_entities.remove([LegalEntityId("demf")], who="tests")
    await link_room.desk.ending.reset(who="tests", forced=True)
    assert (await jobs.get("main", "nightly")).state is JobState.STOPPED


async def test_the_last_one_stays_and_one_that_is_not_linked_is_told(link_room: LinkRoom) -> None:
    entities = link_room.desk.legal_entities
    with pytest.raises(NotAllowed, match="unlink the environments"):
        await entities.remove([LegalEntityId("usmf"), LegalEntityId("demf")], who="tests")
    (failed,) = await link_room.activities("remove legal entities")
    assert (failed.who, failed.severity) == ("tests", Severity.ERROR)
    assert failed.result.startswith("failed: main would have no legal entity any more")
    with pytest.raises(NotFound, match=r"usrt: not linked\. The linked legal entities are: demf, usmf"):
        await entities.remove([USRT], who="tests")


async def test_a_paused_map_copies_the_rows_once_it_runs_again(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.lifecycle.pause([GROUPS])
    done = await link_room.desk.legal_entities.add([USRT], who="tests")
    assert done.run is not None
    assert done.awaiting == (GROUPS,)
    assert await link_room.groups("usrt") == set()
    (waiting,) = [each for each in await link_room.desk.legal_entities.list() if each.awaited_by]
    assert (waiting.legal_entity, waiting.linked, waiting.company, waiting.awaited_by) == (
        "usrt",
        True,
        True,
        (GROUPS,),
    )
    assert await link_room.desk.legal_entities.copy_pending(who="tests") is None
    await link_room.lifecycle.resume([GROUPS])
    assert await link_room.desk.legal_entities.copy_pending(who="tests") is not None
    assert await link_room.groups("usrt") == {"10", "20"}
    assert await link_room.store.pending_copies.list("main") == ()


async def test_a_copy_that_was_not_begun_is_made_up_for(link_room: LinkRoom) -> None:
    """The process died after the legal entity had been added, and before its run was planned."""
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.store.connections.add_company("main", legal_entity="usrt", company_code="usrt")
    await link_room.store.pending_copies.add("main", [PendingCopy(GROUPS, "usrt"), PendingCopy(COMPANIES, "usrt")])
    await link_room.router.renew()
    assert await link_room.desk.legal_entities.copy_pending(who="start") is not None
    assert await link_room.groups("usrt") == {"10", "20"}


async def test_a_map_that_has_been_stopped_needs_no_copy_of_its_own(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.lifecycle.pause([GROUPS])
    await link_room.desk.legal_entities.add([USRT], who="tests")
    await link_room.lifecycle.stop([GROUPS])
    assert await link_room.desk.legal_entities.copy_pending(who="tests") is None
    assert await link_room.store.pending_copies.list("main") == ()
    await link_room.lifecycle.run([GROUPS])
    assert await link_room.groups("usrt") == {"10", "20"}


async def test_two_at_a_time_wait_for_each_other(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    entities = link_room.desk.legal_entities
    results = await asyncio.gather(
        entities.add([USRT], who="one"),
        entities.remove([LegalEntityId("demf")], who="two"),
        return_exceptions=True,
    )
    refused = [each for each in results if isinstance(each, BaseException)]
    assert all(isinstance(each, NotAllowed) for each in refused)
    linked = set(await link_room.legal_entities())
    assert ("usrt" in linked) == (not isinstance(results[0], BaseException))
    assert ("demf" in linked) == isinstance(results[1], BaseException)


async def test_live_changes_of_an_added_legal_entity_are_never_missed(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])

    async def saves() -> None:
        for number in range(30, 60):
            await link_room.finops(group("usrt", str(number)))

    await asyncio.gather(saves(), link_room.desk.legal_entities.add([USRT], who="tests"))
    expected = {"10", "20", *map(str, range(30, 60))}
    assert await link_room.groups("usrt") == expected
    key = RecordKey((("dataAreaId", "usrt"), ("CustomerGroupId", "45")))
    await link_room.finops(Update("CustCustomerGroupEntity", key, {"Description": "changed"}))
    rows = await link_room.linked.rows("dataverse", "msdyn_customergroup", msdyn_description="changed")
    assert len(rows) == 1


async def test_two_hundred_and_fifty_are_added_at_once(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    codes = [LegalEntityId(f"c{number:03}") for number in range(250)]
    for first in range(0, len(codes), 50):
        some = codes[first : first + 50]
        await link_room.finops(*(Create("OMLegalEntity", {"LegalEntityId": each, "Name": each}) for each in some))
        await link_room.finops(*(group(each, "10") for each in some))
    done = await link_room.desk.legal_entities.add(codes, who="tests")
    report = await link_room.report(done.run)
    assert report.run.state is RunState.COMPLETED
    assert len(await link_room.legal_entities()) == 252
    known = {row["cdm_companyid"] for row in await link_room.linked.rows("dataverse", "cdm_company")}
    rows = await link_room.linked.rows("dataverse", "msdyn_customergroup")
    assert len({row["msdyn_company"] for row in rows} & known) == 252
    await link_room.finops(group("c249", "20"))
    assert await link_room.groups("c249") == {"10", "20"}
