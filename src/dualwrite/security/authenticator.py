"""Tells who makes a request from its ``Authorization`` header."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from dualwrite.environments.port import Caller
from dualwrite.errors import NotAuthenticated
from dualwrite.security.audiences import Audience
from dualwrite.security.clients import Clients
from dualwrite.security.clock import Clock, system_clock
from dualwrite.security.tokens import Tokens
from dualwrite.store.clients import ClientRecord

_REMEMBERED_TOKENS = 1_024
_RECHECK = timedelta(seconds=60)
"""How long a client that was removed or changed may go on as it was."""


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until: datetime


class TokenAuthenticator:
    """Verifies bearer tokens for one audience.

    A token is verified in full at first sight and again every minute; in between it costs a dictionary look-up.
    """

    def __init__(self, tokens: Tokens, clients: Clients, audience: Audience, *, clock: Clock = system_clock) -> None:
        self._tokens = tokens
        self._clients = clients
        self._audience = audience
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def __call__(self, authorization: str | None) -> Caller:
        """The caller that the header proves. Raises: NotAuthenticated."""
        token = _bearer(authorization)
        now = self._clock()
        known = self._known.get(token)
        if known is not None and now < known.until:
            self._known.move_to_end(token)
            return known.caller
        self._known.pop(token, None)
        claims = await self._tokens.verify(token, self._audience)
        client = await self._clients.get(claims.client_id)
        if client is None or client.environment not in (None, self._audience.environment):
            raise NotAuthenticated(f"The client {claims.client_id} may not use {self._audience.url}.")
        caller = _caller(client)
        self._remember(token, _Known(caller, min(claims.expires_at, now + _RECHECK)))
        return caller

    def _remember(self, token: str, known: _Known) -> None:
        self._known[token] = known
        while len(self._known) > _REMEMBERED_TOKENS:
            self._known.popitem(last=False)


def _bearer(authorization: str | None) -> str:
    if not authorization:
        raise NotAuthenticated("The request has no Authorization header. Get a token with: dualwrite token")
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("The Authorization header must be: Bearer <token>")
    return token.strip()


def _caller(client: ClientRecord) -> Caller:
    return Caller(name=client.name, company=client.default_company, user_id=client.user_id, roles=client.roles)
