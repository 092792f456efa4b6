"""The rows a Dataverse environment cannot be without: the root business unit with its team, and the users that act."""

from __future__ import annotations

from uuid import UUID, uuid5

import psycopg

NAMESPACE = UUID("6f0d9a2e-3b51-4b0c-9d5c-0c1d3f5b7a10")
ORGANIZATION_ID = uuid5(NAMESPACE, "organization")
ROOT_UNIT_ID = uuid5(NAMESPACE, "root business unit")
ROOT_TEAM_ID = uuid5(NAMESPACE, "root team")
ADMINISTRATOR_ID = uuid5(NAMESPACE, "administrator")
ENGINE_USER_ID = uuid5(NAMESPACE, "dual-write application user")

_ROWS = (
    (
        "INSERT INTO data.businessunit (businessunitid, name) VALUES (%s, %s)",
        (ROOT_UNIT_ID, "root"),
    ),
    (
        "INSERT INTO data.systemuser (systemuserid, fullname, firstname, lastname, businessunitid) "
        "VALUES (%s, %s, %s, %s, %s)",
        (ADMINISTRATOR_ID, "System Administrator", "System", "Administrator", ROOT_UNIT_ID),
    ),
    (
        "INSERT INTO data.systemuser (systemuserid, fullname, firstname, lastname, businessunitid) "
        "VALUES (%s, %s, %s, %s, %s)",
        (ENGINE_USER_ID, "# Dual-write", "#", "Dual-write", ROOT_UNIT_ID),
    ),
    (
        "INSERT INTO data.team (teamid, name, businessunitid, administratorid) VALUES (%s, %s, %s, %s)",
        (ROOT_TEAM_ID, "root", ROOT_UNIT_ID, ADMINISTRATOR_ID),
    ),
)


def seed_dataverse(conninfo: str) -> None:
    """The rows are there. Idempotency: by their ids."""
    with psycopg.connect(conninfo) as connection:
        for statement, values in _ROWS:
            connection.execute(f"{statement} ON CONFLICT DO NOTHING", values)
