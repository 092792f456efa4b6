"""What became of the rows of an assignment that stay without a company, for people and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dualwrite.environments.bulk import ID
from dualwrite.linking.bootstrap import Assigned
from dualwrite.linking.company_assignment import REASON, RECORD, Assignment
from dualwrite.linking.company_rules import LINE


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many rows or lines came to nothing, with the names of some."""

    reason: str
    rows: int
    samples: tuple[str, ...]


def reasons(plan: Assignment, did: Assigned | None, most_samples: int) -> Sequence[Reason]:
    """The reasons, the commonest first."""
    parts = [plan.left, plan.lines, *([] if did is None else [did.refused])]
    together = pl.concat([each.select(REASON, RECORD) for each in parts])
    grouped = together.group_by(REASON, maintain_order=True).agg(
        pl.len().alias("@rows"), pl.col(RECORD).head(most_samples)
    )
    ordered = grouped.sort("@rows", descending=True, maintain_order=True)
    return [Reason(reason, rows, tuple(samples)) for reason, rows, samples in ordered.iter_rows()]


def left_csv(found: Sequence[tuple[Assignment, Assigned | None]]) -> str:
    """Every row without a company, and every line of the file that names none, with the reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("table", "id", "line", "record", "reason"))
    for plan, did in found:
        for rows in (plan.left, *([] if did is None else [did.refused])):
            writer.writerows(
                (plan.table, id, "", record, why) for id, record, why in rows.select(ID, RECORD, REASON).iter_rows()
            )
        lines = plan.lines.select(LINE, RECORD, REASON)
        writer.writerows((plan.table, "", line, record, why) for line, record, why in lines.iter_rows())
    return text.getvalue()
