"""The Web API over each environment that can stand behind it, called in this process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import LiteralString

import httpx
import psycopg
import pytest
from dataverse_rows import Made

from databases import create_environment
from dualwrite.catalog import load_schema
from dualwrite.database.server import Server, drop_database, ensure_database
from dualwrite.environments.hosted.dataverse_rules import dataverse_rules
from dualwrite.environments.hosted.dataverse_seed import ADMINISTRATOR_ID, seed_dataverse
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Caller, Environment, EnvironmentName
from dualwrite.metadata.schema import Side
from dualwrite.servers.dataverse.app import App, build_app
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.odata.authentication import NotAuthenticated
from fakes.environment import FakeEnvironment

ROOT = "http://dataverse.example:8002/api/data/v9.2/"


_EMPTYING: tuple[LiteralString, ...] = (
    "UPDATE data.account SET primarycontactid = NULL, parentaccountid = NULL",
    "DELETE FROM data.contact",
    "DELETE FROM data.account",
    "DELETE FROM data.cdm_company",
)
"""Truncating would follow every lookup through the schema, and takes a hundred times as long."""


async def authenticate(authorization: str | None) -> Caller:
    if authorization != "Bearer good":
        raise NotAuthenticated("A bearer token is needed.")
    return Caller("tests", user_id=ADMINISTRATOR_ID)


@pytest.fixture(scope="session")
def hosted_database(server: Server) -> Iterator[str]:
    """Connection string of a database with every table, shared by the tests of this folder."""
    name = f"test_{os.getpid()}_dataverse_contract"
    ensure_database(server, name)
    conninfo = server.conninfo(name)
    create_environment(conninfo, load_schema(Side.DATAVERSE))
    seed_dataverse(conninfo)
    yield conninfo
    drop_database(server, name)


@pytest.fixture(scope="session")
async def hosted(hosted_database: str) -> AsyncIterator[HostedEnvironment]:
    environment = HostedEnvironment(EnvironmentName("crm"), Side.DATAVERSE, hosted_database, rules=dataverse_rules())
    await environment.open()
    yield environment
    await environment.close()


@pytest.fixture(params=["fake", "hosted"])
def environment(request: pytest.FixtureRequest) -> Environment:
    """Each environment without accounts, contacts and companies."""
    if request.param == "fake":
        return FakeEnvironment(load_schema(Side.DATAVERSE))
    with psycopg.connect(request.getfixturevalue("hosted_database")) as connection:
        for statement in _EMPTYING:
            connection.execute(statement)
    hosted: HostedEnvironment = request.getfixturevalue("hosted")
    return hosted


@pytest.fixture
def app(environment: Environment) -> App:
    return build_app(environment, authenticate, DataverseSettings())


@pytest.fixture
async def connect(environment: Environment) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Makes clients of the service; settings by keyword."""
    clients: list[httpx.AsyncClient] = []

    def connected(*, token: str | None = "good", **settings: int) -> httpx.AsyncClient:
        app = build_app(environment, authenticate, DataverseSettings(**settings))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(app=app)
        clients.append(httpx.AsyncClient(transport=transport, base_url=ROOT, headers=headers, trust_env=False))
        return clients[-1]

    yield connected
    for client in clients:
        await client.aclose()


@pytest.fixture
def client(connect: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    return connect()


@pytest.fixture
def made(client: httpx.AsyncClient) -> Made:
    return Made(client)
