"""Where requests come in: each is answered by the service over the tables as they are now."""

from __future__ import annotations

from dualwrite.environments.port import Environment, TableDesign
from dualwrite.servers.dataverse.exchange import Reply, Request
from dualwrite.servers.dataverse.service import Service
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.odata.current import Current


class Desk:
    """Hands requests to the current service; no request is refused for a table that has come meanwhile."""

    def __init__(self, environment: Environment, settings: DataverseSettings, design: TableDesign | None) -> None:
        self._services = Current(environment, lambda schema: Service(environment, schema, settings, design))

    async def service(self) -> Service:
        """The service over the tables as they are at this moment."""
        return await self._services.get(within_s=0.0)

    async def answer(self, request: Request) -> Reply:
        """The answer to one request outside of a change set. Raises: DualwriteError."""
        return await self._services.ask(lambda service: service.answer(request))
