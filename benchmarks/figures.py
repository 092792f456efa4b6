"""Samples of durations, and the tables they end in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass
class Samples:
    """Durations of one thing done again and again, in seconds."""

    name: str
    durations_s: list[float] = field(default_factory=list)

    def percentile_ms(self, percent: float) -> float:
        ordered = sorted(self.durations_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


def print_latencies(title: str, subjects: Sequence[Samples]) -> None:
    """A row per subject: p50, p99, and both against the first subject, which is the floor."""
    floor = subjects[0]
    table = Table(title=title, title_justify="left")
    for heading in ("", "samples", "p50 ms", "p99 ms", "p50 / floor", "p99 / floor"):
        table.add_column(heading, justify="left" if not heading else "right")
    for each in subjects:
        p50, p99 = each.percentile_ms(50), each.percentile_ms(99)
        table.add_row(
            each.name,
            str(len(each.durations_s)),
            f"{p50:.2f}",
            f"{p99:.2f}",
            f"{p50 / floor.percentile_ms(50):.2f}",
            f"{p99 / floor.percentile_ms(99):.2f}",
        )
    Console(width=110).print(table)


def print_rates(title: str, rates: Sequence[tuple[str, float]]) -> None:
    """A row per subject: transactions a second, and against the first one."""
    table = Table(title=title, title_justify="left")
    for heading in ("", "transactions / s", "/ floor"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, rate in rates:
        table.add_row(name, f"{rate:.0f}", f"{rate / rates[0][1]:.2f}")
    Console(width=110).print(table)


def print_shares(title: str, phases: Sequence[Samples]) -> None:
    """A row per phase: its median and its share of the sum of medians."""
    whole = sum(each.percentile_ms(50) for each in phases)
    table = Table(title=title, title_justify="left")
    for heading in ("", "p50 ms", "share"):
        table.add_column(heading, justify="left" if not heading else "right")
    for each in phases:
        p50 = each.percentile_ms(50)
        table.add_row(each.name, f"{p50:.2f}", f"{p50 / whole:.0%}")
    Console(width=110).print(table)


@dataclass(frozen=True)
class Cost:
    """What ``items`` of something took in the quickest of several rounds; the other rounds were disturbed."""

    name: str
    seconds: float
    items: int

    @property
    def each_us(self) -> float:
        return self.seconds / self.items * 1e6


def cost_of(name: str, work: Callable[[], object], *, items: int, rounds: int = 5) -> Cost:
    """The cost of ``work``, which handles ``items``, told by item."""
    durations_s: list[float] = []
    for _ in range(rounds):
        before = time.perf_counter()
        work()
        durations_s.append(time.perf_counter() - before)
    return Cost(name, min(durations_s), items)


def print_costs(title: str, costs: Sequence[Cost]) -> None:
    """A row per subject: microseconds for one item, items a second, and the rate against the first subject."""
    table = Table(title=title, title_justify="left")
    for heading in ("", "us each", "each second", "times as many"):
        table.add_column(heading, justify="left" if not heading else "right")
    for each in costs:
        ratio = costs[0].each_us / each.each_us
        table.add_row(each.name, f"{each.each_us:.2f}", f"{1e6 / each.each_us:,.0f}", f"{ratio:.1f}")
    Console(width=110).print(table)
