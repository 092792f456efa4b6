"""Text that a command writes where its user says: into a file, or to standard output."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TextIO

from dualwrite.errors import SettingsRefused

STANDARD_OUTPUT: Final = "-"


def opened(file: str, stack: ExitStack) -> TextIO:
    """The file, empty and closed with ``stack``; ``-`` is standard output. Raises: SettingsRefused."""
    if file == STANDARD_OUTPUT:
        return sys.stdout
    try:
        return stack.enter_context(Path(file).open("w", encoding="utf-8", newline=""))
    except OSError as error:
        raise SettingsRefused(f"{file} cannot be written: {(error.strerror or str(error)).lower()}") from error
