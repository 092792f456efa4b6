"""Calling the running services: the ones meant and no others, and what is known when they do not answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from dualwrite.cli.addresses import Addresses, forget_addresses, read_addresses, write_addresses
from dualwrite.cli.services import Services
from dualwrite.errors import EnvironmentUnavailable, OutcomeUnknown
from dualwrite.security.credentials import Credentials
from dualwrite.settings import Settings

ADDRESSES = Addresses({name: f"http://{name}.test" for name in ("admin", "finops", "dataverse")}, "this start")
CREDENTIALS = Credentials(tenant=uuid4(), client_id=uuid4(), secret="s")

Answer = Callable[[httpx.Request], httpx.Response]


def services(folder: Path, answer: Answer) -> Services:
    client = httpx.Client(transport=httpx.MockTransport(answer))
    return Services(Settings(data_folder=folder), ADDRESSES, CREDENTIALS, client)


def our_program(then: Answer) -> Answer:
    """Health and tokens as this data folder's program gives them; every other request goes on to ``then``."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/health":
            return httpx.Response(200, json={"status": "ok", "instance": ADDRESSES.instance})
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t"})
        return then(request)

    return answer


def silent(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def test_addresses_are_there_while_the_program_runs(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path)
    write_addresses(tmp_path, ADDRESSES)
    assert read_addresses(settings) == ADDRESSES
    forget_addresses(tmp_path)
    with pytest.raises(EnvironmentUnavailable) as refused:
        read_addresses(settings)
    assert refused.value.message == (
        f"dualwrite is not running with the data folder {tmp_path}. "
        f"Start it with: dualwrite --data-folder {tmp_path} up"
    )


def test_the_usual_data_folder_needs_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EnvironmentUnavailable, match=r"Start it with: dualwrite up$"):
        read_addresses(Settings())


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: httpx.Response(200, json={"status": "ok", "instance": "another start"}),
        lambda request: httpx.Response(200, json={"status": "ok"}),
        lambda request: httpx.Response(404, text="<html>"),
    ],
    ids=["another data folder", "an older release", "another program"],
)
def test_whoever_took_the_port_of_a_killed_program_is_not_taken_for_it(tmp_path: Path, answer: Answer) -> None:
    with pytest.raises(EnvironmentUnavailable, match=r"not running .* is another program"):
        services(tmp_path, answer).token("finops")


def test_a_port_that_nobody_holds_is_a_program_that_does_not_run(tmp_path: Path) -> None:
    for call in (
        lambda: services(tmp_path, unreachable).health(),
        lambda: services(tmp_path, our_program(unreachable)).call("finops", "PATCH", "/data/X"),
    ):
        with pytest.raises(EnvironmentUnavailable, match="not running"):
            call()


def test_a_write_without_an_answer_may_have_happened(tmp_path: Path) -> None:
    called = services(tmp_path, our_program(silent))
    for method in ("POST", "PATCH", "DELETE"):
        with pytest.raises(OutcomeUnknown, match=r"sent and not answered .* read the record back before trying again"):
            called.call("finops", method, "/data/CustomersV3")


def test_a_read_without_an_answer_may_be_repeated(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnavailable, match="was not answered"):
        services(tmp_path, our_program(silent)).call("finops", "GET", "/data/CustomersV3")
