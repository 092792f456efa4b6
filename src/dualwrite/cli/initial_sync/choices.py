"""What the commands on runs have in common: how runs are named, and the parts of the house that they use."""

from __future__ import annotations

from typing import Annotated

import typer

from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.lifecycle.initial_sync.reports import SyncReports

RunName = Annotated[
    str,
    typer.Argument(metavar="RUN", help="The beginning of a run's id; the latest run unless given.", show_default=False),
]
ByLegalEntity = Annotated[bool, typer.Option("--by-legal-entity", help="A line for each legal entity.")]
Detach = Annotated[bool, typer.Option("--detach", help="Do not wait for the end; see: dualwrite initial-sync watch")]


def desk_of(house: House) -> InitialSyncs:
    return InitialSyncs(house.store, CONNECTION, house.router)


def reports_of(house: House) -> SyncReports:
    return SyncReports(house.store, CONNECTION)
