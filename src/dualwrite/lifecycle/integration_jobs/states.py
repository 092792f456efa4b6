"""Which action an integration job allows in which state, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from dualwrite.errors import NotAllowed
from dualwrite.store.integration_jobs import IntegrationJob, JobState


class JobAction(Enum):
    """What is done with a job."""

    START = "start"
    """Its maps are moved by it from now on."""
    STOP = "stop"
    """Its maps are live again, once what waits has been moved."""
    CHANGE = "change"
    """Get other maps, another sequence or another primary."""
    REMOVE = "remove"
    ASK = "retry and dismiss"
    """Retry or dismiss errors of its maps."""


_STOPPED, _ACTIVE = JobState.STOPPED, JobState.ACTIVE

TRANSITIONS: Mapping[JobAction, Mapping[JobState, JobState]] = {
    JobAction.START: {_STOPPED: _ACTIVE},
    JobAction.STOP: {_ACTIVE: _STOPPED},
    JobAction.CHANGE: {_STOPPED: _STOPPED},
    JobAction.REMOVE: {_STOPPED: _STOPPED},
    JobAction.ASK: {_ACTIVE: _ACTIVE},
}


def refuse_moved(names: Sequence[str], moved: Mapping[str, str]) -> None:
    """Maps that wait for their job are not paused. ``moved`` names the active job of each. Raises: NotAllowed."""
    for name in names:
        if name in moved:
            raise NotAllowed(
                f"{name} is moved by the integration job {moved[name]}, and does not keep its users waiting. "
                f"To pause it, stop the job first: dualwrite jobs stop {moved[name]}",
                map=name,
                job=moved[name],
            )


def outcome(action: JobAction, job: IntegrationJob) -> JobState:
    """Where ``action`` leads the job. Raises: NotAllowed, which says which states allow it."""
    after = TRANSITIONS[action].get(job.state)
    if after is None:
        allowed = [each.value for each in TRANSITIONS[action]]
        raise NotAllowed(
            f"The integration job {job.name} is {job.state.value}; {action.value} is allowed for a job that is "
            f"{' or '.join(allowed)}.",
            job=job.name,
            state=job.state.value,
            allowed=allowed,
        )
    return after
