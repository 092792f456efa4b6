"""A request is who its token says, for the environment the token is for, while client and token hold."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from dualwrite.errors import NotAuthenticated
from dualwrite.security.audiences import Audience
from dualwrite.security.authenticator import TokenAuthenticator
from dualwrite.security.keys import KeyRing
from dualwrite.security.roles import Role
from dualwrite.security.secrets_file import SecretsFile
from dualwrite.security.tokens import Tokens


async def _header(department, *, audience: Audience, environment: str | None = None) -> str:
    credentials = await department.clients.register(
        "sales app", roles=frozenset({Role.READER}), environment=environment, default_company="usmf"
    )
    client = await department.clients.get(credentials.client_id)
    return "Bearer " + await department.tokens.issue(client, audience)


def _door(department, audience: Audience) -> TokenAuthenticator:
    return TokenAuthenticator(department.tokens, department.clients, audience, clock=department.clock)


async def test_the_caller_is_the_registered_client(department) -> None:
    caller = await _door(department, department.finops)(await _header(department, audience=department.finops))
    assert (caller.name, caller.company, caller.roles) == ("sales app", "usmf", {"reader"})
    assert caller.user_id is not None


async def test_a_known_token_asks_the_store_once_a_minute(department) -> None:
    header = await _header(department, audience=department.finops)
    door = _door(department, department.finops)
    before = department.rows.reads
    for _ in range(50):
        await door(header)
    assert department.rows.reads == before + 1
    department.clock.pass_by(seconds=61)
    await door(header)
    assert department.rows.reads == before + 2


async def test_a_token_ends_with_its_hour(department) -> None:
    header = await _header(department, audience=department.finops)
    door = _door(department, department.finops)
    department.clock.pass_by(seconds=3599)
    await door(header)
    department.clock.pass_by(seconds=1)
    with pytest.raises(NotAuthenticated, match="expired"):
        await door(header)


async def test_a_token_for_one_environment_does_not_open_the_other(department) -> None:
    header = await _header(department, audience=department.finops)
    with pytest.raises(NotAuthenticated, match=r"not for http://127\.0\.0\.1:8002"):
        await _door(department, department.dataverse)(header)


async def test_a_client_of_one_environment_stays_there(department) -> None:
    header = await _header(department, audience=department.dataverse, environment="finops")
    with pytest.raises(NotAuthenticated, match="may not use"):
        await _door(department, department.dataverse)(header)


@pytest.mark.parametrize("how", ["remove", "disable"])
async def test_a_client_that_is_gone_is_out_within_a_minute(department, how: str) -> None:
    header = await _header(department, audience=department.finops)
    door = _door(department, department.finops)
    await door(header)
    for client_id in list(department.rows.rows):
        if how == "remove":
            await department.clients.remove(client_id)
        else:
            department.rows.disable(client_id)
    department.clock.pass_by(seconds=61)
    with pytest.raises(NotAuthenticated):
        await door(header)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer é.é.é",
        "Bearer " + "x" * 9000,
        "Bearer " + base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=") + ".e30.",
    ],
)
async def test_anything_else_is_refused(department, header: str | None) -> None:
    with pytest.raises(NotAuthenticated):
        await _door(department, department.finops)(header)


async def test_a_changed_token_is_refused(department) -> None:
    header = await _header(department, audience=department.finops)
    head, payload, signature = header.removeprefix("Bearer ").split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["exp"] += 3600
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    with pytest.raises(NotAuthenticated, match="cannot be read"):
        await _door(department, department.finops)(f"Bearer {head}.{forged}.{signature}")


async def test_another_installations_token_is_refused(department, tmp_path: Path) -> None:
    stranger = KeyRing(type(department.stored_keys)(), SecretsFile.open(tmp_path / "other"))
    credentials = await department.clients.register("sales app", roles=frozenset())
    client = await department.clients.get(credentials.client_id)
    token = await Tokens(stranger, clock=department.clock, issuer="http://x").issue(client, department.finops)
    with pytest.raises(NotAuthenticated, match="somebody else"):
        await _door(department, department.finops)(f"Bearer {token}")


async def test_a_restarted_process_accepts_the_tokens_of_the_last_one(department) -> None:
    header = await _header(department, audience=department.finops)
    restarted = Tokens(
        KeyRing(department.stored_keys, department.secrets_file), clock=department.clock, issuer="http://x"
    )
    door = TokenAuthenticator(restarted, department.clients, department.finops, clock=department.clock)
    assert (await door(header)).name == "sales app"
    assert b"PRIVATE" not in department.stored_keys.rows[0].private_material


async def test_memory_stays_bounded(department) -> None:
    credentials = await department.clients.register("sales app", roles=frozenset())
    client = await department.clients.get(credentials.client_id)
    door = _door(department, department.finops)
    for _ in range(1100):
        await door("Bearer " + await department.tokens.issue(client, department.finops))
    assert len(door._known) == 1024
