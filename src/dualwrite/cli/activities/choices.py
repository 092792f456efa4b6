"""Which activities are meant: the options that list and export have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from dualwrite.cli.activities.office import ActivityOffice
from dualwrite.cli.map_names import find_map
from dualwrite.errors import SettingsRefused
from dualwrite.store.activity import ActivityFilter, Severity

_AGO = re.compile(r"(\d{1,6}) ?(m|minutes?|h|hours?|d|days?)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

OfMap = Annotated[str | None, typer.Option("--map", help="About this map.")]
ConnectionWide = Annotated[bool, typer.Option("--connection", help="About the connection, not about one map.")]
What = Annotated[str | None, typer.Option("--what", help="What was done, such as: run, pause, 'set alert'.")]
Who = Annotated[str | None, typer.Option("--who", help="Who did it.")]
OfSeverity = Annotated[Severity | None, typer.Option("--severity", help="Whether it went well.")]
OfLegalEntity = Annotated[str | None, typer.Option("--legal-entity", metavar="ID", help="About this legal entity.")]
ResultContains = Annotated[str | None, typer.Option("--result", metavar="TEXT", help="Its result contains this.")]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="A date, a time, or so long ago: 2h, 7d.")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Before this; as with --since.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter as it was given: parts of a map's name, moments in words."""

    map: str | None
    connection: bool
    what: str | None
    who: str | None
    severity: Severity | None
    legal_entity: str | None
    result: str | None
    since: str | None
    until: str | None

    async def filter(self, office: ActivityOffice) -> ActivityFilter:
        """Raises: NotAllowed for a map that is not there, SettingsRefused."""
        now = datetime.now(UTC)
        return ActivityFilter(
            map=None if self.map is None else find_map(await office.map_names(), self.map),
            connection_wide=self.connection,
            what=self.what,
            who=self.who,
            severity=self.severity,
            legal_entity=self.legal_entity,
            result=self.result,
            since=moment_of(self.since, now=now),
            until=moment_of(self.until, now=now),
        )


def moment_of(text: str | None, *, now: datetime) -> datetime | None:
    """The moment that ``text`` stands for; a time without a zone is this machine's. Raises: SettingsRefused."""
    if text is None:
        return None
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - timedelta(**{_UNITS[ago[2][0]]: int(ago[1])})
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SettingsRefused(
            f"{text!r} is no moment; it looks like 2026-11-21, 2026-11-21T09:30 or 2h (so long ago)"
        ) from None
