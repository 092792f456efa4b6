"""The steps of linking: what can be linked, what the health check finds and how that is put right, and the link."""

from __future__ import annotations

import pytest
from link_room import COMPANIES, GROUPS, LinkRoom

from dualwrite.environments.hosted.dataverse_seed import ENGINE_USER_ID, ROOT_TEAM_ID
from dualwrite.environments.port import RecordKey, Update
from dualwrite.errors import NotAllowed, NotFound
from dualwrite.linking.health import HealthCode, LinkHealth, Severity
from dualwrite.linking.proposal import LinkProposal
from dualwrite.metadata.values import LegalEntityId
from dualwrite.store.pending_copies import PendingCopy

PROPOSAL = LinkProposal.of("finops", "dataverse", ["usmf", "DEMF"])


@pytest.fixture
async def unlinked(link_room: LinkRoom) -> LinkRoom:
    """A room in which nothing is linked."""
    await link_room.desk.ending.unlink(who="tests")
    return link_room


def found(health: LinkHealth, code: HealthCode) -> tuple[Severity, str, str]:
    (check,) = [each for each in health.checks if each.code is code]
    return check.severity, check.message, check.remedy


async def test_a_sound_proposal_passes_every_check(unlinked: LinkRoom) -> None:
    summary = await unlinked.desk.wizard.summary(PROPOSAL)
    assert [each.message for each in (*summary.health.errors, *summary.health.warnings)] == []
    assert {each.code for each in summary.health.checks} == set(HealthCode)
    assert summary.proposal.legal_entities == ("usmf", "demf")
    assert summary.solutions
    assert await unlinked.store.connections.list() == ()


async def test_creating_brings_the_link_its_maps_and_the_root_team(unlinked: LinkRoom) -> None:
    await unlinked.desk.wizard.create(PROPOSAL, who="tests")
    link = await unlinked.desk.link()
    assert (link.finops_environment, link.dataverse_environment) == ("finops", "dataverse")
    assert link.owning_team == ROOT_TEAM_ID
    assert await unlinked.legal_entities() == ["demf", "usmf"]
    assert GROUPS in [each.name for each in await unlinked.store.maps.list("main")]
    await unlinked.lifecycle.run([COMPANIES, GROUPS])
    assert await unlinked.groups("usmf") == {"10", "20"}
    health = await unlinked.desk.wizard.check()
    assert health.is_sound
    (entry,) = await unlinked.activities("link environments")
    assert (entry.who, entry.details["legal_entities"]) == ("tests", ["usmf", "demf"])


async def test_nothing_is_created_where_a_check_fails(unlinked: LinkRoom) -> None:
    wrong = LinkProposal.of("finops", "dataverse", ["usmf", "nowhere"])
    with pytest.raises(NotAllowed, match="DWL180 Finance and operations has no legal entity nowhere"):
        await unlinked.desk.wizard.create(wrong, who="tests")
    assert await unlinked.store.connections.list() == ()


async def test_a_proposal_needs_legal_entities_and_known_environments(unlinked: LinkRoom) -> None:
    wizard = unlinked.desk.wizard
    none = await wizard.check(LinkProposal.of("finops", "dataverse", []))
    severity, message, remedy = found(none, HealthCode.LEGAL_ENTITIES)
    assert (severity, message) == (Severity.ERROR, "No legal entity is chosen.")
    assert remedy == "Choose one or more of: demf; usmf; usrt"
    swapped = await wizard.check(LinkProposal.of("dataverse", "mars", ["usmf"]))
    assert [each.code for each in swapped.errors] == [HealthCode.ENVIRONMENTS] * 2
    assert "mars is not known." in [each.message for each in swapped.errors]


async def test_more_legal_entities_are_added_to_a_link_not_created_again(link_room: LinkRoom) -> None:
    with pytest.raises(NotAllowed, match="dualwrite link legal-entities add usrt"):
        await link_room.desk.wizard.create(LinkProposal.of("finops", "dataverse", ["usmf", "usrt"]), who="tests")
    await link_room.desk.wizard.create(PROPOSAL, who="tests")
    assert await link_room.legal_entities() == ["demf", "usmf"]


async def test_a_disabled_application_user_is_found(link_room: LinkRoom) -> None:
    key = RecordKey((("systemuserid", ENGINE_USER_ID),))
    await link_room.dataverse(Update("systemuser", key, {"isdisabled": True}))
    severity, message, remedy = found(await link_room.desk.wizard.check(), HealthCode.APPLICATION_USER)
    assert severity is Severity.ERROR
    assert "is disabled in Dataverse" in message
    assert remedy == "Enable it in systemusers."


async def test_the_older_integrator_stands_in_the_way(link_room: LinkRoom) -> None:
    await link_room.store.solutions.save(
        "main",
        "ProspectToCash",
        display_name="Prospect to cash",
        version="1.0.0.0",
        publisher="x",
        managed=True,
        members=(),
    )
    severity, message, remedy = found(await link_room.desk.wizard.check(), HealthCode.CONFLICTING_SOLUTIONS)
    assert severity is Severity.ERROR
    assert "keeps account numbers unique over all companies" in message
    assert remedy.endswith("dualwrite solutions remove ProspectToCash")


async def test_a_solution_that_asks_for_a_newer_application_is_told(link_room: LinkRoom) -> None:
    await link_room.store.solutions.save(
        "main",
        "future",
        display_name="The future",
        version="1.0.0.0",
        publisher="x",
        managed=True,
        document={"application": "11.0.0.0"},
        members=(),
    )
    severity, message, _ = found(await link_room.desk.wizard.check(), HealthCode.VERSIONS)
    assert severity is Severity.ERROR
    assert message == "finance and operations is 10.0.2177.0, and The future asks for 11.0.0.0 at least."


async def test_clients_of_different_tenants_are_told(link_room: LinkRoom) -> None:
    for number, environment in enumerate(("finops", "dataverse"), start=1):
        await link_room.store.clients.save(
            ENGINE_USER_ID if number == 1 else ROOT_TEAM_ID,
            name=environment,
            secret_hash="x",
            tenant=ENGINE_USER_ID if number == 1 else ROOT_TEAM_ID,
            user_id=ENGINE_USER_ID,
            roles=frozenset(),
            environment=environment,
        )
    severity, _, remedy = found(await link_room.desk.wizard.check(), HealthCode.TENANT)
    assert severity is Severity.ERROR
    assert remedy.startswith("Use environments of the same tenant")


async def test_companies_that_are_called_the_same_and_copies_not_made_are_warnings(link_room: LinkRoom) -> None:
    for company in await link_room.linked.rows("dataverse", "cdm_company"):
        key = RecordKey((("cdm_companyid", company["cdm_companyid"]),))
        await link_room.dataverse(Update("cdm_company", key, {"cdm_name": "One and all"}))
    await link_room.store.pending_copies.add("main", [PendingCopy(GROUPS, "usmf")])
    health = await link_room.desk.wizard.check()
    assert health.is_sound
    assert {each.code for each in health.warnings} == {HealthCode.COMPANIES, HealthCode.PENDING_COPIES}
    assert all(each.remedy for each in health.warnings)


async def test_without_a_link_there_is_only_a_proposal_to_check(unlinked: LinkRoom) -> None:
    with pytest.raises(NotFound, match="Link the environments first"):
        await unlinked.desk.wizard.check()
    choices = await unlinked.desk.wizard.environments()
    assert {(each.record.name, each.connection) for each in choices} == {("finops", None), ("dataverse", None)}
    proposal = await unlinked.desk.wizard.proposal([LegalEntityId("usmf")])
    assert (proposal.finops, proposal.dataverse) == ("finops", "dataverse")
