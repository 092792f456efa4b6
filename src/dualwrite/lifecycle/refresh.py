"""Refreshing a map's tables: what has changed about their columns since the last look, and what could be mapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dualwrite.errors import NotAllowed
from dualwrite.maps.lookup_path import parse_lookup_path
from dualwrite.maps.offers import Offer, offer_columns, unmapped_columns
from dualwrite.maps.values import MapVersion
from dualwrite.metadata.schema import Column, EnvironmentSchema, Side, Table
from dualwrite.store.activity import ActivityFilter
from dualwrite.store.database import Store
from dualwrite.sync.compiled_maps import CompiledMaps

REFRESH = "refresh tables"


@dataclass(frozen=True, slots=True)
class ChangedColumn:
    """A column that is of another type than it was, both in words."""

    name: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class TableNews:
    """One table of a map. ``new``, ``gone`` and ``changed`` are since the last look, and empty at the first one.

    ``gone`` also names the columns that the map has and the table has not. ``unmapped`` are all that the map leaves
    out, new or not.
    """

    side: Side
    table: str
    first_look: bool
    new: tuple[Column, ...]
    gone: tuple[str, ...]
    changed: tuple[ChangedColumn, ...]
    unmapped: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class RefreshedMap:
    """What a look at both tables of a map has shown, with the lines that could be added."""

    name: str
    version: str
    tables: tuple[TableNews, TableNews]
    offers: tuple[Offer, ...]


async def refresh_map(
    store: Store, connection: str, compiled: CompiledMaps, version: MapVersion, *, who: str
) -> RefreshedMap:
    """Both tables are looked at again, and the look is kept for the next one.

    Raises: NotAllowed when one of the tables is not there.
    """
    await compiled.refresh()
    schemas = compiled.schemas
    finops = _table(schemas[0], version.finops_entity, version)
    dataverse = _table(schemas[1], version.dataverse_table, version)
    seen = await store.activity.list(ActivityFilter(map=version.name, what=REFRESH), limit_rows=1)
    before = seen[0].details if seen else {}
    refreshed = RefreshedMap(
        name=version.name,
        version=str(version.version),
        tables=(_news(finops, version, before.get("finops")), _news(dataverse, version, before.get("dataverse"))),
        offers=offer_columns(finops, dataverse, schema=schemas[1], columns=version.columns),
    )
    details = {each.side.value: _columns(each) for each in (finops, dataverse)}
    if details != before:
        await store.activity.record(REFRESH, who=who, result="completed", map=version.name, details=details)
    return refreshed


def _table(schema: EnvironmentSchema, name: str, version: MapVersion) -> Table:
    table = schema.find(name)
    if table is None:
        side = "Finance and operations" if schema.side is Side.FINOPS else "Dataverse"
        raise NotAllowed(f"{version.name}: {side} has no table {name}.", map=version.name, table=name)
    return table


def _news(table: Table, version: MapVersion, before: object) -> TableNews:
    now = _columns(table)
    was = {str(name): str(text) for name, text in before.items()} if isinstance(before, Mapping) else None
    known = now if was is None else was
    lost = [name for name in known if name not in now]
    missing = [name for name in _named(version, table.side) if table.find(name) is None and name not in lost]
    return TableNews(
        side=table.side,
        table=table.name,
        first_look=was is None,
        new=tuple(column for column in table.columns if column.name not in known),
        gone=(*lost, *missing),
        changed=tuple(
            ChangedColumn(name, known[name], text) for name, text in now.items() if known.get(name, text) != text
        ),
        unmapped=unmapped_columns(table, version.columns),
    )


def _columns(table: Table) -> dict[str, str]:
    return {column.name: described(column) for column in table.columns}


def _named(version: MapVersion, side: Side) -> list[str]:
    if side is Side.FINOPS:
        names = [each.finops for each in version.columns if each.finops is not None]
    else:
        names = [parse_lookup_path(each.dataverse).column for each in version.columns if each.dataverse is not None]
    return list(dict.fromkeys(names))


def described(column: Column) -> str:
    """The type of a column in words, as precisely as a map cares."""
    facts = [str(each) for each in (column.length, column.scale) if each is not None]
    if column.enumeration is not None:
        facts += [name for name, _ in column.enumeration.members]
    facts += column.targets
    return f"{column.type.value}({', '.join(facts)})" if facts else column.type.value
