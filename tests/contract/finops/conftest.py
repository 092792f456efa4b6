"""The finance and operations service over both environments: the one in memory and the hosted one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.applications import Starlette

from databases import create_environment
from dualwrite.catalog import load_schema
from dualwrite.database.server import Server
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Caller, Environment, EnvironmentName
from dualwrite.errors import NotAuthenticated
from dualwrite.metadata.schema import EnvironmentSchema, Side
from dualwrite.metadata.values import LegalEntityId
from dualwrite.servers.finops.service import build_app
from dualwrite.servers.finops.settings import FinopsServiceSettings
from fakes.environment import FakeEnvironment

ORIGIN = "http://finops.test:8001"
USED = (
    "CustCustomerGroupEntity",
    "CustCustomerV3Entity",
    "CurrencyEntity",
    "DirNameAffixEntity",
    "UnitOfMeasureConversionEntity",
)


@pytest.fixture(scope="session")
def schema() -> EnvironmentSchema:
    """A few tables of the catalog: company-specific and global, with an enum in a key, with dates and decimals."""
    catalog = load_schema(Side.FINOPS)
    dated = [table for table in catalog if {"InvoiceDate"} & set(table.key)]
    return EnvironmentSchema(Side.FINOPS, (*(t for t in catalog if t.name in USED), *dated))


@pytest.fixture(params=["memory", "hosted"])
async def environment(
    request: pytest.FixtureRequest, schema: EnvironmentSchema
) -> AsyncIterator[Environment | FakeEnvironment]:
    if request.param == "memory":
        yield FakeEnvironment(schema)
        return
    server: Server = request.getfixturevalue("server")
    new_database: Callable[[str], str] = request.getfixturevalue("new_database")
    conninfo = server.conninfo(new_database("finops"))
    create_environment(conninfo, schema)
    hosted = HostedEnvironment(EnvironmentName("finops"), Side.FINOPS, conninfo)
    await hosted.open()
    yield hosted
    await hosted.close()


async def authenticate(authorization: str | None) -> Caller:
    """``Bearer usmf`` is a user whose default company is usmf."""
    scheme, _, company = (authorization or "").partition(" ")
    if scheme != "Bearer" or not company:
        raise NotAuthenticated("A bearer token is needed.")
    return Caller("tester", company=LegalEntityId(company))


@pytest.fixture(scope="session")
def serve() -> Callable[[Environment], Starlette]:
    """Builds the service over an environment, with small limits."""
    settings = FinopsServiceSettings(b"contract", page_rows=4, body_bytes=200_000)
    return lambda environment: build_app(environment, authenticate, settings)


@pytest.fixture
def app(environment: Environment, serve: Callable[[Environment], Starlette]) -> Starlette:
    return serve(environment)


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Talks to the service as a user of usmf."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url=ORIGIN, headers={"Authorization": "Bearer usmf"}
    ) as client:
        yield client
