"""What a folder of map files would change: steps, and what stands in their way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dualwrite.lifecycle.folder_plan import (
    Activate,
    ChangeKey,
    FolderMap,
    FolderPlan,
    Present,
    PresentMap,
    SaveVersion,
    Wanted,
    plan_folder,
)
from dualwrite.maps.values import ColumnMapping, MapVersion, Version
from dualwrite.metadata.schema import Column, ColumnType, EnvironmentSchema, Side, Table
from dualwrite.store.maps import MapState

DATAVERSE = EnvironmentSchema(
    Side.DATAVERSE,
    (
        Table(
            side=Side.DATAVERSE,
            name="unit",
            entity_set="units",
            label="Unit",
            key=("unitid",),
            columns=tuple(Column(name, ColumnType.STRING) for name in ("unitid", "symbol", "name")),
            alternate_keys=(("symbol",),),
        ),
    ),
)
ONE, TWO, THREE = Version(1), Version(2), Version(3)
UNITS = MapVersion("Units", ONE, "us", "UnitEntity", "unit", columns=(ColumnMapping("SYMBOL", "symbol"),))
NEXT = replace(UNITS, version=TWO, columns=(*UNITS.columns, ColumnMapping("NAME", "name")))


def present(
    *versions: MapVersion, active: Version = ONE, state: MapState = MapState.NOT_RUNNING, **keys: str
) -> Present:
    maps = {"Units": PresentMap(state, active, {each.version: each for each in versions})} if versions else {}
    return Present(maps, {table: (column,) for table, column in keys.items()})


def planned(
    *files: MapVersion,
    at: Present,
    active: Mapping[str, Version] | None = None,
    keys: Mapping[str, tuple[str, ...]] | None = None,
) -> FolderPlan:
    active, keys = active or {}, keys or {}
    lines = {
        name: f"connection.yaml:{number}" for number, name in enumerate((*active, *(f"key {each}" for each in keys)), 2)
    }
    maps = tuple(FolderMap(f"{number}.yaml", "", each) for number, each in enumerate(files))
    return plan_folder(Wanted(maps, active, keys, lines), at, dataverse=DATAVERSE)


def reasons(plan: FolderPlan) -> list[str]:
    return [f"{each.place}: {each.message}" for each in plan.conflicts]


def test_a_folder_that_says_what_is_there_changes_nothing() -> None:
    assert planned(UNITS, at=present(UNITS), active={"Units": ONE}).is_empty


def test_a_new_map_is_saved_and_its_first_version_is_active_without_saying_so() -> None:
    plan = planned(UNITS, at=present(), active={"Units": ONE})
    assert plan.conflicts == ()
    (step,) = plan.steps
    assert isinstance(step, SaveVersion)
    assert step.base is None


def test_a_new_version_is_compared_with_the_active_one_and_activated_when_the_folder_says_so() -> None:
    save, activate = planned(NEXT, at=present(UNITS), active={"Units": TWO}).steps
    assert isinstance(save, SaveVersion)
    assert save.difference is not None
    assert [str(each.mapping) for each in save.difference.substantial] == ["NAME = name"]
    assert activate == Activate("Units", ONE, TWO)
    assert [type(each) for each in planned(NEXT, at=present(UNITS)).steps] == [SaveVersion]


def test_several_new_versions_of_a_new_map_are_saved_in_their_order() -> None:
    plan = planned(NEXT, UNITS, at=present(), active={"Units": TWO})
    assert [type(each) for each in plan.steps] == [SaveVersion, SaveVersion, Activate]
    assert [each.file.version.version for each in plan.steps[:2]] == [ONE, TWO]


def test_a_version_never_changes() -> None:
    plan = planned(replace(UNITS, description="other"), at=present(UNITS, NEXT))
    assert plan.steps == ()
    (reason,) = reasons(plan)
    assert reason.startswith("0.yaml: Units 1.0.0.0 exists with other content")
    assert "2.0.0.1" in reason


def test_a_running_map_is_not_given_another_version() -> None:
    plan = planned(NEXT, at=present(UNITS, state=MapState.RUNNING), active={"Units": TWO})
    (reason,) = reasons(plan)
    assert reason.startswith("connection.yaml:2: Units is running with version 1.0.0.0")
    assert "dualwrite maps stop 'Units'" in reason


def test_a_version_that_is_nowhere_cannot_be_active() -> None:
    assert reasons(planned(UNITS, at=present(UNITS), active={"Units": THREE})) == [
        "connection.yaml:2: Units has no version 3.0.0.0, neither in a file nor stored"
    ]


def test_a_version_in_two_files_is_refused() -> None:
    assert reasons(planned(UNITS, UNITS, at=present())) == [
        "1.yaml: Units 1.0.0.0 stands in 0.yaml, too; keep one of the two files"
    ]


def test_keys_are_set_and_left_out_ones_are_generated_again() -> None:
    active = {"Units": ONE}
    assert planned(UNITS, at=present(UNITS), active=active, keys={"units": ("name",)}).steps == (
        ChangeKey("unit", None, ("name",)),
    )
    assert planned(UNITS, at=present(UNITS, unit="name"), active=active).steps == (ChangeKey("unit", ("name",), None),)
    assert planned(UNITS, at=present(UNITS, unit="name"), active=active, keys={"unit": ("name",)}).is_empty


def test_keys_of_tables_that_the_folder_does_not_speak_of_stay() -> None:
    assert planned(UNITS, at=present(UNITS, unit="name")).is_empty


def test_keys_that_cannot_be_are_refused_at_their_line() -> None:
    plan = planned(UNITS, at=present(UNITS), active={"Units": ONE}, keys={"unit": ("nix",), "nowhere": ("a",)})
    assert reasons(plan) == [
        "connection.yaml:4: Dataverse has no table nowhere",
        "connection.yaml:3: the integration key of unit: there is no column nix",
    ]


def test_a_key_is_not_changed_under_a_running_map_unless_that_names_its_own() -> None:
    running = present(UNITS, state=MapState.RUNNING)
    assert "stop it first" in reasons(planned(at=running, keys={"unit": ("name",)}))[0]
    own = replace(UNITS, integration_key=("symbol",))
    assert planned(at=present(own, state=MapState.RUNNING), keys={"unit": ("name",)}).conflicts == ()
