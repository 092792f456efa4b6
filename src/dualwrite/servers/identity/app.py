"""The routes of the token endpoint.

They are the only ones that answer without a token, because they are where tokens come from.
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from dualwrite.errors import NotAuthenticated
from dualwrite.security.audiences import Audience, Audiences
from dualwrite.security.clients import Clients
from dualwrite.security.clock import Clock, system_clock
from dualwrite.security.keys import ALGORITHM, KeyRing
from dualwrite.security.tokens import Tokens
from dualwrite.servers.identity.grant import Grant, GrantRefused, Version, read_grant
from dualwrite.store.clients import ClientRecord

_LARGEST_BODY_BYTES = 16_384
_NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenEndpoint:
    """Answers token requests for ``clients`` and ``audiences``; ``base_url`` is where it is reached."""

    def __init__(self, *, clients: Clients, tokens: Tokens, audiences: Audiences, base_url: str, clock: Clock) -> None:
        self._clients = clients
        self._tokens = tokens
        self._audiences = audiences
        self._base_url = base_url
        self._clock = clock

    async def answer(self, request: Request, *, tenant: str, version: Version) -> JSONResponse:
        """A token, or the reason why there is none."""
        try:
            grant = read_grant(
                await _body(request),
                content_type=request.headers.get("content-type", ""),
                authorization=request.headers.get("authorization"),
                version=version,
            )
            client, audience = await self._checked(grant, tenant=tenant)
        except GrantRefused as refused:
            return _refusal(refused, at=self._clock(), base_url=self._base_url)
        token = await self._tokens.issue(client, audience)
        return JSONResponse(self._granted(token, audience, version=version), headers=_NEVER_STORED)

    async def _checked(self, grant: Grant, *, tenant: str) -> tuple[ClientRecord, Audience]:
        """The client and the audience of a grant that may be given. Raises: GrantRefused."""
        try:
            client = await self._clients.check(tenant=tenant, client_id=grant.client_id, secret=grant.secret)
        except NotAuthenticated as error:
            raise GrantRefused("invalid_client", 7000215, error.message) from error
        audience = self._audiences.find(grant.audience)
        if audience is None:
            raise GrantRefused("invalid_scope", 500011, f"There is no environment at '{grant.audience}'.")
        if client.environment not in (None, audience.environment):
            raise GrantRefused("unauthorized_client", 700016, f"The client {client.name} may not use {audience.url}.")
        return client, audience

    def _granted(self, token: str, audience: Audience, *, version: Version) -> dict[str, object]:
        seconds = int(self._tokens.lifetime.total_seconds())
        if version is Version.V2:
            return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
        now = int(self._clock().timestamp())
        return {
            "token_type": "Bearer",
            "expires_in": str(seconds),
            "ext_expires_in": str(seconds),
            "expires_on": str(now + seconds),
            "not_before": str(now),
            "resource": audience.url,
            "access_token": token,
        }


def build_identity_router(
    *,
    clients: Clients,
    tokens: Tokens,
    keys: KeyRing,
    audiences: Audiences,
    base_url: str,
    clock: Clock = system_clock,
) -> APIRouter:
    """The routes of the token endpoint; ``base_url`` is where the app that includes them is reached."""
    router = APIRouter(tags=["identity"])
    base_url = base_url.rstrip("/")
    endpoint = TokenEndpoint(clients=clients, tokens=tokens, audiences=audiences, base_url=base_url, clock=clock)

    @router.post("/{tenant}/oauth2/v2.0/token")
    async def token_v2(request: Request, tenant: str) -> JSONResponse:
        """A token for the environment that ``scope`` names."""
        return await endpoint.answer(request, tenant=tenant, version=Version.V2)

    @router.post("/{tenant}/oauth2/token")
    async def token_v1(request: Request, tenant: str) -> JSONResponse:
        """A token for the environment that ``resource`` names."""
        return await endpoint.answer(request, tenant=tenant, version=Version.V1)

    @router.get("/{tenant}/v2.0/.well-known/openid-configuration")
    async def configuration(tenant: str) -> JSONResponse:
        """Where tokens come from and how they are verified."""
        return JSONResponse(
            {
                "issuer": f"{base_url}/{tenant}/v2.0",
                "token_endpoint": f"{base_url}/{tenant}/oauth2/v2.0/token",
                "jwks_uri": f"{base_url}/{tenant}/discovery/v2.0/keys",
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "response_types_supported": ["token"],
                "subject_types_supported": ["pairwise"],
            }
        )

    @router.get("/{tenant}/discovery/v2.0/keys")
    async def public_keys(tenant: str) -> JSONResponse:
        """The public keys that tokens are verified with."""
        return JSONResponse({"keys": await keys.public()})

    return router


async def _body(request: Request) -> bytes:
    """The request's body. Raises: GrantRefused when it is larger than any token request."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY_BYTES:
            raise GrantRefused("invalid_request", 90014, "The request is too large.")
    return bytes(body)


def _refusal(refused: GrantRefused, *, at: datetime, base_url: str) -> JSONResponse:
    headers = dict(_NEVER_STORED)
    if refused.status == 401:
        headers["WWW-Authenticate"] = f'Basic realm="{base_url}"'
    return JSONResponse(
        {
            "error": refused.error,
            "error_description": f"AADSTS{refused.number}: {refused.description}",
            "error_codes": [refused.number],
            "timestamp": f"{at:%Y-%m-%d %H:%M:%SZ}",
            "trace_id": str(uuid4()),
            "correlation_id": str(uuid4()),
        },
        status_code=refused.status,
        headers=headers,
    )
