"""The Web API over each environment that can stand behind it, called in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import httpx
import pytest
from dataverse_rows import Made

from dualwrite.catalog import load_schema
from dualwrite.environments.port import Caller, Environment
from dualwrite.metadata.schema import Side
from dualwrite.servers.dataverse.app import App, build_app
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.odata.authentication import NotAuthenticated
from fakes.environment import FakeEnvironment

USER_ID = UUID("5f0c9a2e-3b51-4b0c-9d5c-0c1d3f5b7a10")
ROOT = "http://dataverse.example:8002/api/data/v9.2/"


async def authenticate(authorization: str | None) -> Caller:
    if authorization != "Bearer good":
        raise NotAuthenticated
    return Caller("tests", user_id=USER_ID)


@pytest.fixture
def environment() -> Environment:
    return FakeEnvironment(load_schema(Side.DATAVERSE))


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
        clients.append(httpx.AsyncClient(transport=transport, base_url=ROOT, headers=headers))
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
