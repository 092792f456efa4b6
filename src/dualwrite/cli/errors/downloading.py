"""``dualwrite errors download``: errors as a CSV file, with the whole records."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.text import Text

from dualwrite.cli.errors.choices import (
    Asked,
    FromSide,
    InState,
    OfCategory,
    OfKind,
    OfLegalEntity,
    OfMap,
    Settled,
    Since,
    Until,
)
from dualwrite.cli.errors.office import ErrorOffice, at_error_office
from dualwrite.cli.invocation import invocation
from dualwrite.errors import SettingsRefused

_STANDARD_OUTPUT = "-"


def download(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="FILE", help="The file to write; - for standard output.")],
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
    """Write errors into a CSV file, the earliest first: the open ones unless something else is said."""
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

    async def written(office: ErrorOffice) -> int:
        which = await asked.filter(office)
        with ExitStack() as stack:
            file = _opened(to, stack)
            async for piece in office.download(which):
                file.write(piece)
        return await office.count(which)

    number = at_error_office(call, written)
    if to != _STANDARD_OUTPUT:
        call.output.show({"file": to, "errors": number}, Text(f"{to}: {number:,} errors", style="green"))


def _opened(to: str, stack: ExitStack) -> TextIO:
    if to == _STANDARD_OUTPUT:
        return sys.stdout
    try:
        return stack.enter_context(Path(to).open("w", encoding="utf-8", newline=""))
    except OSError as error:
        raise SettingsRefused(f"{to} cannot be written: {(error.strerror or str(error)).lower()}") from error
