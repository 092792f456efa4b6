"""Differences between map versions, as the terminal and JSON show them."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import RenderableType
from rich.text import Text

from dualwrite.maps.diff import Difference, aspects, column_text, difference_lines
from dualwrite.maps.edit import AddColumn, Change, ChangeColumn, RemoveColumn

_STYLES = {"+": "green", "-": "red", "~": "yellow"}


def difference_text(difference: Difference, *, indent: str = "") -> RenderableType:
    """The lines of a difference in their colours."""
    text = Text()
    style = ""
    for line in difference_lines(difference):
        style = _STYLES.get(line[0], style)
        text.append(f"{indent}{line}\n", style=style)
    text.rstrip()
    return text


def difference_document(difference: Difference) -> list[Mapping[str, object]]:
    """The changes as JSON, each with what it is about thing by thing."""
    return [_change(each, difference) for each in difference.changes]


def _change(change: Change, difference: Difference) -> Mapping[str, object]:
    details = [{"what": each.what, "was": each.was, "now": each.now} for each in aspects(change, old=difference.old)]
    match change:
        case AddColumn(mapping):
            return {"change": "added", "column": column_text(mapping), "was": None, "details": details}
        case RemoveColumn(mapping):
            return {"change": "removed", "column": None, "was": column_text(mapping), "details": details}
        case ChangeColumn(was, now):
            return {"change": "changed", "column": column_text(now), "was": column_text(was), "details": details}
        case _:
            return {"change": "changed", "column": None, "was": None, "details": details}
