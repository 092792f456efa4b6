"""A security department in memory: fakes of the store's repositories and a clock that only moves when told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from dualwrite.security.audiences import Audience, Audiences
from dualwrite.security.clients import Clients
from dualwrite.security.keys import KeyRing
from dualwrite.security.passwords import Passwords
from dualwrite.security.secrets_file import SecretsFile
from dualwrite.security.tokens import Tokens
from dualwrite.store.clients import ClientRecord
from dualwrite.store.signing_keys import SigningKeyRecord

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class FakeClientRepository:
    def __init__(self) -> None:
        self.rows: dict[UUID, ClientRecord] = {}
        self.reads = 0

    async def save(self, client_id: UUID, **values: Any) -> ClientRecord:
        self.rows[client_id] = ClientRecord(client_id=client_id, enabled=True, created_at=START, **values)
        return self.rows[client_id]

    async def get(self, client_id: UUID) -> ClientRecord | None:
        self.reads += 1
        return self.rows.get(client_id)

    async def by_name(self, name: str) -> ClientRecord | None:
        return next((row for row in self.rows.values() if row.name == name), None)

    async def remove(self, client_id: UUID) -> bool:
        return self.rows.pop(client_id, None) is not None

    def disable(self, client_id: UUID) -> None:
        self.rows[client_id] = replace(self.rows[client_id], enabled=False)


class FakeSigningKeyRepository:
    def __init__(self) -> None:
        self.rows: list[SigningKeyRecord] = []

    async def list(self) -> tuple[SigningKeyRecord, ...]:
        return tuple(self.rows)

    async def add_first(self, kid: str, *, private_material: bytes) -> None:
        if not any(row.retired_at is None for row in self.rows):
            self.rows.insert(0, SigningKeyRecord(kid, private_material, START, None))


@dataclass
class Department:
    clock: FakeClock
    rows: FakeClientRepository
    stored_keys: FakeSigningKeyRepository
    secrets_file: SecretsFile
    keys: KeyRing
    clients: Clients
    tokens: Tokens
    finops: Audience
    dataverse: Audience

    @property
    def audiences(self) -> Audiences:
        return Audiences([self.finops, self.dataverse])


@pytest.fixture
def department(tmp_path: Path) -> Department:
    clock, rows, stored_keys = FakeClock(), FakeClientRepository(), FakeSigningKeyRepository()
    secrets_file = SecretsFile.open(tmp_path)
    keys = KeyRing(stored_keys, secrets_file)  # type: ignore[arg-type]
    return Department(
        clock=clock,
        rows=rows,
        stored_keys=stored_keys,
        secrets_file=secrets_file,
        keys=keys,
        clients=Clients(rows, Passwords()),  # type: ignore[arg-type]
        tokens=Tokens(keys, clock=clock, issuer="http://127.0.0.1:8000"),
        finops=Audience.of("http://127.0.0.1:8001", environment="finops"),  # type: ignore[arg-type]
        dataverse=Audience.of("http://127.0.0.1:8002", environment="dataverse"),  # type: ignore[arg-type]
    )
