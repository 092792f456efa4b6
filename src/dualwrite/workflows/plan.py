"""What a coordinator puts into the queue: batches, wave by wave. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeAlias, TypedDict

from dualwrite.lifecycle.initial_sync.work import Batch
from dualwrite.metadata.schema import Side
from dualwrite.workflows.limits import Limits

Queued: TypeAlias = tuple[str, Sequence[int]]
"""The target environment's name, and the partitions that one worker carries out one after the other."""
_Turn: TypeAlias = tuple[Side, Sequence[int]]


class Plan(TypedDict):
    """What there is to do, as it is recorded: JSON.

    ``at_once`` batches are in the queue, or carried out, at the same time: enough for the workers, and few enough for
    a run that is to pause to do so soon.
    """

    waves: Sequence[Sequence[Queued]]
    at_once: int


def plan_of(waves: Sequence[Sequence[Batch]], environments: Mapping[Side, str], limits: Limits) -> Plan:
    """The batches of ``waves`` under the limits; ``environments`` are the names of both sides' environments."""
    per_minute = limits.partitions_per_minute
    return Plan(
        waves=[
            [(environments[target], numbers) for target, numbers in wave]
            for wave in (_joined(waves, limits.joined_rows) if per_minute is None else _taken_apart(waves))
        ],
        at_once=len(environments) * limits.environment_concurrency,
    )


def _joined(waves: Sequence[Sequence[Batch]], most_rows: int) -> Iterator[Sequence[_Turn]]:
    """Small waves that follow each other are one batch, so that a small run is quick.

    Also where one batch waits for one before it, and nothing goes on beside them, they are one. A batch counts for
    the environment that it writes to first.
    """
    group: list[Sequence[Batch]] = []
    for wave in waves:
        if group and not _fits(group, wave, most_rows):
            yield _turns(group, most_rows)
            group = []
        group.append(wave)
    if group:
        yield _turns(group, most_rows)


def _fits(group: Sequence[Sequence[Batch]], wave: Sequence[Batch], most_rows: int) -> bool:
    together = [*chain.from_iterable(group), *wave]
    return _are_small(together, most_rows) or (
        all(len(each) == 1 for each in (*group, wave)) and len({each.target for each in together}) == 1
    )


def _turns(group: Sequence[Sequence[Batch]], most_rows: int) -> Sequence[_Turn]:
    batches = list(chain.from_iterable(group))
    if len(group) > 1 or _are_small(batches, most_rows):
        return [(batches[0].target, [number for each in batches for number in each.partitions])] if batches else []
    return [(each.target, each.partitions) for each in batches]


def _are_small(batches: Sequence[Batch], most_rows: int) -> bool:
    return sum(each.rows for each in batches) <= most_rows


def _taken_apart(waves: Sequence[Sequence[Batch]]) -> Iterator[Sequence[_Turn]]:
    """Every partition by itself: the limit of partitions per minute is one of what is taken from the queue."""
    for wave in waves:
        yield [(each.target, (number,)) for each in wave for number in each.partitions]


def partitions(plan: Plan) -> int:
    """How many there are to carry out."""
    return sum(len(numbers) for wave in plan["waves"] for _, numbers in wave)
