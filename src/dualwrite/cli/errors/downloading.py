"""``dualwrite errors download``: errors as a CSV file, with the whole records."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

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
from dualwrite.cli.text_files import STANDARD_OUTPUT, opened


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
            file = opened(to, stack)
            async for piece in office.download(which):
                file.write(piece)
        return await office.count(which)

    number = at_error_office(call, written)
    if to != STANDARD_OUTPUT:
        call.output.show({"file": to, "errors": number}, Text(f"{to}: {number:,} errors", style="green"))
