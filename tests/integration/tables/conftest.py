"""A whole house in this process, its Dataverse environment behind HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dualwrite.composition.house import House, open_house
from dualwrite.database.server import Server, drop_database
from dualwrite.environments.hosted.dataverse_seed import ADMINISTRATOR_ID
from dualwrite.environments.port import Caller
from dualwrite.errors import NotAuthenticated
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId
from dualwrite.servers.dataverse.app import build_app as build_dataverse
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.finops.service import build_app as build_finops
from dualwrite.servers.finops.settings import FinopsServiceSettings
from dualwrite.settings import Settings

DATABASES = ("dualwrite_store", "dualwrite_finops", "dualwrite_dataverse")


async def authenticate(authorization: str | None) -> Caller:
    """``Bearer <role>`` is a user of usmf with that role."""
    role = (authorization or "").removeprefix("Bearer ").replace("-", " ")
    if not role:
        raise NotAuthenticated("A bearer token is needed.")
    return Caller("tests", company=LegalEntityId("usmf"), user_id=ADMINISTRATOR_ID, roles=frozenset({role}))


@pytest.fixture(scope="module")
def settings(server: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    """Settings of a data folder whose databases are on the tests' own server."""
    parts = conninfo_to_dict(server.conninfo("postgres"))
    login = f"{parts.get('user', 'postgres')}{':' + str(parts['password']) if parts.get('password') else ''}"
    port = f"&port={parts['port']}" if parts.get("port") else ""
    folder: Path = tmp_path_factory.mktemp("house")
    yield Settings(
        data_folder=folder, database_url=f"postgresql://{login}@/postgres?host={parts.get('host', '')}{port}"
    )
    for name in DATABASES:
        drop_database(server, name)


@pytest.fixture(scope="module")
async def house(settings: Settings) -> AsyncIterator[House]:
    """The house that serves."""
    async with open_house(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
async def beside(settings: Settings, house: House) -> AsyncIterator[House]:
    """Another process over the same databases, such as a command."""
    async with open_house(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
async def dataverse(house: House) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Clients of the Web API of ``house``, by role."""
    app = build_dataverse(
        house.dataverse, authenticate, DataverseSettings(), design=house.tables.design(Side.DATAVERSE)
    )
    clients: list[httpx.AsyncClient] = []

    def connect(role: str = "system-administrator") -> httpx.AsyncClient:
        clients.append(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://dataverse.test/api/data/v9.2/",
                headers={"Authorization": f"Bearer {role}"},
            )
        )
        return clients[-1]

    yield connect
    for client in clients:
        await client.aclose()


@pytest.fixture(scope="module")
async def web(dataverse: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    """An administrator at the Web API."""
    return dataverse()


@pytest.fixture(scope="module")
async def odata(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator at finance and operations."""
    app = build_finops(house.finops, authenticate, FinopsServiceSettings(b"tables"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://finops.test/data/",
        headers={"Authorization": "Bearer system-administrator"},
    ) as client:
        yield client


@pytest.fixture
def query(server: Server) -> Callable[..., list[tuple[object, ...]]]:
    """Asks the database of an environment itself."""

    def ask(database: str, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(server.conninfo(database)) as connection:
            return connection.execute(statement).fetchall()  # type: ignore[arg-type]

    return ask
