"""``dualwrite link environments``, ``check`` and ``create``: the steps of linking two environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.link.office import LinkableEnvironment, LinkOffice, at_link_office
from dualwrite.cli.output import grid
from dualwrite.errors import SettingsRefused
from dualwrite.linking.desk import Standing
from dualwrite.linking.health import Check, LinkHealth, Severity
from dualwrite.linking.legal_entities import few
from dualwrite.linking.wizard import LinkSummary

_MARKS: Mapping[Severity, str] = {
    Severity.PASSED: "[green]✓[/]",
    Severity.WARNING: "[yellow]![/]",
    Severity.ERROR: "[red]✗[/]",
}

LegalEntityNames = Annotated[
    list[str] | None, typer.Argument(metavar="LEGAL_ENTITY", help="Legal entities, such as: usmf demf")
]
Every = Annotated[bool, typer.Option("--all", help="Every legal entity of finance and operations.")]
Finops = Annotated[str | None, typer.Option("--finops", help="Finance and operations environment; the one there is.")]
Dataverse = Annotated[str | None, typer.Option("--dataverse", help="Dataverse environment; the one there is.")]


def environments(context: typer.Context) -> None:
    """List the environments that can be linked, and the link that each is part of."""

    async def listed(office: LinkOffice) -> Sequence[LinkableEnvironment]:
        return await office.environments()

    call = invocation(context)
    found = at_link_office(call, listed)
    shown = grid("environment", "side", "kind", "address", "linked as")
    for each in found:
        shown.add_row(each.environment, each.side.value, each.kind.value, each.url, each.connection or "")
    call.output.show(found, shown)


def check(
    context: typer.Context,
    names: LegalEntityNames = None,
    every: Every = False,
    finops: Finops = None,
    dataverse: Dataverse = None,
) -> None:
    """Check the health of the link there is, or of one for these legal entities. Exit code 1 when a check fails.

    Nothing is changed. With legal entities, the summary of what creating the link would do comes with it.
    """
    call = invocation(context)

    async def checked(office: LinkOffice) -> tuple[LinkHealth, LinkSummary | None]:
        if not names and not every:
            return await office.check(), None
        wanted = await chosen_legal_entities(office, names, every)
        summary = await office.summary(wanted, finops, dataverse)
        return summary.health, summary

    health, summary = at_link_office(call, checked)
    document = health.document() if summary is None else summary.document()
    call.output.show(document, *health_shown(health), *(_summary_shown(summary) if summary is not None else ()))
    if not health.is_sound:
        raise typer.Exit(1)


def create(
    context: typer.Context,
    names: LegalEntityNames = None,
    every: Every = False,
    finops: Finops = None,
    dataverse: Dataverse = None,
) -> None:
    """Link both environments for these legal entities; the maps of the starter solutions are at hand, none runs.

    The health check comes first, and nothing is done where it fails.
    """
    call = invocation(context)

    async def created(office: LinkOffice) -> tuple[LinkSummary, Standing | None]:
        wanted = await chosen_legal_entities(office, names, every)
        return await office.create(wanted, finops, dataverse), await office.standing()

    summary, standing = at_link_office(call, created)
    assert standing is not None
    entities, maps = [each.legal_entity for each in standing.legal_entities], standing.maps
    call.output.show(
        {**summary.document(), "legal_entities": entities, "companies": entities, "maps": maps},
        *(_line(each) for each in summary.health.warnings),
        f"Linked for {few(entities)}. There are {maps} maps; run them with: [cyan]dualwrite maps run --all[/]",
    )


async def chosen_legal_entities(office: LinkOffice, names: Sequence[str] | None, every: bool) -> Sequence[str]:
    """The legal entities that a line names, or all there are. Raises: SettingsRefused."""
    if bool(names) == every:
        raise SettingsRefused("Name legal entities, or give --all for every one of finance and operations.")
    return names or [each.legal_entity for each in await office.legal_entities() if each.exists]


# --- what is shown --------------------------------------------------------------------------------------------------


def health_shown(health: LinkHealth) -> Iterator[RenderableType]:
    """Each check in a line, what is wrong with its remedy."""
    for each in health.checks:
        yield _line(each)


def _line(each: Check) -> Text:
    line = Text.from_markup(f"{_MARKS[each.severity]} ").append(f"{each.code.value} ", style="dim").append(each.title)
    if each.severity is Severity.PASSED:
        return line.append(f": {each.message}", style="dim")
    return line.append(f"\n  {each.message}\n  ").append(each.remedy, style="cyan")


def _summary_shown(summary: LinkSummary) -> Iterator[RenderableType]:
    proposal = summary.proposal
    yield Text()
    facts = grid("", "")
    facts.show_header = False
    facts.add_row("environments", f"{proposal.finops} and {proposal.dataverse}")
    facts.add_row("legal entities", Text(few(proposal.legal_entities)))
    facts.add_row("solutions to be applied", Text(", ".join(summary.solutions) or "none"))
    yield facts
    if summary.health.is_sound:
        names = " ".join(proposal.legal_entities) if len(proposal.legal_entities) <= 5 else "--all"
        yield Text.assemble("\nCreate it: ", (f"dualwrite link create {names}", "cyan"))
