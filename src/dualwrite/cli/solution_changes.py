"""What importing and applying a solution did, as documents and as text."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.output import grid
from dualwrite.solutions.application import Application
from dualwrite.solutions.importing import Arrival, ImportPlan, application_too_old


def warnings_of(plan: ImportPlan, *, application: str) -> Sequence[str]:
    """What the user is to know about a solution that was imported all the same."""
    warnings = [str(problem) for problem in plan.package.problems]
    warnings += list(plan.choices)
    warnings += [str(need) for need in plan.needs]
    if application_too_old(plan.application, has=application):
        warnings.append(f"its maps ask for finance and operations {plan.application}; this one is {application}")
    return warnings


def import_document(plan: ImportPlan, warnings: Sequence[str]) -> dict[str, object]:
    manifest = plan.package.manifest
    return {
        "solution": manifest.unique_name,
        "display_name": manifest.display_name,
        "version": str(manifest.version),
        "publisher": manifest.publisher.unique_name,
        "managed": manifest.managed,
        "maps": [
            {
                "name": each.published.map.name,
                "version": str(each.published.map.version),
                "published_name": each.published.published_name,
                "change": each.arrival,
                "to_run": plan.active[each.published.map.name] == each.published.map.version,
                "columns": len(each.published.map.columns),
            }
            for each in plan.versions
        ],
        "problems": [
            {"where": each.where, "message": each.message, "lost": each.lost} for each in plan.package.problems
        ],
        "needs": [
            {"solution": each.solution, "minimum": each.minimum, "state": each.fulfilment, "message": str(each)}
            for each in plan.needs
        ],
        "warnings": warnings,
    }


def import_text(plan: ImportPlan, warnings: Sequence[str]) -> list[RenderableType]:
    manifest = plan.package.manifest
    by_map: dict[str, list[str]] = defaultdict(list)
    changes: dict[str, set[str]] = defaultdict(set)
    columns: dict[str, int] = {}
    for each in plan.versions:
        version = each.published.map
        by_map[version.name].append(str(version.version))
        changes[version.name].add(each.arrival.value)
        if plan.active[version.name] == version.version:
            columns[version.name] = len(version.columns)
    table = grid("map", "to run", "versions", "columns", "", numbers=("columns",))
    for name, versions in by_map.items():
        style = "yellow" if Arrival.OVERWRITES.value in changes[name] else "dim"
        change = Text(", ".join(sorted(changes[name])), style=style)
        table.add_row(Text(name), str(plan.active[name]), ", ".join(versions), str(columns[name]), change)
    kind = "managed" if manifest.managed else "unmanaged"
    done = f"{manifest.display_name} {manifest.version} is imported, {kind}."
    hint = f"Apply it: dualwrite solutions apply {shlex.quote(manifest.unique_name)}"
    return [table, *(Text(f"{each}.", style="yellow") for each in warnings), Text(f"{done} {hint}")]


def application_document(application: Application) -> dict[str, object]:
    return {
        "solution": application.solution,
        "version": application.version,
        "added": application.added,
        "changed": [
            {
                "map": each.map,
                "before": each.before,
                "offered": each.offered,
                "active": each.before if each.reason else each.offered,
                "reason": each.reason or None,
            }
            for each in application.raised
        ],
        "kept": application.kept,
        "table_changes": application.tables,
    }


def application_text(application: Application) -> list[RenderableType]:
    maps = f"{len(application.added)} new map{'' if len(application.added) == 1 else 's'}, none running"
    tables = f", {application.tables} changes to tables" if application.tables else ""
    check = " Check them: dualwrite maps validate --all" if application.added else ""
    head = Text(f"{application.display_name} {application.version} is applied: {maps}{tables}.{check}")
    raised = [Text(f"{each}.", style="yellow" if each.reason else "") for each in application.raised]
    kept = [Text(f"{each} exists with other content and stays as it is.", style="yellow") for each in application.kept]
    return [head, *raised, *kept]
