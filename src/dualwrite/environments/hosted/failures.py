"""PostgreSQL's errors as ours, by table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg

from dualwrite.environments.hosted.layout import Layouts
from dualwrite.errors import (
    Contention,
    DualwriteError,
    DuplicateRecord,
    EnvironmentUnavailable,
    LimitExceeded,
    RecordRefused,
    ReferenceNotFound,
    StillReferenced,
    ValueProblem,
    ValueRefused,
)

_PLACE = re.compile(r"^(?:[a-z ]+: )?connection to server (?:on|at) .*? failed: ")
STALE_EPOCH = "DW001"


class StalePlan(Contention):
    """A statement was prepared before its table got more columns; started over, it is prepared again."""

    code = "DW0104"


class StaleEpoch(Contention):
    """A recovery or a change of the maps has passed since this change was routed; it is routed again."""

    code = "DW0103"


_REVALIDATION = "RevalidateCachedQuery"
"""Where PostgreSQL finds that a prepared statement would answer with other columns now."""
_BUSY = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)
_NUMBERS = (pg.NumericValueOutOfRange, pg.DatetimeFieldOverflow, pg.InvalidTextRepresentation, pg.DataError)


@contextmanager
def translated(layouts: Layouts, *, deleting: bool = False) -> Iterator[None]:
    """Raises our error from whatever psycopg raises inside."""
    try:
        yield
    except psycopg.Error as error:
        raise _translation(layouts, error, deleting=deleting) from error


def _translation(layouts: Layouts, error: psycopg.Error, *, deleting: bool) -> DualwriteError:
    if error.sqlstate == STALE_EPOCH:
        return StaleEpoch("the link has been recovered or changed meanwhile")
    if error.diag.source_function == _REVALIDATION:
        return StalePlan("the table has been changed meanwhile")
    if isinstance(error, _BUSY):
        return Contention("the record is being changed by somebody else")
    if isinstance(error, pg.UniqueViolation):
        return _duplicate(layouts, error)
    if isinstance(error, pg.ForeignKeyViolation):
        return _dangling(layouts, error, deleting=deleting)
    if isinstance(error, pg.QueryCanceled):
        return LimitExceeded("the transaction took longer than it may")
    if isinstance(error, _NUMBERS):
        return ValueRefused(str(error).splitlines()[0], problem=ValueProblem.OUT_OF_RANGE)
    if isinstance(error, pg.ProgramLimitExceeded):
        return ValueRefused("a value is too long for a key", problem=ValueProblem.TOO_LONG)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return EnvironmentUnavailable(f"the environment's database does not answer: {str(error).strip()}")
    return RecordRefused(str(error).splitlines()[0])


def _duplicate(layouts: Layouts, error: psycopg.Error) -> DualwriteError:
    name = error.diag.table_name or ""
    if layouts.schema.find(name) is None:
        return RecordRefused("this change has been applied before")
    layout = layouts.of(name)
    columns = layout.keys_by_index.get(error.diag.constraint_name or "", layout.table.key)
    return DuplicateRecord(
        f"a record with the same values for {', '.join(columns)} already exists in {layout.table.name}",
        table=layout.table.name,
        columns=columns,
        primary=columns == layout.table.key,
    )


def _dangling(layouts: Layouts, error: psycopg.Error, *, deleting: bool) -> DualwriteError:
    layout = layouts.of(error.diag.table_name or "")
    column = layout.columns_by_foreign_key[error.diag.constraint_name or ""]
    if deleting:
        reason = f"the record cannot be deleted: records of {layout.table.name} refer to it ({column.name})"
        return StillReferenced(reason, table=layout.table.name, column=column.name)
    target = column.targets[0]
    detail = error.diag.message_detail or ""
    value = detail.partition("=(")[2].partition(")")[0]
    reason = f"{target} With Id = {value} Does Not Exist"
    return ReferenceNotFound(reason, table=layout.table.name, column=column.name)


def in_short(error: psycopg.Error) -> str:
    """What the database said last, without the place where it was looked for: users are told, too."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return _PLACE.sub("", first).removeprefix("FATAL:").strip()
