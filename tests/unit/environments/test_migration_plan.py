"""What a migration does and what it refuses, by the plan alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dualwrite.catalog import load_schema
from dualwrite.environments.hosted.migration import Insistence, MigrationPlan, plan_migration
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, EnvironmentSchema, Side, Table

FUEL = Enumeration("Fuel", (("Petrol", 0), ("Diesel", 1)))
VEHICLE = Table(
    Side.FINOPS,
    "FleetVehicleEntity",
    "FleetVehicles",
    "Vehicles",
    ("VehicleId",),
    (
        Column("VehicleId", ColumnType.STRING, length=20),
        Column("Fuel", ColumnType.ENUM, enumeration=FUEL),
        Column("Weight", ColumnType.DECIMAL, scale=2),
    ),
)
KEEPER = Table(
    Side.DATAVERSE,
    "new_keeper",
    "new_keepers",
    "Keeper",
    ("new_keeperid",),
    (
        Column("new_keeperid", ColumnType.GUID),
        Column("new_home", ColumnType.LOOKUP, targets=("new_home",)),
        Column("new_any", ColumnType.LOOKUP, targets=("account", "contact")),
    ),
)
HOME = Table(Side.DATAVERSE, "new_home", "new_homes", "Home", ("new_homeid",), (Column("new_homeid", ColumnType.GUID),))


def plan(there: tuple[Table, ...], *wanted: Table, insistence: Insistence = Insistence.EXACTLY) -> MigrationPlan:
    side = (*there, *wanted)[0].side
    return plan_migration(EnvironmentSchema(side, there), wanted, insistence=insistence)


def changed(column: str, **facts: object) -> Table:
    columns = tuple(replace(c, **facts) if c.name == column else c for c in VEHICLE.columns)  # type: ignore[arg-type]
    return replace(VEHICLE, columns=columns)


def steps(found: MigrationPlan) -> list[str]:
    assert found.conflicts == ()
    return [str(step) for step in found.steps]


@pytest.mark.parametrize("side", Side)
def test_the_whole_catalog_is_planned_once(side: Side) -> None:
    catalog = load_schema(side)
    first = plan_migration(EnvironmentSchema(side, ()), catalog)
    assert first.conflicts == () and len(first.tables) == len(catalog.tables)
    assert plan_migration(catalog, catalog) == MigrationPlan((), (), ())


def test_only_what_is_missing_is_added() -> None:
    column = Column("Seats", ColumnType.INTEGER)
    wanted = replace(VEHICLE, columns=(*VEHICLE.columns, column), alternate_keys=(("Fuel", "Seats"),))
    found = plan((VEHICLE,), wanted)
    assert steps(found) == ["add column FleetVehicleEntity.Seats", "add key FleetVehicleEntity (Fuel, Seats)"]
    assert found.tables == (wanted,)
    assert 'ADD COLUMN "Seats" integer NOT NULL DEFAULT 0' in found.statements()[0]


def test_what_others_have_added_stays() -> None:
    more = replace(VEHICLE, columns=(*VEHICLE.columns, Column("Own", ColumnType.STRING, length=9)))
    assert plan((more,), VEHICLE).steps == ()
    (merged,) = plan((more,), changed("Weight", scale=6)).tables
    assert merged.column("Own").length == 9 and merged.column("Weight").scale == 6


def test_wider_needs_no_statement() -> None:
    electric = Enumeration("Fuel", (*FUEL.members, ("Electric", 2)))
    for wanted in (changed("VehicleId", length=40), changed("Fuel", enumeration=electric), changed("Weight", scale=4)):
        found = plan((VEHICLE,), wanted)
        assert len(steps(found)) == 1 and found.statements() == [] and found.tables == (wanted,)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (changed("VehicleId", length=10), ("FleetVehicleEntity.VehicleId", "length is 20")),
        (changed("Weight", scale=0), ("FleetVehicleEntity.Weight", "scale is 2")),
        (changed("Weight", type=ColumnType.INTEGER, scale=None), ("Weight", "of type decimal", "become int")),
        (changed("Fuel", enumeration=Enumeration("Fuel", FUEL.members[:1])), ("Fuel", "Diesel cannot be taken away")),
        (changed("Fuel", enumeration=Enumeration("Fuel", (("Petrol", 5), ("Diesel", 1)))), ("Petrol is 0",)),
        (replace(VEHICLE, key=("VehicleId", "Fuel")), ("its key is VehicleId",)),
        (replace(VEHICLE, name="FleetCarEntity"), ("FleetVehicles is taken by the table FleetVehicleEntity",)),
        (replace(VEHICLE, name="Fleet Vehicle", entity_set="Cars"), ("'Fleet Vehicle' is no name",)),
        (replace(VEHICLE, name="V" * 64, entity_set="Cars"), ("longer than 63",)),
    ],
)
def test_what_would_lose_values_is_refused(wanted: Table, words: tuple[str, ...]) -> None:
    found = plan((VEHICLE,), wanted)
    assert found.steps == () and found.tables == ()
    (conflict,) = found.conflicts
    assert all(word in str(conflict) for word in words)


def test_a_definition_from_elsewhere_narrows_nothing_and_is_no_conflict() -> None:
    narrower: Callable[..., Table] = changed
    wanted = narrower("VehicleId", length=10)
    assert plan((VEHICLE,), wanted, insistence=Insistence.KEEP_WIDER) == MigrationPlan((), (), ())


def test_a_start_leaves_a_conflict_and_does_the_rest() -> None:
    wanted = changed("Weight", type=ColumnType.INTEGER, scale=None)
    wanted = replace(wanted, columns=(*wanted.columns, Column("Seats", ColumnType.INTEGER)))
    found = plan((VEHICLE,), wanted, insistence=Insistence.LEAVE_CONFLICTS)
    assert [str(step) for step in found.steps] == ["add column FleetVehicleEntity.Seats"]
    assert found.tables[0].column("Weight") == VEHICLE.column("Weight")
    assert len(found.conflicts) == 1


def test_a_lookup_is_watched_as_soon_as_its_target_is_there() -> None:
    assert steps(plan((), KEEPER)) == ["create table new_keeper with 3 columns"]
    reference = "reference new_keeper.new_home to new_home"
    assert steps(plan((KEEPER,), HOME)) == ["create table new_home with 1 columns", reference]
    assert steps(plan((), KEEPER, HOME))[-1] == reference
    assert plan((KEEPER, HOME), KEEPER, HOME).steps == ()


def test_a_lookup_to_one_table_does_not_become_one_to_several() -> None:
    columns = tuple(replace(c, targets=("new_home", "account")) if c.name == "new_home" else c for c in KEEPER.columns)
    (conflict,) = plan((KEEPER,), replace(KEEPER, columns=columns)).conflicts
    assert "new_keeper.new_home" in str(conflict)
    wider = tuple(replace(c, targets=(*c.targets, "lead")) if c.name == "new_any" else c for c in KEEPER.columns)
    (table,) = plan((KEEPER,), replace(KEEPER, columns=wider)).tables
    assert table.column("new_any").targets == ("account", "contact", "lead")
