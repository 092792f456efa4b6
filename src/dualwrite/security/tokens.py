"""Access tokens: signed statements that a client may call one audience for a while."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from joserfc import jws, jwt
from joserfc.errors import JoseError

from dualwrite.errors import NotAuthenticated
from dualwrite.security.audiences import Audience
from dualwrite.security.clock import Clock
from dualwrite.security.keys import ALGORITHM, KeyRing
from dualwrite.store.clients import ClientRecord

LIFETIME = timedelta(seconds=3600)
_LEEWAY = timedelta(seconds=60)
"""How far the clocks of two machines may differ before a fresh token counts as not valid yet."""
_LONGEST_CHARACTERS = 8_192


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says."""

    client_id: UUID
    audience: str
    issued_at: datetime
    expires_at: datetime


class Tokens:
    """Issues and verifies access tokens. ``issuer`` is the base URL of the token endpoint."""

    def __init__(self, keys: KeyRing, *, clock: Clock, issuer: str, lifetime: timedelta = LIFETIME) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer.rstrip("/")
        self.lifetime = lifetime

    async def issue(self, client: ClientRecord, audience: Audience) -> str:
        """A token with which ``client`` may call ``audience`` until ``lifetime`` is over."""
        now = self._clock()
        kid, key = await self._keys.signing()
        claims = {
            "aud": audience.url,
            "iss": f"{self._issuer}/{client.tenant}/v2.0",
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
            "appid": str(client.client_id),
            "azp": str(client.client_id),
            "oid": str(client.user_id),
            "sub": str(client.client_id),
            "tid": str(client.tenant),
            "roles": sorted(client.roles),
            "uti": secrets.token_urlsafe(16),
            "ver": "2.0",
        }
        return jwt.encode({"alg": ALGORITHM, "kid": kid}, claims, key)

    async def verify(self, token: str, audience: Audience) -> Claims:
        """What ``token`` says, if it is ours, for ``audience``, and in force.

        Raises: NotAuthenticated, which says what is wrong with the token.
        """
        claims = await self._signed(token)
        if not audience.answers_to(claims.audience):
            raise NotAuthenticated(
                f"The access token is for {claims.audience}, not for {audience.url}.", audience=audience.url
            )
        now = self._clock()
        if now >= claims.expires_at:
            raise NotAuthenticated(f"The access token expired at {claims.expires_at.isoformat()}. Get a new one.")
        if now + _LEEWAY < claims.issued_at:
            raise NotAuthenticated("The access token is not valid yet; compare the clocks.")
        return claims

    async def _signed(self, token: str) -> Claims:
        if len(token) > _LONGEST_CHARACTERS:
            raise NotAuthenticated("The access token is too long.")
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid")
            key = await self._keys.verifying(kid) if isinstance(kid, str) else None
            if key is None:
                raise NotAuthenticated("The access token was signed by somebody else. Get one with: dualwrite token")
            claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
            return Claims(
                client_id=UUID(claims["appid"]),
                audience=str(claims["aud"]),
                issued_at=datetime.fromtimestamp(claims["nbf"], UTC),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise NotAuthenticated("The access token cannot be read. Get one with: dualwrite token") from error
