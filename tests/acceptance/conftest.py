"""The program as a user starts it: ``dualwrite up`` in a process, with a data folder and ports of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

START_S = 120


@dataclass
class Program:
    """One data folder, and the process that serves it while there is one."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60, trust_env=False))
    tokens: dict[str, str] = field(default_factory=dict)
    ready: Mapping[str, Any] = field(default_factory=dict)
    """What it has printed when it was ready."""

    def start(self, *, crash_at: str | None = None) -> float:
        """The program is ready, and has said so (``ready``); gives the seconds it took.

        With ``crash_at`` it kills itself when it reaches that point of a transaction, which may be before it says so.
        """
        started = time.monotonic()
        command = [sys.executable, "-m", "dualwrite", "up", "--json", "--data-folder", str(self.folder)]
        command += ["--admin-port", "0", "--finops-port", "0", "--dataverse-port", "0"]
        with (self.folder.parent / "up.json").open("w") as out, (self.folder.parent / "up.log").open("w") as errors:
            environment = {**os.environ, "DUALWRITE_CRASH_AT": crash_at} if crash_at else None
            self.process = subprocess.Popen(
                command, stdout=out, stderr=errors, text=True, start_new_session=True, env=environment
            )
        while time.monotonic() - started < START_S:
            assert self.process.poll() is None, (self.folder.parent / "up.log").read_text()
            if self._healthy() and (crash_at or self._has_said_so()):
                self.tokens.clear()
                return time.monotonic() - started
            time.sleep(0.05)
        raise AssertionError(f"not ready after {START_S} s")

    def _has_said_so(self) -> bool:
        said = (self.folder.parent / "up.json").read_text()
        if not said.endswith("\n}\n"):
            return False
        self.ready = json.loads(said)
        return True

    def _healthy(self) -> bool:
        try:
            self.urls = json.loads((self.folder / "addresses.json").read_text())
            return self.http.get(f"{self.urls['admin']}/health").status_code == 200
        except (FileNotFoundError, httpx.TransportError):
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """The process has ended; gives its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.ended()

    def ended(self) -> int:
        """The process has ended by itself; gives its exit code."""
        assert self.process is not None
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def cli(self, *arguments: str, code: int = 0) -> Any:
        """What a command answers as JSON; it must end with ``code``."""
        done = self.run(*arguments, "--json")
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout, parse_float=Decimal)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dualwrite", "--data-folder", str(self.folder), *arguments]
        environment = {**os.environ, "COLUMNS": "200"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=90, check=False)

    def call(
        self, service: str, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A request with a token, to a path under the service's root."""
        if service not in self.tokens:
            self.tokens[service] = self.token(service)
        content = body if isinstance(body, str) or body is None else json.dumps(body)
        sent = {"Authorization": f"Bearer {self.tokens[service]}", "Content-Type": "application/json"}
        url = self.urls[service] + {"finops": "/data", "dataverse": "/api/data/v9.2", "admin": ""}[service] + path
        return self.http.request(method, url, content=content, headers={**sent, **(headers or {})})

    def token(self, service: str) -> str:
        """An access token, as any client gets one that has the credentials of the data folder."""
        credentials = json.loads((self.folder / "client.json").read_text())
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials["client_id"],
            "client_secret": credentials["client_secret"],
            "scope": f"{self.urls[service]}/.default",
        }
        answer = self.http.post(f"{self.urls['admin']}/{credentials['tenant']}/oauth2/v2.0/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    # --- shorthands ---------------------------------------------------------------------------------------------------

    def finops(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self.call("finops", method, path, body)

    def dataverse(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self.call("dataverse", method, path, body)

    def customer(self, account: str, company: str = "usmf") -> Mapping[str, Any] | None:
        """The customer as finance and operations answers it, None when it is not there."""
        answer = self.finops("GET", customer_path(account, company))
        return json.loads(answer.text, parse_float=Decimal) if answer.status_code == 200 else None

    def account(self, account: str, company: str = "usmf") -> Mapping[str, Any] | None:
        """The account as Dataverse answers it, None when it is not there."""
        where = f"accountnumber eq '{account}' and msdyn_company/cdm_companycode eq '{company}'"
        rows = self.rows("dataverse", f"/accounts?$filter={quote(where)}")
        return rows[0] if rows else None

    def rows(self, service: str, path: str) -> Sequence[Mapping[str, Any]]:
        answer = self.call(service, "GET", path)
        assert answer.status_code == 200, answer.text
        rows: list[Mapping[str, Any]] = json.loads(answer.text, parse_float=Decimal)["value"]
        return rows

    def row_id(self, table: str, where: str) -> str:
        """The id of the first row of a Dataverse table under ``where``."""
        row = self.rows("dataverse", f"/{table}?$filter={quote(where)}&$top=1")[0]
        name = {"accounts": "accountid", "cdm_companies": "cdm_companyid"}.get(table, f"{table[:-1]}id")
        return str(row[name])


def customer_path(account: str, company: str = "usmf") -> str:
    return f"/CustomersV3(dataAreaId='{company}',CustomerAccount='{quote(account)}')?cross-company=true"


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, float]]:
    """The program after its first start, and the seconds that took."""
    program = Program(tmp_path_factory.mktemp("program") / "data")
    try:
        yield program, program.start()
    finally:
        program.http.close()
        if program.process is not None:
            program.stop()


@pytest.fixture
def program(first_start: tuple[Program, float]) -> Program:
    """The program, running; one that a test has stopped for good is started again."""
    program, _ = first_start
    if program.process is None:
        program.start()
    return program
