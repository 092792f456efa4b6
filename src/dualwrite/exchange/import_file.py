"""Rows of a parsed file become records of an environment through its own transactions, so that live sync applies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from dualwrite.environments.port import (
    Caller,
    Environment,
    Existence,
    Operation,
    RecordChange,
    RecordKey,
    RowQuery,
    Update,
)
from dualwrite.errors import Contention, EnvironmentUnavailable, OutcomeUnknown, RecordRefused
from dualwrite.exchange.csv_file import ParsedExport, ParsedRow, Refusal
from dualwrite.metadata.schema import Table

LEGAL_ENTITIES = "OMLegalEntity"

Progress = Callable[[int, int], None]
"""Called after each record with the number done and the number of all."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the file's records: each is counted once or has refusals that name its line."""

    created: int
    updated: int
    unchanged: int
    refused: tuple[Refusal, ...]
    unknown_columns: tuple[str, ...]

    @property
    def refused_records(self) -> int:
        return len({refusal.line for refusal in self.refused})

    @property
    def complete(self) -> bool:
        """True when every record of the file is now in the environment."""
        return not self.refused


class _Outcome(Enum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


async def import_rows(
    environment: Environment,
    table: Table,
    parsed: ParsedExport,
    *,
    caller: Caller,
    progress: Progress | None = None,
) -> ImportReport:
    """The environment holds every record of ``parsed`` that it accepts, on both sides of every link.

    Atomicity: one transaction a record. Idempotency: by primary key; a second run finds the records unchanged.
    Ordering: as in the file. After failure: records before stand, the others are in the report; when the environment
    stops answering, the rest is reported as not tried.
    """
    companies = await _known_companies(environment) if table.is_company_specific else None
    outcomes: list[_Outcome] = []
    refusals = list(parsed.refusals)
    stopped: str | None = None
    for done, row in enumerate(parsed.rows, start=1):
        reason = stopped or _refuse_company(table, row, companies)
        if reason is not None:
            refusals.append(_refusal(table, row, reason=reason))
        else:
            try:
                outcomes.append(await _upsert(environment, table, row, caller=caller))
            except RecordRefused as refused:
                refusals.append(_refusal(table, row, reason=refused.message))
            except Contention as busy:
                refusals.append(_refusal(table, row, reason=f"{busy.message}. Import the file again."))
            except (EnvironmentUnavailable, OutcomeUnknown) as failure:
                refusals.append(_refusal(table, row, reason=failure.message))
                stopped = f"not tried, because line {row.line} ended with: {failure.message}"
        if progress is not None:
            progress(done, len(parsed.rows))
    return ImportReport(
        created=outcomes.count(_Outcome.CREATED),
        updated=outcomes.count(_Outcome.UPDATED),
        unchanged=outcomes.count(_Outcome.UNCHANGED),
        refused=tuple(sorted(refusals, key=lambda refusal: refusal.line)),
        unknown_columns=parsed.unknown_columns,
    )


async def _known_companies(environment: Environment) -> frozenset[str]:
    query = RowQuery(table=LEGAL_ENTITIES, columns=("LegalEntityId",))
    return frozenset([str(row["LegalEntityId"]).lower() async for rows in environment.scan(query) for row in rows])


def _refuse_company(table: Table, row: ParsedRow, companies: frozenset[str] | None) -> str | None:
    if companies is None or table.company_column is None:
        return None
    company = str(row.values[table.company_column])
    if company in companies:
        return None
    known = ", ".join(sorted(companies)) or "none"
    return f"legal entity {company!r} is not in the environment (known: {known}). Create it or leave its records out."


async def _upsert(environment: Environment, table: Table, row: ParsedRow, *, caller: Caller) -> _Outcome:
    key = RecordKey(tuple((name, row.values[name]) for name in table.key))
    values = {name: value for name, value in row.values.items() if name not in table.key}
    command = Update(table=table.name, key=key, values=values, existence=Existence.ANY)
    changes = await environment.transact([command], caller=caller)
    return _outcome(changes, written=frozenset(values))


def _outcome(changes: Sequence[RecordChange], *, written: frozenset[str]) -> _Outcome:
    if any(change.operation is Operation.CREATE for change in changes):
        return _Outcome.CREATED
    return _Outcome.UPDATED if any(change.changed & written for change in changes) else _Outcome.UNCHANGED


def _refusal(table: Table, row: ParsedRow, *, reason: str) -> Refusal:
    record = ", ".join(str(row.values[name]) for name in table.key)
    return Refusal(line=row.line, record=record, column="", reason=reason)
