"""Errors as the service words them: one shape for all, the useful text in ``innererror.message``."""

from __future__ import annotations

from dualwrite.errors import (
    CatalogRefused,
    Contention,
    Disposition,
    DualwriteError,
    DuplicateRecord,
    EnvironmentUnavailable,
    NotAllowed,
    NotAuthenticated,
    PreconditionFailed,
    QueryRefused,
    RecordNotFound,
    RecordRefused,
)
from dualwrite.metadata.schema import Table
from dualwrite.servers.finops.exchange import Reply, json_reply
from dualwrite.servers.odata.refusals import RequestRefused

NOTHING_SELECTED = "No resources were found when selecting for update."
"""What a PATCH or DELETE of a row that is not there, or not in the caller's company, is told."""

_OPERATION = "System.InvalidOperationException"
_FORM = "Microsoft.OData.ODataException"
_ACCESS = "System.UnauthorizedAccessException"


def refused_write(table: Table, error: RecordRefused) -> Reply:
    """The answer to a write of ``table`` that was refused."""
    if isinstance(error, PreconditionFailed):
        return error_reply(412, _update_conflict(table))
    if isinstance(error, RecordNotFound) and error.table in ("", table.name):
        return error_reply(400, NOTHING_SELECTED)
    message = _exists(table, error) if isinstance(error, DuplicateRecord) else error.message
    return error_reply(400, f"Write failed for table row of type '{table.name}'. Infolog: Error: {message}")


def _exists(table: Table, error: DuplicateRecord) -> str:
    columns = ", ".join(error.columns or table.key)
    return f"Cannot create a record in {table.label} ({table.name}). The record already exists ({columns})."


def _update_conflict(table: Table) -> str:
    return (
        f"Cannot edit a record in {table.label} ({table.name}). An update conflict occurred due to another user "
        "process deleting the record or changing one or more fields in the record."
    )


def problem_reply(error: DualwriteError, *, retry_after_s: int) -> Reply:
    """The answer to a request that ended in ``error``, unless it was a record that was refused."""
    match error:
        case RequestRefused():
            return error_reply(error.status, error.message, kind=_FORM, headers=error.headers)
        case NotAuthenticated():
            challenge = str(error.details.get("challenge", "Bearer"))
            return error_reply(401, error.message, kind=_ACCESS, headers=(("WWW-Authenticate", challenge),))
        case NotAllowed():
            return error_reply(403, error.message, kind=_ACCESS)
        case QueryRefused():
            return error_reply(400, error.message, kind=_FORM)
        case PreconditionFailed():
            return error_reply(412, error.message)
        case RecordRefused():
            return error_reply(400, error.message)
        case CatalogRefused():
            return error_reply(404, error.message)
        case Contention() | EnvironmentUnavailable():
            return error_reply(503, error.message, headers=(("Retry-After", str(retry_after_s)),))
        case _:
            wait = error.disposition is Disposition.TRANSIENT
            return error_reply(503 if wait else 500, error.message)


def error_reply(
    status: int, message: str, *, kind: str = _OPERATION, headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """The service's one error shape."""
    inner = {"message": message, "type": kind, "stacktrace": ""}
    body = {"error": {"code": "", "message": "An error has occurred.", "innererror": inner}}
    return json_reply(body, status=status, headers=headers)
