"""``dualwrite maps health``: how maps are, with what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import Names
from dualwrite.cli.maps.office import MapOffice, at_map_office, named
from dualwrite.cli.output import grid
from dualwrite.lifecycle.transitions import is_live
from dualwrite.monitoring.health.examination import DEFAULT_SAMPLE
from dualwrite.monitoring.health.findings import MapHealth, Severity

_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFORMATION: "dim"}


def health(
    context: typer.Context,
    names: Names = None,
    sample: Annotated[
        int, typer.Option("--sample", min=0, help="How many records of each running map are compared; 0 for none.")
    ] = DEFAULT_SAMPLE,
) -> None:
    """Examine maps, or all that do not stand still: state, queue, errors, tables, and a sample of their records.

    Exit code 1 when changes do not pass or both sides have come apart. Nothing is changed.
    """
    call = invocation(context)

    async def examined(office: MapOffice) -> Sequence[MapHealth]:
        chosen = await named(office, names) if names else await _in_use(office)
        return await office.examine(chosen, sample=sample)

    found = at_map_office(call, examined)
    well = all(each.is_well for each in found)
    document = {"well": well, "maps": [each.document() for each in found]}
    call.output.show(document, *[part for each in found for part in _shown(each)], _summary(found))
    if not well:
        raise typer.Exit(1)


async def _in_use(office: MapOffice) -> Sequence[str]:
    return [each.name for each in await office.states() if is_live(each.state)]


def _shown(each: MapHealth) -> list[RenderableType]:
    compared = "" if each.compared is None else f", {each.compared:,} records compared"
    table = grid("", "code", "finding", "what to do", title=f"{each.map} {each.version} ({each.state}{compared})")
    for finding in each.findings:
        style = _STYLES[finding.severity]
        mark = Text(finding.severity.value, style=style)
        table.add_row(mark, finding.code.value, Text(finding.message), Text(finding.remedy, style="dim"))
    return [table, Text()]


def _summary(found: Sequence[MapHealth]) -> RenderableType:
    if not found:
        return Text("No map is running; name the maps to examine.", style="yellow")
    ill = [each.map for each in found if not each.is_well]
    if ill:
        return Text.from_markup(f"[red]✗[/] {len(ill)} of {len(found)} maps need to be seen to")
    return Text.from_markup("[green]✓[/] All of them are well" if len(found) > 1 else "[green]✓[/] It is well")
