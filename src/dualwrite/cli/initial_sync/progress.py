"""A run of the initial sync while it goes on: as a screen that follows it, and as lines where there is no screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.words import ARROWS, STATE_WORDS, ended_in_words, seconds_in_words, short_run
from dualwrite.cli.map_names import short_names
from dualwrite.lifecycle.initial_sync.reports import Advance, MapProgress, RunProgress
from dualwrite.store.partitions import Partition, PartitionState

_WIDE = 100
"""Columns of a terminal that has room for the rate and the remaining time of each map."""
_MOST_MAPS = 12
"""So many maps are followed line by line; more of them at a time are only counted."""
_BAR_WIDTH = {False: 10, True: 20}
_NAME_WIDTH = {False: 24, True: 34}


@dataclass(frozen=True, slots=True)
class MapLine:
    """How far a run is with one map, both ways together. ``doing`` tells which legal entities it is busy with."""

    name: str
    advances: tuple[Advance, ...]
    doing: str = ""

    @property
    def partitions(self) -> int:
        return sum(each.partitions for each in self.advances)

    @property
    def partitions_done(self) -> int:
        return sum(each.partitions_done for each in self.advances)

    @property
    def rows_planned(self) -> int:
        return sum(each.rows_planned for each in self.advances)

    @property
    def rows_done(self) -> int:
        return sum(each.rows_done for each in self.advances)

    @property
    def rows_per_s(self) -> float:
        return sum(each.rows_per_s for each in self.advances)

    @property
    def remaining_s(self) -> float | None:
        left = [each.remaining_s for each in self.advances if each.remaining_s is not None]
        return max(left, default=None)

    @property
    def is_through(self) -> bool:
        return 0 < self.partitions == self.partitions_done

    @property
    def is_under_way(self) -> bool:
        running = any(each.partitions_running for each in self.advances)
        return running or 0 < self.partitions_done < self.partitions


def map_lines(progress: RunProgress, partitions: Sequence[Partition] = ()) -> Sequence[MapLine]:
    """The maps of the run in its order; ``partitions`` are those of maps that are under way."""
    doing = dict(_doing(partitions))
    names = short_names(_name(each) for each in progress.maps)
    return [
        MapLine(names[name], tuple(each.advance for each in ways), doing.get(name, ""))
        for name, ways in groupby(progress.maps, key=_name)
    ]


def _name(each: MapProgress) -> str:
    return each.map.map


def _doing(partitions: Sequence[Partition]) -> Iterator[tuple[str, str]]:
    """What the running partitions of each map are about: the way, and the legal entities or how many they are."""
    running: dict[str, list[Partition]] = {}
    for each in partitions:
        if each.state is PartitionState.RUNNING:
            running.setdefault(each.map, []).append(each)
    for name, found in running.items():
        ways = dict.fromkeys(ARROWS[each.direction] for each in found)
        companies = dict.fromkeys(company for each in found if each.extent for company in each.extent.companies or ())
        second = "second pass" if all(each.second_pass_of is not None for each in found) else ""
        yield name, " ".join(filter(None, ("".join(ways), _companies(tuple(companies)), second)))


def _companies(names: Sequence[str]) -> str:
    few = 2
    return ", ".join(names) if len(names) <= few else f"{names[0]} and {len(names) - 1} more"


# --- the screen -------------------------------------------------------------------------------------------------------


def progress_screen(progress: RunProgress, lines: Sequence[MapLine], *, width: int) -> RenderableType:
    """The run in a heading with its bar, and one line for each map that is under way."""
    busy = [each for each in lines if each.is_under_way]
    parts: list[RenderableType] = [Text(), _heading(progress, lines), _bar_line(progress, width=min(width, 110))]
    if busy:
        parts.append(_busy_table(busy[:_MOST_MAPS], wide=width >= _WIDE))
    if len(busy) > _MOST_MAPS:
        parts.append(Text(f"… and {len(busy) - _MOST_MAPS} more maps", style="dim"))
    parts.append(Text("Ctrl-C leaves this screen; the run goes on.", style="dim"))
    return Group(*parts)


def headline(progress: RunProgress, lines: Sequence[MapLine]) -> Text:
    """Run, state, maps, rows, rate and remaining time in one line."""
    return _heading(progress, lines).append(" · ").append_text(_pace(progress))


def _heading(progress: RunProgress, lines: Sequence[MapLine]) -> Text:
    total, word = progress.total, STATE_WORDS[progress.run.state]
    concerned = [each for each in lines if each.partitions]
    through = sum(each.is_through for each in concerned)
    text = Text.assemble((f"Initial sync {short_run(progress.run.run)}", "bold"), " · ", (word.word, word.style))
    if len(concerned) > 1:
        text.append(f" · {through} of {len(concerned)} maps")
    if total.counts.refused:
        text.append(f" · {total.counts.refused:,} refused", style="red")
    if total.partitions_failed:
        text.append(f" · {total.partitions_failed:,} partitions failed", style="red")
    return text


def _pace(progress: RunProgress) -> Text:
    total = progress.total
    if not total.partitions:
        return Text("counting rows", style="dim")
    text = Text(f"{total.rows_done:,} of {total.rows_planned:,} rows")
    if total.rows_per_s:
        text.append(f" · {total.rows_per_s:,.0f} rows/s")
    if total.remaining_s is not None:
        text.append(f" · {seconds_in_words(total.remaining_s)} left")
    return text


def _bar_line(progress: RunProgress, *, width: int) -> Table:
    total, pace = progress.total, _pace(progress)
    line = Table.grid(padding=(0, 1))
    bar = max(width - len(pace) - 2, _BAR_WIDTH[False])
    line.add_row(_bar(total.rows_done, total.rows_planned, width=bar, waits=not total.partitions), pace)
    return line


def _bar(done: int, planned: int, *, width: int, waits: bool = False) -> ProgressBar:
    """``waits`` is for what has no end yet."""
    return ProgressBar(total=max(planned, 1), completed=min(done, planned), width=width, pulse=waits)


def _busy_table(busy: Sequence[MapLine], *, wide: bool) -> Table:
    """Numbers are whole on every screen; names give way."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=_NAME_WIDTH[wide])
    table.add_column(width=_BAR_WIDTH[wide])
    cells = [_numbers(each, wide=wide) for each in busy]
    for column in zip(*cells, strict=True):
        table.add_column(no_wrap=True, justify="right", min_width=max(map(len, column)))
    table.add_column(no_wrap=True, overflow="ellipsis", style="cyan")
    for each, numbers in zip(busy, cells, strict=True):
        bar = _bar(each.rows_done, each.rows_planned, width=_BAR_WIDTH[wide])
        table.add_row(Text(each.name), bar, *numbers, Text(each.doing))
    return table


def _numbers(each: MapLine, *, wide: bool) -> Sequence[str]:
    numbers = [f"{each.rows_done:,} of {each.rows_planned:,}", f"{each.partitions_done}/{each.partitions}"]
    if wide:
        numbers.append(f"{each.rows_per_s:,.0f} rows/s" if each.rows_per_s else "")
        numbers.append("" if each.remaining_s is None else f"{seconds_in_words(each.remaining_s)} left")
    return numbers


# --- lines ------------------------------------------------------------------------------------------------------------


def through_line(line: MapLine) -> Text:
    """The line that stays when a map is through."""
    counts = [each.counts for each in line.advances]
    total = sum(counts[1:], start=counts[0])
    text = Text.assemble(("✓ ", "green"), f"{line.name}: {total.read:,} rows")
    if endings := ended_in_words(total):
        text.append(f", {endings}", style="dim")
    return text if not total.refused else text.append(f", {total.refused:,} refused", style="red")
