"""How everything stands, as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from dualwrite.metadata.schema import Side
from dualwrite.servers.admin.maps.models import MapStanding
from dualwrite.servers.admin.model import Told
from dualwrite.store.initial_syncs import RunState


class RunUnderWay(Told):
    """The latest initial sync, as long as it has not ended."""

    run: UUID
    state: RunState
    rows: int
    rows_done: int
    rows_refused: int


class Status(Told):
    """The maps with their states, an initial sync that is not through, and how changes since the start ended."""

    connection: str
    companies: Sequence[str]
    maps: Sequence[MapStanding]
    initial_sync: RunUnderWay | None
    changes: Mapping[str, Mapping[str, int]]
    """By map, how many changes ended how since the program was started."""
    prepared: Mapping[str, int]
    """By environment, transactions that wait for the decision of the other side."""


class LinkedCompany(Told):
    """A legal entity and the company that it is linked to."""

    legal_entity: str
    company_code: str


class ConnectionShown(Told):
    """Two environments that are kept in step."""

    name: str
    finops_environment: str
    dataverse_environment: str
    primary_side: Side
    """Whose change is kept where both sides changed a record meanwhile."""
    created_at: datetime
    companies: Sequence[LinkedCompany]
