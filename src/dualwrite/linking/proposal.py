"""What somebody wants to link, and what the program knows about the platforms of both environments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from dualwrite.environments.port import EnvironmentName
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId


@dataclass(frozen=True, slots=True)
class LinkProposal:
    """Two environments and the legal entities that are to take part."""

    finops: EnvironmentName
    dataverse: EnvironmentName
    legal_entities: tuple[LegalEntityId, ...]

    @classmethod
    def of(cls, finops: str, dataverse: str, legal_entities: Sequence[str]) -> LinkProposal:
        """The proposal with every legal entity once, in lower case."""
        entities = dict.fromkeys(LegalEntityId(each.strip().lower()) for each in legal_entities)
        return cls(EnvironmentName(finops), EnvironmentName(dataverse), tuple(entities))


@dataclass(frozen=True, slots=True)
class Platform:
    """What stands behind one environment.

    ``tenants`` are those whose clients may enter it. ``followed`` tells whether its saves pass through dual-write.
    ``user`` is dual-write's own user in Dataverse, None elsewhere.
    """

    version: str
    tenants: frozenset[str]
    followed: bool
    user: UUID | None = None


class Platforms(Protocol):
    """Tells about the platforms."""

    async def platform(self, side: Side) -> Platform:
        """What stands behind the environment of that side."""
        ...
