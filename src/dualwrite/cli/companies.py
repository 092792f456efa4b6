"""``dualwrite companies``: existing Dataverse rows get the company they belong to, before the first run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text

from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.output import grid
from dualwrite.composition.house import CONNECTION, House
from dualwrite.errors import NotAllowed, SettingsRefused

if TYPE_CHECKING:
    from dualwrite.linking.bootstrap import Assigned, CompanyBootstrap
    from dualwrite.linking.company_assignment import Assignment
    from dualwrite.linking.company_rules import CompanyRule

app = typer.Typer(help="Companies of existing Dataverse rows: assign them before the first run.", no_args_is_help=True)

_WHO = "local administrator"
_MOST_REASONS = 10
_SAMPLES = 3


@app.callback()
def companies() -> None:
    """Companies of existing Dataverse rows: assign them before the first run."""


@app.command("assign")
def assign_companies(
    context: typer.Context,
    tables: Annotated[
        list[str] | None, typer.Argument(metavar="TABLE", help="Dataverse tables, such as: accounts")
    ] = None,
    all_maps: Annotated[
        bool, typer.Option("--all-maps", help="Every company-specific table that a map of the connection fills.")
    ] = False,
    constant: Annotated[str | None, typer.Option(metavar="COMPANY", help="This company for every row.")] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN=VALUE:COMPANY,…", help="By a column or a path; * stands for any other value."),
    ] = None,
    values: Annotated[
        Path | None, typer.Option(help="With --by COLUMN: a CSV file of values, first line value,company.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="A CSV file of keys, its first line their columns and company.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this nothing is changed.")] = False,
    left: Annotated[
        Path | None, typer.Option("--left", help="Write a CSV file of the rows that stay without a company, and why.")
    ] = None,
) -> None:
    """Give a company to Dataverse rows that have none. Without --apply: show what would become of them.

    Rows that have a company keep it. Exit code 1 when, with --apply, rows stay without one.
    """
    call = invocation(context)
    rule = _rule(constant, by, values, csv)

    async def done(house: House) -> Sequence[tuple[Assignment, Assigned | None]]:
        bootstrap = _bootstrap(house)
        wanted = await _tables(bootstrap, tables or [], all_maps, csv)
        if apply:
            await bootstrap.check_idle(wanted)
        planned = [await bootstrap.plan(name, rule) for name in wanted]
        return [(each, await bootstrap.apply(each) if apply else None) for each in planned]

    found = call.in_house(done)
    if left is not None:
        _write_left(left, found)
    _show(call, found, apply)
    if apply and any(each.left.height or each.lines.height or (did and did.refused.height) for each, did in found):
        raise typer.Exit(1)


def _bootstrap(house: House) -> CompanyBootstrap:
    from dualwrite.linking.bootstrap import CompanyBootstrap

    return CompanyBootstrap(house.store, CONNECTION, house.dataverse, house.router, who=_WHO)


def _rule(constant: str | None, by: str | None, values: Path | None, csv: Path | None) -> CompanyRule:
    from dualwrite.linking.company_rules import OneCompany, parse_by_keys, parse_by_value

    given = [name for name, each in (("--constant", constant), ("--by", by), ("--csv", csv)) if each is not None]
    if len(given) != 1:
        said = f"not {' and '.join(given)} at once" if given else "one is needed"
        raise SettingsRefused(f"The company comes from --constant, --by or --csv: {said}.")
    if values is not None and by is None:
        raise SettingsRefused("--values belongs to --by COLUMN.")
    if constant is not None:
        return OneCompany(constant)
    if by is not None:
        return parse_by_value(by, file=None if values is None else _read(values))
    assert csv is not None
    return parse_by_keys(_read(csv))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsRefused(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise SettingsRefused(f"{file} is not UTF-8 text; save it as UTF-8") from error


async def _tables(bootstrap: CompanyBootstrap, named: Sequence[str], all_maps: bool, csv: Path | None) -> Sequence[str]:
    if bool(named) == all_maps:
        raise SettingsRefused("Name the tables, or take --all-maps for every table that maps fill by company.")
    if csv is not None and len(named) != 1:
        raise SettingsRefused("A file of keys is for one table.")
    if not all_maps:
        return named
    tables = await bootstrap.mapped_tables()
    if not tables:
        raise NotAllowed("No map of the connection fills a table by company.")
    return tables


def _write_left(file: Path, found: Sequence[tuple[Assignment, Assigned | None]]) -> None:
    from dualwrite.linking.company_report import left_csv

    try:
        file.write_text(left_csv(found), encoding="utf-8")
    except OSError as error:
        raise SettingsRefused(f"{file} cannot be written: {(error.strerror or str(error)).lower()}") from error


# --- what is shown --------------------------------------------------------------------------------------------------


def _show(call: Invocation, found: Sequence[tuple[Assignment, Assigned | None]], applied: bool) -> None:
    documents = [_document(each, did) for each, did in found]
    call.output.show({"applied": applied, "tables": documents}, *_shown(documents, applied))


def _document(plan: Assignment, did: Assigned | None) -> dict[str, object]:
    from dualwrite.linking.company_report import reasons

    given = plan.by_company if did is None else did.by_company
    return {
        "table": plan.table,
        "rows": plan.rows,
        "had_company": plan.had_company,
        "assigned": [
            {"company": company, "rows": rows, "samples": plan.samples(company, _SAMPLES)}
            for company, rows in given.items()
        ],
        "left": [
            {"reason": each.reason, "rows": each.rows, "samples": each.samples} for each in reasons(plan, did, _SAMPLES)
        ],
    }


def _shown(documents: Sequence[Mapping[str, object]], applied: bool) -> list[RenderableType]:
    table = grid(
        "table",
        "rows",
        "had a company",
        "company",
        "get it" if not applied else "have got it",
        "such as",
        numbers=("rows", "had a company", "get it", "have got it"),
        cut=("such as",),
    )
    left = grid("table", "stay without", "because", "such as", numbers=("stay without",), cut=("such as",))
    for each in documents:
        name, rows, had = str(each["table"]), f"{each['rows']:,}", f"{each['had_company']:,}"
        for given in _list(each["assigned"]) or [{"company": "", "rows": 0, "samples": []}]:
            samples = "; ".join(given["samples"])  # type: ignore[arg-type]
            table.add_row(Text(name), rows, had, Text(str(given["company"])), f"{given['rows']:,}", Text(samples))
            name = rows = had = ""
        for reason in _list(each["left"])[:_MOST_REASONS]:
            samples = "; ".join(reason["samples"])  # type: ignore[arg-type]
            left.add_row(Text(str(each["table"])), f"{reason['rows']:,}", Text(str(reason["reason"])), Text(samples))
        more = len(_list(each["left"])) - _MOST_REASONS
        if more > 0:
            left.add_row(
                Text(str(each["table"])), "", Text(f"… and {more} more reasons (--json, --left)", style="dim"), ""
            )
    shown: list[RenderableType] = [table]
    if left.row_count:
        shown += [Text(), left]
    if not applied:
        shown += [Text(), f"Nothing has been changed. Do it: the same command with [cyan]{escape('--apply')}[/]"]
    return shown


def _list(value: object) -> list[Mapping[str, object]]:
    assert isinstance(value, list)
    return value
