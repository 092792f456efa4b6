"""The service's errors: which status and well-known code every refusal has, and their one shape on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from dualwrite.errors import (
    CatalogRefused,
    Contention,
    DualwriteError,
    DuplicateRecord,
    EnvironmentUnavailable,
    LimitExceeded,
    NotAllowed,
    NotAuthenticated,
    OutcomeUnknown,
    PartnerRefused,
    PreconditionFailed,
    QueryRefused,
    RecordNotFound,
    RecordRefused,
    ReferenceNotFound,
    StillReferenced,
    ValueProblem,
    ValueRefused,
)
from dualwrite.servers.odata.refusals import MalformedRequest, MethodRefused, RequestRefused, ResourceNotFound


class Code(Enum):
    """The well-known codes of the service that this server uses."""

    INVALID_ARGUMENT = "0x80040203"
    UNEXPECTED = "0x80040216"
    NOT_FOUND = "0x80040217"
    PRIVILEGE_DENIED = "0x80040220"
    STILL_REFERENCED = "0x80040227"
    DUPLICATE_PRIMARY_KEY = "0x80040237"
    ABORTED_BY_EXTENSION = "0x80040265"
    UNKNOWN_CHOICE = "0x8004431A"
    TOO_LONG = "0x80044331"
    DUPLICATE_NAME = "0x80047013"
    STILL_USED = "0x8004F01F"
    STATUS_DOES_NOT_FIT = "0x80048408"
    VERSION_MISMATCH = "0x80060882"
    BAD_REQUEST = "0x80060888"
    UNKNOWN_KEY = "0x80060890"
    NOT_FOUND_BY_KEY = "0x80060891"
    DUPLICATE_KEY = "0x80060892"
    BUSY = "0x80072326"


@dataclass(frozen=True, slots=True)
class Problem:
    """One failure as the service tells it."""

    status: int
    code: Code
    message: str
    headers: tuple[tuple[str, str], ...] = ()


class CodedRefusal(RequestRefused):
    """A request refused under another code than that of plain malformed requests."""

    def __init__(self, message: str, *, wire_code: Code) -> None:
        super().__init__(message)
        self.wire_code = wire_code


class RowMissing(CodedRefusal):
    """There is no row under the key that the address names."""

    status = 404


def invalid_argument(message: str) -> CodedRefusal:
    return CodedRefusal(message, wire_code=Code.INVALID_ARGUMENT)


def unknown_segment(segment: str) -> ResourceNotFound:
    return ResourceNotFound(f"Resource not found for the segment '{segment}'.")


def unknown_property(name: str, *, table: str) -> MalformedRequest:
    return MalformedRequest(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.")


def invalid_key(table: str) -> CodedRefusal:
    message = f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table}'."
    return CodedRefusal(message, wire_code=Code.UNKNOWN_KEY)


def method_refused(method: str, *, allowed: Sequence[str]) -> MethodRefused:
    return MethodRefused(f"The requested resource does not support http method '{method}'.", allowed=allowed)


RETRY_AFTER_S = 2
_HEADERS: Mapping[HTTPStatus, tuple[tuple[str, str], ...]] = {
    HTTPStatus.SERVICE_UNAVAILABLE: (("Retry-After", str(RETRY_AFTER_S)),),
    HTTPStatus.UNAUTHORIZED: (("WWW-Authenticate", "Bearer"),),
}

_REQUEST_CODES: Mapping[int, Code] = {
    HTTPStatus.UNAUTHORIZED: Code.PRIVILEGE_DENIED,
    HTTPStatus.FORBIDDEN: Code.PRIVILEGE_DENIED,
    HTTPStatus.NOT_IMPLEMENTED: Code.UNEXPECTED,
}

_VALUE_CODES = {
    ValueProblem.UNKNOWN_COLUMN: Code.BAD_REQUEST,
    ValueProblem.READ_ONLY: Code.BAD_REQUEST,
    ValueProblem.REQUIRED: Code.INVALID_ARGUMENT,
    ValueProblem.WRONG_TYPE: Code.BAD_REQUEST,
    ValueProblem.TOO_LONG: Code.TOO_LONG,
    ValueProblem.OUT_OF_RANGE: Code.INVALID_ARGUMENT,
    ValueProblem.UNKNOWN_CHOICE: Code.UNKNOWN_CHOICE,
    ValueProblem.FROZEN: Code.INVALID_ARGUMENT,
    ValueProblem.STATUS: Code.STATUS_DOES_NOT_FIT,
}

_BY_CLASS: tuple[tuple[type[DualwriteError], HTTPStatus, Code], ...] = (
    (RecordNotFound, HTTPStatus.NOT_FOUND, Code.NOT_FOUND),
    (ReferenceNotFound, HTTPStatus.NOT_FOUND, Code.NOT_FOUND),
    (StillReferenced, HTTPStatus.BAD_REQUEST, Code.STILL_REFERENCED),
    (PartnerRefused, HTTPStatus.BAD_REQUEST, Code.ABORTED_BY_EXTENSION),
    (LimitExceeded, HTTPStatus.BAD_REQUEST, Code.ABORTED_BY_EXTENSION),
    (RecordRefused, HTTPStatus.BAD_REQUEST, Code.INVALID_ARGUMENT),
    (QueryRefused, HTTPStatus.BAD_REQUEST, Code.BAD_REQUEST),
    (CatalogRefused, HTTPStatus.BAD_REQUEST, Code.BAD_REQUEST),
    (NotAuthenticated, HTTPStatus.UNAUTHORIZED, Code.PRIVILEGE_DENIED),
    (NotAllowed, HTTPStatus.FORBIDDEN, Code.PRIVILEGE_DENIED),
    (Contention, HTTPStatus.SERVICE_UNAVAILABLE, Code.BUSY),
    (EnvironmentUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, Code.BUSY),
    (OutcomeUnknown, HTTPStatus.INTERNAL_SERVER_ERROR, Code.UNEXPECTED),
    (DualwriteError, HTTPStatus.INTERNAL_SERVER_ERROR, Code.UNEXPECTED),
)


def problem_of(error: DualwriteError) -> Problem:
    """What the service answers to a request that raised ``error``."""
    if isinstance(error, RequestRefused):
        if isinstance(error, CodedRefusal):
            return Problem(error.status, error.wire_code, error.message, headers=error.headers)
        code = _REQUEST_CODES.get(error.status, Code.BAD_REQUEST)
        return Problem(error.status, code, error.message, headers=error.headers)
    if isinstance(error, DuplicateRecord):
        code = Code.DUPLICATE_PRIMARY_KEY if error.primary else Code.DUPLICATE_KEY
        return Problem(HTTPStatus.PRECONDITION_FAILED, code, error.message)
    if isinstance(error, PreconditionFailed):
        code = Code.DUPLICATE_PRIMARY_KEY if error.exists else Code.VERSION_MISMATCH
        return Problem(HTTPStatus.PRECONDITION_FAILED, code, error.message)
    if isinstance(error, ValueRefused):
        return Problem(HTTPStatus.BAD_REQUEST, _VALUE_CODES[error.problem], error.message)
    for kind, status, code in _BY_CLASS:
        if isinstance(error, kind):
            return Problem(status, code, error.message, headers=_HEADERS.get(status, ()))
    raise AssertionError(f"{type(error).__name__} is not in the table of errors")
