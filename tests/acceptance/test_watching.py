"""The program as those see it who watch over it: numbers, health, and what an absent environment is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from conftest import Program, customer_path


def numbers(program: Program) -> dict[tuple[str, frozenset[str]], float]:
    """The page of metrics: values by name and labels."""
    answer = program.call("admin", "GET", "/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (each.name, frozenset(each.labels.values())): each.value
        for family in text_string_to_metric_families(answer.text)
        for each in family.samples
    }


def test_what_is_saved_is_counted_with_how_long_its_steps_took(program: Program) -> None:
    step = ("dualwrite_live_step_seconds_count", frozenset({"to Dataverse", "prepare"}))
    applied = ("dualwrite_changes_total", frozenset({"Customers V3 (accounts)", "to Dataverse", "applied"}))
    before = numbers(program)
    path = "/CustomersV3(dataAreaId='usmf',CustomerAccount='US-001')?cross-company=true"
    for memo in ("watched once", "watched twice"):
        assert program.finops("PATCH", path, {"SalesMemo": memo}).status_code == 204
    after = numbers(program)
    assert after[step] >= before.get(step, 0) + 2
    assert after[applied] >= before.get(applied, 0) + 2
    assert after["dualwrite_breaker_state", frozenset({"dataverse", "closed"})] == 1
    assert after["dualwrite_map_state", frozenset({"Customers V3 (accounts)", "running"})] == 1
    assert after["dualwrite_prepared_transactions", frozenset({"dataverse"})] == 0
    assert after["dualwrite_connections", frozenset({"finops", "serving", "idle"})] >= 0


def test_the_numbers_are_told_to_proven_callers_only(program: Program) -> None:
    answer = program.http.get(f"{program.urls['admin']}/metrics")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_maps_of_the_demonstration_are_well(program: Program) -> None:
    told = program.cli("maps", "health", "--sample", "20")
    assert told["well"] is True
    customers = next(each for each in told["maps"] if each["map"] == "Customers V3 (accounts)")
    assert customers["compared"] > 0
    assert all(each["code"].startswith("DWM") and each["message"] for each in customers["findings"])


@contextmanager
def dataverse_away(program: Program) -> Iterator[None]:
    """Inside, nobody is let into the database of the Dataverse environment, and whoever was in it is thrown out."""
    folder = (program.folder / "postgres" / "postmaster.pid").read_text().splitlines()[4]
    with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute("ALTER DATABASE dualwrite_dataverse ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'dualwrite_dataverse'"
        )
        try:
            yield
        finally:
            connection.execute("ALTER DATABASE dualwrite_dataverse ALLOW_CONNECTIONS true")


def saved_or_not(program: Program, memo: str) -> tuple[int, float, str]:
    """The answer to a change of one customer, and how long it took."""
    started = time.monotonic()
    answer = program.finops("PATCH", customer_path("US-001"), {"SalesMemo": memo})
    return answer.status_code, time.monotonic() - started, answer.text


def test_an_absent_environment_is_noticed_worked_around_and_caught_up_with(program: Program) -> None:
    try:
        with dataverse_away(program):
            refused = [saved_or_not(program, f"while away {number}") for number in range(10)]
            assert {status for status, _, _ in refused} == {503}
            assert max(seconds for _, seconds, _ in refused) < 1
            assert all("environment dataverse does not answer; nothing was saved" in text for _, _, text in refused)
            assert numbers(program)["dualwrite_breaker_state", frozenset({"dataverse", "open"})] == 1
            told = program.run("maps", "pause", "--all")
            assert told.returncode == 1
            assert "--url" in told.stderr
            program.cli("--url", program.urls["admin"], "maps", "pause", "--all")
            assert saved_or_not(program, "caught up with")[0] == 204
    finally:
        program.cli("maps", "resume", "--all")
    account = program.account("US-001")
    assert account is not None
    assert account["description"] == "caught up with"
    assert program.cli("compare")["clean"] is True
