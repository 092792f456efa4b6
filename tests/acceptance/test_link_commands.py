"""A link from the command line: checked, created, widened, reset, taken apart, and not made again by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from conftest import Program
from dualwrite.composition.house import House, open_house
from dualwrite.environments.port import Caller, Create, RowQuery
from dualwrite.settings import Settings

GROUPS = "Customer groups (msdyn_customergroups)"
COMPANIES = "Legal entities (cdm_companies)"
CODES = ("aaaa", "bbbb", "cccc")


async def _rows(house: House) -> None:
    """Three legal entities with a customer group each."""
    await house.ensure_tables({"CustCustomerGroupEntity"}, ())
    groups = [{"dataAreaId": each, "CustomerGroupId": "10", "Description": "ten"} for each in CODES]
    entities = [{"LegalEntityId": each, "Name": f"Company {each}"} for each in CODES]
    await house.finops.transact([Create("OMLegalEntity", each) for each in entities], caller=Caller("tests"))
    await house.finops.transact([Create("CustCustomerGroupEntity", each) for each in groups], caller=Caller("tests"))


async def _groups(house: House) -> int:
    return len((await house.dataverse.read(RowQuery("msdyn_customergroup"))).rows)


@pytest.fixture(scope="module")
def unlinked(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A program that has been started once, with legal entities and without a link; it does not run."""
    program = Program(tmp_path_factory.mktemp("link") / "data")
    program.cli("up", "--once", "--no-demo", "--admin-port", "0", "--finops-port", "0", "--dataverse-port", "0")

    async def fill() -> None:
        async with open_house(Settings.load(data_folder=program.folder)) as house:
            await _rows(house)

    asyncio.run(fill())
    return program


def groups(folder: Path) -> int:
    """How many customer groups Dataverse has."""

    async def count() -> int:
        async with open_house(Settings.load(data_folder=folder), serves=False) as house:
            return await _groups(house)

    return asyncio.run(count())


def test_a_link_is_checked_created_changed_and_taken_apart(unlinked: Program) -> None:
    program = unlinked
    refused = program.cli("link", "check", "aaaa", "nowhere", code=1)["health"]
    (wrong,) = [each for each in refused["checks"] if each["severity"] == "error"]
    assert (wrong["code"], wrong["message"]) == (
        "DWL180",
        "Finance and operations has no legal entity nowhere.",
    )
    created = program.cli("link", "create", "aaaa", "bbbb")
    assert created["legal_entities"] == ["aaaa", "bbbb"]
    program.cli("maps", "run", COMPANIES, GROUPS)
    added = program.cli("link", "legal-entities", "add", "--all")
    assert added["added"] == ["cccc"]
    assert added["initial_sync"]["state"] == "completed"
    assert groups(program.folder) == 3
    assert program.cli("link", "legal-entities", "remove", "bbbb") == {"removed": ["bbbb"]}
    shown = program.cli("link", "show")
    assert (shown["legal_entities"], shown["state"]) == (["aaaa", "cccc"], "linked")
    assert program.cli("link", "owning-team", "set", "root")["team"]["name"] == "root"
    assert program.cli("link", "check")["sound"]
    running = program.cli("link", "reset", code=1)
    assert "not stopped. Stop first: dualwrite maps stop --all" in running["error"]["message"]
    assert program.cli("link", "reset", "--force")["found"]["maps"] == [COMPANIES, GROUPS]
    assert program.cli("link", "unlink")["unlinked"]
    ready = program.cli("up", "--once", "--admin-port", "0", "--finops-port", "0", "--dataverse-port", "0")
    assert ready["companies"] == []
    assert program.cli("link", "show")["former"][0]["unlinked_by"] == "local administrator"
