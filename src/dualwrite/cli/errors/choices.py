"""Which errors are meant: the options that the commands have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from dualwrite.cli.activities.choices import moment_of
from dualwrite.cli.errors.office import ErrorOffice
from dualwrite.cli.map_names import find_map
from dualwrite.metadata.schema import Side
from dualwrite.store.sync_errors import Category, ErrorState, FailureKind, SyncErrorFilter
from dualwrite.sync.link import direction_from

OfMap = Annotated[str | None, typer.Option("--map", help="Of this map.")]
OfLegalEntity = Annotated[str | None, typer.Option("--legal-entity", metavar="ID", help="Of this legal entity.")]
FromSide = Annotated[Side | None, typer.Option("--from", help="Of changes that were made on this side.")]
OfKind = Annotated[FailureKind | None, typer.Option("--kind", help="When the change failed.")]
OfCategory = Annotated[Category | None, typer.Option("--category", help="What sort of thing stood in the way.")]
OfColumn = Annotated[str | None, typer.Option("--column", help="Because of this column.")]
OfCode = Annotated[str | None, typer.Option("--code", help="With this code.")]
OfCause = Annotated[str | None, typer.Option("--cause", help="For this cause, as groups tells it.")]
OfRecord = Annotated[str | None, typer.Option("--record", metavar="TEXT", help="The record's name contains this.")]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="A date, a time, or so long ago: 2h, 7d.")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Before this; as with --since.")]
InState = Annotated[ErrorState | None, typer.Option("--state", help="In this state.", show_default="open")]
Settled = Annotated[bool, typer.Option("--settled", help="Also those that are not open any more.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The filter as it was given: parts of a map's name, moments in words. Open errors, unless it says otherwise."""

    map: str | None = None
    legal_entity: str | None = None
    from_side: Side | None = None
    kind: FailureKind | None = None
    category: Category | None = None
    column: str | None = None
    code: str | None = None
    cause: str | None = None
    record: str | None = None
    since: str | None = None
    until: str | None = None
    state: ErrorState | None = None
    settled: bool = False

    async def filter(self, office: ErrorOffice) -> SyncErrorFilter:
        """Raises: NotFound for a map that is not there, SettingsRefused."""
        now = datetime.now(UTC)
        return SyncErrorFilter(
            state=self.state or (None if self.settled else ErrorState.OPEN),
            kind=self.kind,
            category=self.category,
            map=None if self.map is None else find_map(await office.map_names(), self.map),
            direction=None if self.from_side is None else direction_from(self.from_side),
            legal_entity=None if self.legal_entity is None else self.legal_entity.lower(),
            code=self.code,
            column=self.column,
            cause=self.cause,
            record=self.record,
            since=moment_of(self.since, now=now),
            until=moment_of(self.until, now=now),
        )
