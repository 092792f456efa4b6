"""Maps as files over a real store: exported, planned, applied; the same twice changes nothing; all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from map_desk import Desk, groups

from dualwrite.errors import MapRefused, NotAllowed
from dualwrite.lifecycle.folder_plan import Activate, ChangeKey, SaveVersion
from dualwrite.maps.text import render_map
from dualwrite.maps.values import MapVersion, Version

GROUPS, TABLE = "Customer groups", "msdyn_customergroup"
VENDORS = MapVersion(
    "Vendor groups",
    Version(1),
    "us",
    "VendVendorGroupEntity",
    "msdyn_vendorgroup",
    columns=groups("VENDORGROUPID = msdyn_vendorgroup").columns[1:],
)
CHANGED = groups("DESCRIPTION = msdyn_description", version="1.0.0.1", publisher="us")


def write(folder: Path, *versions: MapVersion, connection: str = "") -> None:
    folder.mkdir(exist_ok=True)
    for each in versions:
        (folder / f"{each.name}.yaml").write_text("# ours\n" + render_map(each))
    (folder / "connection.yaml").write_text(connection)


async def test_what_is_exported_is_what_is_there(desk: Desk, tmp_path: Path) -> None:
    await desk.save(groups(), managed=True)
    await desk.save(VENDORS)
    await desk.keys.set(TABLE, ["msdyn_groupid"])
    names = [GROUPS, "Vendor groups"]
    assert await desk.folder.export(tmp_path, names) == (
        "customer-groups.yaml",
        "vendor-groups.yaml",
        "connection.yaml",
    )
    assert await desk.folder.export(tmp_path, names) == ()
    assert (await desk.folder.plan(tmp_path)).is_empty
    assert (await desk.folder.plan(tmp_path, maps_only=True)).is_empty


async def test_a_folder_of_another_connection_is_applied_once(desk: Desk, tmp_path: Path) -> None:
    await desk.save(groups(), managed=True)
    write(
        tmp_path,
        CHANGED,
        VENDORS,
        connection=f"maps:\n  {GROUPS}: 1.0.0.1\n  Vendor groups: 1.0.0.0\n"
        f"integration_keys:\n  {TABLE}: [msdyn_groupid]\n",
    )
    plan = await desk.folder.plan(tmp_path)
    assert [type(each) for each in plan.steps] == [SaveVersion, SaveVersion, Activate, ChangeKey]
    assert str((await desk.versions.get(GROUPS)).says.version) == "1.0.0.0"
    epoch = await desk.finops.epoch()
    assert await desk.folder.apply(tmp_path) == plan
    assert await desk.finops.epoch() > epoch
    assert (await desk.folder.plan(tmp_path)).is_empty
    assert (await desk.folder.apply(tmp_path)).is_empty
    assert (await desk.versions.get(GROUPS)).says == CHANGED
    assert (await desk.versions.get(GROUPS)).stored.document.startswith("# ours")
    await desk.run(GROUPS, "Vendor groups")
    assert await desk.running() == [(GROUPS, "1.0.0.1"), ("Vendor groups", "1.0.0.0")]
    assert (await desk.folder.plan(tmp_path)).is_empty


async def test_an_import_activates_nothing(desk: Desk, tmp_path: Path) -> None:
    await desk.save(groups())
    write(tmp_path, CHANGED, connection=f"maps:\n  {GROUPS}: 1.0.0.1\n")
    plan = await desk.folder.apply(tmp_path, maps_only=True)
    assert [type(each) for each in plan.steps] == [SaveVersion]
    assert (await desk.versions.get(GROUPS)).says == groups()
    assert (await desk.versions.get(GROUPS, "1.0.0.1")).says == CHANGED


async def test_with_one_conflict_nothing_is_done(desk: Desk, tmp_path: Path) -> None:
    await desk.save(groups())
    await desk.run(GROUPS)
    write(tmp_path, CHANGED, VENDORS, connection=f"maps:\n  {GROUPS}: 1.0.0.1\n")
    with pytest.raises(
        NotAllowed, match=r"connection\.yaml:2: Customer groups is running.*maps stop 'Customer groups'"
    ):
        await desk.folder.apply(tmp_path)
    assert [each.name for each in await desk.store.maps.list("main")] == [GROUPS]
    assert len(await desk.store.maps.versions("main", GROUPS)) == 1


async def test_with_one_bad_file_nothing_is_done(desk: Desk, tmp_path: Path) -> None:
    write(tmp_path, CHANGED, VENDORS)
    (tmp_path / "zz.yaml").write_text(render_map(groups()) + "- NOT A LINE\n")
    with pytest.raises(MapRefused, match=r"zz\.yaml:8: "):
        await desk.folder.apply(tmp_path)
    assert await desk.store.maps.list("main") == ()


async def test_a_version_with_other_content_is_a_conflict(desk: Desk, tmp_path: Path) -> None:
    await desk.save(groups())
    write(tmp_path, groups("DESCRIPTION = msdyn_description"))
    (conflict,) = (await desk.folder.plan(tmp_path)).conflicts
    assert "exists with other content" in conflict.message
