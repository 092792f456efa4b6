"""Integration keys over a real store: generated, chosen by hand, and never changed under a running map."""

from __future__ import annotations

import pytest
from map_desk import Desk, groups

from dualwrite.errors import NotAllowed
from dualwrite.maps.plan import KeyOrigin

GROUPS, TABLE = "Customer groups", "msdyn_customergroup"
WITH_NAME = groups("DESCRIPTION = msdyn_description")


async def used(desk: Desk) -> tuple[list[str], KeyOrigin]:
    plan = await desk.lifecycle.plan(GROUPS)
    return [part.dataverse_path[0] for part in plan.key], plan.key_origin


async def test_a_key_is_generated_until_somebody_chooses_one(desk: Desk) -> None:
    await desk.save(WITH_NAME)
    (key,) = await desk.keys.list()
    assert (key.table, key.used, key.chosen, key.maps) == (TABLE, (("msdyn_groupid",),), None, (GROUPS,))
    assert key.alternate_keys == (("msdyn_groupid",),)
    epoch = await desk.finops.epoch()
    await desk.keys.set("msdyn_customergroups", ["MSDYN_DESCRIPTION"])
    assert await desk.finops.epoch() > epoch
    assert await used(desk) == (["msdyn_description"], KeyOrigin.CONNECTION)
    (key,) = await desk.keys.list()
    assert (key.used, key.chosen, key.set_by) == ((("msdyn_description",),), ("msdyn_description",), "tests")
    assert await desk.keys.reset(TABLE)
    assert not await desk.keys.reset(TABLE)
    assert await used(desk) == (["msdyn_groupid"], KeyOrigin.ALTERNATE_KEY)
    assert list(await desk.done()) == ["reset key", "set key"]


async def test_a_key_that_the_map_names_holds_for_that_map(desk: Desk) -> None:
    await desk.save(groups("DESCRIPTION = msdyn_description", integration_key=("msdyn_groupid",)))
    await desk.run(GROUPS)
    await desk.keys.set(TABLE, ["msdyn_description"])
    assert await used(desk) == (["msdyn_groupid"], KeyOrigin.MAP)
    (key,) = await desk.keys.list()
    assert (key.maps, key.own) == ((), (GROUPS,))


async def test_a_key_does_not_change_under_a_running_map(desk: Desk) -> None:
    await desk.save(WITH_NAME)
    await desk.run(GROUPS)
    for action in (desk.keys.set(TABLE, ["msdyn_description"]),):
        with pytest.raises(NotAllowed, match="Stop first: dualwrite maps stop 'Customer groups'"):
            await action
    assert await used(desk) == (["msdyn_groupid"], KeyOrigin.ALTERNATE_KEY)


@pytest.mark.parametrize(
    ("table", "column", "reason"),
    [
        ("nowhere", "a", "Dataverse has no table 'nowhere'"),
        (TABLE, "nix", "has no column nix; its alternate keys are msdyn_groupid"),
        (TABLE, "msdyn_company", "is the company, which is part of the key"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(desk: Desk, table: str, column: str, reason: str) -> None:
    with pytest.raises(NotAllowed, match=reason):
        await desk.keys.set(table, [column])
