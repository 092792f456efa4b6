"""Who makes a request: the seam between the servers and whatever checks tokens."""

from __future__ import annotations

from typing import Protocol

from dualwrite.environments.port import Caller
from dualwrite.errors import NotAuthenticated

__all__ = ["Authenticator", "NotAuthenticated"]


class Authenticator(Protocol):
    """Tells who holds a token."""

    async def __call__(self, authorization: str | None) -> Caller:
        """The caller that the ``Authorization`` header proves. Raises: NotAuthenticated."""
        ...
