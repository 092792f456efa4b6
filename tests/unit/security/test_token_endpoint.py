"""The token endpoint as a client meets it: RFC 6749's requests and refusals in Microsoft's shape."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from urllib.parse import quote_plus

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwk, jwt

from dualwrite.security.authenticator import TokenAuthenticator
from dualwrite.security.credentials import Credentials
from dualwrite.security.roles import Role
from dualwrite.servers.identity import build_identity_router

BASE = "http://127.0.0.1:8000"


@pytest.fixture
async def client(department) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(
        build_identity_router(
            clients=department.clients,
            tokens=department.tokens,
            keys=department.keys,
            audiences=department.audiences,
            base_url=BASE,
            clock=department.clock,
        )
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE) as http:
        yield http


@pytest.fixture
async def credentials(department) -> Credentials:
    return await department.clients.register("sales app", roles=frozenset({Role.READER}))


def _form(credentials: Credentials, **changes: str | None) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials",
        "client_id": str(credentials.client_id),
        "client_secret": credentials.secret,
        "scope": "http://localhost:8002/.default",
        **changes,
    }
    return {name: value for name, value in form.items() if value is not None}


def _url(credentials: Credentials) -> str:
    return f"/{credentials.tenant}/oauth2/v2.0/token"


async def test_a_token_opens_the_environment_it_was_asked_for(client, department, credentials) -> None:
    answer = await client.post(_url(credentials), data=_form(credentials))
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["ext_expires_in"]) == ("Bearer", 3600, 3600)
    door = TokenAuthenticator(department.tokens, department.clients, department.dataverse, clock=department.clock)
    assert (await door(f"Bearer {body['access_token']}")).name == "sales app"


async def test_the_first_version_takes_a_resource(client, credentials) -> None:
    form = _form(credentials, scope=None, resource="http://127.0.0.1:8001/")
    answer = await client.post(f"/{credentials.tenant}/oauth2/token", data=form)
    body = answer.json()
    assert (answer.status_code, body["expires_in"], body["resource"]) == (200, "3600", "http://127.0.0.1:8001")


async def test_credentials_may_come_in_the_header(client, credentials) -> None:
    pair = f"{credentials.client_id}:{quote_plus(credentials.secret)}"
    headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    form = _form(credentials, client_id=None, client_secret=None)
    assert (await client.post(_url(credentials), data=form, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, 401, "invalid_client"),
        ({"client_id": "no uuid"}, 401, "invalid_client"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": None}, 400, "invalid_request"),
        ({"scope": "http://localhost:8002"}, 400, "invalid_scope"),
        ({"scope": "http://localhost:9/.default"}, 400, "invalid_scope"),
        ({"scope": "openid http://localhost:8002/.default"}, 400, "invalid_scope"),
    ],
)
async def test_refusals_say_what_is_wrong(client, credentials, changes, status, error) -> None:
    answer = await client.post(_url(credentials), data=_form(credentials, **changes))
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, error)
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert credentials.secret not in answer.text


async def test_another_tenant_is_refused_like_a_wrong_secret(client, credentials) -> None:
    for tenant in ("common", "00000000-0000-0000-0000-000000000000"):
        answer = await client.post(f"/{tenant}/oauth2/v2.0/token", data=_form(credentials))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_restricted_client_gets_no_token_for_elsewhere(client, department) -> None:
    restricted = await department.clients.register("erp app", roles=frozenset(), environment="finops")
    answer = await client.post(_url(restricted), data=_form(restricted))
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{}", "application/json"),
        (b"grant_type=a&grant_type=b", "application/x-www-form-urlencoded"),
        (b"a=%FF", "application/x-www-form-urlencoded"),
        (b"\xff", "application/x-www-form-urlencoded"),
        (b"x=1&" * 1000, "application/x-www-form-urlencoded"),
        (b"x=" + b"y" * 20_000, "application/x-www-form-urlencoded"),
        (b"", ""),
    ],
)
async def test_malformed_requests_are_refused(client, credentials, content, content_type) -> None:
    answer = await client.post(_url(credentials), content=content, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("header", ["Basic", "Basic %%", "Bearer x", "Basic " + base64.b64encode(b"\xff").decode()])
async def test_malformed_headers_are_refused(client, credentials, header) -> None:
    form = _form(credentials, client_id=None, client_secret=None)
    answer = await client.post(_url(credentials), data=form, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_others_can_verify_a_token_with_the_published_keys(client, credentials) -> None:
    token = (await client.post(_url(credentials), data=_form(credentials))).json()["access_token"]
    known = (await client.get(f"/{credentials.tenant}/v2.0/.well-known/openid-configuration")).json()
    published = (await client.get(known["jwks_uri"])).json()
    assert all("d" not in key for key in published["keys"])
    decoded = jwt.decode(token, jwk.KeySet.import_key_set(published), algorithms=["RS256"])
    assert decoded.claims["iss"] == known["issuer"]
    assert decoded.claims["aud"] == "http://127.0.0.1:8002"
