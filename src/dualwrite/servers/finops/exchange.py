"""A request and its answer as values, the same for one that came alone and one that came in a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dualwrite.environments.port import Caller
from dualwrite.servers.odata.json_body import write_json

JSON_TYPE = ("Content-Type", "application/json; odata.metadata=minimal")
ODATA_VERSION = ("OData-Version", "4.0")


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` and ``query`` are still percent-encoded; header names in lower case; ``origin`` has no final slash."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    origin: str
    caller: Caller

    @property
    def root(self) -> str:
        """The service root, with its slash."""
        return f"{self.origin}/data/"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


def json_reply(value: Mapping[str, object], *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    return Reply(status, (JSON_TYPE, ODATA_VERSION, *headers), write_json(value))
