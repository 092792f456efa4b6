"""Both hosted environments, each with one table that has a column of every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from every_kind import ACCOUNT, COMPANIES, CONTACT, DATAVERSE_TABLE, FINOPS_TABLE, TARGET, TARGET_TABLE

from databases import Cloning, Databases
from dualwrite.database.server import Server
from dualwrite.environments.hosted.dataverse_rules import dataverse_rules
from dualwrite.environments.hosted.dataverse_seed import ENGINE_USER_ID
from dualwrite.environments.hosted.definitions import Origin, migrate
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.hosted.finops_rules import finops_rules
from dualwrite.environments.hosted.settings import HostedSettings
from dualwrite.environments.port import EnvironmentName
from dualwrite.metadata.schema import Side, Table

IMPATIENT = HostedSettings(copy_lock_wait_ms=200)


@pytest.fixture(scope="session")
def finops_conninfo(server: Server, cloning: Cloning, templates: Databases) -> str:
    conninfo = server.conninfo(cloning.clone(templates.finops, "bulk"))
    migrate(conninfo, Side.FINOPS, [FINOPS_TABLE], who="tests", origin=Origin.USER)
    with psycopg.connect(conninfo) as connection:
        for code in ("usmf", "demf"):
            connection.execute('INSERT INTO data."OMLegalEntity" ("LegalEntityId") VALUES (%s)', [code])
    return conninfo


@pytest.fixture(scope="session")
def dataverse_conninfo(server: Server, cloning: Cloning, templates: Databases) -> str:
    conninfo = server.conninfo(cloning.clone(templates.dataverse, "bulk"))
    migrate(conninfo, Side.DATAVERSE, [TARGET_TABLE, DATAVERSE_TABLE], who="tests", origin=Origin.USER)
    with psycopg.connect(conninfo) as connection:
        for code, company in COMPANIES.items():
            connection.execute(
                "INSERT INTO data.cdm_company (cdm_companyid, cdm_companycode) VALUES (%s, %s)", [company, code]
            )
        connection.execute("INSERT INTO data.account (accountid, name) VALUES (%s, 'Account')", [ACCOUNT])
        connection.execute("INSERT INTO data.contact (contactid, fullname) VALUES (%s, 'Contact')", [CONTACT])
        connection.execute("INSERT INTO data.new_target (new_targetid, new_name) VALUES (%s, 'Target')", [TARGET])
    return conninfo


@pytest.fixture(scope="session")
async def finops(finops_conninfo: str) -> AsyncIterator[HostedEnvironment]:
    environment = HostedEnvironment(
        EnvironmentName("finops"), Side.FINOPS, finops_conninfo, rules=finops_rules(), settings=IMPATIENT
    )
    await environment.open()
    yield environment
    await environment.close()


@pytest.fixture(scope="session")
async def dataverse(dataverse_conninfo: str) -> AsyncIterator[HostedEnvironment]:
    environment = HostedEnvironment(
        EnvironmentName("dataverse"),
        Side.DATAVERSE,
        dataverse_conninfo,
        rules=dataverse_rules(),
        engine_user=ENGINE_USER_ID,
        settings=IMPATIENT,
    )
    await environment.open()
    yield environment
    await environment.close()


@pytest.fixture(scope="session", params=[Side.FINOPS, Side.DATAVERSE], ids=lambda side: side.value)
def environment(
    request: pytest.FixtureRequest, finops: HostedEnvironment, dataverse: HostedEnvironment
) -> HostedEnvironment:
    """Each of the two environments in turn."""
    return finops if request.param is Side.FINOPS else dataverse


@pytest.fixture(scope="session")
def table(environment: HostedEnvironment) -> Table:
    """Its table that has a column of every kind."""
    return FINOPS_TABLE if environment.side is Side.FINOPS else DATAVERSE_TABLE
