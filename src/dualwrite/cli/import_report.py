"""What an import did, as a table."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from dualwrite.cli.output import grid
from dualwrite.exchange.import_file import ImportReport


def refusals_table(report: ImportReport) -> Table:
    """The refused records with line, column and reason."""
    table = grid("line", "record", "column", "reason", numbers=("line",))
    for each in report.refused:
        table.add_row(str(each.line), Text(each.record), each.column, Text(each.reason, style="yellow"))
    return table
