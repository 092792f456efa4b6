"""Where the failures of a test are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dualwrite.sync.failures import FailedRecord


@dataclass
class KeptFailures:
    """Implements ``FailureSink``: by change and number, as the store keeps them."""

    kept: dict[tuple[object, int], FailedRecord] = field(default_factory=dict)

    async def keep(self, failed: Sequence[FailedRecord]) -> None:
        for each in failed:
            self.kept.setdefault((each.change, each.number), each)

    @property
    def all(self) -> list[FailedRecord]:
        return list(self.kept.values())
