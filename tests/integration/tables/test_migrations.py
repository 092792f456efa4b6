"""Migrations over a real database: rows untouched, whole or not at all, one at a time."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from databases import create_environment
from dualwrite.catalog import load_schema
from dualwrite.environments.hosted.definitions import (
    Origin,
    create_bookkeeping,
    migrate,
    read_changes,
    read_defined,
    remove_column,
    take_over,
)
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.hosted.migration import Insistence
from dualwrite.environments.port import Caller, Create, EnvironmentName, RecordKey, RowQuery, Update
from dualwrite.errors import CatalogRefused
from dualwrite.metadata.empty import empty_value
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, EnvironmentSchema, Side, Table

CALLER = Caller("tests")
FUEL = Enumeration("Fuel", (("None", 0), ("Petrol", 1)))
VEHICLE = Table(
    Side.FINOPS,
    "FleetVehicleEntity",
    "FleetVehicles",
    "Vehicles",
    ("VehicleId",),
    (Column("VehicleId", ColumnType.STRING, length=20), Column("Mileage", ColumnType.INTEGER)),
)
EVERY_TYPE = (
    Column("Text", ColumnType.STRING, length=60),
    Column("Memo", ColumnType.MEMO),
    Column("Whole", ColumnType.INTEGER),
    Column("Long", ColumnType.BIGINT),
    Column("Number", ColumnType.DECIMAL, scale=4),
    Column("Flag", ColumnType.BOOLEAN),
    Column("Fuel", ColumnType.ENUM, enumeration=FUEL),
    Column("Day", ColumnType.DATE),
    Column("Moment", ColumnType.DATETIME),
    Column("Id", ColumnType.GUID),
)


def with_columns(*columns: Column) -> Table:
    return replace(VEHICLE, columns=(*VEHICLE.columns, *columns))


def grow(conninfo: str, *tables: Table) -> None:
    migrate(conninfo, tables[0].side, tables, who="tests", origin=Origin.USER, insistence=Insistence.EXACTLY)


@pytest.fixture
def finops(database: str) -> str:
    """Connection string of an environment with the one table."""
    create_environment(database, EnvironmentSchema(Side.FINOPS, (VEHICLE,)))
    return database


@pytest.fixture
async def environment(finops: str) -> HostedEnvironment:
    environment = HostedEnvironment(EnvironmentName("finops"), Side.FINOPS, finops)
    await environment.open()
    yield environment  # type: ignore[misc]
    await environment.close()


async def test_rows_keep_what_they_held_and_are_empty_in_new_columns(
    environment: HostedEnvironment, finops: str
) -> None:
    await environment.transact([Create(VEHICLE.name, {"VehicleId": "V1", "Mileage": 7})], caller=CALLER)
    (before,) = (await environment.read(RowQuery(VEHICLE.name))).rows
    grow(finops, with_columns(*EVERY_TYPE))
    await environment.current_schema()
    (after,) = (await environment.read(RowQuery(VEHICLE.name))).rows
    assert after == {**before, **{column.name: empty_value(column) for column in EVERY_TYPE}}
    change = Update(VEHICLE.name, RecordKey((("VehicleId", "V1"),)), {"Number": Decimal("1.25"), "Fuel": "petrol"})
    await environment.transact([change], caller=CALLER)
    (changed,) = (await environment.read(RowQuery(VEHICLE.name))).rows
    assert (changed["Number"], changed["Fuel"]) == (Decimal("1.2500"), "Petrol")


async def test_a_table_that_grows_is_not_rewritten(finops: str) -> None:
    file = "SELECT pg_relation_filenode('data.\"FleetVehicleEntity\"')"
    with psycopg.connect(finops) as connection:
        connection.execute(
            'INSERT INTO data."FleetVehicleEntity" ("VehicleId") SELECT \'V\' || n FROM generate_series(1, 5000) n'
        )
        before = connection.execute(file).fetchone()
    grow(finops, with_columns(*EVERY_TYPE))
    with psycopg.connect(finops) as connection:
        assert connection.execute(file).fetchone() == before


async def test_a_process_that_does_not_know_yet_goes_on_reading_and_writing(
    environment: HostedEnvironment, finops: str
) -> None:
    """Statements that were prepared before the table grew are prepared again."""
    for number in range(12):
        await environment.transact([Create(VEHICLE.name, {"VehicleId": f"V{number}"})], caller=CALLER)
        await environment.read(RowQuery(VEHICLE.name, limit=1))
    grow(finops, with_columns(Column("Seats", ColumnType.INTEGER)))
    for number in range(12, 20):
        await environment.transact([Create(VEHICLE.name, {"VehicleId": f"V{number}"})], caller=CALLER)
        change = Update(VEHICLE.name, RecordKey((("VehicleId", f"V{number}"),)), {"Mileage": number})
        await environment.transact([change], caller=CALLER)
        await environment.read(RowQuery(VEHICLE.name, limit=1))
    assert len((await environment.read(RowQuery(VEHICLE.name))).rows) == 20


def test_a_change_is_kept_with_its_steps_and_made_once(finops: str) -> None:
    wanted = with_columns(Column("Seats", ColumnType.INTEGER))
    grow(finops, wanted)
    grow(finops, wanted)
    changes = read_changes(finops)
    assert [(each.changed_by, each.steps) for each in changes] == [
        ("tests", ("add column FleetVehicleEntity.Seats",)),
        ("tests", ("create table FleetVehicleEntity with 2 columns",)),
    ]
    assert read_defined(finops, Side.FINOPS).schema.table(VEHICLE.name) == wanted


def test_appliers_wait_for_each_other(finops: str) -> None:
    async def all_at_once() -> None:
        columns = [Column(f"C{number}", ColumnType.INTEGER) for number in range(6)]
        await asyncio.gather(*(asyncio.to_thread(grow, finops, with_columns(column)) for column in columns))

    asyncio.run(all_at_once())
    assert {column.name for column in read_defined(finops, Side.FINOPS).schema.table(VEHICLE.name).columns} == {
        "VehicleId",
        "Mileage",
        *(f"C{number}" for number in range(6)),
    }
    assert [each.generation for each in read_changes(finops)] == list(range(7, 0, -1))


def test_a_key_that_rows_contradict_is_refused_and_nothing_stays(finops: str) -> None:
    with psycopg.connect(finops) as connection:
        connection.execute("INSERT INTO data.\"FleetVehicleEntity\" (\"VehicleId\") VALUES ('A'), ('B')")
    wanted = replace(with_columns(Column("Seats", ColumnType.INTEGER)), alternate_keys=(("Mileage",),))
    with pytest.raises(CatalogRefused, match="FleetVehicleEntity: the key cannot be made"):
        grow(finops, wanted)
    assert read_defined(finops, Side.FINOPS).schema.table(VEHICLE.name) == VEHICLE
    assert "Seats" not in _stored_columns(finops)


def _die(point: str) -> None:
    if point == "migration.applied":
        os.kill(os.getpid(), signal.SIGKILL)


def _migrate_and_die(conninfo: str) -> None:
    wanted = with_columns(*EVERY_TYPE)
    migrate(conninfo, Side.FINOPS, [wanted], who="victim", reached=_die)


def test_a_migration_that_is_killed_leaves_nothing(finops: str) -> None:
    victim = multiprocessing.get_context("spawn").Process(target=_migrate_and_die, args=(finops,))
    victim.start()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    assert read_defined(finops, Side.FINOPS).schema.table(VEHICLE.name) == VEHICLE
    assert _stored_columns(finops) == {"RecId", "RecVersion", "VehicleId", "Mileage"}
    grow(finops, with_columns(*EVERY_TYPE))
    assert {column.name for column in EVERY_TYPE} < _stored_columns(finops)


def _stored_columns(conninfo: str) -> set[str]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'data'"
    with psycopg.connect(conninfo) as connection:
        return {name for (name,) in connection.execute(query)}


# --- databases that were made before definitions were kept ------------------------------------------------------------


@pytest.fixture
def undefined(database: str) -> Iterator[str]:
    """A database as an earlier release has left it: tables of the catalog, one of them without its latest column."""
    catalog = load_schema(Side.DATAVERSE)
    tables = [catalog.table(name) for name in ("businessunit", "cdm_company", "msdyn_customergroup")]
    create_environment(database, EnvironmentSchema(Side.DATAVERSE, tuple(tables)))
    with psycopg.connect(database) as connection:
        connection.execute("DROP TABLE dualwrite.table_definition, dualwrite.schema_change")
        connection.execute("ALTER TABLE data.msdyn_customergroup DROP COLUMN msdyn_description")
        connection.execute(
            "INSERT INTO data.cdm_company (cdm_companyid, cdm_companycode) VALUES (gen_random_uuid(), 'x')"
        )
    yield database


def test_an_earlier_database_is_taken_over(undefined: str) -> None:
    catalog = load_schema(Side.DATAVERSE)
    create_bookkeeping(undefined)
    for _ in range(2):
        take_over(undefined, catalog, who="start")
        taken = read_defined(undefined, Side.DATAVERSE).schema
        assert {table.name for table in taken} == {"businessunit", "cdm_company", "msdyn_customergroup"}
        assert taken.table("cdm_company") == catalog.table("cdm_company")
        assert taken.table("msdyn_customergroup").find("msdyn_description") is None
    plan = migrate(undefined, Side.DATAVERSE, [catalog.table(table.name) for table in taken], who="start")
    assert [str(step) for step in plan.steps] == ["add column msdyn_customergroup.msdyn_description"]
    with psycopg.connect(undefined) as connection:
        assert connection.execute("SELECT count(*) FROM data.cdm_company").fetchone() == (1,)


def test_tables_whose_key_has_changed_since_go_or_are_set_aside(finops: str) -> None:
    other = replace(VEHICLE, name="FleetCarEntity", entity_set="FleetCars")
    create_environment(finops, EnvironmentSchema(Side.FINOPS, (other,)))
    with psycopg.connect(finops) as connection:
        connection.execute("DROP TABLE dualwrite.table_definition, dualwrite.schema_change")
        connection.execute('INSERT INTO data."FleetCarEntity" ("VehicleId") VALUES (\'A\')')
    renewed = [
        replace(table, key=("Company", "VehicleId"), columns=(Column("Company", ColumnType.STRING), *table.columns))
        for table in (VEHICLE, other)
    ]
    create_bookkeeping(finops)
    take_over(finops, EnvironmentSchema(Side.FINOPS, tuple(renewed)), who="start")
    assert read_defined(finops, Side.FINOPS).schema.tables == ()
    migrate(finops, Side.FINOPS, renewed, who="catalog")
    with psycopg.connect(finops) as connection:
        assert connection.execute('SELECT "VehicleId" FROM former."FleetCarEntity"').fetchall() == [("A",)]
        assert connection.execute('SELECT * FROM data."FleetCarEntity"').fetchall() == []


def test_an_empty_table_of_the_catalog_may_change_its_key(finops: str) -> None:
    renewed = replace(VEHICLE, key=("VehicleId", "Mileage"))
    migrate(finops, Side.FINOPS, [renewed], who="catalog")
    assert read_defined(finops, Side.FINOPS).schema.table(VEHICLE.name).key == ("VehicleId", "Mileage")
    with psycopg.connect(finops) as connection:
        connection.execute('INSERT INTO data."FleetVehicleEntity" ("VehicleId") VALUES (\'A\')')
    with pytest.raises(CatalogRefused, match="its key is VehicleId, Mileage"):
        migrate(finops, Side.FINOPS, [VEHICLE], who="catalog")


def test_lookups_to_a_renewed_table_are_watched_again(database: str) -> None:
    def tables(kind: ColumnType) -> tuple[Table, ...]:
        home = (Column("new_homeid", ColumnType.GUID), Column("new_size", kind))
        keeper = (Column("new_keeperid", ColumnType.GUID), Column("new_home", ColumnType.LOOKUP, targets=("new_home",)))
        return (
            Table(Side.DATAVERSE, "new_home", "new_homes", "Home", ("new_homeid",), home),
            Table(Side.DATAVERSE, "new_keeper", "new_keepers", "Keeper", ("new_keeperid",), keeper),
        )

    create_environment(database, EnvironmentSchema(Side.DATAVERSE, tables(ColumnType.INTEGER)))
    migrate(database, Side.DATAVERSE, tables(ColumnType.STRING), who="catalog")
    with psycopg.connect(database) as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("INSERT INTO data.new_keeper VALUES (gen_random_uuid(), gen_random_uuid())")


def test_what_a_user_has_added_to_a_table_of_the_catalog_can_be_removed(finops: str) -> None:
    grow(finops, with_columns(Column("Seats", ColumnType.INTEGER)))
    check: Callable[..., None] = remove_column
    check(finops, Side.FINOPS, VEHICLE.name, "Seats", who="tests")
    assert "Seats" not in _stored_columns(finops)
    with pytest.raises(CatalogRefused, match="comes from the catalog"):
        check(finops, Side.FINOPS, VEHICLE.name, "Mileage", who="tests")
