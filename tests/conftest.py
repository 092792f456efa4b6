"""Fixtures every suite shares: one real PostgreSQL, a fresh database for whoever asks, environments over them."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from databases import Cloning, Databases, create_environment
from dualwrite.catalog import load_schema
from dualwrite.database.server import EmbeddedServer, ExternalServer, Server, drop_database, ensure_database
from dualwrite.environments.hosted.dataverse_seed import seed_dataverse
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Command, Create
from dualwrite.metadata.schema import Side
from linked_pair import CALLER, LINKED, LinkedPair, hosted_dataverse, hosted_finops, open_linked

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The embedded PostgreSQL in a temporary folder, or the one named by DUALWRITE_TEST_DATABASE_URL."""
    url = os.environ.get("DUALWRITE_TEST_DATABASE_URL")
    # Not under pytest's own folder: the next run that starts takes away the rights that the server needs on it.
    folder = Path(tempfile.mkdtemp(prefix="dualwrite-tests-"))
    server: Server = ExternalServer(url) if url else EmbeddedServer(folder / "data")
    if not url:
        # Processes are killed in these tests, the computer is not.
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(server: Server) -> str:
    """Connection string of the server's maintenance database."""
    return server.conninfo("postgres")


@pytest.fixture
def new_database(server: Server) -> Iterator[Callable[[str], str]]:
    """Creates databases that go away with the test; gives their names."""
    created: list[str] = []

    def create(purpose: str) -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}_{purpose}"
        ensure_database(server, name)
        created.append(name)
        return name

    yield create
    for name in created:
        drop_database(server, name)


@pytest.fixture
def database(server: Server, new_database: Callable[[str], str]) -> str:
    """Connection string of a fresh, empty database."""
    return server.conninfo(new_database("scratch"))


# --- environments ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def cloning(server: Server) -> Iterator[Cloning]:
    cloning = Cloning(server)
    yield cloning
    cloning.drop_all()


@pytest.fixture(scope="session")
def templates(server: Server, cloning: Cloning) -> Databases:
    """Names (not connection strings) of databases with every table of the catalog and nothing a user has written."""
    finops, dataverse = cloning.create("finops"), cloning.create("dataverse")
    create_environment(server.conninfo(finops), load_schema(Side.FINOPS))
    create_environment(server.conninfo(dataverse), load_schema(Side.DATAVERSE))
    seed_dataverse(server.conninfo(dataverse))
    return Databases(finops, dataverse)


@pytest.fixture
def clone_database(server: Server, cloning: Cloning) -> Iterator[Callable[[str], str]]:
    """Copies a template for one test; gives the copy's connection string."""
    names: list[str] = []

    def clone(template: str) -> str:
        names.append(cloning.clone(template, "clone"))
        return server.conninfo(names[-1])

    yield clone
    for name in names:
        cloning.drop(name)


@pytest.fixture
def databases(templates: Databases, clone_database: Callable[[str], str]) -> Databases:
    """Fresh databases with every table of the catalog, not linked."""
    return Databases(clone_database(templates.finops), clone_database(templates.dataverse))


@pytest.fixture
async def finops_environment(
    templates: Databases, clone_database: Callable[[str], str]
) -> AsyncIterator[HostedEnvironment]:
    """An empty finance and operations environment that is linked to nothing."""
    environment = hosted_finops(clone_database(templates.finops))
    await environment.open()
    yield environment
    await environment.close()


@pytest.fixture
async def dataverse_environment(
    templates: Databases, clone_database: Callable[[str], str]
) -> AsyncIterator[HostedEnvironment]:
    """A Dataverse environment with its first users and teams that is linked to nothing."""
    environment = hosted_dataverse(clone_database(templates.dataverse))
    await environment.open()
    yield environment
    await environment.close()


def _reference_rows() -> Iterator[Command]:
    """What customers and vendors of three legal entities look up. The third one is not linked."""
    for code in (*LINKED, "usrt"):
        yield Create("OMLegalEntity", {"LegalEntityId": code, "Name": f"Company {code}"})
    for code in ("USD", "EUR"):
        yield Create("CurrencyEntity", {"CurrencyCode": code, "Name": code, "Symbol": code})
    for code in (*LINKED, "usrt"):
        of = {"dataAreaId": code}
        for day in ("FRI", "MON"):
            yield Create("PaymentDayCdsEntity", {**of, "Name": day, "Description": day})
        yield Create("PaymentTermEntity", {**of, "Name": "Net30", "Description": "Net 30", "NumberOfDays": 30})
        for group in ("10", "20"):
            yield Create(
                "CustCustomerGroupEntity", {**of, "CustomerGroupId": group, "Description": f"Group {group} of {code}"}
            )
            yield Create("VendVendorGroupEntity", {**of, "VendorGroupId": group, "Description": f"Group {group}"})


@pytest.fixture(scope="session")
async def linked_templates(server: Server, cloning: Cloning, templates: Databases) -> Databases:
    """Names of databases linked for usmf and demf, with all core maps and the reference data on both sides."""
    finops = cloning.clone(templates.finops, "linked_finops")
    dataverse = cloning.clone(templates.dataverse, "linked_dataverse")
    environments = hosted_finops(server.conninfo(finops)), hosted_dataverse(server.conninfo(dataverse))
    async with open_linked(*environments) as linked:
        await linked.finops.transact(list(_reference_rows()), caller=CALLER)
    return Databases(finops, dataverse)


@pytest.fixture(scope="module")
async def shared_linked(server: Server, cloning: Cloning, linked_templates: Databases) -> AsyncIterator[LinkedPair]:
    """Like ``linked``, one for the tests of a module, which keep out of each other's way by their keys."""
    names = [cloning.clone(each, "shared") for each in (linked_templates.finops, linked_templates.dataverse)]
    environments = hosted_finops(server.conninfo(names[0])), hosted_dataverse(server.conninfo(names[1]))
    async with open_linked(*environments) as pair:
        yield pair
    for name in names:
        cloning.drop(name)


@pytest.fixture
def linked_databases(linked_templates: Databases, clone_database: Callable[[str], str]) -> Databases:
    """Fresh databases of a linked pair: usmf and demf, core maps, groups 10 and 20, Net30, FRI and MON, USD and EUR."""
    return Databases(clone_database(linked_templates.finops), clone_database(linked_templates.dataverse))


@pytest.fixture
async def linked(linked_databases: Databases) -> AsyncIterator[LinkedPair]:
    """Both environments, open, linked for usmf and demf (not usrt), following each other through all core maps."""
    environments = hosted_finops(linked_databases.finops), hosted_dataverse(linked_databases.dataverse)
    async with open_linked(*environments) as pair:
        yield pair
