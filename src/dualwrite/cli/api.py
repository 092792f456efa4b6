"""A program that runs elsewhere, called over its API: tokens, pages, actions, and refusals in its own words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import uuid4

import httpx

from dualwrite.errors import (
    DualwriteError,
    EnvironmentUnavailable,
    MapRefused,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OutcomeUnknown,
    RoleRefused,
    SettingsRefused,
)
from dualwrite.security.local_administrator import read_local_administrator
from dualwrite.settings import Settings

ROOT = "/api/v1"
_TIMEOUT_S = 150
_REFUSALS: Mapping[int, type[DualwriteError]] = {
    401: NotAuthenticated,
    403: RoleRefused,
    404: NotFound,
    409: NotAllowed,
    422: SettingsRefused,
    503: EnvironmentUnavailable,
    504: OutcomeUnknown,
}

Document: TypeAlias = Any
"""JSON, as the API's description says."""
Query: TypeAlias = Mapping[str, str | int | bool | Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one program, called with one token."""

    url: str
    client: httpx.AsyncClient

    async def get(self, path: str, query: Query | None = None) -> Document:
        """What is there. Raises: what the answer says; EnvironmentUnavailable when there is none."""
        return await self._send("GET", path, query=query)

    async def pages(self, path: str, query: Query | None = None) -> AsyncIterator[Sequence[Document]]:
        """All items of a list, page by page."""
        page = await self.get(path, query)
        yield page["items"]
        while page["next"]:
            page = await self.get(page["next"].removeprefix(ROOT))
            yield page["items"]

    async def items(self, path: str, query: Query | None = None) -> list[Document]:
        """All items of a list."""
        return [each async for page in self.pages(path, query) for each in page]

    async def post(self, path: str, body: Document | None = None) -> Document:
        """An action has been carried out, once: one whose answer got lost is asked for again under the same key."""
        key = {"Idempotency-Key": str(uuid4())}
        try:
            return await self._send("POST", path, body=body, headers=key)
        except OutcomeUnknown:
            return await self._send("POST", path, body=body, headers=key)

    async def put(self, path: str, body: Document) -> Document:
        """What is there is as ``body`` says; asked for again where the answer got lost."""
        return await self._again("PUT", path, body)

    async def delete(self, path: str) -> Document:
        """Nothing is there any more; asked for again where the answer got lost."""
        return await self._again("DELETE", path, None)

    async def _again(self, method: str, path: str, body: Document | None) -> Document:
        try:
            return await self._send(method, path, body=body)
        except OutcomeUnknown:
            return await self._send(method, path, body=body)

    async def events(self, path: str) -> AsyncIterator[Document]:
        """What a stream tells, until nothing follows; one that is cut off is taken up again where it was."""
        seen: dict[str, str] = {}
        while True:
            try:
                async with self.client.stream("GET", f"{self.url}{ROOT}{path}", headers=seen) as answer:
                    if answer.status_code == 204:
                        return
                    if answer.status_code >= 400:
                        await answer.aread()
                        raise _refusal(answer)
                    async for line in answer.aiter_lines():
                        name, _, value = line.partition(": ")
                        if name == "data":
                            yield json.loads(value, parse_float=Decimal)
                        elif name == "id":
                            seen["Last-Event-ID"] = value
            except httpx.TransportError as error:
                raise EnvironmentUnavailable(f"{self.url} does not answer any more: {error}") from error

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Document | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Document:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            answer = await self.client.request(
                method, f"{self.url}{ROOT}{path}", params=given or None, json=body, headers=headers
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise EnvironmentUnavailable(f"Nothing answers at {self.url}: {error}. Check --url.") from error
        except httpx.TransportError as error:
            raise OutcomeUnknown(f"{method} {self.url}{ROOT}{path} was not answered: {error}") from error
        if answer.status_code >= 400:
            raise _refusal(answer)
        return json.loads(answer.text, parse_float=Decimal) if answer.content else None


@asynccontextmanager
async def calling(url: str, *, token: str | None, settings: Settings) -> AsyncIterator[Api]:
    """The API at ``url``; without a token, that of the local administrator of the data folder is used.

    Raises: SettingsRefused, NotAuthenticated, EnvironmentUnavailable.
    """
    base = url.rstrip("/").removesuffix(ROOT)
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
        bearer = token or await _own_token(client, base, settings)
        client.headers["Authorization"] = f"Bearer {bearer}"
        yield Api(base, client)


async def _own_token(client: httpx.AsyncClient, url: str, settings: Settings) -> str:
    try:
        credentials = read_local_administrator(settings.data_folder)
    except SettingsRefused as refused:
        raise SettingsRefused(
            f"{url} wants a token: give --token or DUALWRITE_TOKEN (dualwrite token admin prints one), or name the "
            "data folder of the program with --data-folder."
        ) from refused
    form = {
        "grant_type": "client_credentials",
        "client_id": str(credentials.client_id),
        "client_secret": credentials.secret,
        "scope": f"{url}/.default",
    }
    try:
        answer = await client.post(f"{url}/{credentials.tenant}/oauth2/v2.0/token", data=form)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise EnvironmentUnavailable(f"Nothing answers at {url}: {error}. Check --url.") from error
    if answer.status_code >= 400:
        raise NotAuthenticated(
            f"{url} does not know the local administrator of {settings.data_folder}. Give --token or DUALWRITE_TOKEN."
        )
    return str(answer.json()["access_token"])


def _refusal(answer: httpx.Response) -> DualwriteError:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    detail = problem.get("detail") or f"HTTP {answer.status_code} {answer.reason_phrase}"
    details = problem.get("details") or {}
    kind = MapRefused if problem.get("code") == MapRefused.code else _REFUSALS.get(answer.status_code, DualwriteError)
    return kind(str(detail), **{name: value for name, value in details.items() if name not in ("message", "self")})
