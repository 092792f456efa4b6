"""Refused rows on the terminal, as JSON and as a CSV file: one by one, or grouped by what is in their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.words import WAYS
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid
from dualwrite.lifecycle.initial_sync.refusal_csv import Batches, csv_pieces
from dualwrite.maps.values import Direction
from dualwrite.store.refusals import Refusal, RefusalField, RefusalGroup


def refused_table(refused: Sequence[Refusal]) -> Table:
    """Each row with its cause; the code and the whole reason are in the JSON and the CSV."""
    table = grid("map", "record", "column", "reason")
    names = short_names(each.map for each in refused)
    for each in refused:
        record = f"{each.legal_entity}: {each.record}" if each.legal_entity else each.record
        reason = Text(each.cause or each.reason, style="dim" if each.settled_by else "yellow")
        if each.settled_by:
            reason.append(" (done again since)")
        table.add_row(Text(names[each.map]), Text(record), each.column, reason)
    return table


def groups_table(groups: Sequence[RefusalGroup], *, most: int | None = None) -> Table:
    """How many rows each cause has, the most frequent first, each with a few of them."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    shown = groups if most is None else groups[:most]
    names = short_names({each.fields[RefusalField.MAP] for each in groups})
    for each in shown:
        fields = each.fields
        place = Text(names[fields[RefusalField.MAP]], style="bold")
        if Direction(fields[RefusalField.DIRECTION]) is Direction.TO_FINOPS:
            place.append(f" {WAYS[Direction.TO_FINOPS]}", style="dim")
        if fields[RefusalField.COLUMN]:
            place.append(f" · {fields[RefusalField.COLUMN]}", style="cyan")
        cause = Text(fields[RefusalField.CAUSE] or each.reason, style="yellow")
        table.add_row(Text(f"{each.rows:,}", style="red"), Text("\n").join((place, cause, _some(each))))
    if len(shown) < len(groups):
        left = groups[len(shown) :]
        rows = sum(each.rows for each in left)
        table.add_row(f"{rows:,}", Text(f"for {len(left)} other causes: --by-cause", style="dim"))
    return table


def _some(group: RefusalGroup) -> Text:
    more = ", …" if group.rows > len(group.records) else ""
    return Text(f"{', '.join(group.records)}{more}", style="dim")


def refusals_shown(groups: Sequence[RefusalGroup], *, run: str, most: int) -> Sequence[RenderableType]:
    """The causes, and how to go on."""
    rows = sum(each.rows for each in groups)
    if not rows:
        return ()
    title = Text(f"{rows:,} rows were refused" if rows > 1 else "1 row was refused", style="bold red")
    return (
        Text(),
        title,
        groups_table(groups, most=most),
        Text("\nMend the causes, then do those rows again, or look at every row with its values:"),
        Text(f"  dualwrite initial-sync rerun {run} --failed", style="cyan"),
        Text(f"  dualwrite initial-sync refused {run} --csv refused.csv", style="cyan"),
    )


# --- for scripts ------------------------------------------------------------------------------------------------------


def refused_document(refused: Sequence[Refusal]) -> Sequence[Mapping[str, object]]:
    return [
        {
            "map": each.map,
            "legal_entity": each.legal_entity or None,
            "direction": each.direction,
            "record": each.record,
            "record_id": each.record_id,
            "column": each.column,
            "code": each.code,
            "reason": each.reason,
            "cause": each.cause,
            "row": each.row,
            "run": each.run,
            "settled_by": each.settled_by,
        }
        for each in refused
    ]


def groups_document(groups: Sequence[RefusalGroup]) -> Sequence[Mapping[str, object]]:
    return [
        {
            **{field.value.replace(" ", "_"): value for field, value in each.fields.items()},
            "rows": each.rows,
            "reason": each.reason,
            "records": each.records,
        }
        for each in groups
    ]


async def write_csv(batches: Batches, file: TextIO) -> int:
    """All refusals are in the file; gives how many. Memory does not grow with their number."""
    written = 0
    async for piece, rows in csv_pieces(batches):
        file.write(piece)
        written += rows
    return written
