"""``dualwrite queue list`` and ``count``: what waits for paused maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.words import ARROWS, moment
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import find_map, short_names
from dualwrite.cli.output import grid
from dualwrite.cli.queues.choices import MapName
from dualwrite.cli.queues.office import QueueOffice, at_queue_office
from dualwrite.environments.operation import Operation
from dualwrite.environments.queue import QueueCount, QueuedRecord, QueueFilter
from dualwrite.metadata.schema import Side

app = typer.Typer(help="What waits for paused maps: list it, count it.", no_args_is_help=True)

_MIB = 1 << 20


@app.command("count")
def count_queue(context: typer.Context) -> None:
    """Count what waits, by map and direction: transactions, records, size, and since when."""
    call = invocation(context)

    counts = sorted(at_queue_office(call, lambda office: office.counts()), key=lambda each: each.map)
    nothing = Text("Nothing waits.", style="dim")
    call.output.show([_count_document(each) for each in counts], _counts_table(counts) if counts else nothing)


@app.command("list")
def list_queue(
    context: typer.Context,
    maps: MapName = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="TEXT", help="Only records whose integration key contains this.")
    ] = None,
    legal_entity: Annotated[
        str | None, typer.Option("--legal-entity", metavar="ID", help="Only records of this legal entity.")
    ] = None,
    operation: Annotated[Operation | None, typer.Option("--operation", help="Only such changes.")] = None,
    side: Annotated[Side | None, typer.Option("--side", help="Only changes made on this side.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="How many of each side, first come.")] = 50,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="POSITION[.NUMBER]", help="Only what is behind this place; needs --side."),
    ] = None,
) -> None:
    """List what waits, in the order in which it will be replayed. --json gives the records whole."""
    if after is not None and side is None:
        raise typer.BadParameter("--after needs --side, for each side has a queue of its own")
    place = _place(after)
    call = invocation(context)

    async def listed(office: QueueOffice) -> Sequence[QueuedRecord]:
        known = [each.name for each in await office.states()] if maps else []
        names = frozenset(find_map(known, each) for each in maps) if maps else None
        which = QueueFilter(maps=names, key=key, legal_entity=legal_entity, operation=operation)
        found: list[QueuedRecord] = []
        for each in Side:
            if side in (None, each):
                found += await office.queued(each, which, after=place, limit_rows=most)
        return found

    records = at_queue_office(call, listed)
    nothing = Text("Nothing waits that is meant.", style="dim")
    call.output.show([_record_document(each) for each in records], _records_table(records) if records else nothing)
    if records:
        call.output.console.print(_more(records, most))


def _place(after: str | None) -> tuple[int, int]:
    position, _, number = (after or "0").partition(".")
    try:
        return int(position), int(number or 0)
    except ValueError:
        raise typer.BadParameter(f"{after!r} is no place; it looks like 120 or 120.3") from None


def _counts_table(counts: Sequence[QueueCount]) -> Table:
    numbers = ("transactions", "records", "MiB")
    table = grid("map", "", *numbers, "oldest", numbers=numbers)
    names = short_names(dict.fromkeys(each.map for each in counts))
    for each in counts:
        size = f"{each.size_bytes / _MIB:,.1f}"
        table.add_row(
            Text(names[each.map]),
            ARROWS[each.direction],
            f"{each.transactions:,}",
            f"{each.records:,}",
            size,
            moment(each.oldest),
        )
    return table


def _records_table(records: Sequence[QueuedRecord]) -> Table:
    table = grid("place", "", "map", "record", "change", "legal entity", "saved", "by", numbers=("place",))
    names = short_names(dict.fromkeys(each.map for each in records))
    for each in records:
        table.add_row(
            f"{each.position}.{each.number}",
            ARROWS[each.direction],
            Text(names[each.map]),
            Text(each.record),
            each.operation.value,
            each.legal_entity,
            moment(each.queued_at, short=True),
            Text(each.caller),
        )
    return table


def _more(records: Sequence[QueuedRecord], most: int) -> Text:
    """How to see what comes behind, where there may be something."""
    text = Text(style="dim")
    for side in Side:
        of_side = [each for each in records if each.direction.source is side]
        if len(of_side) == most:
            last = of_side[-1]
            text.append(f"More: dualwrite queue list --side {side.value} --after {last.position}.{last.number}\n")
    text.rstrip()
    return text


def _count_document(each: QueueCount) -> Mapping[str, object]:
    return {
        "map": each.map,
        "direction": each.direction,
        "transactions": each.transactions,
        "records": each.records,
        "size_bytes": each.size_bytes,
        "oldest": each.oldest,
    }


def _record_document(each: QueuedRecord) -> Mapping[str, object]:
    return {
        "position": each.position,
        "number": each.number,
        "change": each.change,
        "queued_at": each.queued_at,
        "caller": each.caller,
        "map": each.map,
        "direction": each.direction,
        "legal_entity": each.legal_entity,
        "operation": each.operation,
        "record_id": each.record_id,
        "record": each.record,
        "key": each.mark,
        "changed": each.changed,
        "row": each.row,
        "size_bytes": each.size_bytes,
    }
