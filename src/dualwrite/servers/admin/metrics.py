"""The page of metrics, read by Prometheus now and then. Like everything else it is told to proven callers only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from dualwrite.errors import NotAuthenticated
from dualwrite.monitoring.metrics import CONTENT_TYPE
from dualwrite.servers.admin.desk import Authenticate

Page = Callable[[], Awaitable[bytes]]


def metrics_router(page: Page, authenticate: Authenticate) -> APIRouter:
    """``/metrics`` over ``page``."""
    router = APIRouter()

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        """The metrics as text."""
        try:
            await authenticate(request.headers.get("authorization"))
        except NotAuthenticated as error:
            problem = {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": error.message}
            return JSONResponse(
                problem, 401, headers={"WWW-Authenticate": "Bearer"}, media_type="application/problem+json"
            )
        return Response(await page(), media_type=CONTENT_TYPE)

    return router
