"""The initial copy as progress bars, one a map, and as a table afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid
from dualwrite.cli.steps import Step
from dualwrite.composition.house import House
from dualwrite.environments.port import RowQuery
from dualwrite.filters.tree import ColumnPath, Expression, OneOf
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.sync.initial_copy import CopyCount, CopyReport
from dualwrite.sync.link import Companies

_MOST_REFUSALS_SHOWN = 20


class CopyBars:
    """Follows a copy from ``master``: each map's bar counts the rows read there."""

    def __init__(self, step: Step, *, master: Side, totals: Mapping[str, int]) -> None:
        self._step = step
        self._master = master
        self._totals = totals
        self._read: dict[str, dict[str | None, int]] = {}
        self._map: str | None = None

    async def __call__(self, count: CopyCount) -> None:
        name = count.map_name
        if self._map not in (None, name):
            self._step.close(str(self._map))
        self._map = name
        if count.direction.source is self._master:
            self._read.setdefault(name, {})[count.company] = count.read
        self._step.bar(name, sum(self._read.get(name, {}).values()), self._totals.get(name))


async def source_rows(house: House, plans: Sequence[Plan], *, master: Side) -> Mapping[str, int]:
    """How many rows a copy from ``master`` will read, by map."""
    companies = (await house.router.current()).companies
    totals: dict[str, int] = {}
    for plan in plans:
        table = plan.finops if master is Side.FINOPS else plan.dataverse
        query = RowQuery(table.name, columns=(), where=_linked(plan, master, companies), limit=1, count=True)
        totals[plan.map.name] = (await house.pair.side(master).read(query)).total or 0
    return totals


def _linked(plan: Plan, master: Side, companies: Companies) -> Expression | None:
    """The rows of linked companies, where that is a matter of a column; in Dataverse the company is behind a lookup."""
    column = plan.finops.company_column
    if master is Side.DATAVERSE or column is None or not companies.links:
        return None
    return OneOf(ColumnPath((column,)), tuple(each.legal_entity.lower() for each in companies.links))


def copy_table(report: CopyReport, *, master: Side) -> Table:
    """What the copy did for each map: the rows read on the master's side, and how many came back from the other one."""
    numbers = ("read", "created", "updated", "equal", "outside", "refused", "back")
    totals = _totals_by_map(report, master=master)
    both_ways = any(_written(back) for _, back in totals.values())
    table = grid("map", *(numbers if both_ways else numbers[:-1]), numbers=numbers)
    names = short_names(totals)
    for name, (there, back) in totals.items():
        refused = there.refused + back.refused
        cells = [f"{each:,}" for each in (there.read, there.inserted, there.updated, there.equal, there.skipped)]
        cells.append(f"[red]{refused:,}[/]" if refused else "0")
        table.add_row(Text(names[name]), *cells, *([f"{_written(back):,}"] if both_ways else []))
    return table


def _totals_by_map(report: CopyReport, *, master: Side) -> Mapping[str, tuple[CopyCount, CopyCount]]:
    """For each map the counts from the master and those of the way back, over all companies."""
    totals: dict[str, tuple[CopyCount, CopyCount]] = {}
    for count in report.counts:
        empty = CopyCount(count.map_name, count.direction, None), CopyCount(count.map_name, count.direction, None)
        there, back = totals.setdefault(count.map_name, empty)
        (there if count.direction.source is master else back).add(count)
    return totals


def _written(count: CopyCount) -> int:
    return count.inserted + count.updated


def refusal_table(report: CopyReport) -> Table:
    """The first refused rows with their reasons."""
    table = grid("map", "record", "column", "reason", title="Refused rows")
    for each in report.refused[:_MOST_REFUSALS_SHOWN]:
        record = f"{each.company}: {each.record}" if each.company else each.record
        table.add_row(each.map_name, Text(record), each.column, Text(each.reason, style="yellow"))
    if len(report.refused) > _MOST_REFUSALS_SHOWN:
        left = len(report.refused) - _MOST_REFUSALS_SHOWN
        table.add_row(f"… and {left} more", "", "", "all of them: dualwrite maps refused")
    return table


def report_document(report: CopyReport) -> Mapping[str, object]:
    """The report for scripts; of a refused row the values stay out."""
    return {
        "counts": report.counts,
        "refused": [
            {
                "map": each.map_name,
                "direction": each.direction,
                "company": each.company,
                "record": each.record,
                "column": each.column,
                "code": each.code,
                "reason": each.reason,
            }
            for each in report.refused
        ],
    }
