"""Secrets on disk: readable by their owner only, found again, and refused clearly when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dualwrite.errors import NotAuthenticated, SettingsRefused
from dualwrite.security.local_administrator import (
    CLIENT_FILE,
    ensure_local_administrator,
    read_local_administrator,
)
from dualwrite.security.secrets_file import KEY_FILE, SecretsFile


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_second_start_reads_what_the_first_encrypted(tmp_path: Path) -> None:
    encrypted = SecretsFile.open(tmp_path / "data").encrypt(b"s3cret")
    assert b"s3cret" not in encrypted
    assert SecretsFile.open(tmp_path / "data").decrypt(encrypted) == b"s3cret"
    assert _mode(tmp_path / "data" / KEY_FILE) == 0o600


def test_a_key_that_others_may_read_is_refused_with_the_way_out(tmp_path: Path) -> None:
    SecretsFile.open(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(SettingsRefused, match=f"chmod 600 .*{KEY_FILE}"):
        SecretsFile.open(tmp_path)


def test_another_folders_key_does_not_decrypt(tmp_path: Path) -> None:
    encrypted = SecretsFile.open(tmp_path / "a").encrypt(b"x")
    with pytest.raises(SettingsRefused, match="Restore the key file"):
        SecretsFile.open(tmp_path / "b").decrypt(encrypted)


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).touch(mode=0o600)
    with pytest.raises(SettingsRefused, match="does not hold a key"):
        SecretsFile.open(tmp_path)


async def test_the_local_administrator_is_made_once(department, tmp_path: Path) -> None:
    first = await ensure_local_administrator(department.clients, tmp_path, default_company="usmf")
    again = await ensure_local_administrator(department.clients, tmp_path)
    assert first == again == read_local_administrator(tmp_path)
    assert len(department.rows.rows) == 1
    assert _mode(tmp_path / CLIENT_FILE) == 0o600
    assert first.secret not in repr(first)
    stored = department.rows.rows[first.client_id]
    assert first.secret not in stored.secret_hash
    assert stored.roles == {"system administrator"} and stored.default_company == "usmf"


async def test_a_lost_file_makes_the_old_credentials_worthless(department, tmp_path: Path) -> None:
    lost = await ensure_local_administrator(department.clients, tmp_path)
    (tmp_path / CLIENT_FILE).unlink()
    fresh = await ensure_local_administrator(department.clients, tmp_path)
    assert list(department.rows.rows) == [fresh.client_id]
    with pytest.raises(NotAuthenticated):
        await department.clients.check(tenant=str(lost.tenant), client_id=str(lost.client_id), secret=lost.secret)


async def test_a_new_database_learns_the_credentials_in_the_file(department, tmp_path: Path) -> None:
    kept = await ensure_local_administrator(department.clients, tmp_path)
    department.rows.rows.clear()
    assert await ensure_local_administrator(department.clients, tmp_path) == kept
    await department.clients.check(tenant=str(kept.tenant), client_id=str(kept.client_id), secret=kept.secret)


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"tenant": "x"}), '"text"'])
def test_a_damaged_client_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / CLIENT_FILE).touch(mode=0o600)
    (tmp_path / CLIENT_FILE).write_text(content)
    with pytest.raises(SettingsRefused, match="Remove it"):
        read_local_administrator(tmp_path)


def test_before_the_first_start_there_are_no_credentials(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="dualwrite up"):
        read_local_administrator(tmp_path)
