"""Imports into linked environments, kept in a store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dualwrite.store.database import Store
from file_imports import Imports
from linked_pair import LinkedPair


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    store = await Store.connect(database)
    yield store
    await store.close()


@pytest.fixture
def imports(linked: LinkedPair, store: Store, tmp_path: Path) -> Imports:
    return Imports(linked, store, tmp_path)
