"""The integration keys: which columns tell the rows of a Dataverse table apart, and who says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from dualwrite.errors import NotFound
from dualwrite.servers.admin.callers import Customizer, Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.model import Asked, Name, Told
from dualwrite.servers.admin.problems import refusals

router = APIRouter(tags=["integration keys"])

TableName = Annotated[Name, Path(description="A Dataverse table.", examples=["account"])]


class IntegrationKey(Told):
    """The key of one Dataverse table. ``chosen`` is null where it is generated; ``maps`` are those that go by it.

    ``own`` names the maps that state a key of their own. ``used`` are the keys without the company.
    """

    table: str
    alternate_keys: Sequence[Sequence[str]]
    used: Sequence[Sequence[str]]
    chosen: Sequence[str] | None
    set_by: str | None
    maps: Sequence[str]
    own: Sequence[str]


class KeyAsked(Asked):
    """The columns of the key, the company left out; a lookup's column is reached by a path."""

    columns: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16, examples=[["accountnumber"]])]


class KeyChanged(Told):
    """The key of a table after an action."""

    table: str
    columns: Sequence[str] | None
    """Null: the generated one."""


@router.get("/integration-keys", operation_id="listIntegrationKeys")
async def list_keys(caller: Reader, desk: TheDesk) -> Sequence[IntegrationKey]:
    """The tables that maps fill, and those with a key set by hand, by name."""
    keys = await desk.keys(caller)
    return [IntegrationKey.model_validate(each) for each in await keys.list()]


@router.put("/integration-keys/{table}", operation_id="setIntegrationKey", responses=refusals(409))
async def set_key(caller: Customizer, desk: TheDesk, table: TableName, asked: KeyAsked) -> KeyChanged:
    """These columns are the key of the table, for every map version that names none itself."""
    keys = await desk.keys(caller)
    _check_known((await desk.pair.dataverse.current_schema()).find(table) is not None, table)
    changed = await keys.set(table, asked.columns)
    return KeyChanged(table=changed.name, columns=asked.columns)


@router.delete("/integration-keys/{table}", operation_id="resetIntegrationKey", responses=refusals(409))
async def reset_key(caller: Customizer, desk: TheDesk, table: TableName) -> KeyChanged:
    """The key of the table is the generated one."""
    keys = await desk.keys(caller)
    by_hand = {each.dataverse_table for each in await desk.store.integration_keys.list(desk.connection)}
    found = (await desk.pair.dataverse.current_schema()).find(table)
    _check_known(found is not None or table in by_hand, table)
    await keys.reset(table)
    return KeyChanged(table=table if found is None else found.name, columns=None)


def _check_known(known: bool, table: str) -> None:
    if not known:
        raise NotFound(f"Dataverse has no table {table!r}.", table=table)
