"""Writes the core solution's map files from a folder of published mapping tables.

Run as ``python tools/build_maps.py REFERENCE_DIR``. The columns are those of the customer cluster before the party
model; the pages of that time name transforms without giving them, so value maps and constants come from the newer
page of the same map, from another map of the same enumeration, or are replaced by a plain copy where the types allow
it. Whatever is not taken over as it stands carries a comment in the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.values import (
    MAP_TYPES,
    ColumnMapping,
    Default,
    MapVersion,
    SyncDirection,
    Transform,
    ValueMap,
    Version,
)

OUT = Path(__file__).parent.parent / "src" / "dualwrite" / "catalog" / "solutions" / "core"
PUBLISHER = "dualwrite"
VERSION = Version(1)

_GENDER = ValueMap((("male", "1"), ("female", "2"), ("nonSpecific", "192350000"), ("unknown", "192350001")))
_MARITAL = ValueMap((("single", "1"), ("married", "2"), ("divorced", "3"), ("widowhood", "4")))
_BY_NAME = "value map not published; both sides hold the member's name, so it is copied"
_PLAIN = "published as >> without a value map; both sides are decimals, so it is copied"
_DIRECT_MAIL = 'as published, though yes to direct mail becomes "do not email"'
_GENDER_NOTE = "value map of the parties' gender; None becomes empty"
_MARITAL_NOTE = "value map of the parties' marital status; None becomes empty, the other side knows no other members"


class _Line(TypedDict):
    finops: str | None
    map_type: str
    dataverse: str | None
    default: str | None
    value_map: dict[str, str] | None


class _Page(TypedDict):
    name: str
    source_filter: str
    reversed_source_filter: str
    columns: list[_Line]


@dataclass(frozen=True)
class Mend:
    """What to write instead of a published transform that is not given, and why."""

    direction: SyncDirection
    transforms: tuple[Transform, ...]
    reason: str


@dataclass(frozen=True)
class Source:
    """One map to write: ``id`` names the file, ``page`` the published table, ``current`` takes the newer page's
    columns."""

    id: str
    page: str
    description: str
    current: bool = False


@dataclass(frozen=True)
class Commented:
    """A column with the comment that stands above it in the file."""

    mapping: ColumnMapping
    comment: str | None = None


MENDS: Mapping[tuple[str, str], Mend] = {
    ("INVOICEADDRESS", "msdyn_invoiceaddress"): Mend(SyncDirection.BOTH, (), _BY_NAME),
    ("LANGUAGEID", "msdyn_language"): Mend(SyncDirection.BOTH, (), "value map not published; both sides hold the code"),
    ("PERSONMARITALSTATUS", "msdyn_maritalstatus"): Mend(SyncDirection.BOTH, (), _BY_NAME),
    ("PERSONGENDER", "msdyn_gender"): Mend(SyncDirection.BOTH, (), _BY_NAME),
    ("ADDRESSLATITUDE", "msdyn_addresslatitude"): Mend(SyncDirection.TO_DATAVERSE, (), _PLAIN),
    ("ADDRESSLONGITUDE", "msdyn_addresslongitude"): Mend(SyncDirection.TO_DATAVERSE, (), _PLAIN),
    ("DELIVERYADDRESSLONGITUDE", "address3_longitude"): Mend(SyncDirection.TO_DATAVERSE, (), _PLAIN),
    ("PERSONGENDER", "gendercode"): Mend(SyncDirection.BOTH, (_GENDER,), _GENDER_NOTE),
    ("GENDER", "gendercode"): Mend(SyncDirection.BOTH, (_GENDER,), _GENDER_NOTE),
    ("PERSONMARITALSTATUS", "familystatuscode"): Mend(SyncDirection.BOTH, (_MARITAL,), _MARITAL_NOTE),
    ("MARITALSTATUS", "familystatuscode"): Mend(SyncDirection.BOTH, (_MARITAL,), _MARITAL_NOTE),
}

SOURCES: Sequence[Source] = (
    Source("legal-entities", "Legalentities--cdm_companies", "Companies, created in finance and operations.", True),
    Source("currencies", "Currencies--transactioncurrencies", "Currencies, by ISO code."),
    Source("units", "Units--uoms", "Units of measure, kept in finance and operations.", True),
    Source("name-affixes", "Nameaffixes--msdyn_nameaffixes", "Personal prefixes and suffixes."),
    Source("payment-days", "PaymentdaysCDS--msdyn_paymentdays", "Payment days."),
    Source("payment-day-lines", "PaymentdaylinesCDSV2--msdyn_paymentdaylines", "The days of each payment day."),
    Source("payment-schedules", "Paymentschedule--msdyn_paymentschedules", "Payment schedules."),
    Source(
        "payment-schedule-lines", "Paymentschedulelines--msdyn_paymentschedulelines", "The lines of payment schedules."
    ),
    Source("terms-of-payment", "Termsofpayment--msdyn_paymentterms", "Terms of payment."),
    Source("customer-payment-methods", "Customerpaymentmethod--msdyn_customerpaymentmethods", "How customers pay."),
    Source("vendor-payment-methods", "Vendorpaymentmethod--msdyn_vendorpaymentmethods", "How vendors are paid.", True),
    Source("sales-tax-groups", "Salestaxgroups--msdyn_taxgroups", "Sales tax groups.", True),
    Source("customer-groups", "Customergroups--msdyn_customergroups", "Customer groups."),
    Source("vendor-groups", "Vendorgroups--msdyn_vendorgroups", "Vendor groups."),
    Source("vendors", "VendorsV2--msdyn_vendors", "Vendors of both party types, with the primary address."),
    Source("customers-accounts", "CustomersV3--accounts", "Customers that are organizations."),
    Source("customers-contacts", "CustomersV3--contacts", "Customers that are persons."),
    Source("contacts-of-vendors", "CDSContactsV2--contacts", "Contact persons of vendors."),
)
CONTACTS_OF_CUSTOMERS = "contacts-of-customers"


def main() -> None:
    reference = Path(sys.argv[1])
    names: dict[str, dict[str, str]] = json.loads((reference / "schemas" / "map_index.json").read_text())
    OUT.mkdir(parents=True, exist_ok=True)
    order: list[str] = []
    for source in SOURCES:
        older = _page(reference / "table_maps" / "older_includes", source.page)
        current = _page(reference / "table_maps", source.page)
        entities = names[f"table_maps/{source.page}.json"]
        columns = list(_columns(current if source.current else older, current))
        version = MapVersion(
            name=older["name"],
            version=VERSION,
            publisher=PUBLISHER,
            finops_entity=entities["finops"],
            dataverse_table=entities["dataverse"],
            source_filter=" ".join(older["source_filter"].strip("`").split()),
            reversed_source_filter=" ".join(older["reversed_source_filter"].split()),
            columns=tuple(each.mapping for each in columns),
            description=source.description,
        )
        if source.page.startswith("CDSContactsV2"):
            inferred = _contacts_of_customers(version, columns)
            _write(CONTACTS_OF_CUSTOMERS, *inferred)
            order.append(CONTACTS_OF_CUSTOMERS)
        _write(source.id, version, columns)
        order.append(source.id)
    _write_manifest(order)


def _page(folder: Path, page: str) -> _Page:
    content: _Page = json.loads((folder / f"{page}.json").read_text(encoding="utf-8"))
    return content


def _columns(page: _Page, current: _Page) -> Iterator[Commented]:
    newer = {(line["finops"], line["dataverse"]): line for line in current["columns"]}
    for line in page["columns"]:
        yield _column(line, newer.get((line["finops"], line["dataverse"]), line))


def _column(line: _Line, newer: _Line) -> Commented:
    direction, transformed = MAP_TYPES[line["map_type"]]
    finops, dataverse = line["finops"], line["dataverse"]
    if not transformed:
        return Commented(ColumnMapping(finops, dataverse, direction))
    constant = newer["default"] if newer["default"] is not None else line["default"]
    if constant is not None:
        return Commented(ColumnMapping(finops, dataverse, direction, (Default(constant),)))
    if newer["value_map"] is not None:
        comment = _DIRECT_MAIL if dataverse == "donotemail" else None
        value_map = ValueMap(tuple(newer["value_map"].items()))
        return Commented(ColumnMapping(finops, dataverse, direction, (value_map,)), comment)
    mend = MENDS[str(finops), str(dataverse)]
    return Commented(ColumnMapping(finops, dataverse, mend.direction, mend.transforms), mend.reason)


def _contacts_of_customers(
    vendors: MapVersion, columns: Sequence[Commented]
) -> tuple[MapVersion, Sequence[Commented], str]:
    """The sibling of the vendors' contact map, which is documented but not published."""
    changed: dict[str, ColumnMapping] = {
        "ASSOCIATEDCONTACTTYPE": ColumnMapping(
            "ASSOCIATEDCONTACTTYPE", None, SyncDirection.TO_FINOPS, (Default("Customer"),)
        ),
        "msdyn_contactforvendor": ColumnMapping(
            None, "msdyn_contactforvendor", SyncDirection.TO_DATAVERSE, (Default("False"),)
        ),
        "ASSOCIATEDCONTACTNUMBER": ColumnMapping(
            "ASSOCIATEDCONTACTNUMBER", "parentcustomerid.Account(accountnumber).Contact(msdyn_contactpersonid)"
        ),
    }
    note = "inferred: a contact's customer is an account or, for customers that are persons, a contact"
    kept = [
        Commented(
            changed.get(str(each.mapping.finops), changed.get(str(each.mapping.dataverse), each.mapping)),
            note if each.mapping.finops == "ASSOCIATEDCONTACTNUMBER" else each.comment,
        )
        for each in columns
    ]
    version = replace(
        vendors,
        name="CDS Contacts V2 (contacts of customers)",
        source_filter="(AssociatedContactType = 0)",
        reversed_source_filter=vendors.reversed_source_filter.replace("eq true", "eq false", 1),
        columns=tuple(each.mapping for each in kept),
        description="Contact persons of customers.",
    )
    head = "Inferred: two published maps share a name, and only the one for contacts of vendors can be read."
    return version, kept, head


def _write(id: str, version: MapVersion, columns: Sequence[Commented], head: str = "") -> None:
    lines: list[str] = [f"# {head}"] if head else []
    comments = iter(columns)
    for line in render_map(version).splitlines():
        comment = next(comments).comment if line.startswith("- ") else None
        if comment is not None:
            lines.append(f"# {comment}")
        lines.append(line)
    text = "\n".join(lines) + "\n"
    assert parse_map(text, file=id) == version
    (OUT / f"{id}.yaml").write_text(text, encoding="utf-8")


def _write_manifest(order: Sequence[str]) -> None:
    lines = [
        "name: core",
        "display_name: Core maps",
        f"version: {VERSION}",
        f"publisher: {PUBLISHER}",
        "description: Companies, customers, vendors, their contacts, and the reference data they look up.",
        "# In the order of a first run: what is looked up comes before what looks it up.",
        "maps:",
        *(f"- {id}" for id in order),
    ]
    (OUT / "solution.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
