"""Maps that were running and cannot any more, as a start tells of them: why, and the way to have them run again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from dualwrite.catalog.maps import newer_version
from dualwrite.lifecycle.checks import CheckedMap
from dualwrite.maps.values import Version


def refused_maps_table(stopped: Sequence[CheckedMap]) -> Table:
    """Each map with its first error, and the commands that follow."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    for each in stopped:
        error = each.errors[0].finding
        table.add_row(Text(f"{each.name} {each.version}", style="bold"))
        table.add_row(Text(f"  {error.code.value} {error.message}"))
        table.add_row(Text(f"  → {way_out(each)}"))
    return table


def way_out(stopped: CheckedMap) -> str:
    """What brings the map back: the catalog's newer version, or a correction. Both end with running it."""
    name = shlex.quote(stopped.name)
    run = f"dualwrite maps run {name}"
    offered = newer_version(stopped.name, than=Version.parse(stopped.version))
    if offered is not None:
        solution, version = offered
        return f"{version} can: dualwrite solutions apply {solution} --with-dependencies, then {run}"
    return f"Correct it: dualwrite maps edit {name} --activate, then {run}"
