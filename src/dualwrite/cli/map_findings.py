"""Findings on maps, as the terminal shows them: by map, then by code, each with its line and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dualwrite.cli.output import Output
from dualwrite.errors import MapRefused
from dualwrite.lifecycle.checks import CheckedMap, PlacedFinding, document_of
from dualwrite.maps.findings import Code, Finding, Severity


def findings_document(checked: Sequence[CheckedMap]) -> dict[str, object]:
    """All findings as JSON."""
    return {"can_run": all(each.can_run for each in checked), "maps": [document_of(each) for each in checked]}


def findings_shown(checked: Sequence[CheckedMap]) -> Iterator[RenderableType]:
    """The maps that something was found about, and how many can run."""
    for each in checked:
        if each.findings:
            yield Group(_title(each), *_by_code(each), Text())
    bad = sum(not each.can_run for each in checked)
    maps = "1 map" if len(checked) == 1 else f"{len(checked)} maps"
    if bad:
        yield f"[red]✗[/] {bad} of {maps} cannot run"
    else:
        yield f"[green]✓[/] {maps} can run"


def _title(each: CheckedMap) -> RenderableType:
    errors = len(each.errors)
    warnings = len(each.findings) - errors
    counts = [_number(errors, "error")] * bool(errors) + [_number(warnings, "warning")] * bool(warnings)
    title = Text(f"{each.name} {each.version}".strip() or str(each.file), style="bold")
    return title.append(f"  {', '.join(counts)}", style="red" if errors else "yellow")


def _number(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _by_code(each: CheckedMap) -> Iterator[RenderableType]:
    for code, found in each.by_code().items():
        yield Padding(_group(each, code, found), (0, 0, 0, 2))


def _group(each: CheckedMap, code: Code, found: Sequence[PlacedFinding]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(overflow="fold")
    for number, one in enumerate(found):
        text = Text(f"{each.file}:{one.line}" if each.file else f"line {one.line}", style="dim")
        text.append(f"\n{one.finding.message}", style="red" if one.finding.is_error else "yellow")
        following = found[number + 1].finding.remedy if number + 1 < len(found) else None
        if one.finding.remedy != following:
            text.append(f"\n→ {one.finding.remedy}", style="default")
        table.add_row(code.value if number == 0 else "", text)
    return table


def read_checked(document: Mapping[str, Any]) -> CheckedMap:
    """What :func:`dualwrite.lifecycle.checks.document_of` has written, as far as findings are concerned."""
    found = tuple(
        PlacedFinding(
            Finding(
                Code(each["code"]),
                Severity(each["severity"]),
                each["message"],
                each["path"],
                each["remedy"],
                each["position"],
            ),
            each["line"],
        )
        for each in document["findings"]
    )
    return CheckedMap(document["map"], document["version"], document.get("file"), found, None, None)


def tell_refused(output: Output, refused: MapRefused, after: str) -> NoReturn:
    """The findings of maps that cannot run have been shown; ``after`` says what that means. Raises: typer.Exit."""
    findings = refused.details.get("findings")
    if not isinstance(findings, list):
        raise refused
    checked = [read_checked(each) for each in findings]
    output.show(findings_document(checked), *findings_shown(checked), after)
    raise typer.Exit(1)
