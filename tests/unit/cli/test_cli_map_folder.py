"""What is told about a folder of map files before and after it is applied."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from dualwrite.cli.maps.folder import plan_shown
from dualwrite.lifecycle.checks import CheckedMap
from dualwrite.lifecycle.folder_plan import Activate, FolderMap, FolderPlan, SaveVersion
from dualwrite.maps.values import MapVersion, Version

FOLDER = Path("our maps")
BASE = MapVersion("Terms", Version(1), "us", "PaymentTermEntity", "msdyn_paymentterm", columns=())
SAVE = SaveVersion(FolderMap("terms.yaml", "", MapVersion("Terms", Version(2), "us", "P", "m", columns=())), BASE)
CHECKED = {"terms.yaml": CheckedMap("Terms", "2.0.0.0", "terms.yaml", (), None, None)}


def lines(plan: FolderPlan, todo: Path | None = FOLDER) -> list[str]:
    return [each.plain for each in plan_shown(plan, CHECKED, todo=todo) if isinstance(each, Text)]


def test_a_version_that_will_not_be_active_says_so() -> None:
    note = "  Another version stays active; connection.yaml does not name 2.0.0.0."
    assert note in lines(FolderPlan((SAVE,), ()))
    assert note not in lines(FolderPlan((SAVE, Activate("Terms", Version(1), Version(2))), ()))


def test_the_command_that_follows_can_be_typed_as_it_stands() -> None:
    assert lines(FolderPlan((SAVE,), ()))[-1] == "1 change to make: dualwrite maps apply -f 'our maps'"
    assert lines(FolderPlan((SAVE,), ()), None)[-1] == "1 change made."
