"""Where the commands on runs get their work done: in the house of the data folder, or by a program over its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from dualwrite.cli.initial_sync.arrangement import Arrangement, Wishes
from dualwrite.cli.initial_sync.proposal import Rows, proposal_document, proposal_shown
from dualwrite.cli.invocation import Invocation
from dualwrite.cli.map_findings import tell_refused
from dualwrite.cli.output import Output
from dualwrite.errors import MapRefused
from dualwrite.lifecycle.initial_sync.options import MapChoice
from dualwrite.lifecycle.initial_sync.reports import RunProgress, RunReport
from dualwrite.store.initial_syncs import InitialSyncRun, OnRefusals, RerunKind, RunId
from dualwrite.store.partitions import Partition
from dualwrite.store.refusals import EVERY_REFUSAL, Refusal, RefusalFilter, RefusalGroup
from dualwrite.sync.initial_sync.job import PreviewedWay

T = TypeVar("T")

Seen = Callable[[int], None]
"""Is told how many rows a preview has looked at."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """The maps of a run, for which legal entities, and the rows of both sides."""

    arrangement: Arrangement
    companies: tuple[str, ...]
    rows: Rows

    def document(self) -> Sequence[object]:
        return proposal_document(self.arrangement, self.rows)

    def show(self, output: Output) -> None:
        """Printed for people; scripts ask with --dry-run."""
        for each in proposal_shown(self.arrangement, self.rows, companies=self.companies):
            output.console.print(each)


class Runs(Protocol):
    """The runs to look at; see :class:`dualwrite.lifecycle.initial_sync.reports.SyncReports`."""

    async def find(self, name: str = "") -> InitialSyncRun: ...

    async def history(self, *, limit_rows: int = 20) -> Sequence[RunReport]: ...

    async def report(self, run: RunId) -> RunReport: ...

    async def progress(self, run: RunId) -> RunProgress: ...

    async def partitions(self, run: RunId, *, map: str | None = None) -> Sequence[Partition]: ...

    async def details(self, run: RunId) -> Mapping[str, object]: ...

    async def refused(
        self,
        run: RunId | None = None,
        which: RefusalFilter = EVERY_REFUSAL,
        *,
        limit_rows: int | None = None,
        offset_rows: int = 0,
    ) -> Sequence[Refusal]: ...

    def all_refused(
        self, run: RunId | None = None, which: RefusalFilter = EVERY_REFUSAL
    ) -> AsyncIterator[Sequence[Refusal]]: ...

    async def refusal_groups(
        self, run: RunId | None = None, which: RefusalFilter = EVERY_REFUSAL
    ) -> Sequence[RefusalGroup]: ...


class SyncOffice(Protocol):
    """What the commands on runs ask for. Every action returns at once; the run goes on by itself."""

    @property
    def reports(self) -> Runs: ...

    async def map_names(self) -> Sequence[str]:
        """The maps in their order of starting."""
        ...

    async def propose(self, names: Sequence[str], wishes: Wishes) -> Proposed:
        """What a run over the maps that ``names`` stand for (all without names) would be.

        Raises: NotAllowed, MapRefused.
        """
        ...

    async def preview(self, proposed: Proposed, *, samples: int, seen: Seen) -> Sequence[PreviewedWay]:
        """What the run would do with the rows."""
        ...

    async def start(self, choices: Sequence[MapChoice], *, in_order: bool, on_refusals: OnRefusals) -> RunId: ...

    async def rerun(self, run: RunId, kind: RerunKind) -> RunId: ...

    async def resume(self, run: RunId) -> None: ...

    async def pause(self, run: RunId) -> None: ...

    async def cancel(self, run: RunId) -> None: ...

    async def go_live(self, run: RunId) -> None: ...

    async def ended(self, run: RunId) -> None:
        """Returns when the run is at rest."""
        ...


def at_sync_office(call: Invocation, action: Callable[[SyncOffice], Coroutine[Any, Any, T]]) -> T:
    """``action`` is done where the call says. Raises: typer.Exit, when a map cannot run and that has been shown."""
    try:
        if call.url is not None:
            from dualwrite.cli.initial_sync.over_api import ApiSyncOffice

            return call.over_api(lambda api: action(ApiSyncOffice(api)))
        from dualwrite.cli.initial_sync.in_house import HouseSyncOffice

        return call.in_house(lambda house: action(HouseSyncOffice(house)))
    except MapRefused as refused:
        tell_refused(call.output, refused, "None of the maps was started.")


async def find_run(office: SyncOffice, name: str) -> RunId:
    """The run that ``name`` stands for. Raises: NotFound."""
    return (await office.reports.find(name.strip().lower())).run
