"""What the commands on alerts have in common: names of settings, and windows in words."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from dualwrite.errors import SettingsRefused
from dualwrite.store.alerts import AlertWindow, WindowUnit

AlertName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the alert.")]

_WINDOW = re.compile(r"(\d{1,7}) ?(m|minutes?|h|hours?|d|days?)")
_UNITS = {"m": WindowUnit.MINUTES, "h": WindowUnit.HOURS, "d": WindowUnit.DAYS}


def window_of(text: str) -> AlertWindow:
    """The window that ``text`` stands for. Raises: SettingsRefused."""
    found = _WINDOW.fullmatch(text.strip())
    if found is None:
        raise SettingsRefused(f"{text!r} is no window of time; it looks like: 5 minutes, 2h, 1 day")
    return AlertWindow(int(found[1]), _UNITS[found[2][0]])
