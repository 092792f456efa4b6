"""What is not HTTP at all is answered too, and in the shape of the service that was called."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from dualwrite.servers.serving import PORT_SETTINGS, bound_ports, serving
from dualwrite.settings import Settings

NOT_HTTP = [
    b"nonsense\r\n\r\n",
    b"NONSENSE /data HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
]


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def _answers(raw: bytes, folder: Path) -> dict[str, tuple[bytes, bytes]]:
    """Head and body of each service's answer to the same bytes."""
    settings = Settings(data_folder=folder, admin_port=0, finops_port=0, dataverse_port=0)
    answers = {}
    with bound_ports(settings) as ports:
        async with serving(dict.fromkeys(PORT_SETTINGS, _application), ports, settings):
            for service in PORT_SETTINGS:
                reader, writer = await asyncio.open_connection("127.0.0.1", ports.port(service))
                writer.write(raw)
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
                answers[service] = (head, body)
                writer.close()
    return answers


@pytest.mark.parametrize("raw", NOT_HTTP)
async def test_what_is_not_http_is_refused_in_the_shape_of_the_service(raw: bytes, tmp_path: Path) -> None:
    answers = await _answers(raw, tmp_path)
    for head, body in answers.values():
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"application/" in head.lower() and f"content-length: {len(body)}".encode() in head.lower()
    finops, dataverse, admin = (json.loads(answers[name][1]) for name in ("finops", "dataverse", "admin"))
    assert finops["error"]["innererror"]["message"] == dataverse["error"]["message"] == admin["detail"]
    assert dataverse["error"]["code"] == "0x80060888"
