"""The health check of maps, as whoever is called at three in the morning sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from uuid import uuid4

from sync_room import CUSTOMERS, GROUPS, SyncRoom

from dualwrite.catalog.maps import demonstration_names
from dualwrite.environments.port import Operation
from dualwrite.errors import EnvironmentUnavailable
from dualwrite.maps.values import Direction
from dualwrite.monitoring.health.examination import Examination
from dualwrite.monitoring.health.findings import HealthCode, HealthFinding, MapHealth, Severity
from dualwrite.security.clock import system_clock
from dualwrite.store.maps import MapState
from dualwrite.store.sync_errors import Category, FailedRecord, FailureKind
from dualwrite.sync.comparison import compare_sample
from words import change_customer, customer

FAILED = FailedRecord(
    change=uuid4(),
    number=0,
    kind=FailureKind.LIVE,
    category=Category.APPLICATION,
    map=CUSTOMERS,
    direction=Direction.TO_DATAVERSE,
    legal_entity="usmf",
    operation=Operation.UPDATE,
    record_id="1",
    record="H0",
    column="",
    code="DW0507",
    reason="refused",
    cause="refused",
    row={},
)


async def in_state(room: SyncRoom, state: MapState) -> None:
    for each in demonstration_names():
        await room.store.maps.set_state("main", each, state, expected=None)
    await room.router.renew()


def examination(room: SyncRoom) -> Examination:
    return Examination(room.store, "main", room.linked.pair, room.router, system_clock, Random(7))


async def examined(room: SyncRoom, name: str = CUSTOMERS, *, sample: int = 100) -> MapHealth:
    (health,) = await examination(room).examine([name], sample=sample)
    return health


def of(health: MapHealth, code: HealthCode) -> Sequence[HealthFinding]:
    return [each for each in health.findings if each.code is code]


async def test_a_running_map_whose_sides_agree_is_well(room: SyncRoom) -> None:
    await in_state(room, MapState.RUNNING)
    await room.finops(*(customer(f"H{number}") for number in range(30)))
    health = await examined(room)
    assert health.is_well
    assert health.compared == 30
    assert {each.severity for each in health.findings} == {Severity.INFORMATION}
    tables = " ".join(each.message for each in of(health, HealthCode.TABLES))
    assert "CustCustomerV3Entity of finance and operations" in tables


async def test_records_that_have_come_apart_are_named_with_the_way_back(room: SyncRoom) -> None:
    await in_state(room, MapState.RUNNING)
    await room.finops(*(customer(f"H{number}") for number in range(12)))
    await in_state(room, MapState.NOT_RUNNING)
    await room.finops(customer("H12"), change_customer("H3", OrganizationName="Another"))
    await in_state(room, MapState.RUNNING)
    health = await examined(room)
    assert not health.is_well
    missing, different = of(health, HealthCode.DIVERGENCE)
    assert missing.message == "1 of the drawn records are missing in Dataverse: usmf: H12"
    assert different.message == "1 of the drawn records differ: usmf: H3"
    assert "dualwrite compare" in missing.remedy
    assert health.findings[0].severity is Severity.ERROR


async def test_a_sample_is_as_large_as_was_asked_and_spread_over_the_table(room: SyncRoom) -> None:
    await in_state(room, MapState.RUNNING)
    await room.finops(*(customer(f"H{number:03}") for number in range(200)))
    routing = await room.router.current()
    plan = next(each for each in routing.plans if each.map.name == CUSTOMERS)
    found = await compare_sample(room.linked.pair, routing, plan, rows=50, chance=Random(3))
    assert found.is_clean
    assert 20 <= found.compared <= 50


async def test_a_map_that_stands_still_says_so(room: SyncRoom) -> None:
    (health,) = await examination(room).examine([GROUPS])
    assert health.is_well
    assert [each.remedy for each in of(health, HealthCode.NOT_TRACKED)] == ["Run it: dualwrite maps run"]
    assert health.compared is None


async def test_what_waits_and_what_failed_is_counted(room: SyncRoom) -> None:
    await in_state(room, MapState.RUNNING)
    await room.finops(customer("H0"))
    await in_state(room, MapState.PAUSED)
    await room.finops(change_customer("H0", SalesMemo="waits"))
    failed = [replace(FAILED, number=number) for number in range(12)]
    await room.store.sync_errors.add("main", failed)
    health = await examined(room)
    assert [each.message.split(",")[0] for each in of(health, HealthCode.LAG)] == ["1 records wait"]
    assert of(health, HealthCode.ERRORS)[0].message.startswith("12 failed records")
    assert of(health, HealthCode.ERROR_RATE)[0].message == "12 records have failed within the last hour"


async def test_an_environment_that_is_away_is_told_and_the_rest_as_well(room: SyncRoom) -> None:
    await in_state(room, MapState.RUNNING)

    async def away() -> None:
        raise EnvironmentUnavailable("connection refused")

    room.linked.dataverse.pulse = away  # type: ignore[method-assign]
    health = await examined(room)
    (told,) = of(health, HealthCode.AWAY)
    assert told.message == "environment dataverse does not answer: connection refused"
    assert "dualwrite maps pause" in told.remedy
    assert health.compared is None
