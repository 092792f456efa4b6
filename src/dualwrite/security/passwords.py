"""Hashes of client secrets, slow enough to be useless to a thief."""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

_AT_ONCE = 2
"""Hashes computed at a time: each takes 19 MiB and a core, and anybody may ask for one."""


def new_secret() -> str:
    """A secret of 256 random bits, safe in URLs and shells."""
    return secrets.token_urlsafe(32)


class Passwords:
    """Argon2id with OWASP's parameters, off the event loop and a few at a time."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, secret: str) -> str:
        """A salted hash of ``secret``, with its parameters."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, secret)

    async def verify(self, hashed: str | None, secret: str) -> bool:
        """Whether ``secret`` belongs to ``hashed``. None is False and takes as long: unknown names do not show."""
        if hashed is None:
            self._nobody = self._nobody or await self.hash(new_secret())
        async with self._turn:
            matches = await asyncio.to_thread(self._matches, hashed or str(self._nobody), secret)
        return matches and hashed is not None

    def _matches(self, hashed: str, secret: str) -> bool:
        try:
            return self._hasher.verify(hashed, secret)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
