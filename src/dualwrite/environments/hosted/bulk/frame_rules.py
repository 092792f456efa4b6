"""The environment's rules on whole frames: the columnar twins of ``dataverse_rules`` and ``finops_rules``.

A rule that has no twin here is carried out row by row, and so is every table that it applies to. Twins whose answer
depends on a few values only ask the rule itself, once for each combination.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias
from uuid import UUID

import polars as pl

from dualwrite.environments.hosted.bulk.own_references import OwnReferences
from dualwrite.environments.hosted.dataverse_rules import (
    FrozenCompany,
    FullName,
    Identity,
    LookupTargets,
    Ownership,
    StateAndStatus,
)
from dualwrite.environments.hosted.finops_rules import LEGAL_ENTITIES, LEGAL_ENTITY_ID, KnownLegalEntity
from dualwrite.environments.hosted.rules import Rule, WriteSession
from dualwrite.environments.new_ids import new_ids
from dualwrite.environments.port import Condition, Search
from dualwrite.errors import RecordRefused
from dualwrite.maps.columnar.frames import dtype_of, in_frame, is_id
from dualwrite.metadata.schema import Column, Table
from dualwrite.metadata.values import Value, target_entry


class FrameSession(WriteSession, Protocol):
    """The session a rule on frames runs in."""

    async def hold(self, table: str, ids: pl.Series) -> pl.Series:
        """For each of ``ids`` whether its row is there, and then it stays; true for null."""
        ...


@dataclass(slots=True)
class Draft:
    """Rows that are about to be written.

    ``values`` are the checked columns that are written. ``before`` has, for rows that are there, the columns that the
    rules look at; None for new rows. ``doubtful`` is true for rows that are not written as a frame.
    """

    table: Table
    values: pl.DataFrame
    before: pl.DataFrame | None
    doubtful: pl.Series

    def inside(self, lookup: Column, target: str) -> pl.Series:
        """The rows whose ``lookup`` leads to a new row of the same draft."""
        values = self.values[lookup.name]
        if self.before is not None or target != self.table.name:
            return pl.repeat(False, values.len(), dtype=pl.Boolean, eager=True)
        return OwnReferences(self.table, (lookup.name,)).inside(self.values, lookup.name, values)

    def doubt(self, mask: pl.Series) -> None:
        self.doubtful = self.doubtful | mask.fill_null(False)

    def set(self, *columns: pl.Series) -> None:
        self.values = self.values.with_columns(columns)

    def constant(self, name: str, value: Value) -> pl.Series:
        dtype = dtype_of(self.table.column(name)) if name in self.table.by_name else pl.String()
        return pl.Series(name, [in_frame(value)], dtype=dtype).new_from_index(0, self.values.height)


FrameRule: TypeAlias = Callable[[Rule, FrameSession, Draft], Awaitable[None]]


def twins_of(rules: Sequence[Rule]) -> Sequence[tuple[Rule, FrameRule]] | None:
    """The rules with their twins, in order; None when one of them has none."""
    found = [(rule, _TWINS.get(type(rule))) for rule in rules]
    known = [(rule, twin) for rule, twin in found if twin is not None]
    return known if len(known) == len(found) else None


# --- ids --------------------------------------------------------------------------------------------------------------


async def _identity(rule: Rule, session: FrameSession, draft: Draft) -> None:
    table, user = draft.table, session.user_id
    if draft.before is None:
        ids, key = new_ids(draft.values.height).alias(table.key[0]), table.key[0]
        if key in draft.values.columns:
            given = draft.values[key]
            ids = given.zip_with(given.is_not_null(), ids).alias(key)
        draft.set(ids)
        if user is not None and "createdby" in table.by_name:
            draft.set(draft.constant("createdby", user))
    if user is not None and "modifiedby" in table.by_name:
        draft.set(draft.constant("modifiedby", user))


# --- lookups ----------------------------------------------------------------------------------------------------------


async def _lookup_targets(rule: Rule, session: FrameSession, draft: Draft) -> None:
    for column in draft.table.lookups:
        if column.name not in draft.values.columns:
            continue
        if column.is_polymorphic:
            await _find_targets(session, draft, column)
        elif not session.has_table(column.targets[0]):
            draft.doubt(draft.values[column.name].is_not_null())


async def _find_targets(session: FrameSession, draft: Draft, column: Column) -> None:
    """The entry beside the lookup tells in which table its row has been found."""
    entry, values = target_entry(column.name), draft.values[column.name]
    given = draft.values[entry] if entry in draft.values.columns else draft.constant(entry, None)
    given = given.replace("", None)
    found = pl.repeat(None, values.len(), dtype=pl.String, eager=True)
    told = given.drop_nulls().unique().to_list()
    for candidate in filter(session.has_table, dict.fromkeys((*column.targets, *told))):
        asked = values.is_not_null() & found.is_null() & (given == candidate).fill_null(candidate in column.targets)
        if asked.any():
            wanted = values.zip_with(asked, pl.repeat(None, values.len(), dtype=values.dtype, eager=True))
            there = draft.inside(column, candidate)
            there = there | await session.hold(candidate, wanted.set(there, None))
            found = draft.constant(entry, candidate).zip_with(asked & there, found)
    draft.set(found.alias(entry))
    draft.doubt(values.is_not_null() & found.is_null())


async def _ownership(rule: Rule, session: FrameSession, draft: Draft) -> None:
    entry = target_entry("ownerid")
    if "ownerid" not in draft.values.columns:
        if draft.before is not None or session.user_id is None:
            return
        draft.set(draft.constant("ownerid", None))
    owner = draft.values["ownerid"]
    kind = draft.values[entry] if entry in draft.values.columns else draft.constant(entry, None)
    if draft.before is not None:
        draft.doubt(owner.is_null())
    elif session.user_id is not None:
        unowned = owner.is_null()
        owner = draft.constant("ownerid", session.user_id).zip_with(unowned, owner).alias("ownerid")
        kind = draft.constant(entry, "systemuser").zip_with(unowned, kind).alias(entry)
        draft.set(owner, kind)
    owners = pl.DataFrame({"owner": owner, "kind": kind.fill_null("systemuser")})
    units = [
        {"owner": each, "kind": of, "unit": in_frame(await session.follow_one(of, UUID(each), "businessunitid"))}
        for each, of in owners.drop_nulls().unique().iter_rows()
    ]
    known = pl.DataFrame(units, schema={"owner": pl.String, "kind": pl.String, "unit": pl.String})
    found = owners.join(known, on=["owner", "kind"], how="left", maintain_order="left")
    owning = {
        "owningbusinessunit": pl.col("unit"),
        "owninguser": pl.when(pl.col("kind") == "systemuser").then(pl.col("owner")),
        "owningteam": pl.when(pl.col("kind") == "team").then(pl.col("owner")),
    }
    there = [each.alias(name) for name, each in owning.items() if name in draft.table.by_name]
    draft.set(*found.select(there))


# --- values -----------------------------------------------------------------------------------------------------------


async def _by_combination(rule: Rule, session: FrameSession, draft: Draft, names: Collection[str]) -> None:
    """The rule itself tells what becomes of each combination of the columns ``names``."""
    before = draft.before
    given = [name for name in names if name in draft.values.columns]
    seen = [name for name in names if before is not None and name in before.columns]
    columns = [
        *(draft.values[name] for name in given),
        *(before[name].alias(f"@{name}") for name in seen if before is not None),
    ]
    # A frame without columns has no rows: the rows are counted by one of their own.
    held = pl.DataFrame([pl.repeat(0, draft.values.height, eager=True).alias("@"), *columns])
    distinct = held.unique()
    outcomes = [await _outcome(rule, session, draft, row, (given, seen)) for row in distinct.iter_rows(named=True)]
    written = sorted({name for outcome in outcomes if outcome is not None for name in outcome})
    results: dict[str, pl.Series] = {"@refused": pl.Series([each is None for each in outcomes], dtype=pl.Boolean)}
    for name in written:
        values = [None if each is None else in_frame(each.get(name)) for each in outcomes]
        results[f"={name}"] = pl.Series(values, dtype=dtype_of(draft.table.column(name)))
    joined = held.join(
        distinct.with_columns(**results), on=held.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    draft.set(*(joined[f"={name}"].alias(name) for name in written))
    draft.doubt(joined["@refused"])


async def _outcome(
    rule: Rule,
    session: FrameSession,
    draft: Draft,
    row: Mapping[str, object],
    names: tuple[Sequence[str], Sequence[str]],
) -> dict[str, Value] | None:
    given, seen = names
    values = {name: _value(draft.table.column(name), row[name]) for name in given}
    before = {name: _value(draft.table.column(name), row[f"@{name}"]) for name in seen}
    try:
        await rule.before_write(session, draft.table, before=None if draft.before is None else before, values=values)
    except RecordRefused:
        return None
    return values


def _value(column: Column, held: object) -> Value:
    if is_id(column) and isinstance(held, str):
        return UUID(held)
    assert held is None or isinstance(held, str | int)
    return held


async def _state_and_status(rule: Rule, session: FrameSession, draft: Draft) -> None:
    await _by_combination(rule, session, draft, ("statecode", "statuscode"))


async def _frozen_company(rule: Rule, session: FrameSession, draft: Draft) -> None:
    column = draft.table.company_column
    if draft.before is not None and column is not None and column in draft.values.columns:
        before = draft.before[column]
        draft.doubt(before.is_not_null() & before.ne_missing(draft.values[column]))


async def _full_name(rule: Rule, session: FrameSession, draft: Draft) -> None:
    parts = [name for name in FullName.parts if name in draft.values.columns]
    if (draft.before is not None and not parts) or (
        draft.table.name == "systemuser" and "fullname" in draft.values.columns
    ):
        return
    image = [_part(draft, name) for name in FullName.parts]
    held = [part.replace("", None) for part in image if part is not None]
    if not held:
        draft.set(draft.constant("fullname", None))
        return
    length = draft.table.column("fullname").length
    name = pl.concat_str(held, separator=" ", ignore_nulls=True)
    whole = pl.select(name.str.slice(0, length) if length is not None else name).to_series()
    draft.set(whole.replace("", None).alias("fullname"))


def _part(draft: Draft, name: str) -> pl.Series | None:
    for frame in (draft.values, draft.before):
        if frame is not None and name in frame.columns:
            return frame[name]
    return None


async def _known_legal_entity(rule: Rule, session: FrameSession, draft: Draft) -> None:
    column = draft.table.company_column
    if draft.before is not None or column is None:
        return
    given = draft.values[column] if column in draft.values.columns else draft.constant(column, "")
    spelled = {each: each.lower() for each in given.unique().to_list()}
    lower = given.replace_strict(spelled, return_dtype=pl.String).alias(column)
    entities = list(dict.fromkeys(spelled.values()))
    keys = tuple((each,) for each in entities)
    rows = await session.search(Search(LEGAL_ENTITIES, (Condition((LEGAL_ENTITY_ID,)),), keys)) if keys else ()
    known = [each for each, row in zip(entities, rows, strict=True) if row is not None]
    draft.set(lower)
    draft.doubt(~lower.is_in(known))


_TWINS: Final[Mapping[type[Rule], FrameRule]] = {
    Identity: _identity,
    LookupTargets: _lookup_targets,
    Ownership: _ownership,
    StateAndStatus: _state_and_status,
    FullName: _full_name,
    FrozenCompany: _frozen_company,
    KnownLegalEntity: _known_legal_entity,
}
