"""The API's own description: an OpenAPI document with one shape for errors, tokens, and keys for actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from dualwrite import __version__
from dualwrite.servers.admin.idempotency import HEADER, PATTERN
from dualwrite.servers.admin.operations.standing import PREFIX
from dualwrite.servers.admin.problems import Problem

TITLE = "dualwrite"
DESCRIPTION = """Keeps a finance and operations environment and a Dataverse environment in step.

Every request carries a token (`Authorization: Bearer …`). Readers look, customizers change, start and stop maps,
administrators do everything. Errors are problem details (RFC 9457) with a stable `code`. Lists come in pages: follow
`next` until it is null. A POST with an `Idempotency-Key` is carried out once, however often it is sent. What takes
long answers 202 with an *operation*, to be polled or followed as server-sent events."""
TAGS: Sequence[tuple[str, str]] = (
    ("connection", "The connected environments, their legal entities, and how everything stands."),
    ("link", "Linking environments, their legal entities, owning teams, and the end of a link."),
    ("maps", "The table maps: what they say, and running, pausing and stopping them."),
    ("health", "How maps are, and what to do about it."),
    ("integration jobs", "Maps whose creates and updates are moved outside the users' transactions."),
    ("initial syncs", "Copying what is there already: the runs, how far they are, and what they refused."),
    ("queue", "Changes that wait for paused maps."),
    ("catch-ups", "What waited is replayed, so that paused maps run again."),
    ("operations", "Long actions: how far they are, polled or streamed."),
    ("errors", "Changes that could not be carried to the other side: looked at, retried and dismissed."),
    ("alerts", "Settings that watch the errors, and the events that they have raised."),
    ("solutions", "Packages of maps."),
    ("integration keys", "What tells the rows of a Dataverse table apart."),
    ("tables", "The tables of both environments."),
    ("activities", "What was done, by whom, and how it ended."),
    ("imports", "Imports of files, and what they refused."),
)
_KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Sent again under the same key, the request is not carried out again: it gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": PATTERN},
}


def describe(app: FastAPI) -> None:
    """``app`` answers its OpenAPI document as this module makes it."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=TITLE,
        version=__version__,
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS],
        servers=[{"url": PREFIX}],
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for method, operation in _operations(document):
        if method == "post":
            operation.setdefault("parameters", []).append(_KEY_PARAMETER)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in document["paths"].values():
        yield from path.items()
