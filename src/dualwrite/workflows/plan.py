"""What a coordinator puts into the queue: batches, wave by wave. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypedDict

from dualwrite.lifecycle.initial_sync.work import Batch
from dualwrite.metadata.schema import Side
from dualwrite.workflows.limits import Limits

Queued: TypeAlias = tuple[str, Sequence[int]]
"""The target environment's name, and the partitions that one worker carries out one after the other."""


class Plan(TypedDict):
    """What there is to do, as it is recorded: JSON.

    ``at_once`` batches are in the queue, or carried out, at the same time: enough for the workers, and few enough for
    a run that is to pause to do so soon.
    """

    waves: Sequence[Sequence[Queued]]
    at_once: int


def plan_of(waves: Sequence[Sequence[Batch]], environments: Mapping[Side, str], limits: Limits) -> Plan:
    """The batches of ``waves`` under the limits; ``environments`` are the names of both sides' environments."""
    queued = [[(environments[batch.target], batch.partitions) for batch in wave] for wave in waves]
    return Plan(
        waves=_joined(queued) if limits.partitions_per_minute is None else _taken_apart(queued),
        at_once=len(environments) * limits.environment_concurrency,
    )


def _joined(waves: Sequence[Sequence[Queued]]) -> list[Sequence[Queued]]:
    """Where one batch waits for another one, and nothing goes on beside them, they are one: a small run is quick."""
    joined: list[Sequence[Queued]] = []
    for wave in waves:
        if joined and len(wave) == 1 == len(joined[-1]) and wave[0][0] == joined[-1][0][0]:
            ((environment, before),) = joined.pop()
            joined.append([(environment, (*before, *wave[0][1]))])
        else:
            joined.append(wave)
    return joined


def _taken_apart(waves: Sequence[Sequence[Queued]]) -> list[Sequence[Queued]]:
    """Every partition by itself: the limit of partitions per minute is one of what is taken from the queue."""
    return [[(environment, (number,)) for environment, numbers in wave for number in numbers] for wave in waves]


def partitions(plan: Plan) -> int:
    """How many there are to carry out."""
    return sum(len(numbers) for wave in plan["waves"] for _, numbers in wave)
