"""What the API's resources act on: one connection with its store, its environments and whoever conducts its runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from dualwrite.environments.port import Caller
from dualwrite.lifecycle.catch_up.desk import CatchUps
from dualwrite.lifecycle.errors.desk import SyncErrors
from dualwrite.lifecycle.initial_sync.conductor import Conductor
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.lifecycle.initial_sync.reports import SyncReports
from dualwrite.lifecycle.integration_jobs.desk import IntegrationJobs, Resume
from dualwrite.lifecycle.keys import IntegrationKeys
from dualwrite.lifecycle.maps import MapLifecycle
from dualwrite.lifecycle.versions import MapVersions
from dualwrite.linking.desk import LinkDesk
from dualwrite.monitoring.alerts.desk import AlertDesk
from dualwrite.monitoring.health.examination import Examination
from dualwrite.solutions.application import EnsureTables
from dualwrite.store.database import Store
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter
from dualwrite.sync.tally import Tally

Authenticate = Callable[[str | None], Awaitable[Caller]]


@dataclass(frozen=True)
class Desk:
    """The services behind the API. Those that write into the activity log are made for each caller."""

    store: Store
    connection: str
    pair: Pair
    router: StoredRouter
    tally: Tally
    conductor: Conductor
    lifecycle_of: Callable[[str], MapLifecycle]
    ensure_tables: EnsureTables
    catch_ups: CatchUps
    alerts: AlertDesk
    link: LinkDesk
    examination: Examination
    errors_of: Callable[[str], SyncErrors]

    @property
    def syncs(self) -> InitialSyncs:
        return InitialSyncs(self.store, self.connection, self.router)

    @property
    def reports(self) -> SyncReports:
        return SyncReports(self.store, self.connection)

    def errors(self, caller: Caller) -> SyncErrors:
        return self.errors_of(caller.name)

    def lifecycle(self, caller: Caller) -> MapLifecycle:
        return self.lifecycle_of(caller.name)

    def versions(self, caller: Caller) -> MapVersions:
        return MapVersions(self.store, self.connection, self.router, who=caller.name)

    def jobs(self, caller: Caller, *, resume: Resume | None = None) -> IntegrationJobs:
        """The integration jobs; ``resume`` brings the maps of a stopped one to life, and else waits until they are."""
        again = resume or self.lifecycle(caller).resume
        return IntegrationJobs(self.store, self.connection, self.router, resume=again, who=caller.name)

    async def keys(self, caller: Caller) -> IntegrationKeys:
        schema = await self.pair.dataverse.current_schema()
        return IntegrationKeys(self.store, self.connection, self.router, schema, who=caller.name)


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(_desk)]
