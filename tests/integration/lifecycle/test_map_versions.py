"""Versions of maps over a real store: saved, activated, deleted, and kept from changing under a running map."""

from __future__ import annotations

from dataclasses import replace

import pytest
from map_desk import Desk, groups

from dualwrite.errors import MapRefused, NotAllowed
from dualwrite.lifecycle.refresh import refresh_map
from dualwrite.maps.text import render_map
from dualwrite.maps.values import MapVersion, Version
from dualwrite.metadata.schema import Column, ColumnType
from dualwrite.store.solutions import SolutionMember

GROUPS = "Customer groups"
TERMS = MapVersion(
    "Terms", Version(1), "us", "PaymentTermEntity", "msdyn_paymentterm", columns=groups().columns, description="broken"
)


async def save(desk: Desk, version: MapVersion, *, base: str | None = None, activate: bool = False) -> None:
    stored = None if base is None else (await desk.versions.get(version.name, base)).stored
    await desk.versions.save(version, text=render_map(version), base=stored, activate=activate)


async def test_a_saved_version_is_another_one_and_active_only_when_asked(desk: Desk) -> None:
    await desk.save(groups(), managed=True)
    changed = groups("DESCRIPTION > msdyn_description", version="1.0.0.1", publisher="us")
    await save(desk, changed, base="1.0.0.0")
    assert (await desk.versions.get(GROUPS)).says == groups()
    saved = await desk.versions.get(GROUPS, "1.0.0.1")
    assert (saved.says, saved.stored.managed, saved.stored.created_by) == (changed, False, "tests")
    assert saved.stored.source == {"kept": True}
    await save(desk, replace(changed, version=Version(1, 0, 0, 2)), activate=True)
    assert str((await desk.versions.get(GROUPS)).says.version) == "1.0.0.2"
    assert list(await desk.done()) == ["activate version", "save version", "save version"]


async def test_a_number_that_is_taken_is_refused_with_the_next_free_one(desk: Desk) -> None:
    await desk.save(groups())
    await save(desk, groups())
    with pytest.raises(NotAllowed, match=r"exists with other content.*Save it as 1\.0\.0\.1"):
        await save(desk, groups("DESCRIPTION = msdyn_description"))


async def test_a_running_map_is_neither_changed_nor_given_another_version(desk: Desk) -> None:
    await desk.save(groups())
    await desk.save(groups(version="1.0.0.1"))
    await desk.run(GROUPS)
    for action in (
        desk.versions.check_changeable(GROUPS),
        save(desk, groups(version="1.0.0.2")),
        desk.versions.activate(GROUPS, "1.0.0.1"),
        desk.versions.delete(GROUPS, "1.0.0.1"),
    ):
        with pytest.raises(NotAllowed, match=r"Customer groups is running.*dualwrite maps stop 'Customer groups'"):
            await action
    await desk.lifecycle.stop([GROUPS])
    await desk.versions.activate(GROUPS, "1.0.0.1")
    await desk.run(GROUPS)
    assert await desk.running() == [(GROUPS, "1.0.0.1")]


async def test_what_a_solution_manages_changes_under_another_publisher_only(desk: Desk) -> None:
    await desk.save(groups(), managed=True)
    with pytest.raises(NotAllowed, match=r"managed by the solution finance.*publisher of your own"):
        await save(desk, groups(version="1.0.0.1", publisher=" DualWrite"), base="1.0.0.0")
    await save(desk, groups(version="1.0.0.1", publisher="us"), base="1.0.0.0")
    with pytest.raises(NotAllowed, match="goes with its solution: dualwrite solutions uninstall finance"):
        await desk.versions.delete(GROUPS, "1.0.0.0")
    with pytest.raises(NotAllowed, match="is managed"):
        await desk.versions.delete(GROUPS)
    assert await desk.versions.delete(GROUPS, "1.0.0.1") == ("1.0.0.1",)


async def test_the_active_version_goes_with_its_map_only(desk: Desk) -> None:
    await desk.save(groups())
    await desk.save(groups(version="1.0.0.1"))
    with pytest.raises(NotAllowed, match="is the active version"):
        await desk.versions.delete(GROUPS, "1.0.0.0")
    assert await desk.versions.delete(GROUPS) == ("1.0.0.0", "1.0.0.1")
    with pytest.raises(NotAllowed, match="There is no map"):
        await desk.versions.get(GROUPS)


async def test_a_version_that_does_not_exist_is_refused_with_those_that_do(desk: Desk) -> None:
    await desk.save(groups())
    with pytest.raises(NotAllowed, match=r"has no version 3\.0\.0\.0; it has 1\.0\.0\.0"):
        await desk.versions.activate(GROUPS, "3.0.0.0")


# --- running --------------------------------------------------------------------------------------------------------


async def test_maps_that_cannot_run_are_refused_with_all_findings_and_none_runs(desk: Desk) -> None:
    await desk.save(groups())
    await desk.save(TERMS)
    with pytest.raises(MapRefused) as refusal:
        await desk.run(GROUPS, "Terms")
    assert "Terms 1.0.0.0:8: DIPV1023 PaymentTermEntity has no column CUSTOMERGROUPID" in refusal.value.message
    assert "DIPV1024" in refusal.value.message
    assert await desk.running() == []
    (checked,) = await desk.lifecycle.check(["Terms"])
    assert {each.line for each in checked.errors} >= {8}
    assert all(each.finding.remedy for each in checked.findings)


async def test_a_map_that_cannot_run_is_no_reason_for_others_to_stop(desk: Desk) -> None:
    await desk.save(groups())
    await desk.save(TERMS)
    await desk.run(GROUPS)
    assert await desk.running() == [(GROUPS, "1.0.0.0")]
    assert (await desk.router.current()).known_maps["msdyn_paymentterm"] == "Terms"


async def test_a_running_map_that_cannot_run_any_more_is_stopped_and_the_others_go_on(desk: Desk) -> None:
    await desk.save(groups())
    await desk.save(replace(groups("DESCRIPTION = new_remark"), name="Other groups"))
    desk.dataverse.grow("msdyn_customergroup", Column("new_remark", ColumnType.STRING, length=100))
    await desk.run(GROUPS, "Other groups")
    assert await desk.lifecycle.stop_refused() == ()
    desk.dataverse.shrink("msdyn_customergroup", "new_remark")
    with pytest.raises(MapRefused, match="Other groups cannot run"):
        await desk.router.current()
    (stopped,) = await desk.lifecycle.stop_refused()
    assert stopped.name == "Other groups"
    assert [plan.map.name for plan in (await desk.router.current()).plans] == [GROUPS]
    assert await desk.running() == [(GROUPS, "1.0.0.0")]
    (latest, *_) = [each for each in await desk.store.activity.list() if each.map == "Other groups"]
    assert latest.what == "stop"
    assert latest.result.startswith("1.0.0.0 cannot run: DIPV1024")


async def test_a_map_does_not_run_beside_what_a_solution_excludes(desk: Desk) -> None:
    await desk.save(groups())
    await desk.save(replace(groups(), name="Other groups"))
    await desk.store.solutions.save(
        "main",
        "sales",
        display_name="Sales",
        version="1.0.0.0",
        publisher="us",
        managed=True,
        document={"excludes": [[GROUPS], ["Other groups"]]},
        members=[SolutionMember(GROUPS, "1.0.0.0", 1)],
    )
    await desk.store.solutions.mark_applied("main", "sales")
    await desk.run(GROUPS)
    with pytest.raises(
        NotAllowed, match=r"Other groups may not run beside Customer groups.*maps stop 'Customer groups'"
    ):
        await desk.run("Other groups")
    await desk.lifecycle.stop([GROUPS])
    await desk.run("Other groups")
    assert await desk.running() == [("Other groups", "1.0.0.0")]


async def test_stopping_maps_stops_all_or_none(desk: Desk) -> None:
    await desk.save(groups())
    await desk.save(replace(groups(), name="Other groups"))
    await desk.run(GROUPS)
    with pytest.raises(NotAllowed, match="Other groups is not running"):
        await desk.lifecycle.stop([GROUPS, "Other groups"])
    assert await desk.running() == [(GROUPS, "1.0.0.0")]


async def test_plans_follow_a_schema_that_grows(desk: Desk) -> None:
    await desk.save(groups("DESCRIPTION = new_remark"))
    assert not (await desk.lifecycle.check([GROUPS]))[0].can_run
    desk.dataverse.grow("msdyn_customergroup", Column("new_remark", ColumnType.STRING, length=100))
    await desk.run(GROUPS)
    assert await desk.running() == [(GROUPS, "1.0.0.0")]
    before = await desk.router.current()
    desk.dataverse.grow("msdyn_customergroup", Column("new_other", ColumnType.STRING, length=100))
    await desk.lifecycle.check([GROUPS])
    (plan,) = (await desk.router.current()).plans
    assert plan is not before.plans[0]
    assert plan.dataverse.find("new_other") is not None


async def test_refreshing_tells_what_is_new_gone_and_of_another_type_since_the_last_look(desk: Desk) -> None:
    version = groups("DESCRIPTION = msdyn_nix")
    table = "msdyn_customergroup"

    async def look() -> tuple[object, ...]:
        found = await refresh_map(desk.store, "main", desk.router.compiled, version, who="tests")
        there = found.tables[1]
        changed = [(each.name, each.was, each.now) for each in there.changed]
        return there.first_look, [each.name for each in there.new], list(there.gone), changed

    assert await look() == (True, [], ["msdyn_nix"], [])
    assert await look() == (False, [], ["msdyn_nix"], [])
    desk.dataverse.grow(table, Column("msdyn_taxgroupid", ColumnType.STRING, length=10))
    assert await look() == (False, ["msdyn_taxgroupid"], ["msdyn_nix"], [])
    columns = tuple(
        replace(each, length=20) if each.name == "msdyn_taxgroupid" else each for each in desk.table(table).columns
    )
    grown = replace(desk.table(table), columns=tuple(each for each in columns if each.name != "msdyn_description"))
    tables = tuple(grown if each.name == table else each for each in desk.dataverse.schema)
    desk.dataverse.schema = replace(desk.dataverse.schema, tables=tables)
    assert await look() == (
        False,
        [],
        ["msdyn_description", "msdyn_nix"],
        [("msdyn_taxgroupid", "string(10)", "string(20)")],
    )


async def test_refreshing_offers_lines_that_then_run(desk: Desk) -> None:
    desk.dataverse.grow("msdyn_customergroup", Column("msdyn_taxgroupid", ColumnType.STRING, length=10))
    found = await refresh_map(desk.store, "main", desk.router.compiled, groups(), who="tests")
    lines = {str(each.mapping) for each in found.offers}
    assert {"TAXGROUPID = msdyn_taxgroupid", "DESCRIPTION = msdyn_description"} <= lines
    added = replace(groups(), columns=(*groups().columns, *(each.mapping for each in found.offers)))
    await desk.save(added)
    await desk.run(GROUPS)
