"""What a command prints: for people with Rich, or one JSON document and nothing else on standard output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.errors import DualwriteError

STATE_STYLES: Mapping[str, str] = {
    "running": "green",
    "initializing": "yellow",
    "paused": "cyan",
    "resuming": "yellow",
    "not running": "dim",
}
"""The colour of each state of a map."""


class Output:
    """Standard output for results, standard error for everything else."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False, quiet=as_json)
        self.errors = Console(stderr=True, highlight=False)

    def show(self, document: object, *renderables: RenderableType) -> None:
        """The result of a command, in the form that was asked for."""
        if self.as_json:
            print(to_json(document), flush=True)
            return
        for each in renderables:
            self.console.print(each)

    def text(self, document: object, text: str) -> None:
        """A result that scripts use as it is: ``text`` without markup, wrapping or colour."""
        print(to_json(document) if self.as_json else text, flush=True)

    def refuse(self, error: DualwriteError) -> None:
        """One clear line on standard error; with JSON also the error as a document."""
        self.errors.print(Text(error.message, style="red"), soft_wrap=True)
        if self.as_json:
            self.show({"error": {"code": error.code, "message": error.message, "details": error.details}})


def grid(*columns: str, title: str | None = None, numbers: Iterable[str] = (), cut: Iterable[str] = ()) -> Table:
    """An empty table; ``numbers`` names the columns of numbers, ``cut`` dim ones whose long words may be cut off."""
    right, short = frozenset(numbers), frozenset(cut)
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in right else "left",
            overflow="ellipsis" if name in short else "fold",
            style="dim" if name in short else "",
            no_wrap=name in right,
        )
    return table


def to_json(document: object) -> str:
    """``document`` as indented JSON; decimals keep every digit, dates are ISO 8601."""
    return _write(document, "")


def _write(value: object, indent: str) -> str:
    if isinstance(value, Mapping):
        inner = indent + "  "
        return _wrapped("{}", [f"{_text(str(k))}: {_write(v, inner)}" for k, v in value.items()], indent)
    if isinstance(value, Sequence | frozenset | set) and not isinstance(value, str | bytes):
        return _wrapped("[]", [_write(each, indent + "  ") for each in value], indent)
    if is_dataclass(value) and not isinstance(value, type):
        return _write({each.name: getattr(value, each.name) for each in fields(value)}, indent)
    return _scalar(value)


def _wrapped(brackets: str, parts: Sequence[str], indent: str) -> str:
    if not parts:
        return brackets
    inner = "\n  " + indent
    return brackets[0] + inner + ("," + inner).join(parts) + "\n" + indent + brackets[1]


def _scalar(value: object) -> str:
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else _text(str(value))
    if isinstance(value, Enum):
        return _write(value.value, "")
    if isinstance(value, date | datetime):
        return _text(value.isoformat())
    if isinstance(value, str | UUID | Path):
        return _text(str(value))
    raise TypeError(f"{type(value).__name__} has no spelling in JSON")


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def shown(value: object) -> str:
    """A cell of a table: nothing for None, yes and no, numbers with all their digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
