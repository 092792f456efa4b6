"""The documentation is complete: reference pages as generated, examples that run, no word or page missing."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from dualwrite.catalog import load_schema
from dualwrite.cli.main import build_app
from dualwrite.environments.crash_points import NAMES
from dualwrite.maps.compile import compile_map
from dualwrite.maps.plan import Plan
from dualwrite.maps.text import parse_map
from dualwrite.metadata.schema import Side
from dualwrite.settings import Settings

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))
VOCABULARY = """
environment
connection
legal entity
company
table map
map version
publisher
solution
column mapping
sync direction
transform
default
value map
filter
integration key
lookup
initial sync
live sync
pause
queued record
catch-up
catch-up error
integration job
primary
activity
alert setting
owning team
not running
initializing
running
paused
resuming
epoch
decision
acceptance
prepared transaction
change set
plan
routing
refusal

""".strip().splitlines()


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_reference", ROOT / "tools" / "build_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["settings.md", "errors.md", "maps.md", "cli.md"])
def test_generating_the_reference_again_changes_nothing(tool: ModuleType, page: str) -> None:
    assert text(f"reference/{page}") == tool.rendered(page), "run: python tools/build_reference.py"


def test_every_setting_and_command_is_in_the_reference() -> None:
    for name in Settings.model_fields:
        assert f"`DUALWRITE_{name.upper()}`" in text("reference/settings.md")
    for command in build_app().registered_commands:
        assert f"\n## dualwrite {command.name}\n" in text("reference/cli.md")


def test_errors_with_a_meaning_of_their_own_have_a_code_of_their_own(tool: ModuleType) -> None:
    codes: dict[str, type] = {}
    for error, _ in tool.all_errors():
        if "code" in error.__dict__:
            assert codes.setdefault(error.code, error) is error


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = sorted(re.findall(r"[\w/-]+\.md", yaml.safe_dump(yaml.safe_load(navigation)["nav"])))
    assert listed == PAGES


def test_every_word_of_the_vocabulary_is_in_the_glossary() -> None:
    defined = " ".join(re.findall(r"^\*\*(.+?)\*\*", text("explanation/glossary.md"), re.MULTILINE)).lower()
    assert [word for word in VOCABULARY if word not in defined] == []


@pytest.mark.parametrize("page", ["explanation/architecture.md", "how-to/practise-recovery.md"])
def test_every_crash_point_is_told(page: str) -> None:
    told = re.findall(r"^ *\| `(\w+\.\w+)` \|", text(page), re.MULTILINE)
    assert tuple(told) == NAMES


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_all_its_parts(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    assert content.startswith(f"# {path.stem[:4]} ")
    headings = re.findall(r"^## (.+)$", content, re.MULTILINE)
    assert headings == ["Context", "Options", "Decision", "Evidence", "Consequence"]


def test_decisions_are_numbered_and_listed() -> None:
    assert [path.stem[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    listed = re.findall(r"\]\((0\S+\.md)\)", text("decisions/index.md"))
    assert listed == [path.name for path in DECISIONS]


def examples(page: str) -> list[str]:
    """The YAML examples of a page, without their indentation."""
    found = re.findall(r"^( *)```yaml\n(.*?)^ *```", text(page), re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in body.splitlines()) for indent, body in found]


def whole_map(example: str) -> str:
    """The example itself, or a map around lines that are only a part of one."""
    if example.startswith("name:"):
        return example
    head = "name: x\nversion: 1.0.0.0\npublisher: x\nfinops_entity: X\ndataverse_table: x\ncolumns:\n"
    return head + example


@pytest.mark.parametrize("page", ["explanation/map-language.md", "how-to/write-a-map.md"])
def test_map_examples_can_be_read_and_whole_ones_run(page: str) -> None:
    finops, dataverse = load_schema(Side.FINOPS), load_schema(Side.DATAVERSE)
    for example in examples(page):
        version = parse_map(whole_map(example), file=page)
        if example.startswith("name:"):
            assert isinstance(compile_map(version, finops=finops, dataverse=dataverse), Plan)


def test_the_folder_tour_shows_every_folder() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    package = {path.parent.name for path in (ROOT / "src" / "dualwrite").glob("*/__init__.py")}
    assert {f"`{name}/`" for name in package} <= set(re.findall(r"^\| (`[\w/]+`) \|", readme, re.MULTILINE))


def test_links_of_the_front_page_lead_somewhere() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / target).exists(), target
