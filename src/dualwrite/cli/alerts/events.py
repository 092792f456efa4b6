"""``dualwrite alerts events``: what alerts have been raised, what became of the map, and who was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.alerts.office import AlertOffice, at_alert_office
from dualwrite.cli.initial_sync.words import moment
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import find_map, short_names
from dualwrite.cli.output import grid
from dualwrite.monitoring.alerts.notices import consequence_of
from dualwrite.store.alerts import AlertEvent, Delivery, DeliveryState, EventFilter, EventState

_STYLES: Mapping[DeliveryState, str] = {
    DeliveryState.SENT: "green",
    DeliveryState.FAILED: "red",
    DeliveryState.IN_DOUBT: "red",
}


def list_events(
    context: typer.Context,
    name: Annotated[str | None, typer.Option("--alert", metavar="NAME", help="Raised by this alert.")] = None,
    map_name: Annotated[str | None, typer.Option("--map", help="About this map.")] = None,
    state: Annotated[EventState | None, typer.Option("--state", help="Whether the map is still above it.")] = None,
    before: Annotated[
        int | None, typer.Option("--before", metavar="NUMBER", help="Older than this event: the next page.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=10_000, help="How many.")] = 20,
) -> None:
    """List the alerts that were raised, the latest first."""
    call = invocation(context)

    async def found(office: AlertOffice) -> Sequence[AlertEvent]:
        of_map = None if map_name is None else find_map(await office.map_names(), map_name)
        which = EventFilter(name=name, map=of_map, state=state)
        return await office.events(which, before=before, limit_rows=top)

    events = at_alert_office(call, found)
    shown: list[RenderableType] = [events_table(events) if events else Text("No alert has been raised.", style="green")]
    if len(events) == top:
        shown += [Text(), Text(f"the next ones: --before {events[-1].id}", style="dim")]
    call.output.show([event_document(each) for each in events], *shown)


def event_document(event: AlertEvent) -> Mapping[str, object]:
    return {
        "event": event.id,
        "alert": event.name,
        "map": event.map,
        "at": event.at,
        "count": event.count,
        "condition": event.condition,
        "state": event.state,
        "cleared_at": event.cleared_at,
        "cleared_because": event.cleared_because,
        "action": event.action,
        "action_state": event.action_state,
        "action_result": event.action_result,
        "deliveries": [_delivery_document(each) for each in event.deliveries],
    }


def _delivery_document(each: Delivery) -> Mapping[str, object]:
    return {
        "channel": each.channel,
        "to": each.shown,
        "state": each.state,
        "attempts": each.attempts,
        "ended_at": each.ended_at,
        "message": each.message,
    }


def events_table(events: Sequence[AlertEvent]) -> Table:
    names = short_names({each.map for each in events})
    table = grid("number", "when", "alert", "map", "", "told", numbers=("number", "when"))
    for each in events:
        told = Text("\n").join(_told(it) for it in each.deliveries)
        said = Text(f"{each.condition}. {consequence_of(each)}")
        if each.cleared_because is not None:
            said.append(f"\nover {moment(each.cleared_at)}: {each.cleared_because.value}", style="dim")
        style = "yellow" if each.state is EventState.OPEN else ""
        table.add_row(str(each.id), moment(each.at), Text(each.name, style=style), Text(names[each.map]), said, told)
    return table


def _told(each: Delivery) -> Text:
    text = Text(f"{each.shown} {each.state.value}", style=_STYLES.get(each.state, "yellow"))
    return text.append(f" {each.message}", style="dim") if each.message else text
