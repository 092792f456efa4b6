"""What the commands on alerts have in common: names of settings, windows in words, and the desk they act on."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from dualwrite.cli.invocation import Invocation
from dualwrite.composition.alerting import alert_desk
from dualwrite.composition.house import House
from dualwrite.errors import SettingsRefused
from dualwrite.monitoring.alerts.desk import AlertDesk
from dualwrite.store.alerts import AlertWindow, WindowUnit

T = TypeVar("T")

AlertName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the alert.")]

_WINDOW = re.compile(r"(\d{1,7}) ?(m|minutes?|h|hours?|d|days?)")
_UNITS = {"m": WindowUnit.MINUTES, "h": WindowUnit.HOURS, "d": WindowUnit.DAYS}


def at_desk(call: Invocation, action: Callable[[House, AlertDesk], Awaitable[T]]) -> T:
    """``action`` is done at the desk of alerts."""

    async def done(house: House) -> T:
        return await action(house, alert_desk(house))

    return call.in_house(done)


def window_of(text: str) -> AlertWindow:
    """The window that ``text`` stands for. Raises: SettingsRefused."""
    found = _WINDOW.fullmatch(text.strip())
    if found is None:
        raise SettingsRefused(f"{text!r} is no window of time; it looks like: 5 minutes, 2h, 1 day")
    return AlertWindow(int(found[1]), _UNITS[found[2][0]])
