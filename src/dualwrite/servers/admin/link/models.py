"""The link as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from dualwrite.linking.desk import Standing
from dualwrite.linking.health import Check, HealthCode, LinkHealth, Severity
from dualwrite.linking.owning_teams import OwningTeams, Team
from dualwrite.linking.wizard import EnvironmentChoice, LinkSummary
from dualwrite.metadata.schema import Side
from dualwrite.servers.admin.model import Asked, Flag, Name, Told
from dualwrite.store.connections import LinkState
from dualwrite.store.environments import EnvironmentKind

Entities = Annotated[tuple[Name, ...], Field(min_length=1, max_length=10_000, examples=[["usmf"]])]


class EnvironmentShown(Told):
    """An environment that can be linked. ``connection`` names the link it is part of, if any."""

    name: str
    side: Side
    kind: EnvironmentKind
    url: str
    connection: str | None

    @classmethod
    def of(cls, each: EnvironmentChoice) -> EnvironmentShown:
        record = each.record
        return cls(name=record.name, side=record.side, kind=record.kind, url=record.url, connection=each.connection)


class LinkAsked(Asked):
    """Environments and legal entities that are to be linked; environments that are null are those served here."""

    legal_entities: Entities
    finops: Name | None = None
    dataverse: Name | None = None


class CheckShown(Told):
    """One thing that was looked at. A failed one says what is wrong and, in ``remedy``, what to do."""

    code: HealthCode
    title: str
    severity: Severity
    message: str
    remedy: str

    @classmethod
    def of(cls, each: Check) -> CheckShown:
        return cls.model_validate(each)


class HealthShown(Told):
    """Everything that was looked at, in order."""

    sound: bool
    checks: Sequence[CheckShown]

    @classmethod
    def of(cls, each: LinkHealth) -> HealthShown:
        return cls(sound=each.is_sound, checks=[CheckShown.of(one) for one in each.checks])


class SummaryShown(Told):
    """What creating the link does, and what stands in the way."""

    connection: str
    finops: str
    dataverse: str
    legal_entities: Sequence[str]
    solutions: Sequence[str]
    """Those that are applied with the link."""
    health: HealthShown

    @classmethod
    def of(cls, each: LinkSummary) -> SummaryShown:
        proposal = each.proposal
        return cls(
            connection=each.connection,
            finops=proposal.finops,
            dataverse=proposal.dataverse,
            legal_entities=proposal.legal_entities,
            solutions=each.solutions,
            health=HealthShown.of(each.health),
        )


class LegalEntityShown(Told):
    """A legal entity of finance and operations, and how it stands to the link.

    One that is linked and does not exist has gone meanwhile. ``company`` tells whether Dataverse has a company of its
    code. ``awaited_by`` are the maps that have still to copy its rows.
    """

    legal_entity: str
    name: str
    linked: bool
    company: bool
    awaited_by: Sequence[str]
    exists: bool


class EntitiesAsked(Asked):
    """Legal entities by their ids: all of them, or none."""

    legal_entities: Entities


class EntitiesAdded(Told):
    """What adding legal entities did. ``operation`` is the address of the run that copies their rows, if one does.

    ``awaiting`` are the paused maps that have still to copy them.
    """

    added: Sequence[str]
    operation: str | None
    awaiting: Sequence[str]


class EntitiesRemoved(Told):
    """The legal entities that take no part any more."""

    removed: Sequence[str]


class EndAsked(Asked):
    """How a link is reset or taken apart."""

    forced: Flag = False
    """Stop maps that run, and cancel initial syncs; unlinking does away with what is queued or in error, too."""


class Ended(Told):
    """What was found and done away with."""

    found: Mapping[str, Any]
    initial_syncs_cancelled: int
    initial_syncs_forgotten: int
    made_errors: int
    """Queued records that are catch-up errors now."""
    discarded: int


class TeamShown(Told):
    """A team of Dataverse. ``name`` is empty for one that has gone."""

    id: UUID
    name: str
    business_unit: str

    @classmethod
    def of(cls, each: Team) -> TeamShown:
        return cls.model_validate(each)


class OwningTeamsShown(Told):
    """Who owns what dual-write creates in Dataverse."""

    default: TeamShown | None
    by_legal_entity: Mapping[str, TeamShown | None]
    by_map: Mapping[str, TeamShown]

    @classmethod
    def of(cls, each: OwningTeams) -> OwningTeamsShown:
        return cls.model_validate(each)


class TeamAsked(Asked):
    """A team of Dataverse, by its name or its id."""

    team: Name


class RemainsShown(Told):
    """What a link holds: maps that are not stopped, initial syncs in progress, changes that wait, errors."""

    live: Sequence[str]
    """The maps that are not stopped."""
    runs: int
    """Initial syncs in progress."""
    queued_transactions: int
    queued_records: int
    open_errors: int
    unknown: Sequence[str]
    """The environments that do not answer: what waits there is not counted."""


class LinkShown(Told):
    """The link and what it holds."""

    name: str
    state: LinkState
    finops: str
    dataverse: str
    primary: Side
    linked_at: datetime
    reset_at: datetime | None
    legal_entities: Sequence[LegalEntityShown]
    owning_teams: OwningTeamsShown
    remains: RemainsShown
    maps: int
    """How many there are, whether they run or not."""

    @classmethod
    def of(cls, each: Standing) -> LinkShown:
        link = each.link
        return cls(
            name=link.name,
            state=link.state,
            finops=link.finops_environment,
            dataverse=link.dataverse_environment,
            primary=link.primary_side,
            linked_at=link.created_at,
            reset_at=link.reset_at,
            legal_entities=[LegalEntityShown.model_validate(one) for one in each.legal_entities],
            owning_teams=OwningTeamsShown.of(each.teams),
            remains=RemainsShown.model_validate(each.remains),
            maps=each.maps,
        )


class FormerLinkShown(Told):
    """A link that has been taken apart."""

    name: str
    finops_environment: str
    dataverse_environment: str
    legal_entities: Sequence[str]
    linked_at: datetime
    unlinked_at: datetime
    unlinked_by: str
