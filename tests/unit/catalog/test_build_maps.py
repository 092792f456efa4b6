"""The generator of the solutions: what the pages say, what the mends change, and what it refuses to guess."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dualwrite.catalog.maps import load_solution

TOOL = Path(__file__).parents[3] / "tools" / "build_maps.py"
SOLUTIONS = """\
- name: sample
  display_name: Sample
  description: A sample.
  maps:
  - {id: groups, page: Groups--groups, about: Groups.}
"""
STATES = {"older": "table_maps/older_includes", "current": "table_maps", "party": "table_maps_party"}


@pytest.fixture(scope="module")
def tool() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("build_maps", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def line(text: str, *, default: str | None = None, value_map: dict[str, str] | None = None) -> dict[str, Any]:
    finops, symbol, dataverse = (None if part == "none" else part for part in text.split())
    return {
        "finops": finops,
        "map_type": symbol,
        "dataverse": dataverse,
        "default": default,
        "value_map": value_map,
    }


Build = Callable[..., dict[str, str]]


@pytest.fixture
def build(tool: ModuleType, tmp_path: Path) -> Build:
    """Generates one solution of one map from the states of its page; gives the map files by name."""

    def run(mends: str = "[]", solutions: str = SOLUTIONS, **states: list[dict[str, Any]]) -> dict[str, str]:
        sides = {"finops": "GroupsEntity", "dataverse": "new_group"}
        (tmp_path / "schemas").mkdir()
        index = {f"{STATES[state]}/Groups--groups.json": sides for state in states}
        (tmp_path / "schemas" / "map_index.json").write_text(json.dumps(index))
        for state, columns in states.items():
            page = {"finops_display": "Groups", "dataverse_table": "new_groups", "columns": columns}
            page |= {"source_filter": "`( A  == 1)`", "reversed_source_filter": ""}
            page |= {"version": "1.0.0.7"} if state == "party" else {}
            (tmp_path / STATES[state]).mkdir(parents=True, exist_ok=True)
            (tmp_path / STATES[state] / "Groups--groups.json").write_text(json.dumps(page))
        (tmp_path / "solutions.yaml").write_text(solutions)
        (tmp_path / "map_mends.yaml").write_text(mends)
        tool.build(tmp_path, tmp_path / "out", tmp_path)
        home = tmp_path / "out" / "sample"
        assert load_solution("sample", folder=tmp_path / "out").ids == ("groups",)
        return {path.stem: path.read_text() for path in sorted(home.glob("groups@*.yaml"))}

    return run


def test_a_page_becomes_a_map_file(build: Build) -> None:
    columns = [line("A = new_a"), line("none >> new_b", default="1"), line("C >< new_c", value_map={"no": "0"})]
    assert build(current=columns) == {
        "groups@1.0.0.0": (
            "name: Groups (new_groups)\nversion: 1.0.0.0\npublisher: dualwrite\ndescription: Groups.\n"
            "finops_entity: GroupsEntity\ndataverse_table: new_group\nsource_filter: ( A == 1)\n"
            "columns:\n- A = new_a\n- none >> new_b: 1\n- C >< new_c: {no: 0}\n"
        )
    }


def test_an_older_page_takes_the_transforms_of_the_current_one_and_says_so(build: Build) -> None:
    older = [line("A >> new_a"), line("C >< new_c")]
    current = [line("A = new_a"), line("C >< new_c", value_map={"no": "0"}), line("D = new_d")]
    files = build(older=older, current=current)
    assert list(files) == ["groups@1.0.0.0", "groups@1.0.0.1"]
    assert files["groups@1.0.0.0"].startswith("# The published page names transforms without giving them")
    assert files["groups@1.0.0.0"].endswith("columns:\n- A > new_a\n- C >< new_c: {no: 0}\n")


def test_an_older_page_that_says_the_same_is_no_version(build: Build) -> None:
    files = build(older=[line("A = new_a")], current=[line("A = new_a")])
    assert list(files) == ["groups@1.0.0.0"]


def test_a_page_shipped_with_the_party_model_keeps_its_number(build: Build) -> None:
    solutions = SOLUTIONS.replace("about", "from: [party], about")
    assert list(build(solutions=solutions, party=[line("A = new_a")], current=[])) == ["groups@1.0.0.7"]


def test_a_mend_stands_in_the_file_with_its_reason(build: Build) -> None:
    mends = """\
- {map: groups, line: A new_a, becomes: [A > new_a, B < new_a], reason: the way back is that of B}
- {map: groups, line: C none, becomes: [], reason: C is left out}
- map: groups
  add: [none >> new_d: 5]
  reason: the filter reads it
"""
    columns = [line("A = new_a"), line("C << none", default="1"), line("E = new_e")]
    (text,) = build(mends, current=columns).values()
    assert text.partition("columns:\n")[2] == (
        "# the way back is that of B\n- A > new_a\n- B < new_a\n# C is left out\n- E = new_e\n"
        "# the filter reads it\n- none >> new_d: 5\n"
    )


def test_a_key_that_is_not_published_says_why(build: Build) -> None:
    mends = "- {map: groups, key: [new_a], reason: nothing else is unique}"
    (text,) = build(mends, current=[line("A = new_a")]).values()
    assert text.startswith("# Integration key: nothing else is unique.\n")
    assert "integration_key: [new_a]\n" in text


@pytest.mark.parametrize(
    ("mends", "columns", "complaint"),
    [
        ("[]", [line("A >< new_a")], "groups: the transform of A new_a is not given"),
        ("- {line: B new_b, becomes: [B = new_b], reason: x}", [line("A = new_a")], "mends that mend nothing"),
        ("- {line: A new_a, becomes: [A = new_a]}", [line("A >< new_a")], "a mend without a reason"),
    ],
)
def test_what_is_not_known_is_refused(
    tool: ModuleType, build: Build, mends: str, columns: list[dict[str, Any]], complaint: str
) -> None:
    with pytest.raises(tool.Unfit, match=complaint):
        build(mends, current=columns)
