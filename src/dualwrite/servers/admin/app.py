"""The admin application: whether the house is well, how its maps stand, and where tokens come from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from dualwrite.environments.port import Caller
from dualwrite.errors import DualwriteError, NotAuthenticated
from dualwrite.lifecycle.initial_sync.reports import SyncReports
from dualwrite.metadata.document import table_document
from dualwrite.metadata.schema import Side
from dualwrite.store.database import Store
from dualwrite.sync.link import Pair
from dualwrite.sync.tally import Tally

Authenticate = Callable[[str | None], Awaitable[Caller]]


def build_admin_app(
    *,
    store: Store,
    connection: str,
    pair: Pair,
    tally: Tally,
    identity: APIRouter,
    authenticate: Authenticate,
    instance: str,
) -> FastAPI:
    """The application over one house. ``/health`` and the token endpoint answer anybody, the rest proven callers.

    ``instance`` names this start of the program: whoever asks for its health can tell whether it is the one they mean.
    """
    app = FastAPI(title="dualwrite", docs_url=None, redoc_url=None)
    app.include_router(identity)

    @app.get("/health")
    async def health() -> JSONResponse:
        """200 while both environments and the store answer."""
        try:
            epochs = {each.name: await each.epoch() for each in (pair.finops, pair.dataverse)}
            maps = await store.maps.list(connection)
        except DualwriteError as error:
            problem = {"status": "unavailable", "instance": instance, "reason": error.message}
            return JSONResponse(problem, status_code=503)
        running = sum(each.state.value == "running" for each in maps)
        return JSONResponse(
            {"status": "ok", "instance": instance, "maps_running": running, "maps": len(maps), "epochs": epochs}
        )

    @app.get("/api/v1/status")
    async def status(request: Request) -> JSONResponse:
        """The maps with their states, an initial sync that is not through, and how changes since the start ended."""
        await authenticate(request.headers.get("authorization"))
        maps = await store.maps.list(connection)
        return JSONResponse(
            {
                "connection": connection,
                "companies": [each.company_code for each in await store.connections.companies(connection)],
                "maps": [
                    {"name": each.name, "version": each.active_version, "state": each.state.value} for each in maps
                ],
                "initial_sync": await _under_way(SyncReports(store, connection)),
                "changes": tally.by_map(),
                "prepared": {each.name: len(await each.prepared()) for each in (pair.finops, pair.dataverse)},
            }
        )

    @app.get("/api/v1/tables/{side}")
    async def table(request: Request, side: Side, name: str) -> JSONResponse:
        """The table of one environment that goes by ``name``: how its rows are addressed and typed."""
        await authenticate(request.headers.get("authorization"))
        found = (await pair.side(side).current_schema()).find(name)
        if found is None:
            detail = (
                f"The {side.value} environment has no table {name!r}. dualwrite tables list shows what there is; "
                f"a table of the catalog is brought by its solution or by: dualwrite tables add {name}"
            )
            problem = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": detail}
            return JSONResponse(problem, status_code=404)
        return JSONResponse(table_document(found))

    @app.exception_handler(NotAuthenticated)
    async def not_authenticated(request: Request, error: NotAuthenticated) -> JSONResponse:
        problem = {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": error.message}
        return JSONResponse(problem, status_code=401, headers={"WWW-Authenticate": "Bearer"})

    return app


async def _under_way(reports: SyncReports) -> dict[str, object] | None:
    """The latest initial sync with its rows, unless it has ended."""
    found = await reports.history(limit_rows=1)
    if not found or found[0].run.state.has_ended:
        return None
    progress = await reports.progress(found[0].run.run)
    total = progress.total
    return {
        "run": str(progress.run.run),
        "state": progress.run.state.value,
        "rows": total.rows_planned,
        "rows_done": total.rows_done,
        "rows_refused": total.counts.refused,
    }
