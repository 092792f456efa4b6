"""How maps are: their state, queue, errors and tables, and a sample of their records on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query

from dualwrite.lifecycle.transitions import is_live
from dualwrite.monitoring.health.examination import DEFAULT_SAMPLE
from dualwrite.monitoring.health.findings import HealthCode, HealthFinding, MapHealth, Severity
from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.maps.models import EXAMPLE
from dualwrite.servers.admin.maps.routes import known_maps
from dualwrite.servers.admin.model import Name, Told

router = APIRouter(tags=["health"])

Sample = Annotated[
    int, Query(ge=0, le=1000, description="How many records of each running map are compared; 0 for none.")
]


class HealthFindingShown(Told):
    """One thing that was found about a map, and in ``remedy`` what to do about it."""

    code: HealthCode
    severity: Severity
    meaning: str
    message: str
    remedy: str

    @classmethod
    def of(cls, each: HealthFinding) -> HealthFindingShown:
        return cls.model_validate(each.document())


class MapHealthShown(Told):
    """Everything that was found about one map, the worst first. ``compared`` records were drawn and compared."""

    map: str
    version: str
    state: str
    well: bool
    """No finding says that changes do not pass."""
    compared: int | None
    findings: Sequence[HealthFindingShown]

    @classmethod
    def of(cls, each: MapHealth) -> MapHealthShown:
        return cls(
            map=each.map,
            version=each.version,
            state=each.state,
            well=each.is_well,
            compared=each.compared,
            findings=[HealthFindingShown.of(one) for one in each.findings],
        )


@router.get("/health", operation_id="examineMaps")
async def examine_maps(caller: Reader, desk: TheDesk, sample: Sample = 0) -> Sequence[MapHealthShown]:
    """All maps that do not stand still are examined. Nothing is changed."""
    names = [each.name for each in await desk.store.maps.list(desk.connection) if is_live(each.state)]
    return [MapHealthShown.of(each) for each in await desk.examination.examine(names, sample=sample)]


@router.get("/maps/{map}/health", operation_id="examineMap")
async def examine_map(
    caller: Reader,
    desk: TheDesk,
    map: Annotated[Name, Path(description="The map's name.", examples=[EXAMPLE])],
    sample: Sample = DEFAULT_SAMPLE,
) -> MapHealthShown:
    """One map is examined. Nothing is changed."""
    (found,) = await desk.examination.examine(await known_maps(desk, [map]), sample=sample)
    return MapHealthShown.of(found)
