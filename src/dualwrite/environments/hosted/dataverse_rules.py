"""What every row of a Dataverse environment obeys: ids, owner and business unit, state and status, names, the
frozen company.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID, uuid4

from dualwrite.environments.hosted.rules import Rule, WriteSession
from dualwrite.environments.hosted.validation import refuse
from dualwrite.environments.port import Condition, Search
from dualwrite.errors import ReferenceNotFound, ValueProblem
from dualwrite.metadata.schema import Column, ColumnRole, Side, Table
from dualwrite.metadata.values import Row, Value, target_entry


class Identity:
    """Every new row has an id; who wrote it and when is kept."""

    def applies_to(self, table: Table) -> bool:
        return table.side is Side.DATAVERSE

    def looks_at(self, table: Table, given: Collection[str]) -> tuple[str, ...]:
        return ()

    async def before_write(
        self, session: WriteSession, table: Table, *, before: Row | None, values: dict[str, Value]
    ) -> None:
        user = session.user_id
        if before is None:
            if values.get(table.key[0]) is None:
                values[table.key[0]] = uuid4()
            if user is not None and "createdby" in table.by_name:
                values["createdby"] = user
        if user is not None and "modifiedby" in table.by_name:
            values["modifiedby"] = user


class Ownership:
    """A new row belongs to its caller unless it says otherwise; its business unit follows the owner."""

    def applies_to(self, table: Table) -> bool:
        return table.side is Side.DATAVERSE and "ownerid" in table.by_name

    def looks_at(self, table: Table, given: Collection[str]) -> tuple[str, ...]:
        return ()

    async def before_write(
        self, session: WriteSession, table: Table, *, before: Row | None, values: dict[str, Value]
    ) -> None:
        if before is None and values.get("ownerid") is None and session.user_id is not None:
            values["ownerid"] = session.user_id
            values[target_entry("ownerid")] = "systemuser"
        owner = values.get("ownerid")
        if not isinstance(owner, UUID):
            if before is not None and "ownerid" in values:
                raise refuse(table, table.column("ownerid"), ValueProblem.REQUIRED, "a row always has an owner")
            return
        kind = values.get(target_entry("ownerid")) or "systemuser"
        unit = await session.follow_one(str(kind), owner, "businessunitid")
        owning: dict[str, Value] = {
            "owningbusinessunit": unit,
            "owninguser": owner if kind == "systemuser" else None,
            "owningteam": owner if kind == "team" else None,
        }
        values |= {column: value for column, value in owning.items() if column in table.by_name}


class StateAndStatus:
    """A new row is active; state and status change together and must fit."""

    def applies_to(self, table: Table) -> bool:
        return table.side is Side.DATAVERSE and any(column.role is ColumnRole.STATE for column in table.columns)

    def looks_at(self, table: Table, given: Collection[str]) -> tuple[str, ...]:
        return ("statecode",) if "statecode" in given or "statuscode" in given else ()

    async def before_write(
        self, session: WriteSession, table: Table, *, before: Row | None, values: dict[str, Value]
    ) -> None:
        state, status = table.find("statecode"), table.find("statuscode")
        if state is None or state.enumeration is None:
            return
        if before is None and values.get("statecode") is None:
            values["statecode"] = state.enumeration.members[0][1]
        if status is None or status.enumeration is None or not ({"statecode", "statuscode"} & values.keys()):
            return
        current = values.get("statecode", before["statecode"] if before is not None else None)
        label = state.enumeration.member(current) if isinstance(current, int) else None
        fitting = status.enumeration.number(label) if label is not None else None
        if values.get("statuscode") is None and ("statecode" in values or before is None):
            values["statuscode"] = fitting if fitting is not None else status.enumeration.members[0][1]
            return
        given = values.get("statuscode")
        paired = {name for name, _ in state.enumeration.members} >= {name for name, _ in status.enumeration.members}
        if paired and fitting is not None and given is not None and given != fitting:
            reason = f"{given} is not a valid status code for state code {label} ({current})"
            raise refuse(table, status, ValueProblem.STATUS, reason)


class FullName:
    """A person's full name is put together from its parts."""

    parts: Final = ("firstname", "middlename", "lastname")

    def applies_to(self, table: Table) -> bool:
        return table.side is Side.DATAVERSE and {"fullname", "firstname", "lastname"} <= table.by_name.keys()

    def looks_at(self, table: Table, given: Collection[str]) -> tuple[str, ...]:
        return self.parts if any(part in given for part in self.parts) else ()

    async def before_write(
        self, session: WriteSession, table: Table, *, before: Row | None, values: dict[str, Value]
    ) -> None:
        if before is not None and not any(part in values for part in self.parts):
            return
        if table.name == "systemuser" and "fullname" in values:
            return
        image = {**(before or {}), **values}
        name = " ".join(str(image[part]) for part in self.parts if image.get(part))
        values["fullname"] = name[: table.column("fullname").length] or None


class FrozenCompany:
    """The company of a row is set once; moving a row to another company would tear it from its partner."""

    def applies_to(self, table: Table) -> bool:
        return table.side is Side.DATAVERSE and table.company_column is not None

    def looks_at(self, table: Table, given: Collection[str]) -> tuple[str, ...]:
        column = table.company_column
        return (column,) if column is not None and column in given else ()

    async def before_write(
        self, session: WriteSession, table: Table, *, before: Row | None, values: dict[str, Value]
    ) -> None:
        column = table.company_column
        if before is None or column is None or column not in values:
            return
        if before.get(column) is not None and values[column] != before[column]:
            raise refuse(table, table.column(column), ValueProblem.FROZEN, "the company of a row cannot be changed")


class LookupTargets:
    """Lookups that the database itself does not watch (owner, several tables, tables that are not there yet) point to
    rows that exist.
    """

    def applies_to(self, table: Table) -> bool:
        return table.side is Side.DATAVERSE and bool(table.lookups)

    def looks_at(self, table: Table, given: Collection[str]) -> tuple[str, ...]:
        return ()

    async def before_write(
        self, session: WriteSession, table: Table, *, before: Row | None, values: dict[str, Value]
    ) -> None:
        for column in table.lookups:
            value = values.get(column.name)
            if column.is_polymorphic and column.name in values:
                await self._find_target(session, table, column, values)
            elif value is not None and not session.has_table(column.targets[0]):
                raise _dangling(table, column, column.targets[0], value)

    async def _find_target(self, session: WriteSession, table: Table, column: Column, values: dict[str, Value]) -> None:
        """The entry beside the lookup tells in which table its row has been found. Raises: ReferenceNotFound."""
        entry, value = target_entry(column.name), values[column.name]
        if value is None:
            values[entry] = None
            return
        target = values.get(entry)
        candidates = (str(target),) if target else column.targets
        for candidate in filter(session.has_table, candidates):
            key = session.primary_key(candidate)
            found = await session.search(Search(candidate, (Condition((key,)),), ((value,),)))
            if found[0] is not None:
                values[entry] = candidate
                return
        raise _dangling(table, column, candidates[0], value)


def _dangling(table: Table, column: Column, target: str, value: Value) -> ReferenceNotFound:
    return ReferenceNotFound(f"{target} With Id = {value} Does Not Exist", table=table.name, column=column.name)


def dataverse_rules() -> tuple[Rule, ...]:
    """The rules every Dataverse environment has, in the order they run."""
    return (Identity(), LookupTargets(), Ownership(), StateAndStatus(), FullName(), FrozenCompany())
