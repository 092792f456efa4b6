"""The generator refuses what does not fit together instead of writing it."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from dualwrite.catalog import SCHEMAS

TOOL = Path(__file__).parents[3] / "tools" / "build_schemas.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_schemas", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def document(entity: str, **enums: dict[str, int]) -> dict[str, object]:
    return {"entity": entity, "enums": enums}


def test_an_enum_that_two_entities_define_differently_is_refused(tool: ModuleType) -> None:
    with pytest.raises(tool.Contradiction, match="Colour"):
        tool.collect_enums([document("A", Colour={"Red": 0}), document("B", Colour={"Red": 1})], [])


def test_a_mend_may_not_lose_members(tool: ModuleType) -> None:
    mend = {"enum": "Colour", "members": ["Blue"]}
    with pytest.raises(tool.Contradiction, match="red"):
        tool.collect_enums([document("A", Colour={"Red": 0})], [mend])


def test_a_mend_for_a_column_that_is_not_there_is_refused(tool: ModuleType) -> None:
    tables = {"account": {"name": "account", "columns": []}}
    with pytest.raises(tool.Contradiction, match=r"account\.nme"):
        tool.apply_mend(tables, {"table": "account", "column": "nme", "set": {"length": 5}})


def test_names_that_the_database_would_cut_are_refused(tool: ModuleType) -> None:
    with pytest.raises(tool.Contradiction, match="too long"):
        tool.check_table({"name": "account", "columns": [{"name": "x" * 64}]})


def test_generated_files_have_one_line_a_column() -> None:
    for path in (SCHEMAS / "dataverse").glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        lines = path.read_text(encoding="utf-8").splitlines()
        assert sum(line.startswith("  {") for line in lines) == len(content["columns"])


def test_a_table_that_becomes_company_specific_has_the_company_in_its_keys(tool: ModuleType) -> None:
    entity = {"name": "E", "key": ["Number", "Firm"], "columns": [{"name": "Number"}, {"name": "Firm"}]}
    tool.make_company_specific(entity, "dataAreaId", instead_of="Firm")
    assert (entity["company_column"], entity["key"]) == ("dataAreaId", ["dataAreaId", "Number"])
    assert [column["name"] for column in entity["columns"]] == ["dataAreaId", "Number"]
    table = {"name": "t", "alternate_keys": [["a"]], "columns": [{"name": "a"}]}
    tool.make_company_specific(table, "t_company", instead_of=None)
    assert (table["company_column"], table["alternate_keys"]) == ("t_company", [["a", "t_company"]])


def test_a_company_cannot_stand_instead_of_a_column_that_is_not_there(tool: ModuleType) -> None:
    entity = {"name": "E", "key": ["Number"], "columns": [{"name": "Number"}]}
    with pytest.raises(tool.Contradiction, match=r"E\.Firm"):
        tool.make_company_specific(entity, "dataAreaId", instead_of="Firm")
