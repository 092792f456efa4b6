"""How far an import is, while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dualwrite.cli.invocation import Invocation

if TYPE_CHECKING:
    from dualwrite.exchange.importing.importer import SourceReport

_Told: TypeAlias = "Callable[[SourceReport], None]"


@contextmanager
def import_progress(call: Invocation) -> Iterator[_Told]:
    """A bar for each file, by how much of it has been read; gives what is to be told of its records."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[rows]:>11,} records"),
        TextColumn("[red]{task.fields[refused]:,} refused"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=call.output.console,
        transient=True,
        disable=call.output.as_json,
    )
    tasks: dict[int, TaskID] = {}

    def told(report: SourceReport) -> None:
        task = tasks.get(id(report))
        if task is None:
            total = report.size_bytes or None
            task = tasks[id(report)] = bars.add_task(report.table.label, total=total, rows=0, refused=0)
        bars.update(task, completed=report.progress.count, rows=report.count.read, refused=report.count.refused)

    with bars:
        yield told
