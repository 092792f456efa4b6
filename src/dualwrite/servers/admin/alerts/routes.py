"""The alert settings: made, changed, tried out and removed; and the events that they have raised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from dualwrite.servers.admin.alerts.models import AlertAsked, AlertEventShown, AlertShown, TrialShown
from dualwrite.servers.admin.callers import Administrator, Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.model import Name, Told
from dualwrite.servers.admin.paging import A_PAGE, Before, Cursor, Limit, Page, next_address, read_cursor
from dualwrite.servers.admin.problems import refusals
from dualwrite.store.alerts import EventFilter, EventState

router = APIRouter(tags=["alerts"])

AlertName = Annotated[Name, Path(max_length=100, description="The setting's name.", examples=["Customers fail"])]
Number = Annotated[int, Path(ge=1, le=2**53 - 1, description="The event's number.")]


class Removed(Told):
    """What there is no more."""

    name: str


@router.get("/alerts", operation_id="listAlerts")
async def list_alerts(caller: Reader, desk: TheDesk) -> Sequence[AlertShown]:
    """The alert settings, by name."""
    return [AlertShown.of(each, desk.alerts) for each in await desk.alerts.list()]


@router.get("/alerts/{alert}", operation_id="showAlert")
async def show_alert(caller: Reader, desk: TheDesk, alert: AlertName) -> AlertShown:
    """One setting."""
    return AlertShown.of(await desk.alerts.get(alert), desk.alerts)


@router.put("/alerts/{alert}", operation_id="setAlert", responses=refusals(409))
async def set_alert(caller: Administrator, desk: TheDesk, alert: AlertName, asked: AlertAsked) -> AlertShown:
    """The setting is made, or changed; it holds from the next look at the errors on."""
    return AlertShown.of(await desk.alerts.set(asked.draft(alert), who=caller.name), desk.alerts)


@router.delete("/alerts/{alert}", operation_id="removeAlert")
async def remove_alert(caller: Administrator, desk: TheDesk, alert: AlertName) -> Removed:
    """There is no such setting any more; the events that it raised stay on record."""
    await desk.alerts.remove(alert, who=caller.name)
    return Removed(name=alert)


@router.post("/alerts/{alert}/test", operation_id="testAlert", responses=refusals(409))
async def test_alert(caller: Administrator, desk: TheDesk, alert: AlertName) -> Sequence[TrialShown]:
    """Everybody whom the setting tells has been sent a test; tells what became of it."""
    return [TrialShown.of(each) for each in await desk.alerts.send_test(alert, who=caller.name)]


@router.get("/alert-events", operation_id="listAlertEvents")
async def list_events(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    name: Annotated[Name | None, Query(description="Raised by this setting.")] = None,
    map: Annotated[Name | None, Query(description="About this map.")] = None,
    state: Annotated[EventState | None, Query(description="Open or cleared.")] = None,
    before: Before = None,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[AlertEventShown]:
    """The events, latest first, with what followed."""
    after = read_cursor(cursor, int)
    before = before if after is None else int(after[0] or 0)
    found = await desk.alerts.events(EventFilter(name, map, state), before=before, limit_rows=limit + 1)
    shown = found[:limit]
    more = next_address(request, [shown[-1].id]) if len(found) > limit else None
    return Page(items=[AlertEventShown.of(each) for each in shown], next=more)


@router.get("/alert-events/{number}", operation_id="showAlertEvent")
async def show_event(caller: Reader, desk: TheDesk, number: Number) -> AlertEventShown:
    """One event, and who has been told of it."""
    return AlertEventShown.of(await desk.alerts.event(number))
