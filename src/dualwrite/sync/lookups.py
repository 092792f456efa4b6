"""Where lookups lead in the target, asked for in batches and remembered for the length of a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext, suppress
from typing import TypeAlias

from dualwrite.environments.port import Condition, Search, Session
from dualwrite.errors import RecordRefused
from dualwrite.maps.execute import PendingLookup
from dualwrite.maps.plan import LookupAlternative, Path
from dualwrite.metadata.values import Value
from dualwrite.sync.steps import Step, Steps

_Place: TypeAlias = tuple[str, tuple[Path, ...], str | None]
_Wanted: TypeAlias = tuple[_Place, tuple[Value, ...]]
_MOST_KEYS = 1000


class Lookups:
    """The ids behind natural keys, as one transaction sees them.

    Only what was found is remembered: a row that is missing now may still be written before it is asked for again.
    """

    def __init__(self, target: Session, *, steps: Steps | None = None) -> None:
        self._target = target
        self._steps = steps
        self._found: dict[_Wanted, Value] = {}
        self._since: list[_Wanted] = []

    async def prefetch(self, wanted: Iterable[tuple[PendingLookup, str | None]]) -> None:
        """Everything in ``wanted``, each with its company, is asked for: one search a table and kind of key."""
        places: dict[_Place, tuple[LookupAlternative, dict[tuple[Value, ...], None]]] = {}
        for pending, company in wanted:
            for alternative, key in zip(pending.plan.alternatives, pending.values, strict=True):
                place = _place(alternative, company)
                if (place, key) not in self._found:
                    places.setdefault(place, (alternative, {}))[1][key] = None
        for place, (alternative, keys) in places.items():
            distinct = list(keys)
            for start in range(0, len(distinct), _MOST_KEYS):
                # A key with several rows is refused when the record that names it has its turn.
                with suppress(RecordRefused):
                    await self._search(place, alternative, tuple(distinct[start : start + _MOST_KEYS]))

    async def find(self, alternative: LookupAlternative, key: tuple[Value, ...], company: str | None) -> Value:
        """The id of the row, None when there is none. Raises: RecordRefused when there are several."""
        place = _place(alternative, company)
        if (place, key) not in self._found:
            await self._search(place, alternative, (key,))
        return self._found.get((place, key))

    def mark(self) -> None:
        """What is found from now on may be rows that :meth:`forget` takes back."""
        self._since.clear()

    def forget(self) -> None:
        """What was found since the mark is not remembered: rows have been taken back."""
        for each in self._since:
            self._found.pop(each, None)
        self._since.clear()

    async def _search(self, place: _Place, alternative: LookupAlternative, keys: tuple[tuple[Value, ...], ...]) -> None:
        table, paths, company = place
        conditions = tuple(Condition(path) for path in paths)
        with nullcontext() if self._steps is None else self._steps.take(Step.LOOK_UP):
            rows = await self._target.search(Search(table, conditions, keys, company, columns=frozenset()))
        for key, row in zip(keys, rows, strict=True):
            if row is not None:
                self._found[place, key] = row[alternative.record_id]
                self._since.append((place, key))


def _place(alternative: LookupAlternative, company: str | None) -> _Place:
    paths = tuple(condition.target_path for condition in alternative.conditions)
    return alternative.table, paths, company if alternative.company_specific else None
