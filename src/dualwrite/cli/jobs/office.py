"""Where the commands on integration jobs get their work done: in the house of the data folder, or over the API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from dualwrite.cli.invocation import Invocation
from dualwrite.metadata.schema import Side
from dualwrite.store.integration_jobs import IntegrationJob, JobRequest, RequestKind

T = TypeVar("T")


class JobOffice(Protocol):
    """What the commands on integration jobs ask for."""

    async def maps(self) -> Sequence[str]:
        """The names of all maps."""
        ...

    async def list(self) -> Sequence[IntegrationJob]: ...

    async def get(self, name: str) -> IntegrationJob: ...

    async def requests(self, name: str) -> Sequence[JobRequest]: ...

    async def save(self, name: str, maps: Sequence[str], *, primary: Side) -> IntegrationJob: ...

    async def remove(self, name: str) -> None: ...

    async def start(self, name: str) -> None: ...

    async def stop(self, name: str) -> None:
        """The job's maps are live again."""
        ...

    async def ask(self, name: str, kind: RequestKind, errors: Sequence[int]) -> JobRequest: ...


def at_job_office(call: Invocation, action: Callable[[JobOffice], Coroutine[Any, Any, T]]) -> T:
    """``action`` is done where the call says."""
    if call.url is not None:
        from dualwrite.cli.jobs.over_api import ApiJobOffice

        return call.over_api(lambda api: action(ApiJobOffice(api)))
    from dualwrite.cli.jobs.in_house import HouseJobOffice

    return call.in_house(lambda house: action(HouseJobOffice(house)))
