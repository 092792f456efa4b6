"""Where a run stands when it has come to rest: its counts, what was refused, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.initial_sync.counts import counts_document, counts_table, masters_of
from dualwrite.cli.initial_sync.office import Runs
from dualwrite.cli.initial_sync.refusals import groups_document, refusals_shown
from dualwrite.cli.initial_sync.words import STATE_WORDS, seconds_in_words, short_run
from dualwrite.lifecycle.initial_sync.reports import RunReport
from dualwrite.store.initial_syncs import InitialSyncRun, RunId, RunState
from dualwrite.store.refusals import RefusalGroup

_MOST_CAUSES = 10
_MARKS: Mapping[RunState, str] = {
    RunState.COMPLETED: "[green]✓[/]",
    RunState.WITH_REFUSALS: "[yellow]![/]",
    RunState.AWAITING_DECISION: "[yellow]![/]",
    RunState.FAILED: "[red]✗[/]",
}
_WAYS_OUT: Mapping[RunState, str] = {
    RunState.PAUSED: "Go on: dualwrite initial-sync resume {run}",
    RunState.FAILED: "Go on where it stopped: dualwrite initial-sync resume {run}",
    RunState.AWAITING_DECISION: "Leave those rows refused and let the maps run: dualwrite initial-sync go-live {run}",
}


def next_command(run: InitialSyncRun) -> str:
    """The command that follows; empty where nothing has to be done."""
    follow = "" if run.state.has_ended else "Follow it: dualwrite initial-sync watch {run}"
    return _WAYS_OUT.get(run.state, follow).format(run=short_run(run.run))


@dataclass(frozen=True, slots=True)
class Ending:
    """A run with its counts and the groups of its refused rows."""

    report: RunReport
    groups: tuple[RefusalGroup, ...]

    @property
    def is_complete(self) -> bool:
        """Whether everything was copied, to the last row."""
        return self.report.run.state is RunState.COMPLETED and not self.report.total.refused


async def ending_of(reports: Runs, run: RunId) -> Ending:
    """How the run stands now."""
    return Ending(await reports.report(run), tuple(await reports.refusal_groups(run)))


def ending_shown(ending: Ending, *, by_legal_entity: bool = False) -> Iterator[RenderableType]:
    """The run in a line, its rows as a table, the causes of refusals, and the commands that follow."""
    run = ending.report.run
    yield Text()
    yield Text.from_markup(f"{_MARKS.get(run.state, '[yellow]·[/]')} ").append_text(summary(ending.report))
    if run.message:
        yield Text(f"  {run.message}", style="red" if run.state is RunState.FAILED else "yellow")
    yield Text()
    yield from rows_shown(ending, by_legal_entity=by_legal_entity)


def rows_shown(ending: Ending, *, by_legal_entity: bool = False) -> Iterator[RenderableType]:
    """The rows as a table, the causes of refusals, and the command that follows."""
    report, run = ending.report, ending.report.run
    if report.total.read:
        yield counts_table(report.counts, masters_of(report.maps), by_legal_entity=by_legal_entity)
    yield from refusals_shown(ending.groups, run=short_run(run.run), most=_MOST_CAUSES)
    if following := next_command(run):
        yield Text(following, style="yellow")


def summary(report: RunReport) -> Text:
    """``Initial sync 3f9a1c2e completed in 2:31 min: 1,204,300 rows (8,120/s)``"""
    run, total, word = report.run, report.total, STATE_WORDS[report.run.state]
    text = Text.assemble(f"Initial sync {short_run(run.run)} ", (word.word, word.style))
    if run.finished_at is None:
        return text.append(f": {total.read:,} rows so far")
    seconds = (run.finished_at - run.started_at).total_seconds()
    rate = f" ({total.read / seconds:,.0f}/s)" if seconds > 1 else ""
    return text.append(f" in {seconds_in_words(seconds)}: {total.read:,} rows{rate}")


def ending_document(ending: Ending) -> Mapping[str, object]:
    """The same for scripts."""
    report, run = ending.report, ending.report.run
    return {
        "run": run.run,
        "state": run.state,
        "message": run.message,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "rerun_of": run.parent,
        "maps": [
            {"map": each.map, "master": each.master, "legal_entities": each.legal_entities, "state": each.state}
            for each in report.maps
        ],
        "total": asdict(report.total),
        "counts": counts_document(report.counts),
        "refused": groups_document(ending.groups),
    }
