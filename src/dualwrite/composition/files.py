"""What imports and exports of files are made of in this house."""

from __future__ import annotations

from dualwrite.composition.house import DEFAULT_COMPANY, House
from dualwrite.environments.bulk import BulkEnvironment
from dualwrite.environments.port import Caller
from dualwrite.exchange.importing.frames import FrameWriter
from dualwrite.exchange.importing.importer import Importer, Progress, silent
from dualwrite.exchange.importing.rows import RowWriter
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId
from dualwrite.sync.frame_changes import FrameChanges
from dualwrite.sync.live import LiveSync


def environment_of(house: House, side: Side) -> BulkEnvironment:
    return house.finops if side is Side.FINOPS else house.dataverse


def importer_of(
    house: House, side: Side, *, company: str | None = None, by_frames: bool = True, progress: Progress = silent
) -> Importer:
    """Imports files into one environment of the house, through live sync wherever maps are running.

    ``by_frames`` False: every record passes the environment's own transactions.
    """
    caller = Caller("dualwrite import", company=LegalEntityId(company or DEFAULT_COMPANY))
    environment = environment_of(house, side)
    rows = RowWriter(environment, caller=caller)
    writer = FrameWriter(environment, _changes(house, side), rows) if by_frames else rows
    return Importer(environment, house.store.file_imports, writer, progress=progress)


def _changes(house: House, side: Side) -> FrameChanges:
    source, target = environment_of(house, side), environment_of(house, side.partner)
    live = LiveSync(source=source, target=target, pair=house.pair, router=house.router, tally=house.tally)
    return FrameChanges(live, source=source, target=target)
