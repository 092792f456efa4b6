"""The program used over its API: commands with --url, and what other clients see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import Program, customer_path

MAP = "Customer groups (msdyn_customergroups)"


class Elsewhere:
    """The command line on another machine: no data folder, only the address and a token."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._environment = {**os.environ, "DUALWRITE_TOKEN": program.token("admin"), "COLUMNS": "160"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        there = ("--url", self._program.urls["admin"], "--data-folder", str(self._folder / "nothing"))
        command = [sys.executable, "-m", "dualwrite", *there, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=self._environment, timeout=90, check=False)

    def cli(self, *arguments: str, code: int = 0) -> Any:
        """What a command answers as JSON; it must end with ``code``."""
        done = self.run(*arguments, "--json")
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)


@pytest.fixture
def elsewhere(program: Program, tmp_path: Path) -> Elsewhere:
    return Elsewhere(program, tmp_path)


def plain(document: Any) -> Any:
    """The document as any JSON reader has it."""
    return json.loads(json.dumps(document, default=str))


def test_a_command_says_the_same_from_here_and_from_elsewhere(program: Program, elsewhere: Elsewhere) -> None:
    for command in (
        ("maps", "list"),
        ("maps", "show", "Customer groups"),
        ("maps", "versions", "Customer groups"),
        ("maps", "validate", "Customer groups"),
        ("maps", "health", "Customer groups"),
        ("initial-sync", "list"),
        ("initial-sync", "show"),
        ("activities", "list", "--top", "5"),
        ("errors", "list", "--settled"),
        ("errors", "groups", "--settled"),
        ("catch-ups", "list"),
    ):
        assert elsewhere.cli(*command) == plain(program.cli(*command)), command


def test_maps_are_run_watched_and_stopped_from_elsewhere(program: Program, elsewhere: Elsewhere) -> None:
    assert elsewhere.cli("maps", "stop", "Customer groups") == {"stopped": [MAP]}
    ended = elsewhere.cli("maps", "run", "Customer groups")
    assert (ended["state"], [each["map"] for each in ended["maps"]]) == ("completed", [MAP])
    assert ended["total"]["read"] > 0 == ended["total"]["refused"]
    assert elsewhere.cli("initial-sync", "watch", ended["run"][:8])["run"] == ended["run"]
    assert elsewhere.cli("initial-sync", "refused", ended["run"]) == {"rows": 0, "refused": []}
    (state,) = [each["state"] for each in elsewhere.cli("status")["maps"] if each["name"] == MAP]
    assert state == "running"


def test_maps_are_paused_and_caught_up_from_elsewhere(program: Program, elsewhere: Elsewhere) -> None:
    assert elsewhere.cli("maps", "pause", "Customer groups")["paused"] == [MAP]
    group = {"dataAreaId": "usmf", "CustomerGroupId": "97", "Description": "Waits"}
    assert program.finops("POST", "/CustomerGroups", group).status_code == 201
    assert elsewhere.cli("queue", "count") == plain(program.cli("queue", "count"))
    (waiting,) = elsewhere.cli("queue", "list", "--key", "97")
    assert (waiting["map"], waiting["row"]["CustomerGroupId"]) == (MAP, "97")
    resumed = elsewhere.cli("maps", "resume", "Customer groups")
    assert (resumed["state"], resumed["counts"]["applied"]) == ("completed", 1)
    assert elsewhere.cli("catch-ups", "show") == plain(program.cli("catch-ups", "show")) == resumed
    assert program.rows("dataverse", "/msdyn_customergroups?$filter=msdyn_groupid eq '97'")


def test_a_run_is_proposed_and_previewed_from_elsewhere(program: Program, elsewhere: Elsewhere) -> None:
    here, there = (
        each.cli("initial-sync", "run", "Customer groups", "--dry-run", "--no-related") for each in (program, elsewhere)
    )
    assert there["maps"] == plain(here)["maps"]
    assert there["total"] == plain(here)["total"]


def test_what_the_program_refuses_is_told_in_its_words(program: Program, elsewhere: Elsewhere) -> None:
    ended = elsewhere.run("initial-sync", "pause")
    assert (ended.returncode, "It has ended" in ended.stderr) == (1, True)
    assert "There is no map 'Nobody'" in elsewhere.run("maps", "show", "Nobody").stderr
    assert "leave --url" in elsewhere.run("compare").stderr
    nowhere = elsewhere.run("maps", "list", "--url", "http://127.0.0.1:9")
    assert "Nothing answers at http://127.0.0.1:9" in nowhere.stderr
    stranger = elsewhere.run("maps", "list", "--token", "x.y.z")
    assert stranger.returncode == 1


def test_an_alert_is_set_from_elsewhere(program: Program, elsewhere: Elsewhere) -> None:
    options = ("--threshold", "3", "--within", "1h", "--map", "Customer groups", "--to", "ops@example.com")
    made = elsewhere.cli("alerts", "set", "From elsewhere", *options)
    assert (made["maps"], made["window"], made["recipients"]) == ([MAP], {"number": 1, "unit": "hours"}, [options[-1]])
    assert plain(program.cli("alerts", "show", "From elsewhere")) == made
    assert elsewhere.cli("alerts", "remove", "From elsewhere") == {"removed": "From elsewhere"}


def test_without_a_token_the_data_folder_answers_for_its_administrator(program: Program) -> None:
    assert program.cli("status", "--url", program.urls["admin"])["connection"] == "main"


def test_an_integration_job_moves_what_users_save(program: Program, elsewhere: Elsewhere) -> None:
    made = elsewhere.cli("jobs", "set", "night", "Customers V3 (accounts)", "Customer groups", "--primary", "dataverse")
    assert made["maps"] == ["Customers V3 (accounts)", MAP]
    assert elsewhere.cli("jobs", "start", "night")["state"] == "active"
    assert program.cli("jobs", "list") == elsewhere.cli("jobs", "list")
    assert program.finops("PATCH", customer_path("US-003"), {"SalesMemo": "by the job"}).status_code == 204
    for _ in range(100):
        if (program.account("US-003") or {}).get("description") == "by the job":
            break
        time.sleep(0.2)
    assert elsewhere.cli("jobs", "stop", "night")["state"] == "stopped"
    assert (program.account("US-003") or {})["description"] == "by the job"
    assert {each["state"] for each in program.cli("maps", "list") if each["name"] in made["maps"]} == {"running"}
    elsewhere.cli("jobs", "remove", "night")
    assert program.cli("jobs", "list") == []
