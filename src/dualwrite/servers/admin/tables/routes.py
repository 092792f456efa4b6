"""The tables of both environments: how their rows are addressed and typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from dualwrite.errors import NotFound
from dualwrite.metadata.document import table_document
from dualwrite.metadata.schema import Side, Table
from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.model import Name, Told
from dualwrite.servers.admin.paging import A_PAGE, Cursor, Limit, Page, behind, page_of

router = APIRouter(tags=["tables"])


class TableListed(Told):
    """A table of an environment."""

    name: str
    entity_set: str
    label: str
    key: Sequence[str]
    columns: int

    @classmethod
    def of(cls, each: Table) -> TableListed:
        facts = {"name": each.name, "entity_set": each.entity_set, "label": each.label, "key": each.key}
        return cls.model_validate({**facts, "columns": len(each.columns)})


@router.get("/tables/{side}", operation_id="listTables")
async def list_tables(
    request: Request, caller: Reader, desk: TheDesk, side: Side, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Page[TableListed]:
    """The tables of one environment, by name."""
    tables = sorted(await desk.pair.side(side).current_schema(), key=lambda each: each.name)
    found = behind(tables, cursor, lambda each: each.name)
    return page_of(request, found, limit, TableListed.of, lambda each: each.name)


@router.get("/tables/{side}/{name}", operation_id="showTable")
async def show_table(
    caller: Reader,
    desk: TheDesk,
    side: Side,
    name: Annotated[Name, Path(description="Its logical name, entity set or label.", examples=["account"])],
) -> Mapping[str, Any]:
    """The table with its columns and keys, as the files of the catalog describe tables."""
    found = (await desk.pair.side(side).current_schema()).find(name)
    if found is None:
        raise NotFound(
            f"The {side.value} environment has no table {name!r}. dualwrite tables list shows what there is; "
            f"a table of the catalog is brought by its solution or by: dualwrite tables add {name}",
            table=name,
        )
    return {**table_document(found)}
