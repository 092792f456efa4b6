"""Named places where a process may die, so that recovery can be shown to work at each of them.

Every step of a two-environment transaction calls ``reached`` with its name. In normal running that does nothing; a
recovery drill hands in a function that ends the process at the place it is told.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final, TypeAlias

CrashPoints: TypeAlias = Callable[[str], None]

NAMES: Final = (
    "source.begun",
    "source.written",
    "target.accepted",
    "target.written",
    "target.prepared",
    "source.deciding",
    "source.committed",
    "target.committed",
    "recovery.raised",
    "recovery.settling",
    "recovery.settled",
)


def nowhere(name: str) -> None:
    """Nothing happens at any crash point."""


def kill_at(place: str) -> CrashPoints:
    """The process kills itself the n-th time it reaches a place: ``target.prepared`` or ``target.prepared:3``."""
    name, _, times = place.partition(":")
    left = int(times or 1)

    def reached(reached_name: str) -> None:
        nonlocal left
        if reached_name == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached
