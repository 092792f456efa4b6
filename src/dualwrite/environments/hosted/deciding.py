"""How the source of a change commits: its own rows and the decision about the other half are one message."""

from __future__ import annotations

import psycopg

from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.hosted.failures import translated
from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.hosted.layout import Layouts
from dualwrite.environments.port import Commitment
from dualwrite.errors import DualwriteError, EnvironmentUnavailable, OutcomeUnknown


async def commit_decided(
    connection: DictConnection, layouts: Layouts, commitment: Commitment, *, reached: CrashPoints = nowhere
) -> None:
    """Afterwards the decision stands, or the target has been told otherwise.

    Raises: Contention, when a recovery or a change of maps has passed; EnvironmentUnavailable; OutcomeUnknown.
    """
    decision = commitment.decision
    carried = f"'{decision.change}', '{decision.prepared}', '{decision.target}'" if decision else "NULL, NULL, NULL"
    reached("source.deciding")
    try:
        with translated(layouts):
            await connection.execute(f"SELECT dualwrite.decide({int(commitment.epoch)}, {carried}); COMMIT")
    except EnvironmentUnavailable as error:
        await connection.close()
        if decision is None:
            raise OutcomeUnknown("the database went away while the change was being saved; read it back") from error
        if not await commitment.unknown():
            raise EnvironmentUnavailable("the database went away; the change was not saved") from error
    except DualwriteError:
        await roll_back(connection)
        await commitment.abandoned()
        raise
    except BaseException:
        # Cancelled with the message on its way: it may have been carried out. Recovery will read the decision.
        await connection.close()
        raise
    reached("source.committed")


async def roll_back(connection: DictConnection) -> None:
    """No transaction is open on the connection."""
    try:
        await connection.execute("ROLLBACK")
    except psycopg.Error:
        await connection.close()
