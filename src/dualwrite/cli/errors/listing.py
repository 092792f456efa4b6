"""``dualwrite errors list``, ``groups`` and ``show``: what failed, why, and what the record holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.errors.choices import (
    Asked,
    FromSide,
    InState,
    OfCategory,
    OfCause,
    OfCode,
    OfColumn,
    OfKind,
    OfLegalEntity,
    OfMap,
    OfRecord,
    Settled,
    Since,
    Until,
)
from dualwrite.cli.errors.office import ErrorOffice, at_error_office
from dualwrite.cli.initial_sync.words import WAYS, moment
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid, shown
from dualwrite.maps.values import Direction
from dualwrite.store.sync_errors import ErrorState, SyncError, SyncErrorField, SyncErrorGroup

_STYLES: Mapping[ErrorState, str] = {
    ErrorState.OPEN: "yellow",
    ErrorState.COMPLETED: "green",
    ErrorState.STALE: "dim",
    ErrorState.DISMISSED: "dim",
}
_GO_ON = "Mend the cause, then: dualwrite errors retry NUMBER…, or --all"


def list_errors(
    context: typer.Context,
    map_name: OfMap = None,
    legal_entity: OfLegalEntity = None,
    from_side: FromSide = None,
    kind: OfKind = None,
    category: OfCategory = None,
    column: OfColumn = None,
    code: OfCode = None,
    cause: OfCause = None,
    record: OfRecord = None,
    since: Since = None,
    until: Until = None,
    state: InState = None,
    settled: Settled = False,
    before: Annotated[
        int | None, typer.Option("--before", metavar="NUMBER", help="Older than this error: the next page.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=10_000, help="How many.")] = 25,
) -> None:
    """List the changes that failed, the latest first: the open ones unless something else is said."""
    call = invocation(context)
    asked = Asked(
        map=map_name,
        legal_entity=legal_entity,
        from_side=from_side,
        kind=kind,
        category=category,
        column=column,
        code=code,
        cause=cause,
        record=record,
        since=since,
        until=until,
        state=state,
        settled=settled,
    )

    async def found(office: ErrorOffice) -> tuple[Sequence[SyncError], int]:
        which = await asked.filter(office)
        return await office.list(which, before=before, limit_rows=top), await office.count(which)

    errors, number = at_error_office(call, found)
    parts: list[RenderableType] = [_table(errors) if errors else Text("No error.", style="green")]
    if len(errors) == top:
        parts += [Text(), Text(f"of {number:,} errors; the next ones: --before {errors[-1].id}", style="dim")]
    if any(each.state is ErrorState.OPEN for each in errors):
        parts += [Text(), Text(_GO_ON, style="dim")]
    call.output.show({"errors": number, "items": [asdict(each) for each in errors]}, *parts)


def groups(
    context: typer.Context,
    map_name: OfMap = None,
    legal_entity: OfLegalEntity = None,
    from_side: FromSide = None,
    kind: OfKind = None,
    category: OfCategory = None,
    since: Since = None,
    until: Until = None,
    state: InState = None,
    settled: Settled = False,
) -> None:
    """How many errors each cause has, the most frequent first."""
    call = invocation(context)
    asked = Asked(
        map=map_name,
        legal_entity=legal_entity,
        from_side=from_side,
        kind=kind,
        category=category,
        since=since,
        until=until,
        state=state,
        settled=settled,
    )

    async def found(office: ErrorOffice) -> Sequence[SyncErrorGroup]:
        return await office.groups(await asked.filter(office))

    grouped = at_error_office(call, found)
    document = [
        {
            **{field.value.replace(" ", "_"): value for field, value in each.fields.items()},
            "errors": each.errors,
            "reason": each.reason,
            "records": each.records,
            "first_at": each.first_at,
            "last_at": each.last_at,
        }
        for each in grouped
    ]
    call.output.show(document, _groups(grouped) if grouped else Text("No error.", style="green"))


def show(context: typer.Context, number: Annotated[int, typer.Argument(min=1, help="The error's number.")]) -> None:
    """Show one error with the whole record."""
    call = invocation(context)
    error = at_error_office(call, lambda office: office.show(number))
    call.output.show(asdict(error), _facts(error), Text(), _row(error))


# --- on the terminal --------------------------------------------------------------------------------------------------


def _table(errors: Sequence[SyncError]) -> Table:
    table = grid("number", "when", "map", "record", "column", "reason", numbers=("number", "when"))
    names = short_names({each.map for each in errors})
    for each in errors:
        reason = Text(each.cause or each.reason, style=_STYLES[each.state])
        if each.state is not ErrorState.OPEN:
            reason.append(f" ({each.state.value})", style="dim")
        table.add_row(
            str(each.id), moment(each.at), Text(names[each.map]), Text(_name(each)), Text(each.column), reason
        )
    return table


def _name(each: SyncError) -> str:
    return f"{each.legal_entity}: {each.record}" if each.legal_entity else each.record


def _groups(grouped: Sequence[SyncErrorGroup]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    names = short_names({each.fields[SyncErrorField.MAP] for each in grouped})
    for each in grouped:
        place = Text(names[each.fields[SyncErrorField.MAP]], style="bold")
        place.append(f" {WAYS[Direction(each.fields[SyncErrorField.DIRECTION])]}", style="dim")
        if each.fields[SyncErrorField.COLUMN]:
            place.append(f" · {each.fields[SyncErrorField.COLUMN]}", style="cyan")
        cause = Text(each.fields[SyncErrorField.CAUSE] or each.reason, style="yellow")
        more = ", …" if each.errors > len(each.records) else ""
        some = Text(f"{', '.join(each.records)}{more}", style="dim")
        table.add_row(Text(f"{each.errors:,}", style="red"), Text("\n").join((place, cause, some)))
    return table


def _facts(error: SyncError) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    facts = {
        "record": _name(error),
        "map": f"{error.map}, {WAYS[error.direction]}",
        "change": f"{error.operation.value}, failed {error.kind.value} at {moment(error.at)}",
        "state": error.state.value if not error.settled_by else f"{error.state.value}, {error.settled_by}",
        "reason": error.reason,
        "retries": f"{error.attempts}" + (f", the last one {moment(error.last_attempt_at)}" if error.attempts else ""),
        "last reason": error.last_reason,
    }
    for name, fact in facts.items():
        if fact:
            table.add_row(name, Text(fact))
    return table


def _row(error: SyncError) -> Table:
    table = grid("column", "value")
    for name, value in error.row.items():
        is_changed = error.changed is not None and name in error.changed
        table.add_row(Text(name, style="bold" if is_changed else ""), Text(shown(value)))
    return table
