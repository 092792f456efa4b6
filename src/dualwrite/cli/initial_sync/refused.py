"""``dualwrite initial-sync refused``: the rows that a run would not take, why, and what they hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.initial_sync.choices import RunName
from dualwrite.cli.initial_sync.office import SyncOffice, at_sync_office, find_run
from dualwrite.cli.initial_sync.refusals import (
    groups_document,
    groups_table,
    refused_document,
    refused_table,
    write_csv,
)
from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.map_names import find_map
from dualwrite.cli.text_files import STANDARD_OUTPUT, opened
from dualwrite.store.initial_syncs import RunId
from dualwrite.store.refusals import Refusal, RefusalFilter, RefusalGroup

_A_PAGE = 25
"""So many rows are shown at once; with JSON all of them, unless --top says how many."""

Asked = Callable[[SyncOffice], Awaitable[tuple[RunId | None, RefusalFilter]]]
"""Which refusals are meant, of which run (None: of all)."""


def list_refused(
    context: typer.Context,
    name: RunName = "",
    map_name: Annotated[str | None, typer.Option("--map", help="Of this map.")] = None,
    legal_entity: Annotated[
        str | None, typer.Option("--legal-entity", metavar="ID", help="Of this legal entity.")
    ] = None,
    column: Annotated[str | None, typer.Option("--column", help="Because of this column.")] = None,
    code: Annotated[str | None, typer.Option("--code", help="With this code.")] = None,
    cause: Annotated[str | None, typer.Option("--cause", help="For this cause, as --by-cause tells it.")] = None,
    still_open: Annotated[
        bool, typer.Option("--open", help="Of whatever run, unless a later one has done the row again.")
    ] = False,
    by_cause: Annotated[bool, typer.Option("--by-cause", help="How many rows each cause has, the most first.")] = False,
    file: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write all of them with their values; - for standard output."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top", min=1, help="How many rows; with --json all of them unless given.", show_default=str(_A_PAGE)
        ),
    ] = None,
    skip: Annotated[int, typer.Option("--skip", min=0, help="Leave out so many before.")] = 0,
) -> None:
    """List the rows that a run refused, with reason and way out; of the latest run unless named."""
    call = invocation(context)
    if name and still_open:
        raise typer.BadParameter("name a run, or give --open")

    async def asked(office: SyncOffice) -> tuple[RunId | None, RefusalFilter]:
        which = RefusalFilter(
            map=find_map(await office.map_names(), map_name) if map_name is not None else None,
            legal_entity=legal_entity.lower() if legal_entity is not None else None,
            column=column,
            code=code,
            cause=cause,
            open_only=still_open,
        )
        return None if still_open else await find_run(office, name), which

    if file is not None:
        _write_file(call, asked, file)
    elif by_cause:
        _show_groups(call, asked)
    else:
        most = top if top is not None or call.output.as_json else _A_PAGE
        _show_rows(call, asked, most=most, skip=skip)


def _show_rows(call: Invocation, asked: Asked, *, most: int | None, skip: int) -> None:
    async def found(office: SyncOffice) -> tuple[Sequence[Refusal], int]:
        run, which = await asked(office)
        reports = office.reports
        rows = sum(each.rows for each in await reports.refusal_groups(run, which))
        return await reports.refused(run, which, limit_rows=most, offset_rows=skip), rows

    refused, rows = at_sync_office(call, found)
    shown: list[RenderableType] = [refused_table(refused)] if refused else [_nothing(rows)]
    last = skip + len(refused)
    if refused and last < rows:
        more = f"{skip + 1:,} to {last:,} of {rows:,} rows; the next ones: --skip {last}; all of them: --csv FILE"
        shown += [Text(), Text(more, style="dim")]
    call.output.show({"rows": rows, "refused": refused_document(refused)}, *shown)


def _show_groups(call: Invocation, asked: Asked) -> None:
    async def found(office: SyncOffice) -> Sequence[RefusalGroup]:
        return await office.reports.refusal_groups(*await asked(office))

    groups = at_sync_office(call, found)
    call.output.show(groups_document(groups), groups_table(groups) if groups else _nothing(0))


def _write_file(call: Invocation, asked: Asked, file: str) -> None:
    async def written(office: SyncOffice) -> int:
        run, which = await asked(office)
        with ExitStack() as stack:
            return await write_csv(lambda: office.reports.all_refused(run, which), opened(file, stack))

    rows = at_sync_office(call, written)
    if file != STANDARD_OUTPUT:
        call.output.show({"file": file, "rows": rows}, Text(f"{file}: {rows:,} refused rows", style="green"))


def _nothing(rows: int) -> Text:
    return Text(f"There are no more than {rows:,} rows." if rows else "No refused row.", style="green")
