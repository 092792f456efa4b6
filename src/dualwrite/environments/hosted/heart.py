"""The connection by which is seen whether a hosted environment's database answers at all."""

from __future__ import annotations

import psycopg
from psycopg import AsyncConnection

from dualwrite.environments.hosted.failures import in_short
from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import EnvironmentUnavailable

_CONNECT_S = 2


class Heart:
    """A connection of its own, so that the pulse says nothing about how busy the others are; had when it is needed."""

    def __init__(self, environment: EnvironmentName, conninfo: str) -> None:
        self._environment = environment
        self._conninfo = conninfo
        self._connection: AsyncConnection | None = None

    async def beat(self) -> None:
        """The database has answered. A connection that was cut is no reason to say it has not: it is made again.

        Raises: EnvironmentUnavailable.
        """
        try:
            try:
                await self._ask()
            except psycopg.OperationalError:
                await self._ask()
        except psycopg.Error as error:
            raise EnvironmentUnavailable(in_short(error), environment=self._environment) from error

    async def _ask(self) -> None:
        # Whoever asks has the connection for himself: a question that is given up takes its connection along.
        connection, self._connection = self._connection, None
        if connection is None or connection.closed:
            connection = await AsyncConnection.connect(
                self._conninfo, autocommit=True, connect_timeout=_CONNECT_S, prepare_threshold=None
            )
        try:
            await connection.execute("SELECT 1")
        except BaseException:
            await connection.close()
            raise
        await self._keep(connection)

    async def _keep(self, connection: AsyncConnection) -> None:
        if self._connection is None:
            self._connection = connection
        else:
            await connection.close()

    async def close(self) -> None:
        """No connection is open."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
