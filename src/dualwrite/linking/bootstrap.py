"""Existing Dataverse rows get the company they belong to, before the maps of their tables run for the first time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import UUID

import polars as pl

from dualwrite.environments.bulk import COMPANY as ROW_COMPANY
from dualwrite.environments.bulk import ID, BulkEnvironment, CopyParticipant, Path, Scan
from dualwrite.environments.port import RecordKey, RowQuery, Update
from dualwrite.errors import Contention, NotAllowed, RecordRefused
from dualwrite.linking.company_assignment import REASON, RECORD, TEAM, Assignment, Key, assign
from dualwrite.linking.company_rules import COMPANY, ByKeys, ByValue, CompanyRule, OneCompany
from dualwrite.metadata.schema import Column, ColumnType, EnvironmentSchema, Table
from dualwrite.metadata.values import Row, Value, target_entry
from dualwrite.store.database import Repositories, Store
from dualwrite.store.maps import MapState
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE
from dualwrite.sync.stored_router import StoredRouter

READ_ROWS = 200_000
WRITE_ROWS = 50_000
_ATTEMPTS = 8
_OWNER = "ownerid"
_OWNING_TEAM = "cdm_defaultowningteam"
_YES_NO = {"yes": "true", "no": "false", "1": "true", "0": "false"}
_INCOMPARABLE = frozenset({ColumnType.DECIMAL, ColumnType.MONEY, ColumnType.DATETIME})


@dataclass(frozen=True, slots=True)
class Assigned:
    """How many rows have got which company, and the rows refused meanwhile (``@id``, RECORD, REASON)."""

    by_company: Mapping[str, int]
    refused: pl.DataFrame


class CompanyBootstrap:
    """Assigns companies in the Dataverse environment of one connection.

    Atomicity: a batch of rows; a refused row is left out alone. Idempotency: rows that have a company are never
    touched, so that a second time does what is left. After failure: do it again.
    """

    def __init__(
        self, store: Store, connection: str, dataverse: BulkEnvironment, router: StoredRouter, *, who: str
    ) -> None:
        self._store = store
        self._connection = connection
        self._dataverse = dataverse
        self._router = router
        self._who = who

    async def mapped_tables(self) -> Sequence[str]:
        """The company-specific tables that the maps of the connection fill, by name."""
        schema = await self._dataverse.current_schema()
        found = (schema.find(name) for name in await self._maps_by_table(self._store))
        return sorted({table.name for table in found if table is not None and table.is_company_specific})

    async def plan(self, name: str, rule: CompanyRule) -> Assignment:
        """What ``rule`` does to the table; nothing is written.

        Raises: NotAllowed for a table without companies, a column that is not there, and for one company for all that
        does not exist.
        """
        schema = await self._dataverse.current_schema()
        table = _table(schema, name)
        bound = _bound(schema, table, rule)
        known = {str(row[COMPANY_CODE]).lower(): str(row[COMPANY_CODE]) for row in await self._companies()}
        if isinstance(rule, OneCompany) and rule.company.lower() not in known:
            there = ", ".join(sorted(known.values())) or "none"
            raise NotAllowed(
                f"There is no company {rule.company} in cdm_companies; there are: {there}. "
                "Run the map of legal entities first, or create the company."
            )
        keys = _keys(table)
        rows = await self._rows(table, _paths(table, bound, keys))
        return assign(table.name, rows, bound, keys=keys, companies=known)

    async def apply(self, assignment: Assignment) -> Assigned:
        """The rows have their companies, except those that somebody has changed meanwhile so that they cannot.

        Raises: NotAllowed while a map of the table runs: what has been written until then stays.
        """
        table = _table(await self._dataverse.current_schema(), assignment.table)
        companies = {str(row[COMPANY_CODE]): row for row in await self._companies()}
        done: dict[str, int] = {}
        refused: list[pl.DataFrame] = []
        for (company, team), group in assignment.given.partition_by(COMPANY, TEAM, as_dict=True).items():
            values = _values(table, companies[str(company)], keeps_owner=bool(team))
            for batch in group.iter_slices(WRITE_ROWS):
                left = await self._write(table, values, batch)
                done[str(company)] = done.get(str(company), 0) + batch.height - left.height
                refused.append(left)
        schema = {ID: pl.String, RECORD: pl.String, REASON: pl.String}
        result = Assigned(done, pl.concat(refused) if refused else pl.DataFrame(schema=schema))
        details = {"table": table.name, "rows": result.by_company, "refused": result.refused.height}
        await self._store.activity.record("assign companies", who=self._who, result="completed", details=details)
        return result

    async def check_idle(self, tables: Sequence[str]) -> None:
        """Raises: NotAllowed, naming the maps that run over one of the tables and the way out."""
        schema = await self._dataverse.current_schema()
        await self._check_idle(self._store, {_table(schema, name).name for name in tables})

    # --- reading ----------------------------------------------------------------------------------------------------

    async def _companies(self) -> Sequence[Row]:
        return (await self._dataverse.read(RowQuery(COMPANY_TABLE))).rows

    async def _rows(self, table: Table, paths: Sequence[Path]) -> pl.DataFrame:
        """All rows of the table as :func:`assign` takes them."""
        async with self._dataverse.copying() as reading:
            await reading.begin()
            extents = await reading.survey(table.name, companies=None, most_rows=READ_ROWS)
            parts = [
                _as_text(table, await reading.frame(Scan(table.name, tuple(paths), each.companies, each.span)))
                for each in extents
            ]
        return pl.concat(parts) if parts else _as_text(table, _no_rows(paths))

    async def _maps_by_table(self, repositories: Repositories) -> Mapping[str, Sequence[str]]:
        """The maps of each Dataverse table, running or not."""
        await self._router.compiled.refresh()
        found: dict[str, list[str]] = {}
        for each in await repositories.maps.active_versions(self._connection):
            found.setdefault(self._router.compiled.head(each.document).dataverse_table, []).append(each.name)
        return found

    async def _check_idle(self, repositories: Repositories, tables: set[str]) -> None:
        live = {
            each.name
            for each in await repositories.maps.list(self._connection)
            if each.state is not MapState.NOT_RUNNING
        }
        maps = await self._maps_by_table(repositories)
        running = [name for table in sorted(tables) for name in maps.get(table, ()) if name in live]
        if running:
            raise NotAllowed(
                f"{'; '.join(running)}: not stopped, and rows get their companies before they are in step. "
                f"Stop first: dualwrite maps stop {' '.join(repr(each) for each in running)}",
                maps=running,
            )

    # --- writing ----------------------------------------------------------------------------------------------------

    async def _write(self, table: Table, values: Mapping[str, Value], batch: pl.DataFrame) -> pl.DataFrame:
        """The batch is written, started over where others were in the way. Gives the refused rows."""
        for attempt in range(_ATTEMPTS):
            try:
                # As long as the maps are held still none of them begins to run over these rows.
                async with self._store.transaction() as repositories:
                    await repositories.maps.lock(self._connection)
                    await self._check_idle(repositories, {table.name})
                    async with self._dataverse.copying() as writing:
                        await writing.begin()
                        refused = await _write_frame(writing, table, values, batch)
                        await writing.commit()
                        return refused
            except Contention:
                if attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(random.uniform(0.02, 0.1) * 2**attempt)
        raise AssertionError("unreachable")


async def _write_frame(
    writing: CopyParticipant, table: Table, values: Mapping[str, Value], batch: pl.DataFrame
) -> pl.DataFrame:
    """All rows at once where that goes, and one by one those that need a closer look."""
    left: Sequence[int] = range(batch.height)
    if writing.takes_frames(table.name):
        left = await writing.update_frame(table.name, batch.select(ID).with_columns(_literals(values)))
    reasons: dict[int, str] = {}
    for position in left:
        record_id = batch[ID][position]
        await writing.savepoint()
        try:
            key = RecordKey(((table.key[0], UUID(record_id)),))
            await writing.execute([Update(table.name, key, values, echo=False)])
        except RecordRefused as refusal:
            await writing.undo()
            reasons[position] = refusal.message
    refused = batch[list(reasons)].select(ID, RECORD)
    return refused.with_columns(pl.Series(REASON, list(reasons.values()), pl.String))


def _literals(values: Mapping[str, Value]) -> list[pl.Expr]:
    return [pl.lit(None if each is None else str(each), pl.String).alias(name) for name, each in values.items()]


def _values(table: Table, company: Row, *, keeps_owner: bool) -> dict[str, Value]:
    """The company, and the owner that follows from it: the company's team, unless the row belongs to one already."""
    assert table.company_column is not None
    values: dict[str, Value] = {table.company_column: company["cdm_companyid"]}
    team = company.get(_OWNING_TEAM)
    if team is not None and not keeps_owner and _OWNER in table.by_name:
        values |= {_OWNER: team, target_entry(_OWNER): "team"}
    return values


# --- tables and columns ---------------------------------------------------------------------------------------------


def _table(schema: EnvironmentSchema, name: str) -> Table:
    table = schema.find(name)
    if table is None:
        raise NotAllowed(f"Dataverse has no table {name!r}.", table=name)
    if not table.is_company_specific:
        raise NotAllowed(f"{table.name} has no companies: its rows belong to all of them.", table=table.name)
    return table


def _keys(table: Table) -> tuple[Key, ...]:
    """The keys that tell the rows of one company apart."""
    return tuple(
        Key(tuple(name for name in key if name != table.company_column))
        for key in table.alternate_keys
        if table.company_column in key
    )


def _paths(table: Table, rule: CompanyRule, keys: Sequence[Key]) -> Sequence[Path]:
    ruled = rule.paths if isinstance(rule, ByKeys) else (rule.path,) if isinstance(rule, ByValue) else ()
    names = dict.fromkeys((*ruled, *(name for key in keys for name in key.columns)))
    owner = ((_OWNER,),) if _OWNER in table.by_name and _OWNER not in names else ()
    return (*(tuple(name.split(".")) for name in names), *owner)


def _as_text(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    entry = target_entry(_OWNER)
    team = (pl.col(entry) == "team").fill_null(False) if entry in frame.columns else pl.lit(False)
    return frame.select(
        ID,
        ROW_COMPANY,
        team.alias(TEAM),
        pl.all().exclude("^@.*$", entry).cast(pl.String).str.to_lowercase(),
    )


def _no_rows(paths: Sequence[Path]) -> pl.DataFrame:
    names = (ID, ROW_COMPANY, *(".".join(path) for path in paths), target_entry(_OWNER))
    return pl.DataFrame(schema=dict.fromkeys(names, pl.String))


def _bound(schema: EnvironmentSchema, table: Table, rule: CompanyRule) -> CompanyRule:
    """The rule with the columns as the table spells them, and its values as frames have them. Raises: NotAllowed."""
    if isinstance(rule, ByValue):
        path, column = _column(schema, table, rule.path)
        return replace(rule, path=path, companies={_spelt(column, key): to for key, to in rule.companies.items()})
    if isinstance(rule, ByKeys):
        paths = {given: _column(schema, table, given)[0] for given in rule.paths}
        return ByKeys(tuple(paths.values()), rule.lines.rename(paths))
    return rule


def _column(schema: EnvironmentSchema, table: Table, dotted: str) -> tuple[str, Column]:
    """The path in the spelling of the tables, and the column at its end."""
    owner, spelt = table, []
    *lookups, last = dotted.split(".")
    for part, following in pairwise((*lookups, last)):
        column = _find(owner, part, table, dotted)
        targets = [target for name in column.targets if (target := schema.find(name)) is not None]
        owner = next((each for each in targets if each.find(following) is not None), owner)
        spelt.append(column.name)
        if owner not in targets:
            raise NotAllowed(f"{table.name}: {dotted} leads nowhere, {column.name} has no {following} behind it.")
    column = _find(owner, last, table, dotted)
    if column.type in _INCOMPARABLE or (owner is table and column.name == table.company_column):
        raise NotAllowed(
            f"{table.name}: {column.name} cannot tell the company of a row; take a column of text or choices."
        )
    return ".".join((*spelt, column.name)), column


def _find(owner: Table, name: str, table: Table, dotted: str) -> Column:
    column = owner.find(name)
    if column is None:
        whole = f" ({dotted})" if name != dotted else ""
        raise NotAllowed(f"{owner.name} has no column {name!r}{whole}.", table=table.name, column=name)
    return column


def _spelt(column: Column, value: str) -> str:
    """A value of a rule as text in a frame: the number of a choice for its label, true and false for yes and no."""
    if column.type is ColumnType.BOOLEAN:
        return _YES_NO.get(value, value)
    if column.type is ColumnType.CHOICE and column.enumeration is not None:
        number = column.enumeration.number(value)
        return value if number is None else str(number)
    return value
