"""Maps are paused beside the running program, users go on saving over HTTP, and what waited arrives on resuming."""

from __future__ import annotations

import pytest

from conftest import Program

GROUPS = "Customer groups (msdyn_customergroups)"


@pytest.fixture
def program(first_start: tuple[Program, float]) -> Program:
    """The program of the other tests, running."""
    program = first_start[0]
    if program.process is None:
        program.start()
    return program


def crm_description(program: Program, group: str) -> list[str]:
    rows = program.rows("dataverse", f"/msdyn_customergroups?$filter=msdyn_groupid eq '{group}'")
    return [str(each["msdyn_description"]) for each in rows]


def test_changes_of_a_paused_map_wait_and_are_listed_counted_and_replayed(program: Program) -> None:
    assert program.cli("maps", "pause", GROUPS)["paused"] == [GROUPS]
    body = {"dataAreaId": "usmf", "CustomerGroupId": "PA1", "Description": "A"}
    answer = program.finops("POST", "/CustomerGroups", body)
    assert answer.status_code == 201, answer.text
    key = "/CustomerGroups(dataAreaId='usmf',CustomerGroupId='PA1')"
    for description in ("B", "C"):
        assert program.finops("PATCH", key, {"Description": description}).status_code in (200, 204)
    assert crm_description(program, "PA1") == []

    (count,) = program.cli("queue", "count")
    assert (count["map"], count["transactions"], count["records"]) == (GROUPS, 3, 3)
    listed = program.cli("queue", "list", "--map", "Customer groups", "--key", "pa1", "--legal-entity", "usmf")
    assert [(each["record"], each["operation"]) for each in listed] == [
        ("PA1", "create"),
        ("PA1", "update"),
        ("PA1", "update"),
    ]
    page = program.cli("queue", "list", "--side", "finops", "--after", str(listed[0]["position"]), "--most", "1")
    assert [each["position"] for each in page] == [listed[1]["position"]]

    caught_up = program.cli("maps", "resume", GROUPS)
    assert (caught_up["state"], caught_up["counts"]["applied"]) == ("completed", 3)
    assert crm_description(program, "PA1") == ["C"] and program.cli("queue", "count") == []
    assert program.cli("catch-ups", "show")["run"] == caught_up["run"]
    assert program.cli("catch-ups", "list", "--map", GROUPS)[0]["queued"] == 3


def test_a_map_that_may_not_is_refused_with_where_it_stands(program: Program) -> None:
    refused = program.cli("maps", "resume", GROUPS, code=1)
    assert "is running; resume is allowed for a map that is paused" in refused["error"]["message"]


def test_what_waits_can_be_kept_as_errors(program: Program) -> None:
    program.cli("maps", "pause", GROUPS)
    body = {"dataAreaId": "usmf", "CustomerGroupId": "PA2", "Description": "kept"}
    assert program.finops("POST", "/CustomerGroups", body).status_code == 201
    caught_up = program.cli("maps", "resume", GROUPS, "--keep-as-errors")
    assert (caught_up["state"], caught_up["counts"]["kept"]) == ("completed", 1)
    assert crm_description(program, "PA2") == []
    assert program.finops("DELETE", "/CustomerGroups(dataAreaId='usmf',CustomerGroupId='PA2')").status_code == 204
