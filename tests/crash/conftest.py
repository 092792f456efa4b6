"""The pair of databases that all kills of a module share, and the process whose children are killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from drill import NAMES, Drill
from victim import SHARED, customer_of

from databases import Cloning, Databases
from dualwrite.database.server import Server
from dualwrite.environments.port import Create
from linked_pair import CALLER, hosted_dataverse, hosted_finops, open_linked

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def nursery() -> Iterator[subprocess.Popen[str]]:
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    process = subprocess.Popen(
        [sys.executable, str(HERE / "victim.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == "ready"
    yield process
    process.terminate()
    process.wait()
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        stream.close()


@pytest.fixture(scope="module")
async def drill(
    server: Server,
    cloning: Cloning,
    linked_templates: Databases,
    nursery: subprocess.Popen[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Drill]:
    names = [cloning.clone(each, "crash") for each in (linked_templates.finops, linked_templates.dataverse)]
    databases = Databases(*(server.conninfo(name) for name in names))
    async with open_linked(hosted_finops(databases.finops), hosted_dataverse(databases.dataverse)) as pair:
        customers = [SHARED, *(customer_of(name, half) for name in NAMES for half in ("A", "B"))]
        await pair.finops.transact([_customer(each) for each in customers], caller=CALLER)
        yield Drill(databases, pair, nursery, tmp_path_factory.mktemp("crash") / "log")
    for name in names:
        cloning.drop(name)


def _customer(account: str) -> Create:
    return Create(
        "CustCustomerV3Entity",
        {
            "dataAreaId": "usmf",
            "CustomerAccount": account,
            "PartyType": "Organization",
            "CustomerGroupId": "10",
            "SalesCurrencyCode": "USD",
            "OrganizationName": account,
            "SalesMemo": "start",
        },
    )
