"""What a service works out from its environment's tables, worked out again when they have changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from dualwrite.environments.port import Environment
from dualwrite.errors import CatalogRefused, DualwriteError, QueryRefused, ValueProblem, ValueRefused
from dualwrite.metadata.schema import EnvironmentSchema
from dualwrite.servers.odata.refusals import RequestRefused

LOOK_AGAIN_S = 0.5
"""How long a service goes by what it knows before it asks whether tables have changed."""

T = TypeVar("T")
R = TypeVar("R")


class Current(Generic[T]):
    """One value per schema. It is asked for at every request and made anew in the rare case of another schema."""

    def __init__(self, environment: Environment, make: Callable[[EnvironmentSchema], T]) -> None:
        self._environment = environment
        self._make = make
        self._schema = environment.schema
        self._value = make(environment.schema)

    async def get(self, *, within_s: float = LOOK_AGAIN_S) -> T:
        """The value for the tables as they are now, or were at most so long ago. Raises: EnvironmentUnavailable."""
        schema = await self._environment.current_schema(within_s=within_s)
        if schema is not self._schema:
            self._schema, self._value = schema, self._make(schema)
        return self._value

    async def ask(self, question: Callable[[T], Awaitable[R]], *, within_s: float = LOOK_AGAIN_S) -> R:
        """The answer; asked once more where a refusal may be for tables that have come meanwhile.

        Raises: DualwriteError.
        """
        value = await self.get(within_s=within_s)
        try:
            return await question(value)
        except DualwriteError as error:
            if not _may_be_outdated(error) or (newer := await self.get(within_s=0.0)) is value:
                raise
            return await question(newer)


def _may_be_outdated(error: DualwriteError) -> bool:
    """Whether a request may have been refused for a table or column that has come meanwhile; nothing was written."""
    if isinstance(error, ValueRefused):
        return error.problem is ValueProblem.UNKNOWN_COLUMN
    return isinstance(error, RequestRefused | QueryRefused | CatalogRefused)
