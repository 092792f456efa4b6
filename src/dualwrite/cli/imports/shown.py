"""What an import did, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.output import grid
from dualwrite.store.file_imports import FileImport, FileRefusal, FileRefusalGroup, ImportCount

if TYPE_CHECKING:
    from dualwrite.exchange.importing.importer import ImportReport, SourceReport

FEW = 20
"""So many refused records are shown one by one; of more, the causes are."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A report, its refusals by cause, the first of them, and how many refused records cannot be tried again."""

    report: ImportReport
    groups: Sequence[FileRefusalGroup] = ()
    first: Sequence[FileRefusal] = ()
    left: int = 0


def import_document(imported: Imported) -> Mapping[str, object]:
    report = imported.report
    return {
        "import": report.imported.number,
        **count_document(report.imported.count),
        "files": [
            {
                "file": each.file,
                "table": each.table.name,
                **count_document(each.count),
                "skipped_columns": each.skipped,
            }
            for each in report.sources
        ],
        "causes": [group_document(each) for each in imported.groups],
        "refusals": [refusal_document(each) for each in imported.first[:FEW]],
        "not_tried_again": imported.left,
    }


def count_document(count: ImportCount) -> Mapping[str, int]:
    return {
        "read": count.read,
        "created": count.created,
        "updated": count.updated,
        "unchanged": count.unchanged,
        "refused": count.refused,
    }


def refusal_document(each: FileRefusal) -> Mapping[str, object]:
    return {
        "file": each.file,
        "entity": each.entity,
        "line": each.line,
        "legal_entity": each.legal_entity or None,
        "record": each.record,
        "column": each.column,
        "code": each.code,
        "reason": each.reason,
        "cause": each.cause,
        "row": each.row,
    }


def group_document(each: FileRefusalGroup) -> Mapping[str, object]:
    return {
        "entity": each.entity,
        "column": each.column,
        "code": each.code,
        "cause": each.cause,
        "rows": each.rows,
        "reason": each.reason,
        "records": each.records,
    }


# --- for people -----------------------------------------------------------------------------------------------------


def import_shown(imported: Imported) -> Sequence[RenderableType]:
    """A line for each file, the refusals, and how to go on."""
    report = imported.report
    shown: list[RenderableType] = [_line(each) for each in report.sources]
    for each in report.sources:
        if each.skipped:
            several = len(each.skipped) > 1
            what = f"{len(each.skipped)} columns of {each.file} were" if several else f"1 column of {each.file} was"
            skipped = f"{what} skipped: {', '.join(each.skipped)}"
            shown.append(Text(skipped, style="dim"))
    if imported.groups:
        few = len(imported.first) <= FEW
        shown += [Text(), refusals_table(imported.first) if few else groups_table(imported.groups, most=FEW)]
        shown += _way_out(report.imported)
    if imported.left:
        what = f"{imported.left} refusals" if imported.left > 1 else "1 refusal"
        left = f"{what} of import {report.imported.rerun_of} cannot be tried again as the records are"
        mend = f"  dualwrite imports refused {report.imported.rerun_of} --open --csv refused.csv"
        shown += [
            Text(),
            Text(f"{left}: mend them in a file, and import it.", style="yellow"),
            Text(mend, style="cyan"),
        ]
    return shown


def _line(report: SourceReport) -> Text:
    count = report.count
    line = Text(f"{report.file} → {report.table.label}: ")
    line.append(f"{count.created:,} created, {count.updated:,} updated, {count.unchanged:,} unchanged, ")
    line.append(f"{count.refused:,} refused" if count.refused else "none refused", style="red" if count.refused else "")
    return line


def _way_out(imported: FileImport) -> Sequence[RenderableType]:
    number = imported.number
    return (
        Text("\nMend the causes, then try those records again; or mend the records in a file, and import it:"),
        Text(f"  dualwrite import --rerun-failed {number}", style="cyan"),
        Text(f"  dualwrite imports refused {number} --csv refused.csv", style="cyan"),
    )


def refusals_table(refusals: Sequence[FileRefusal]) -> Table:
    """Each refusal with its line and reason; the code is in the JSON and the CSV."""
    table = grid("line", "record", "column", "reason", numbers=("line",))
    for each in refusals:
        record = f"{each.legal_entity}: {each.record}" if each.legal_entity else each.record
        table.add_row(str(each.line), Text(record), each.column, Text(each.reason, style="yellow"))
    return table


def groups_table(groups: Sequence[FileRefusalGroup], *, most: int | None = None) -> Table:
    """How many records each cause has, the most frequent first, each with a few of them."""
    table = grid("records", "entity", "cause", "such as", numbers=("records",), cut=("such as",))
    shown = groups if most is None else groups[:most]
    for each in shown:
        table.add_row(f"{each.rows:,}", each.entity, Text(each.cause, style="yellow"), Text(", ".join(each.records)))
    if len(shown) < len(groups):
        rows = sum(each.rows for each in groups[len(shown) :])
        table.add_row(f"{rows:,}", "", Text(f"for {len(groups) - len(shown)} other causes", style="dim"), "")
    return table


def imports_table(imports: Sequence[FileImport]) -> Table:
    """The imports, a line each."""
    numbers = ("import", "read", "created", "updated", "unchanged", "refused")
    table = grid("import", "started", "into", "files", *numbers[1:], numbers=numbers)
    for each in imports:
        files = ", ".join(each.files) + (f" (again, from {each.rerun_of})" if each.rerun_of else "")
        files += "" if each.finished_at else " [not finished]"
        count = each.count
        table.add_row(
            str(each.number),
            each.started_at.strftime("%Y-%m-%d %H:%M"),
            each.side.value,
            Text(files),
            *(f"{value:,}" for value in (count.read, count.created, count.updated, count.unchanged)),
            Text(f"{count.refused:,}", style="red" if count.refused else ""),
        )
    return table
