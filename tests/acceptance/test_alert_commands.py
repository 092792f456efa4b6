"""Too many refused saves pause the map, and the people are told: an administrator's evening, from outside."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import Program, customer_path
from dualwrite.database.server import EmbeddedServer

MAP = "Customers V3 (accounts)"
_LONGEST_S = 20


class Chat:
    """A receiver of cards."""

    def __init__(self) -> None:
        self.cards: list[dict[str, Any]] = []
        cards = self.cards

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                cards.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(202)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/workflows/1?sig=hidden"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def texts(self) -> list[str]:
        return [str(each["attachments"][0]["content"]["body"][1]["text"]) for each in self.cards]


@pytest.fixture
def chat() -> Iterator[Chat]:
    chat = Chat()
    yield chat
    chat.close()


def _until(condition: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < _LONGEST_S
        time.sleep(0.1)


def _state(program: Program) -> str:
    maps = program.call("admin", "GET", "/api/v1/status").json()["maps"]
    return next(str(each["state"]) for each in maps if each["name"] == MAP)


def _refused_save(program: Program) -> None:
    """Somebody gives an account a name that finance and operations cannot hold."""
    account = program.row_id("accounts", "accountnumber eq 'US-001'")
    answer = program.dataverse("PATCH", f"/accounts({account})", {"name": "x" * 150})
    assert answer.status_code == 400, answer.text


def test_too_many_refused_saves_pause_the_map_and_are_told_once(program: Program, chat: Chat, tmp_path: Path) -> None:
    shown = program.cli(
        *("alerts", "set", "customers fail", "--error-type", "application", "--threshold", "3", "--within", "5m"),
        *("--map", MAP, "--action", "pause", "--webhook", chat.url),
    )
    assert shown["maps"] == [MAP] and "hidden" not in str(shown)
    (tried,) = program.cli("alerts", "test", "customers fail")
    assert tried["outcome"] == "sent" and "This is a test." in chat.texts()[0]
    for _ in range(4):
        _refused_save(program)
        if _state(program) == "paused":
            break
    _until(lambda: _state(program) == "paused")
    _until(lambda: len(chat.cards) == 2)
    assert "The map has been paused." in chat.texts()[1]
    (event,) = program.cli("alerts", "events", "--alert", "customers fail")
    assert (event["map"], event["action_state"]) == (MAP, "done") and event["count"] >= 3
    assert [each["state"] for each in event["deliveries"]] == ["sent"]

    (paused,) = program.cli("activities", "list", "--what", "pause", "--who", "alert customers fail")
    assert paused["map"] == MAP and "application errors" in paused["result"]
    file = tmp_path / "log.jsonl"
    program.cli("activities", "export", "--to", str(file), "--result", "APPLICATION ERR", "--since", "1h")
    assert {json.loads(line)["what"] for line in file.read_text().splitlines()} == {"alert", "pause"}

    program.cli("maps", "resume", MAP)
    _until(lambda: program.cli("alerts", "events", "--state", "open") == [])
    program.cli("alerts", "remove", "customers fail")
    assert program.cli("alerts", "list") == [] and len(chat.cards) == 2


@contextmanager
def _away(program: Program, database: str) -> Iterator[None]:
    """Meanwhile the environment's database answers nobody."""
    server = EmbeddedServer(program.folder / "postgres")
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    server.stop()


def _save(program: Program, memo: str) -> tuple[int, float]:
    """Somebody saves a customer: the answer's status, and the seconds it took."""
    began = time.monotonic()
    status = program.finops("PATCH", customer_path("US-001"), {"SalesMemo": memo}).status_code
    return status, time.monotonic() - began


def test_an_environment_that_is_away_has_its_maps_paused_and_people_go_on_working(program: Program, chat: Chat) -> None:
    program.cli(
        *("alerts", "set", "dataverse is away", "--error-type", "system", "--threshold", "3", "--within", "5m"),
        *("--map", MAP, "--action", "pause", "--webhook", chat.url),
    )
    with _away(program, "dualwrite_dataverse"):
        refused = []
        while (saved := _save(program, f"refused {len(refused)}"))[0] >= 400:
            refused.append(saved[1])
            assert len(refused) < 200
            time.sleep(0.2)
        assert len(refused) >= 3 and max(refused) < 1.5, refused
        assert _save(program, "while it was away")[0] < 300
        _until(lambda: len(chat.cards) == 1)
        assert "system error" in chat.texts()[0] and "The map has been paused." in chat.texts()[0]
    _until(lambda: program.call("admin", "GET", "/health").status_code == 200)
    program.cli("maps", "resume", MAP)
    found = program.account("US-001")
    assert found is not None and found["description"] == "while it was away"
    program.cli("alerts", "remove", "dataverse is away")
    assert len(chat.cards) == 1
