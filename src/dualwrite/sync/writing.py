"""Work carried out in the target: rows transformed, lookups found, written in the order of their relationships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from dualwrite.environments.port import (
    Command,
    Create,
    Delete,
    NaturalKey,
    Participant,
    RecordChange,
    Session,
    Update,
)
from dualwrite.errors import Contention, PartnerRefused, RecordNotFound, RecordRefused, StillReferenced
from dualwrite.maps.execute import PendingLookup, Transformed, lookup_refusal, read_paths, transform
from dualwrite.maps.plan import DirectionPlan
from dualwrite.metadata.values import Value, target_entry
from dualwrite.sync.company_columns import CompanyColumns, missing_company
from dualwrite.sync.link import Routing
from dualwrite.sync.lookups import Lookups
from dualwrite.sync.mapping import Action, RowGone, Work, folded_key, read_related, whole_row

OPEN_KEY: Final = "open_key"
"""The entry in a refusal's details that tells that the row's key waits for a row of a later transaction."""


@dataclass(slots=True)
class _Unresolved:
    """A lookup whose row may still come within this transaction."""

    work: Work
    pending: PendingLookup


class Writer:
    """Carries out the work of one transaction in one target transaction.

    Atomicity: the participant's. Ordering: looked-up rows before the rows that look them up, deletes last and the
    other way round; what refers to itself or in a circle is filled in by a second write. After failure: the
    participant is to be rolled back.
    """

    def __init__(
        self,
        routing: Routing,
        target: Participant,
        source: Session,
        *,
        lookups: Lookups | None = None,
        leave_open: frozenset[str] = frozenset(),
    ) -> None:
        """``lookups`` may be shared by the writers of one transaction. ``leave_open`` names tables whose rows may still
        come in a later transaction: lookups to them are left as they are and the work is listed in ``left_open``.
        """
        self._routing = routing
        self._target = target
        self._source = source
        self._lookups = lookups or Lookups(target)
        self._leave_open = leave_open
        self._companies = CompanyColumns(target)
        self._transforms: dict[int, tuple[Work, Transformed]] = {}
        self._unresolved: list[_Unresolved] = []
        self.left_open: list[Work] = []
        """What the last call has left open."""

    async def prepare(self, work: Sequence[Work]) -> None:
        """The lookups of ``work`` have been asked for together. A row that cannot be transformed is refused when it is
        carried out.
        """
        known: list[tuple[Work, Transformed]] = []
        for each in work:
            with suppress(RecordRefused):
                known.append((each, _transformed(each)))
        self._transforms = {id(each): (each, transformed) for each, transformed in known}
        await self._lookups.prefetch(
            (pending, each.company) for each, transformed in known for pending in transformed.lookups
        )

    async def carry_out(self, work: Sequence[Work]) -> Sequence[RecordChange]:
        """Raises: RecordRefused, whose message names map, record and the way out; Contention."""
        self._unresolved, self.left_open = [], []
        writes = [each for each in work if each.action is not Action.DELETE]
        kept = {(each.route.target.name, each.company, folded_key(each.key)) for each in writes}
        ranks = self._routing.ranks
        if len(writes) > 1:
            writes.sort(key=lambda each: ranks.get(each.plan.dataverse.name, 0))
            await self.prepare(writes)
        # Also a row that is only changed may turn out to be missing, and be created.
        awaited = {each.route.target.name for each in writes} if len(writes) > 1 else set()
        written = [change for each in writes for change in await self._written(each, awaited)]
        for left in self._unresolved:
            await self._fill(left)
        deletes = [
            each
            for each in work
            if each.action is Action.DELETE and (each.route.target.name, each.company, folded_key(each.key)) not in kept
        ]
        deletes.sort(key=lambda each: -ranks.get(each.plan.dataverse.name, 0))
        return written + await self._delete_all(deletes)

    # --- one row ----------------------------------------------------------------------------------------------------

    async def _written(self, work: Work, awaited: set[str]) -> Sequence[RecordChange]:
        try:
            return [await self._write(work, awaited)]
        except RowGone:
            return []

    async def _write(self, work: Work, awaited: set[str]) -> RecordChange:
        if work.action is Action.WRITE:
            values = await self._resolved(work, self._transformed(work), awaited)
            try:
                return await self._execute(work, Update(work.route.target.name, _key(work), values))
            except RecordNotFound:
                self._unresolved = [each for each in self._unresolved if each.work is not work]
        return await self._write_whole(work, awaited)

    async def _write_whole(self, work: Work, awaited: set[str]) -> RecordChange:
        """The row is in the target with all mapped columns, whether it was there before or not."""
        whole = work
        if work.changed is not None:
            row = await whole_row(work.route.source, work.row, self._source)
            related = await read_related(work.route, row, read_paths(work.route, None), self._source)
            whole = replace(work, row=row, related=related, changed=None)
        values = await self._resolved(work, self._transformed(whole), awaited | {work.route.target.name})
        for_new = work.plan.created_only[work.route.direction]
        present = {name: value for name, value in values.items() if name not in for_new} if for_new else values
        try:
            change = await self._execute(work, Update(work.route.target.name, _key(work), present))
        except RecordNotFound:
            change = await self._execute(work, Create(work.route.target.name, {**values, **await self._company(work)}))
        return change

    async def _company(self, work: Work) -> Mapping[str, Value]:
        team = self._routing.owning_teams.get(work.route.map_name)
        found = await self._companies.values(work.route.target, work.company, owning_team=team)
        if found is None:
            raise missing_company(self._routing, map_name=work.route.map_name, label=work.label, company=work.company)
        return found

    def _transformed(self, work: Work) -> Transformed:
        """The row transformed once, whether that was prepared or not."""
        held = self._transforms.pop(id(work), None)
        return _transformed(work) if held is None or held[0] is not work else held[1]

    async def _delete_all(self, deletes: Sequence[Work]) -> list[RecordChange]:
        """The rows are gone, in whatever way they refer to each other."""
        if len(deletes) < 2:
            return [change for each in deletes for change in await self._delete(each)]
        await self._target.savepoint()
        try:
            return [change for each in deletes for change in await self._delete(each)]
        except PartnerRefused as refusal:
            if refusal.details.get("code") != StillReferenced.code:
                raise
            await self._target.undo()
        going = frozenset(each.route.target.name for each in deletes)
        for each in deletes:
            await self._let_go(each, going)
        return [change for each in deletes for change in await self._delete(each)]

    async def _let_go(self, work: Work, tables: frozenset[str]) -> None:
        """The row refers to no row of ``tables`` any more, except by its key."""
        in_key = {part.target_path[0] for part in work.route.key}
        lookups = [column.lookup for column in work.route.columns if column.lookup is not None]
        values: dict[str, Value] = {
            lookup.column: None
            for lookup in lookups
            if lookup.column not in in_key and any(each.table in tables for each in lookup.alternatives)
        }
        if values:
            with suppress(RecordNotFound):
                await self._execute(work, Update(work.route.target.name, _key(work), values))

    async def _delete(self, work: Work) -> Sequence[RecordChange]:
        try:
            return [await self._execute(work, Delete(work.route.target.name, _key(work)))]
        except RecordNotFound:
            return []

    async def _execute(self, work: Work, command: Command) -> RecordChange:
        try:
            return (await self._target.execute([command]))[0]
        except RecordNotFound:
            raise
        except Contention as busy:
            busy.details = {**busy.details, "record": _name(work)}
            raise
        except RecordRefused as refusal:
            raise self._said_by_partner(work, refusal) from refusal

    def _said_by_partner(self, work: Work, refusal: RecordRefused) -> PartnerRefused:
        partner = said_by_partner(work.route, refusal, label=work.label)
        partner.details = {**partner.details, "command": work.command}
        return partner

    # --- lookups ----------------------------------------------------------------------------------------------------

    async def _resolved(self, work: Work, transformed: Transformed, awaited: set[str]) -> dict[str, Value]:
        """The row's values with its lookups as ids. Raises: RecordRefused for a lookup that leads nowhere."""
        values = transformed.values
        for pending in transformed.lookups:
            found = await self._find(work, pending)
            if found is None:
                if not any(
                    each.table in awaited or each.table in self._leave_open for each in pending.plan.alternatives
                ):
                    raise self._lookup_refusal(work, pending)
                self._check_key(work, pending)
                self._unresolved.append(_Unresolved(work, pending))
                continue
            values |= found
        return values

    async def _find(self, work: Work, pending: PendingLookup) -> dict[str, Value] | None:
        polymorphic = work.route.target.column(pending.plan.column).is_polymorphic
        for alternative, wanted in zip(pending.plan.alternatives, pending.values, strict=True):
            row_id = await self._lookups.find(alternative, wanted, work.company)
            if row_id is not None:
                found: dict[str, Value] = {pending.plan.column: row_id}
                if polymorphic:
                    found[target_entry(pending.plan.column)] = alternative.table
                return found
        return None

    async def _fill(self, left: _Unresolved) -> None:
        """The lookup is filled now that every row of the transaction is there."""
        found = await self._find(left.work, left.pending)
        if found is None and any(each.table in self._leave_open for each in left.pending.plan.alternatives):
            self.left_open.append(left.work)
            return
        if found is None:
            raise self._lookup_refusal(left.work, left.pending)
        await self._execute(left.work, Update(left.work.route.target.name, _key(left.work), found))

    def _check_key(self, work: Work, pending: PendingLookup) -> None:
        """Raises: RecordRefused for a row that could not be found again by its key, were this lookup left open."""
        if self._leave_open and any(pending.plan.column == part.target_path[0] for part in work.route.key):
            refusal = self._lookup_refusal(work, pending)
            refusal.details = {**refusal.details, OPEN_KEY: True}
            raise refusal

    def _lookup_refusal(self, work: Work, pending: PendingLookup) -> RecordRefused:
        refusal = unresolved(self._routing, work.route, pending, label=work.label, company=work.company)
        refusal.details = {**refusal.details, "command": work.command}
        return refusal


def said_by_partner(route: DirectionPlan, refusal: RecordRefused, *, label: str) -> PartnerRefused:
    """What the target refuses, told with the map, the record and the table."""
    message = f"{route.map_name}, {label}: {route.target.entity_set} refused the record: {refusal.message}"
    partner = PartnerRefused(message, table=route.target.name, column=refusal.column)
    partner.details = {**refusal.details, "map": route.map_name, "record": label, "code": refusal.code}
    return partner


def unresolved(
    routing: Routing, route: DirectionPlan, pending: PendingLookup, *, label: str, company: str | None
) -> PartnerRefused:
    """The refusal of a record whose lookup leads nowhere in the target."""
    refusal = lookup_refusal(route, pending, label=label, company=company, maps=routing.known_maps)
    partner = PartnerRefused(refusal.message, table=refusal.table, column=refusal.column)
    partner.details = {**refusal.details, "code": refusal.code, "map": route.map_name, "record": label}
    return partner


def _name(work: Work) -> str:
    """The record as both sides spell it: the turns at it are taken by this name."""
    return "|".join(str(part).lower() for part in (work.plan.dataverse.name, work.company, *work.key))


def _key(work: Work) -> NaturalKey:
    parts = tuple((part.target_path, value) for part, value in zip(work.route.key, work.key, strict=True))
    return NaturalKey(parts, work.company)


def _transformed(work: Work) -> Transformed:
    return transform(work.route, work.row, related=work.related, changed=work.changed, label=work.label)
