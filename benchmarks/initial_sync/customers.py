"""Customers of a company that has been trading for years, made in the database: the same for the same seed.

Every column that the map of customers carries is filled as it is in life: half of the contacts have no Twitter name,
few have a fax extension, everybody has an address. A row is 0.8 to 1 KB of CSV.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from dualwrite.environments.hosted.ddl import quoted
from dualwrite.metadata.values import LegalEntityId

ENTITY = "CustCustomerV3Entity"
CURRENCIES = ("USD", "EUR", "GBP", "CHF", "SEK")
GROUPS = tuple(str(number) for number in range(10, 200, 10))
TERMS = ("Net10", "Net14", "Net30", "Net45", "Net60", "COD", "EOM")
_HOLDS = ("No", "No", "No", "No", "No", "Invoice", "All", "Payment", "Requisition", "Never")

_FIRST = (
    "Contoso",
    "Fabrikam",
    "Northwind",
    "Adventure",
    "Litware",
    "Proseware",
    "Tailspin",
    "Wingtip",
    "Trey",
    "Alpine",
)
_SECOND = (
    "Trading",
    "Wholesale",
    "Retail",
    "Outdoor",
    "Logistics",
    "Foods",
    "Research",
    "Engineering",
    "Toys",
    "Hotels",
)
_FORM = ("Ltd.", "Inc.", "GmbH", "AG", "& Sons", "Group", "Company")
_CITIES = ("Seattle", "Redmond", "München", "Hamburg", "København", "Zürich", "London", "Málaga", "Oslo", "Springfield")
_STREETS = ("Maple Street", "Second Avenue", "Bahnhofstraße", "Church Road", "Industrial Park Drive", "Hauptstraße")
_COUNTRIES = ("USA", "DEU", "DNK", "CHE", "GBR", "ESP", "NOR")
_STATES = ("WA", "CA", "BY", "HH", "ZH", "OR", "TX")
_MEMO = (
    "Prefers deliveries in the morning and invoices by mail. ",
    "Discount negotiated with the head office; see the frame contract of last year. ",
    "Asks for the previous delivery note with every order. ",
)
_SLICE_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class CustomerData:
    """``rows`` customers, spread evenly over ``legal_entities`` when there are several."""

    rows: int
    legal_entities: Sequence[LegalEntityId] = (LegalEntityId("usmf"),)
    seed: int = 1
    invoice_accounts: bool = False
    """Whether every tenth customer is billed through another one, which is a reference of the table to itself."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Other expressions for some columns, over ``n``: the number of the customer."""


def write_customers(conninfo: str, data: CustomerData) -> None:
    """The customers are in the finance and operations database, beside what it holds already."""
    slices = [(first, min(first + _SLICE_ROWS, data.rows + 1)) for first in range(1, data.rows + 1, _SLICE_ROWS)]
    failed: list[BaseException] = []

    def write(own: Sequence[tuple[int, int]]) -> None:
        try:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute("SET synchronous_commit = off")
                for first, end in own:
                    connection.execute(insert_statement(data, first, end))
        except BaseException as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(slices[place::2],)) for place in range(2)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    if failed:
        raise failed[0]
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"VACUUM ANALYZE data.{quoted(ENTITY)}")


def insert_statement(data: CustomerData, first: int, end: int) -> str:
    """The rows ``first`` to ``end - 1``."""
    expressions = {**_expressions(data), **data.columns}
    names = ", ".join(quoted(name) for name in expressions)
    values = ", ".join(expressions.values())
    return f"INSERT INTO data.{quoted(ENTITY)} ({names}) SELECT {values} FROM generate_series({first}, {end - 1}) n"


def _expressions(data: CustomerData) -> dict[str, str]:
    """An SQL expression over the number ``n`` for every column."""
    make = _Maker(data.seed)
    name = f"{make.pick(_FIRST)} || ' ' || {make.pick(_SECOND)} || ' ' || {make.pick(_FORM)} || ' ' || n"
    domain = f"lower({make.pick(_FIRST)}) || n || '.example.com'"
    invoice = "CASE WHEN n % 10 = 0 THEN 'C-' || lpad((n - 1)::text, 9, '0') ELSE '' END"
    return {
        "dataAreaId": make.pick([str(each) for each in data.legal_entities], in_turn=True),
        "CustomerAccount": "'C-' || lpad(n::text, 9, '0')",
        "OrganizationName": name,
        "PartyType": "'Organization'",
        "LanguageId": "'en-us'",
        "PartyNumber": "'P-' || lpad(n::text, 9, '0')",
        "SalesCurrencyCode": make.pick(CURRENCIES),
        "CustomerGroupId": make.pick(GROUPS),
        "PaymentTerms": make.pick(TERMS),
        "InvoiceAccount": invoice if data.invoice_accounts else "''",
        "CreditLimit": f"({make.number(1_000_000)} / 100.0)",
        "CreditRating": make.pick(("A", "B", "C", "Excellent", "")),
        "CreditLimitIsMandatory": make.pick(("No", "Yes", "No")),
        "IsOneTimeCustomer": make.pick(("No", "No", "No", "Yes")),
        "OnHoldStatus": make.pick(_HOLDS),
        "InvoiceAddress": make.pick(("InvoiceAccount", "OrderAccount")),
        "OrganizationNumberOfEmployees": make.number(5000),
        "PaymentTermsBaseDays": make.number(31),
        "IdentificationNumber": f"'ID' || lpad({make.number(10**9)}::text, 10, '0')",
        "TaxExemptNumber": f"'TX' || {make.number(10**8)}",
        "PartyCountry": make.pick(_COUNTRIES),
        "PartyState": make.pick(_STATES),
        "SalesMemo": f"{make.pick(_MEMO)} || {make.pick(_MEMO)} || 'Customer since ' || (1990 + {make.number(35)})",
        **_address(make, "Invoice"),
        **_address(make, "Delivery"),
        **_contact(make, domain),
    }


def _address(make: _Maker, kind: str) -> dict[str, str]:
    street = f"{make.number(9000)} || ' ' || {make.pick(_STREETS)} || ', Suite ' || {make.number(400)}"
    return {
        f"{kind}AddressCity": make.pick(_CITIES),
        f"{kind}AddressCountryRegionISOCode": make.pick(("US", "DE", "DK", "CH", "GB", "ES", "NO")),
        f"{kind}AddressCounty": make.pick(("KING", "NORD", "SUED", "")),
        f"{kind}AddressLatitude": f"({make.number(180_000_000)} / 1000000.0 - 90)",
        f"{kind}AddressLongitude": f"({make.number(360_000_000)} / 1000000.0 - 180)",
        f"{kind}AddressState": make.pick(_STATES),
        f"{kind}AddressStreet": street,
        f"{kind}AddressZipCode": f"lpad({make.number(100_000)}::text, 5, '0')",
    }


def _contact(make: _Maker, domain: str) -> dict[str, str]:
    ways = {
        "Email": f"'info@' || {domain}",
        "Phone": f"'+1 425 ' || lpad({make.number(10**7)}::text, 7, '0')",
        "Fax": make.sometimes(2, f"'+1 425 ' || lpad({make.number(10**7)}::text, 7, '0')"),
        "URL": f"'https://www.' || {domain} || '/en-us/'",
        "Twitter": make.sometimes(2, f"'@' || {domain}"),
        "Facebook": make.sometimes(3, f"'https://facebook.example.com/' || {domain}"),
        "LinkedIn": make.sometimes(2, f"'https://linkedin.example.com/company/' || {domain}"),
    }
    columns = {f"PrimaryContact{way}": value for way, value in ways.items()}
    described = {f"PrimaryContact{way}Description": make.sometimes(2, f"'{way} of the head office'") for way in ways}
    extensions = {
        f"PrimaryContact{way}Extension": make.sometimes(4, make.number(1000) + "::text") for way in ("Phone", "Fax")
    }
    return {**columns, **described, **extensions}


class _Maker:
    """Expressions over ``n`` that look random, are the same at every run, and cost next to nothing."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0

    def number(self, below: int) -> str:
        self._made += 1
        spread = 7919 + 2 * (self._made * 104_729 + self._seed * 15_485_863)
        return f"((n * {spread}::bigint + {self._made * 1299709}) % {below})"

    def pick(self, words: Sequence[str], *, in_turn: bool = False) -> str:
        if len(words) == 1:
            return _literal(words[0])
        array = "ARRAY[" + ", ".join(map(_literal, words)) + "]"
        place = f"(n % {len(words)})" if in_turn else self.number(len(words))
        return f"({array})[1 + {place}]"

    def sometimes(self, one_in: int, expression: str) -> str:
        return f"CASE WHEN {self.number(1000)} < {1000 // one_in} THEN {expression} ELSE '' END"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
