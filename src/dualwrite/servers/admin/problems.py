"""Errors as problem details (RFC 9457), in one shape for everything under ``/api/v1``.

=====================  ===  ============================================================
NotAuthenticated       401  no token, or one that does not hold
RoleRefused            403  the caller's roles do not allow it
NotFound               404  what the address or the body names is not there
NotAllowed …           409  the state forbids it; the text says which states allow it
MapRefused …           409  a map cannot run as it is, with all findings
SettingsRefused …      422  the request contradicts its description
Contention             503  locks could not be had in time; ask again
EnvironmentUnavailable 503  an environment or the store does not answer; ask again
OutcomeUnknown         504  sent, no answer: look before asking again
=====================  ===  ============================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import Field
from starlette.exceptions import HTTPException

from dualwrite.errors import (
    CatalogRefused,
    Contention,
    DualwriteError,
    EnvironmentUnavailable,
    MapRefused,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OutcomeUnknown,
    QueryRefused,
    RecordRefused,
    RoleRefused,
    SettingsRefused,
    SolutionRefused,
)
from dualwrite.servers.admin.model import Told
from dualwrite.store.connector import storable

MEDIA_TYPE = "application/problem+json"
_STATUS: Sequence[tuple[type[DualwriteError], int]] = (
    (NotAuthenticated, 401),
    (RoleRefused, 403),
    (NotFound, 404),
    (NotAllowed, 409),
    (SolutionRefused, 409),
    (MapRefused, 409),
    (CatalogRefused, 409),
    (SettingsRefused, 422),
    (QueryRefused, 422),
    (RecordRefused, 422),
    (Contention, 503),
    (EnvironmentUnavailable, 503),
    (OutcomeUnknown, 504),
)
_RETRY_AFTER_S = 1
_DESCRIPTIONS: Mapping[int, str] = {
    401: "No token, or one that does not hold.",
    403: "The caller's roles do not allow it.",
    404: "What the request names is not there.",
    405: "The address knows other methods, which `Allow` names.",
    409: "The state forbids it; the detail says which states allow it, or what is in the way.",
    422: "The request contradicts its description.",
    503: "An environment or the store does not answer in time; nothing has been done. Ask again.",
    504: "Sent, and not answered: look before asking again.",
}


class Problem(Told):
    """An error as problem details (RFC 9457)."""

    type: str = "about:blank"
    title: str
    """The status in words."""
    status: int
    detail: str
    """What happened, and the way out."""
    code: str
    """A stable code; see the reference of errors."""
    details: Mapping[str, Any] = Field(default_factory=dict)
    """Facts for programs: the map, its state, the states that allow the action, the findings …"""


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The descriptions of these answers, for a route."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _DESCRIPTIONS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def problem_of(error: DualwriteError) -> Problem:
    """The error as a document."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return _problem(status, error.message, error.code, error.details)


def _problem(status: int, detail: str, code: str, details: Mapping[str, Any] | None = None) -> Problem:
    title = HTTPStatus(status).phrase
    return Problem(title=title, status=status, detail=detail, code=code, details=dict(details or {}))


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The document with its status."""
    # What was asked may hold characters that JSON cannot spell, and is repeated in the text.
    document = storable(problem.model_dump())
    body = orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS)
    sent = dict(headers or {})
    if problem.status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    if problem.status == 503:
        sent["Retry-After"] = str(_RETRY_AFTER_S)
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=sent)


def answer_with_problems(app: FastAPI) -> None:
    """Every error that a route of ``app`` raises is answered as problem details."""
    app.add_exception_handler(DualwriteError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_bug)


async def _of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, DualwriteError)
    return problem_response(problem_of(error))


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [{"path": _path(each["loc"]), "message": each["msg"], "type": each["type"]} for each in error.errors()]
    told = "; ".join(f"{each['path']}: {each['message']}" for each in found[:3])
    return problem_response(_problem(422, f"The request cannot be used: {told}", "DW0001", {"problems": found}))


async def _of_bug(request: Request, error: Exception) -> Response:
    # The error itself goes on to the log.
    told = f"{request.method} {request.url.path} met an error of the program; the log has it. Look before asking again."
    return problem_response(_problem(500, told, DualwriteError.code))


def _path(parts: Sequence[object]) -> str:
    return ".".join(str(each) for each in parts)


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    if error.status_code == 400:
        return problem_response(_problem(422, detail, SettingsRefused.code))
    code = NotFound.code if error.status_code == 404 else NotAllowed.code
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request)) or headers.get("Allow", headers.get("allow", ""))
        headers.pop("allow", None)
    return problem_response(_problem(error.status_code, detail, code), headers)


def _methods(request: Request) -> Sequence[str]:
    """The methods that the address knows, by the API's own description."""
    path = request.url.path.removeprefix(str(request.scope.get("root_path", "")))
    templates = request.app.openapi()["paths"].items()
    found = [methods for template, methods in templates if template == path]
    found = found or [methods for template, methods in templates if _fits(template, path)]
    return sorted({method.upper() for methods in found for method in methods})


def _fits(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        each.startswith("{") or each == part for each, part in zip(wanted, given, strict=True)
    )
