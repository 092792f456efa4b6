"""What the tests of the Web API share: rows made through it, and errors read in its shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from dualwrite.servers.dataverse.app import App


@dataclass(frozen=True)
class Made:
    """Creates rows over the API and tells their ids."""

    client: httpx.AsyncClient

    async def row(self, entity_set: str, **columns: Any) -> str:
        answer = await self.client.post(entity_set, json=columns)
        assert answer.status_code == 204, answer.text
        return answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    async def account(self, **columns: Any) -> str:
        return await self.row("accounts", **columns)

    async def contact(self, **columns: Any) -> str:
        return await self.row("contacts", **columns)

    async def company(self, code: str) -> str:
        return await self.row("cdm_companies", cdm_companycode=code, cdm_name=code.upper())


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error, which must be in the service's shape."""
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["OData-Version"] == "4.0"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["message"]
    return answer.status_code, body["error"]["code"]


async def send_raw(
    app: App, method: str, target: bytes, *, body: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()
) -> httpx.Response:
    """The answer to a request whose bytes no client library has tidied up; ``target`` is path and query."""
    path, _, query = target.partition(b"?")
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path.decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "server": ("127.0.0.1", 8002),
        "headers": [(b"authorization", b"Bearer good"), *headers],
    }
    await app(scope, receive, send)
    start, content = sent
    return httpx.Response(start["status"], headers=start["headers"], content=content["body"])
