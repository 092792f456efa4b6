"""Copied as frames or row by row: the same rows stand in the target afterwards, counted and refused alike."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from uuid import UUID

import pytest

from databases import Databases
from dualwrite.environments.port import Command, CommandValue, RowQuery
from dualwrite.metadata.schema import ColumnRole, Side
from dualwrite.metadata.values import Value
from dualwrite.sync.initial_sync.desk import Desk
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.job import PartitionOutcome, PlannedPartition, together
from dualwrite.sync.initial_sync.partition import parts
from dualwrite.sync.initial_sync.reading import read_rows
from dualwrite.sync.initial_sync.row_path import write_one_by_one
from dualwrite.sync.initial_sync.written import Written
from initial_runs import InitialRun, initial_run, unlinked
from linked_pair import LinkedPair, demonstration_plans, hosted_dataverse, hosted_finops, open_linked
from words import account, customer, group, person

_STAMPS = {"RecId", "RecVersion", "createdon", "modifiedon", "versionnumber", "overriddencreatedon"}


class RowByRow(InitialRun):
    """A run that does every row on its own."""

    async def do(self, each: PlannedPartition) -> PartitionOutcome:
        (chosen,) = [it for it in self.maps if it.plan.map.name == each.map_name]
        job = each.job(self.run, chosen, created_before=self.created_before)
        source, target = self.pair.side(job.route.source.side), self.pair.side(job.route.target.side)
        async with source.copying() as reading, target.copying() as writing:
            await reading.begin()
            await writing.begin()
            first = self.outcomes[job.second_pass_of][1] if job.second_pass_of is not None else None
            ended: list[PartitionOutcome] = []
            for part in parts(job, first):
                rows = await read_rows(reading, self.routing, part)
                desk = Desk(reading, writing, self.routing, part, rows.frame, Endings(part, rows))
                await write_one_by_one(desk, rows.frame, Written())
                self.refused_of[job.number] = [*self.refused_of.get(job.number, ()), *desk.endings.refused]
                ended.append(desk.endings.outcome() if first is None else desk.endings.correction(first))
            outcome = together(ended)
            await writing.commit()
        self.outcomes[each.number] = each, outcome
        return outcome


def _customers(draw: random.Random, *, broken: bool) -> Iterator[Command]:
    """Every fifth one is a person. ``broken``: with references that lead nowhere, also into other companies."""
    names = [f"C{number:02d}" for number in range(40)]
    for number, name in enumerate(names):
        values: dict[str, CommandValue] = {
            "CustomerGroupId": draw.choice(["10", "20", "10", "20", "99" if broken else "10"]),
            "SalesCurrencyCode": draw.choice(["USD", "eur", "EUR", "XXX" if broken and number % 3 else "USD"]),
            "PaymentTerms": draw.choice(["", "Net30", "net30"]),
            "CreditLimit": Decimal(draw.choice(["0", "12.34", "1000000.01", "99999999999999.99"])),
            "CreditLimitIsMandatory": draw.choice(["No", "Yes"]),
            "OnHoldStatus": draw.choice(["No", "Invoice", "All"]),
            "SalesMemo": draw.choice(["", "a note", 'quoted "text", with\nlines', "  ", "ÄÖÜ ß Straße"]),
            "PrimaryContactEmail": draw.choice(["", "info@example.com", "x" * 70]),
            "OrganizationNumberOfEmployees": draw.choice([0, 7, 2000000000]),
        }
        other = draw.choice([each for place, each in enumerate(names) if place % 5 != 4])
        values["InvoiceAccount"] = draw.choice(["", "", name, other.lower(), other, "NOBODY" if broken else ""])
        values["ContactPersonId"] = draw.choice(["", "", f"P{draw.randrange(12):02d}", "P99" if broken else ""])
        if number % 5 == 4:
            values |= {"PartyType": "Person", "PersonFirstName": "Ada", "PersonLastName": draw.choice([name, ""])}
            values |= {"InvoiceAccount": "", "ContactPersonId": ""}
        yield customer(name, company=draw.choice(["usmf", "usmf", "demf", "usrt"]) if broken else "usmf", **values)
    for number in range(12):
        kind = draw.choice(["Customer", "Vendor" if broken else "Customer"])
        of = draw.choice([each for place, each in enumerate(names) if place % 5 != 4])
        yield person(f"P{number:02d}", of, kind=kind, company=draw.choice(["usmf", "demf" if broken else "usmf"]))


def _accounts(draw: random.Random, *, broken: bool) -> Iterator[Command]:
    for number in (each for each in range(0, 40, 3) if each % 5 != 4):
        values: dict[str, CommandValue] = {
            "name": draw.choice([f"Customer C{number:02d}", "another name"]),
            "description": draw.choice([None, "a note", "of Dataverse"]),
            "creditlimit": draw.choice([None, Decimal("12.34"), Decimal("5")]),
            "numberofemployees": draw.choice([None, 7, 8]),
            "customertypecode": draw.choice([3, 3, 3, 1]),
        }
        yield account(f"C{number:02d}", **values)
    for number in range(50, 56):
        name = draw.choice([f"C{number}", f"c{number}"])
        yield account(name, emailaddress1=draw.choice([None, "y" * 90 if broken else "info@example.com"]))
    yield account(None, code=None)


async def _filled(linked: LinkedPair, seed: int, *, broken: bool = True) -> None:
    draw = random.Random(seed)
    groups = [group(f"G{number}", Description=f"Group {number}", PaymentTermId="Net30") for number in range(3)]
    await unlinked(linked.finops, [*groups, *_customers(draw, broken=broken)])
    await unlinked(linked.dataverse, list(_accounts(draw, broken=broken)))


async def _held(linked: LinkedPair) -> dict[str, list[str]]:
    """The rows of all mapped tables, with names in place of ids."""
    plans = demonstration_plans()
    tables = {(table.side, table.name): table for plan in plans for table in (plan.finops, plan.dataverse)}
    rows = {key: (await _environment(linked, key[0]).read(RowQuery(key[1]))).rows for key in tables}
    names: dict[Value, str] = {}
    for key, table in tables.items():
        if key[0] is Side.DATAVERSE:
            natural = [each for each in table.columns if each.role is ColumnRole.PLAIN and each.type.is_text]
            for row in rows[key]:
                shown = ", ".join(str(row.get(each.name)) for each in natural)
                names[row[table.key[0]]] = f"{table.name}({shown})"
    return {
        f"{side.value} {name}": sorted(str(_named(row, names)) for row in found) for (side, name), found in rows.items()
    }


def _only_in(left: Sequence[str], right: Sequence[str]) -> list[set[str]]:
    """What tells the first two different rows apart."""
    first, second = next((each for each in zip(left, right, strict=False) if each[0] != each[1]), ("", ""))
    return [set(first.split("), (")) ^ set(second.split("), ("))]


def _environment(linked: LinkedPair, side: Side):  # type: ignore[no-untyped-def]
    return linked.finops if side is Side.FINOPS else linked.dataverse


def _named(row: dict[str, Value], names: dict[Value, str]) -> list[tuple[str, object]]:
    return [
        (name, names.get(value, str(value)) if isinstance(value, UUID) else value)
        for name, value in sorted(row.items())
        if name not in _STAMPS and value is not None
    ]


def _refusals(run: InitialRun) -> list[tuple[object, ...]]:
    return sorted(
        (
            each.map_name,
            each.direction.value,
            each.company,
            each.record,
            each.column,
            each.code,
            each.reason,
            each.cause,
        )
        for each in run.refused
    )


@pytest.fixture
def another_pair(linked_templates: Databases, clone_database: Callable[[str], str]) -> Databases:
    return Databases(clone_database(linked_templates.finops), clone_database(linked_templates.dataverse))


@pytest.mark.parametrize(("seed", "master"), [(1, Side.FINOPS), (2, Side.FINOPS), (3, Side.DATAVERSE)])
async def test_frames_and_rows_leave_the_same_behind(
    linked: LinkedPair, another_pair: Databases, seed: int, master: Side
) -> None:
    async with AsyncExitStack() as stack:
        environments = hosted_finops(another_pair.finops), hosted_dataverse(another_pair.dataverse)
        other = await stack.enter_async_context(open_linked(*environments))
        await _filled(linked, seed)
        await _filled(other, seed)
        frames = await (await initial_run(linked, master=master)).carry_out()
        as_rows = await initial_run(other, master=master)
        rows = await RowByRow(as_rows.pair, as_rows.routing, as_rows.maps).carry_out()
        assert _refusals(frames) == _refusals(rows)
        assert frames.counts == rows.counts
        assert all(count.is_sound for count in frames.counts.values())
        left, right = await _held(linked), await _held(other)
        assert {table: _only_in(left[table], right[table]) for table in left if left[table] != right[table]} == {}


@pytest.mark.parametrize("seed", [4, 5])
async def test_a_second_run_writes_nothing(linked: LinkedPair, seed: int) -> None:
    await _filled(linked, seed, broken=False)
    first = await (await initial_run(linked)).carry_out()
    assert first.refused == []
    assert await linked.differences() == []
    held = await _held(linked)
    second = await (await initial_run(linked)).carry_out()
    assert second.total.inserted == second.total.updated == 0, second.counts
    assert second.refused == []
    assert await _held(linked) == held
