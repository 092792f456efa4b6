"""The steps of a long job on the terminal: one line each, with a bar while it lasts and its time when it is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text


class Step:
    """One step while it lasts."""

    def __init__(self, title: str, progress: Progress) -> None:
        self.title = title
        self.details: list[RenderableType] = []
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def result(self, title: str) -> None:
        """What the step's line says once it is done."""
        self.title = title

    def detail(self, renderable: RenderableType) -> None:
        """Shown indented under the step's line once it is done."""
        self.details.append(renderable)

    def bar(self, name: str, done: int, total: int | None = None) -> None:
        """The bar called ``name`` stands at ``done`` of ``total``; it appears with the first call."""
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._bars[name], completed=done, total=total)

    def close(self, name: str) -> None:
        """The bar called ``name`` is full."""
        if name in self._bars:
            task = self._bars[name]
            total = next(each.total for each in self._progress.tasks if each.id == task)
            self._progress.update(task, completed=total or 1, total=total or 1)


class Steps:
    """The terminal that steps are shown on."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        """How long each step took, by its first title."""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """What happens inside is one step. A step that fails leaves a line that says so."""
        progress = Progress(
            TextColumn("  "),
            SpinnerColumn(finished_text="[green]·[/]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("[dim]{task.completed:,.0f}[/]"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal or self.console.quiet,
        )
        step = Step(title, progress)
        started = time.monotonic()
        progress.add_task(f"[bold]{title}[/]", total=None)
        try:
            with progress:
                yield step
        except BaseException:
            self._line("[red]✗[/]", title, None)
            raise
        seconds = time.monotonic() - started
        self.seconds[title] = round(seconds, 3)
        self._line("[green]✓[/]", step.title, seconds)
        if step.details:
            self.console.print(Padding(Group(*step.details), (0, 0, 0, 4)))

    def skip(self, title: str) -> None:
        """A line for something that was done already."""
        self._line("[dim]·[/]", title, None)

    def _line(self, mark: str, title: str, seconds: float | None) -> None:
        line = Table.grid(expand=True, padding=(0, 1))
        line.add_column(width=2, justify="right")
        line.add_column(ratio=1, overflow="fold")
        line.add_column(justify="right", width=9)
        line.add_row(mark, title, Text("" if seconds is None else f"{seconds:.1f} s", style="dim"))
        self.console.print(line, width=min(self.console.width, 110))
