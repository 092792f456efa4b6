"""Fixtures every suite shares: one real PostgreSQL for the run, a fresh database for whoever asks."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dualwrite.database.server import EmbeddedServer, ExternalServer, Server, drop_database, ensure_database

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded PostgreSQL in a temporary folder, or the one named by DUALWRITE_TEST_DATABASE_URL."""
    url = os.environ.get("DUALWRITE_TEST_DATABASE_URL")
    folder = Path(tmp_path_factory.mktemp("postgres"))
    server: Server = ExternalServer(url) if url else EmbeddedServer(folder / "data")
    yield server
    server.stop()


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
