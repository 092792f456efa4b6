"""Rows of customers, contacts and accounts, made by lot, and what both sides hold, in words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Command, CommandValue, RowQuery
from dualwrite.metadata.schema import ColumnRole, Side
from dualwrite.metadata.values import Row, Value
from initial_runs import unlinked
from linked_pair import LinkedPair, demonstration_plans
from words import account, customer, group, person

_STAMPS = {"RecId", "RecVersion", "createdon", "modifiedon", "versionnumber", "overriddencreatedon"}


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


def _accounts(draw: random.Random, *, broken: bool, entering: bool) -> Iterator[Command]:
    for number in (each for each in range(0, 40, 3) if each % 5 != 4):
        values: dict[str, CommandValue] = {
            "name": draw.choice([f"Customer C{number:02d}", "another name"]),
            "description": draw.choice([None, "a note", "of Dataverse"]),
            "creditlimit": draw.choice([None, Decimal("12.34"), Decimal("5")]),
            "numberofemployees": draw.choice([None, 7, 8]),
            "customertypecode": draw.choice([3, 3, 3, 1 if entering else 3]),
        }
        yield account(f"C{number:02d}", **values)
    for number in range(50, 56):
        name = draw.choice([f"C{number}", f"c{number}"])
        yield account(name, emailaddress1=draw.choice([None, "y" * 90 if broken else "info@example.com"]))
    yield account(None, code=None)


async def fill(linked: LinkedPair, seed: int, *, broken: bool = True, entering: bool = True) -> None:
    """Both sides have rows of their own and common ones, the same for the same seed.

    ``broken``: some cannot be written. ``entering``: some are in a map's filter only when the master has written them.
    """
    draw = random.Random(seed)
    groups = [group(f"G{number}", Description=f"Group {number}", PaymentTermId="Net30") for number in range(3)]
    await unlinked(linked.finops, [*groups, *_customers(draw, broken=broken)])
    await unlinked(linked.dataverse, list(_accounts(draw, broken=broken, entering=entering)))


async def held(linked: LinkedPair) -> dict[str, list[str]]:
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


def _environment(linked: LinkedPair, side: Side) -> HostedEnvironment:
    return linked.finops if side is Side.FINOPS else linked.dataverse


def _named(row: Row, names: dict[Value, str]) -> list[tuple[str, object]]:
    return [
        (name, names.get(value, str(value)) if isinstance(value, UUID) else value)
        for name, value in sorted(row.items())
        if name not in _STAMPS and value is not None
    ]
