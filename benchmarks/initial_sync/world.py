"""The house that is measured in: linked, with what customers look up on both sides, and customers on one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from benchmarks.initial_sync.customers import CURRENCIES, ENTITY, GROUPS, TERMS
from benchmarks.initial_sync.program import run_command
from dualwrite.catalog.maps import demonstration_maps
from dualwrite.composition.house import CONNECTION, House, open_house
from dualwrite.environments.port import Caller, Create
from dualwrite.linking.link import link_environments
from dualwrite.metadata.values import LegalEntityId
from dualwrite.settings import Settings
from dualwrite.solutions.starter import apply_starters

USMF = LegalEntityId("usmf")
CALLER = Caller("benchmark", company=USMF)
_BEFORE_CUSTOMERS = ("legal-entities", "currencies", "terms-of-payment", "customer-groups")
_ROWS_A_TRANSACTION = 500


def settings_of(folder: Path) -> Settings:
    return Settings.load(data_folder=folder, admin_port=0, finops_port=0, dataverse_port=0)


def customers_map_name() -> str:
    return next(each.map.name for each in demonstration_maps() if each.id == "customers-accounts")


@asynccontextmanager
async def linked_house(folder: Path, legal_entities: Sequence[LegalEntityId] = (USMF,)) -> AsyncIterator[House]:
    """A new house whose customers can be copied: all that they look up is there."""
    async with open_house(settings_of(folder)) as house:
        await _reference_rows(house, legal_entities)
        await link_environments(house.store, house.pair, CONNECTION, legal_entities=legal_entities, who="benchmark")
        await apply_starters(house.store, CONNECTION, who="benchmark", ensure_tables=house.ensure_tables)
        names = {each.id: each.map.name for each in demonstration_maps()}
        # In a process of its own, so that this one takes no part in runs that are measured.
        arguments = ("run", *(names[id] for id in _BEFORE_CUSTOMERS), "--no-related", "--yes")
        figures = await asyncio.to_thread(run_command, folder, "initial-sync", *arguments)
        assert not figures.total["refused"], figures.document
        yield house


async def _reference_rows(house: House, legal_entities: Sequence[LegalEntityId]) -> None:
    rows: list[tuple[str, dict[str, object]]] = []
    rows += [("OMLegalEntity", {"LegalEntityId": each, "Name": f"Company {each}"}) for each in legal_entities]
    rows += [("CurrencyEntity", {"CurrencyCode": each, "Name": each, "Symbol": each}) for each in CURRENCIES]
    for company in legal_entities:
        of = {"dataAreaId": company}
        rows += [
            ("CustCustomerGroupEntity", {**of, "CustomerGroupId": each, "Description": f"Group {each}"})
            for each in GROUPS
        ]
        rows += [("PaymentTermEntity", {**of, "Name": each, "Description": each, "NumberOfDays": 30}) for each in TERMS]
    await house.ensure_tables({ENTITY, *(table for table, _ in rows)}, ())
    for first in range(0, len(rows), _ROWS_A_TRANSACTION):
        some = rows[first : first + _ROWS_A_TRANSACTION]
        await house.finops.transact([Create(table, values) for table, values in some], caller=CALLER)  # type: ignore[arg-type]


def conninfo(house: House, side: str) -> str:
    return house.server.conninfo(f"dualwrite_{side}")


def count_rows(conninfo: str, relation: str) -> int:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    assert row is not None
    return int(row[0])


def settle(conninfo: str) -> None:
    """What has been written is on disk, so that nobody pays for somebody else's pages."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
