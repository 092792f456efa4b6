"""The admin application: whether the house is well, where tokens come from, and the API under ``/api/v1``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse

from dualwrite.errors import DualwriteError
from dualwrite.servers.admin.activities import routes as activities
from dualwrite.servers.admin.alerts import routes as alerts
from dualwrite.servers.admin.catch_ups import routes as catch_ups
from dualwrite.servers.admin.description import describe
from dualwrite.servers.admin.desk import Authenticate, Desk
from dualwrite.servers.admin.errors import routes as errors
from dualwrite.servers.admin.health import routes as health
from dualwrite.servers.admin.idempotency import IdempotentActions
from dualwrite.servers.admin.imports import routes as imports
from dualwrite.servers.admin.initial_syncs import routes as initial_syncs
from dualwrite.servers.admin.integration_keys import routes as integration_keys
from dualwrite.servers.admin.jobs import routes as jobs
from dualwrite.servers.admin.link import routes as link
from dualwrite.servers.admin.maps import routes as maps
from dualwrite.servers.admin.operations import routes as operations
from dualwrite.servers.admin.operations.catch_ups import CatchUpOperations
from dualwrite.servers.admin.operations.error_retries import ErrorRetries
from dualwrite.servers.admin.operations.initial_syncs import InitialSyncOperations
from dualwrite.servers.admin.operations.standing import PREFIX, OperationSource
from dualwrite.servers.admin.problems import answer_with_problems, refusals
from dualwrite.servers.admin.queue import routes as queue
from dualwrite.servers.admin.solutions import routes as solutions
from dualwrite.servers.admin.status import routes as status
from dualwrite.servers.admin.tables import routes as tables

_RESOURCES = (
    status,
    link,
    maps,
    health,
    jobs,
    initial_syncs,
    queue,
    catch_ups,
    operations,
    errors,
    alerts,
    solutions,
    integration_keys,
    tables,
    activities,
    imports,
)


def build_admin_app(
    *,
    desk: Desk,
    identity: APIRouter,
    metrics: APIRouter,
    authenticate: Authenticate,
    instance: str,
    closing: asyncio.Event,
) -> FastAPI:
    """The application over one house. ``/health`` and the token endpoint answer anybody, the rest proven callers.

    ``instance`` names this start of the program: whoever asks for its health can tell whether it is the one they mean.
    Streams of events end once ``closing`` is set.
    """
    app = FastAPI(title="dualwrite", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(identity)
    app.include_router(metrics)

    @app.get("/health")
    async def well() -> JSONResponse:
        """200 while both environments and the store answer."""
        return await _health(desk, instance)

    answer_with_problems(app)
    app.mount(PREFIX, build_api(desk, authenticate, closing=closing))
    return app


def build_api(desk: Desk, authenticate: Authenticate, *, closing: asyncio.Event) -> FastAPI:
    """Everything under ``/api/v1``."""
    api = FastAPI(
        docs_url=None, redoc_url=None, openapi_url="/openapi.json", responses=refusals(401, 403, 404, 422, 503)
    )
    api.state.desk = desk
    api.state.authenticate = authenticate
    api.state.closing = closing
    retries = ErrorRetries(desk.store.operations, desk.connection)
    api.state.retries = retries
    sources: Sequence[OperationSource] = (
        InitialSyncOperations(desk.reports),
        CatchUpOperations(desk.catch_ups),
        retries,
    )
    api.state.operations = sources
    for each in _RESOURCES:
        api.include_router(each.router)
    answer_with_problems(api)
    describe(api)
    api.add_middleware(IdempotentActions, keys=desk.store.idempotency_keys, authenticate=authenticate)
    return api


async def _health(desk: Desk, instance: str) -> JSONResponse:
    try:
        epochs = {
            each.name: await desk.pair.availability(each).ask(each.epoch())
            for each in (desk.pair.finops, desk.pair.dataverse)
        }
        maps = await desk.store.maps.list(desk.connection)
    except DualwriteError as error:
        problem = {"status": "unavailable", "instance": instance, "reason": error.message}
        return JSONResponse(problem, status_code=503)
    running = sum(each.state.value == "running" for each in maps)
    return JSONResponse(
        {"status": "ok", "instance": instance, "maps_running": running, "maps": len(maps), "epochs": epochs}
    )
