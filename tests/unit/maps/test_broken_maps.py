"""Maps that are broken on purpose: each is refused with its code, at its line, with a way out; none crashes.

Most are shipped maps with one thing changed. Where not told otherwise, the finding is expected at the first line that
differs from the shipped file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pytest

from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import SOLUTIONS
from dualwrite.errors import MapRefused
from dualwrite.maps.compile import compile_map
from dualwrite.maps.findings import Finding
from dualwrite.maps.plan import Plan
from dualwrite.maps.text import line_of, parse_map
from dualwrite.metadata.schema import Side

CUSTOMERS = "finance/customers-accounts@1.0.0.0"
CONTACTS = "finance/contacts-of-customers@1.0.0.1"
GROUPS = "finance/customer-groups@1.0.0.0"
SCHEDULE_LINES = "finance/payment-schedule-lines@1.0.0.0"
TERMS = "finance/terms-of-payment@1.0.0.0"
CURRENCIES = "currency-exchange-rates/currencies@1.0.0.0"
RATES = "currency-exchange-rates/exchange-rates@1.0.0.1"
UNITS = "common/units@1.0.0.0"
WORKERS = "human-resources/workers@1.0.0.0"
PERIODS = "finance/fiscal-calendar-periods@1.0.0.0"
ORDERS = "supply-chain/sales-orders@1.0.0.0"
CATEGORIES = "supply-chain/product-categories@1.0.0.0"


@lru_cache
def shipped(name: str) -> str:
    return (SOLUTIONS / f"{name}.yaml").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Broken:
    """A shipped map in which ``old`` became ``new``; ``at`` is in the line of the finding."""

    base: str
    old: str
    new: str
    code: str
    at: str | None = None
    says: str = ""

    @property
    def text(self) -> str:
        assert shipped(self.base).count(self.old) == 1, self.old
        return shipped(self.base).replace(self.old, self.new)

    @property
    def line(self) -> int:
        broken = self.text.splitlines()
        if self.at is not None:
            return next(number for number, line in enumerate(broken, 1) if self.at in line)
        pairs = zip(broken, shipped(self.base).splitlines(), strict=False)
        return next(number for number, (ours, theirs) in enumerate(pairs, 1) if ours != theirs)


def instead(base: str, old: str, new: str, code: str, says: str = "") -> Broken:
    """One line replaced by another."""
    return Broken(base, f"- {old}\n", f"- {new}\n", code, says=says)


def added(base: str, after: str, new: str, code: str, says: str = "") -> Broken:
    """A line added behind another."""
    return Broken(base, f"- {after}\n", f"- {after}\n- {new}\n", code, says=says)


def without(base: str, line: str, code: str, at: str = "columns:", says: str = "") -> Broken:
    """A line taken out."""
    return Broken(base, f"- {line}\n", "", code, at, says)


ACCOUNT, NAME = "CUSTOMERACCOUNT = accountnumber", "ORGANIZATIONNAME = name"
LIMIT, RATING = "CREDITLIMIT = creditlimit", "CREDITRATING = msdyn_creditrating"
GROUP = "CUSTOMERGROUPID = msdyn_customergroupid.msdyn_groupid"
ONE_TIME = "ISONETIMECUSTOMER >< msdyn_onetimecustomer: {no: False, yes: True}"
STREET, TYPE = "DELIVERYADDRESSSTREET = address1_line1", "none >> customertypecode: 3"
PARTY, LANGUAGE = "PARTYTYPE << none: Organization", "LANGUAGEID << none: en-us"
CURRENCY = "SALESCURRENCYCODE = transactioncurrencyid.isocurrencycode"
COMPANION = "ASSOCIATEDCONTACTNUMBER = parentcustomerid.Account(accountnumber).Contact(msdyn_contactpersonid)"
GENDER = "GENDER >< gendercode: {male: 1, female: 2, nonSpecific: 192350000, unknown: 192350001}"
RECEIPT = "CONFIRMEDRECEIPTDATE = msdyn_confirmedreceiptdate"
FILTER, BACK_FILTER = '((PartyType == "Organization"))', "customertypecode eq 3"


def filtered(new: str, says: str = "") -> Broken:
    return Broken(CUSTOMERS, FILTER, new, "DIPV1012", "\nsource_filter"[1:], says)


def filtered_back(new: str, says: str = "") -> Broken:
    return Broken(CUSTOMERS, BACK_FILTER, new, "DIPV1012", "reversed_source_filter", says)


BROKEN: dict[str, Broken] = {
    # --- tables -------------------------------------------------------------------------------------------------------
    "a typo in the entity": Broken(GROUPS, "CustCustomerGroupEntity", "CustCustomerGroopEntity", "DIPV1021"),
    "a Dataverse table as entity": Broken(
        GROUPS, "CustCustomerGroupEntity", "msdyn_customergroup", "DIPV1021", "finops_e"
    ),
    "no entity": Broken(GROUPS, "CustCustomerGroupEntity", "''", "DIPV1021"),
    "a typo in the table": Broken(
        GROUPS, "dataverse_table: msdyn_customergroup", "dataverse_table: msdyn_group", "DIPV1022"
    ),
    "an entity as Dataverse table": Broken(
        CURRENCIES, "_table: transactioncurrency", "_table: CurrencyEntity", "DIPV1022"
    ),
    "a table of another solution": Broken(UNITS, "dataverse_table: uom", "dataverse_table: my_uom", "DIPV1022"),
    # --- scope --------------------------------------------------------------------------------------------------------
    "a company-specific entity and a global table": Broken(
        GROUPS, "dataverse_table: msdyn_customergroup", "dataverse_table: uom", "DIPV1002"
    ),
    "a global entity and a company-specific table": Broken(
        CURRENCIES, "dataverse_table: transactioncurrency", "dataverse_table: account", "DIPV1002"
    ),
    "the company of finance and operations": added(CUSTOMERS, ACCOUNT, "DATAAREAID = msdyn_partycountry", "DIPV1002"),
    "the company of Dataverse": added(CUSTOMERS, ACCOUNT, "PARTYTYPE > msdyn_company.cdm_companycode", "DIPV1002"),
    "the company as a constant": added(CUSTOMERS, TYPE, "none >> msdyn_company.cdm_companycode: usmf", "DIPV1002"),
    "the company in the key's lookup table": added(
        SCHEDULE_LINES, "LINENUMBER = msdyn_linenumber", "DATAAREAID > msdyn_company.cdm_companycode", "DIPV1002"
    ),
    # --- columns ------------------------------------------------------------------------------------------------------
    "a typo in an F&O column": instead(CUSTOMERS, NAME, "ORGANISATIONNAME = name", "DIPV1023"),
    "a Dataverse name on F&O's side": instead(CUSTOMERS, NAME, "name = name", "DIPV1023"),
    "a path on F&O's side": instead(CUSTOMERS, NAME, "PARTY.NAME = name", "DIPV1023"),
    "an F&O constant column that is not there": instead(CUSTOMERS, LANGUAGE, "LANGUAGE << none: en-us", "DIPV1023"),
    "a typo in a Dataverse column": instead(CUSTOMERS, NAME, "ORGANIZATIONNAME = nama", "DIPV1024"),
    "a Dataverse constant column that is not there": instead(CUSTOMERS, TYPE, "none >> customertype: 3", "DIPV1024"),
    "a lookup that is not there": instead(CUSTOMERS, GROUP, "CUSTOMERGROUPID = msdyn_group.msdyn_groupid", "DIPV1024"),
    "a column that is not behind the lookup": instead(
        CUSTOMERS, GROUP, "CUSTOMERGROUPID = msdyn_customergroupid.msdyn_groupnumber", "DIPV1024"
    ),
    "a path through a plain column": instead(CUSTOMERS, NAME, "ORGANIZATIONNAME = name.value", "DIPV1024"),
    "a second step that is no lookup": instead(
        CUSTOMERS, GROUP, "CUSTOMERGROUPID = msdyn_customergroupid.msdyn_groupid.msdyn_name", "DIPV1024"
    ),
    "a path that ends at a lookup": instead(
        CUSTOMERS, GROUP, "CUSTOMERGROUPID = msdyn_customergroupid.msdyn_paymenttermid", "DIPV1024"
    ),
    "a table that the lookup does not point to": instead(
        CONTACTS, COMPANION, "ASSOCIATEDCONTACTNUMBER = parentcustomerid.Vendor(msdyn_vendoraccountnumber)", "DIPV1024"
    ),
    "a second table that the lookup does not point to": instead(
        CONTACTS, COMPANION, "ASSOCIATEDCONTACTNUMBER = parentcustomerid.Account(accountnumber).Team(name)", "DIPV1024"
    ),
    "a wrong column in one of two tables": instead(
        CONTACTS,
        COMPANION,
        "ASSOCIATEDCONTACTNUMBER = parentcustomerid.Account(accountnumber).Contact(accountnumber)",
        "DIPV1024",
    ),
    "one table twice": instead(
        CONTACTS,
        COMPANION,
        "ASSOCIATEDCONTACTNUMBER = parentcustomerid.Account(accountnumber).Account(name)",
        "DIPV1024",
    ),
    "a lookup's lines in different tables": Broken(
        CONTACTS,
        f"- {COMPANION}\n",
        "- ASSOCIATEDCONTACTNUMBER = parentcustomerid.Account(accountnumber)\n"
        "- CONTACTPERSONPARTYNUMBER > parentcustomerid.Contact(msdyn_contactpersonid)\n",
        "DIPV1024",
        "- CONTACTPERSONPARTYNUMBER > parentcustomerid",
        "different tables",
    ),
    "a lookup itself": instead(CUSTOMERS, GROUP, "CUSTOMERGROUPID = msdyn_customergroupid", "DIPV1030", "is a lookup"),
    "a lookup itself as a constant": instead(CUSTOMERS, TYPE, "none >> transactioncurrencyid: USD", "DIPV1030"),
    # --- read-only and mandatory --------------------------------------------------------------------------------------
    "the creation date": added(CUSTOMERS, NAME, "ADDRESSVALIDFROM > createdon", "DIPV1011"),
    "the creation date both ways": added(CUSTOMERS, NAME, "ADDRESSVALIDFROM = modifiedon", "DIPV1011"),
    "a constant creation date": added(CUSTOMERS, NAME, "none >> createdon: 2024-01-31", "DIPV1011"),
    "a mandatory F&O column": without(CUSTOMERS, CURRENCY, "DIPV1031", says="SalesCurrencyCode"),
    "a mandatory F&O lookup key": without(CUSTOMERS, GROUP, "DIPV1031", says="CustomerGroupId"),
    "a mandatory F&O column one way": instead(CUSTOMERS, GROUP, GROUP.replace("=", ">"), "DIPV1031"),
    # --- duplicates ---------------------------------------------------------------------------------------------------
    "a pair twice": added(CUSTOMERS, STREET, STREET, "DIPV1029"),
    "a pair twice in other letters": added(CUSTOMERS, STREET, "DeliveryAddressStreet = ADDRESS1_LINE1", "DIPV1029"),
    "a pair twice in two directions": added(CUSTOMERS, STREET, STREET.replace("=", ">"), "DIPV1029"),
    "a lookup pair twice": added(CUSTOMERS, GROUP, GROUP, "DIPV1029"),
    "a constant twice": added(CUSTOMERS, TYPE, TYPE, "DIPV1029"),
    "a Dataverse column from two": added(CUSTOMERS, STREET, "INVOICEADDRESS > address1_line1", "DIPV1026"),
    "a Dataverse column from one and a constant": added(CUSTOMERS, STREET, "none >> address1_line1: x", "DIPV1026"),
    "a lookup path from two": added(
        CUSTOMERS, GROUP, "PARTYNUMBER > msdyn_customergroupid.msdyn_groupid", "DIPV1026", "msdyn_customergroupid."
    ),
    "a lookup path from one and a constant": added(
        CUSTOMERS, CURRENCY, "none >> transactioncurrencyid.isocurrencycode: USD", "DIPV1026"
    ),
    "an F&O column from two": added(CUSTOMERS, STREET, "DELIVERYADDRESSSTREET < address1_line3", "DIPV1025"),
    "an F&O column from one and a constant": added(CUSTOMERS, STREET, "DELIVERYADDRESSSTREET << none: x", "DIPV1025"),
    "an F&O column from a column and a lookup": added(
        CUSTOMERS, GROUP, "CUSTOMERGROUPID < msdyn_partystateprovince", "DIPV1025"
    ),
    # --- types --------------------------------------------------------------------------------------------------------
    "a number into a yes or no": instead(CUSTOMERS, LIMIT, "CREDITLIMIT = creditonhold", "DIPV1030"),
    "a text into a lookup's id": instead(CUSTOMERS, LIMIT, "CREDITLIMIT = primarycontactid.contactid", "DIPV1030"),
    "an amount into a choice": added(CUSTOMERS, LIMIT, "CREDITLIMIT > industrycode", "DIPV1030"),
    "a date into a number": instead(WORKERS, "BIRTHDATE = cdm_birthdate", "BIRTHDATE = cdm_status", "DIPV1030"),
    "a moment into a choice": added(CUSTOMERS, NAME, "ADDRESSVALIDFROM > industrycode", "DIPV1030"),
    "a status that no option is named after": instead(
        CUSTOMERS, ONE_TIME, "ISONETIMECUSTOMER = industrycode", "DIPV1030"
    ),
    "a rate from a date": instead(RATES, "RATE > msdyn_exchangerate", "VALIDFROM > msdyn_exchangerate", "DIPV1030"),
    "a choice into a date": instead(
        PERIODS, "STARTDATE = msdyn_startdate", "STARTDATE = msdyn_fiscalperiodtype", "DIPV1030"
    ),
    # --- constants ----------------------------------------------------------------------------------------------------
    "a constant that is no option": instead(CUSTOMERS, TYPE, "none >> customertypecode: 99", "DIPV1018", "99"),
    "a constant that is no label": instead(CUSTOMERS, TYPE, "none >> customertypecode: many", "DIPV1018"),
    "a constant that is no number": added(CUSTOMERS, TYPE, "none >> msdyn_paymenttermsbasedays: ten", "DIPV1026"),
    "a constant that is no amount": instead(CUSTOMERS, LIMIT, "none >> creditlimit: 1e3", "DIPV1018"),
    "an amount with a thousands separator": instead(CUSTOMERS, LIMIT, 'none >> creditlimit: "1,000"', "DIPV1018"),
    "an amount with an underscore": instead(CUSTOMERS, LIMIT, "none >> creditlimit: 1_000", "DIPV1018"),
    "an amount in other digits": instead(CUSTOMERS, LIMIT, "none >> creditlimit: ١٢", "DIPV1018"),
    "a constant that is no yes or no": added(CUSTOMERS, TYPE, "none >> creditonhold: maybe", "DIPV1018"),
    "a constant that is no date": instead(
        WORKERS, "BIRTHDATE = cdm_birthdate", "none >> cdm_birthdate: 2024-02-30", "DIPV1018"
    ),
    "a constant with the day first": instead(
        WORKERS, "BIRTHDATE = cdm_birthdate", "none >> cdm_birthdate: 31/1/2024", "DIPV1018"
    ),
    "a constant that is too long": instead(CUSTOMERS, NAME, f"none >> name: {'x' * 161}", "DIPV1018", "161 characters"),
    "a constant that is no member": instead(
        CUSTOMERS, PARTY, "PARTYTYPE << none: Team of two", "DIPV1018", "no member"
    ),
    "a constant for F&O that points to Dataverse": instead(
        CUSTOMERS, PARTY, "PARTYTYPE >> none: Organization", "DIPV1018", "wrong way"
    ),
    "a constant for Dataverse that points to F&O": instead(
        CUSTOMERS, TYPE, "none << customertypecode: 3", "DIPV1018", "wrong way"
    ),
    "two constants on a line": instead(
        CUSTOMERS, TYPE, "none >> customertypecode: [3, 12]", "DIPV1018", "one constant"
    ),
    "a value map on a line with one column": instead(
        CUSTOMERS, TYPE, "none >> customertypecode: {a: 3}", "DIPV1020", "needs a constant"
    ),
    "a constant behind a lookup that does not fit": instead(
        CUSTOMERS, CURRENCY, "none >> transactioncurrencyid.isocurrencycode: US Dollar and more", "DIPV1018"
    ),
    "a constant behind a lookup that points back": added(
        CUSTOMERS, CURRENCY, "none << msdyn_paymentday.msdyn_name: x", "DIPV1018"
    ),
    "a default that does not fit one of the ways": instead(
        CUSTOMERS, LIMIT, "CREDITLIMIT >< creditlimit: x", "DIPV1018"
    ),
    "two defaults on a line": instead(CUSTOMERS, RATING, f"{RATING.replace('=', '><')}: [a, b]", "DIPV1018", "two"),
    # --- value maps ---------------------------------------------------------------------------------------------------
    "a member that is not there": instead(CUSTOMERS, ONE_TIME, ONE_TIME.replace("yes:", "yep:"), "DIPV1018", "'yep'"),
    "an option that is not there": instead(CONTACTS, GENDER, GENDER.replace("2,", "77,"), "DIPV1018", "'77'"),
    "a yes or no that is neither": instead(CUSTOMERS, ONE_TIME, ONE_TIME.replace("True", "Maybe"), "DIPV1018"),
    "two members for one option, both ways": instead(
        CONTACTS, GENDER, GENDER.replace("unknown: 192350001", "unknown: 192350000"), "DIPV1018", "stands in pairs with"
    ),
    "a member with two options": instead(
        CONTACTS, GENDER, GENDER.replace("unknown:", "male:"), "DIPV1018", "'male' stands in pairs with '1' and"
    ),
    "two options for one member on the way back": instead(
        CUSTOMERS, ONE_TIME, "ISONETIMECUSTOMER << msdyn_onetimecustomer: {no: True, yes: True}", "DIPV1018"
    ),
    "a text with two counterparts": instead(
        CUSTOMERS, RATING, "CREDITRATING >> msdyn_creditrating: {good: A, GOOD: B}", "DIPV1018", "'good' stands in"
    ),
    "two texts for one, both ways": instead(
        CUSTOMERS, RATING, "CREDITRATING >< msdyn_creditrating: {good: A, fair: a}", "DIPV1018"
    ),
    "a text too long for its column": instead(
        CUSTOMERS, RATING, f"CREDITRATING >> msdyn_creditrating: {{good: {'A' * 400}}}", "DIPV1018", "400 characters"
    ),
    "no pairs": instead(CUSTOMERS, RATING, "CREDITRATING >> msdyn_creditrating: {}", "DIPV1018", "without pairs"),
    "passing what has no conversion": instead(
        CUSTOMERS,
        LIMIT,
        "CREDITLIMIT >> creditonhold: {value map: {1: yes}, unmapped: pass through}",
        "DIPV1018",
        "cannot pass through",
    ),
    "two value maps": instead(
        CUSTOMERS, RATING, "CREDITRATING >> msdyn_creditrating: [{a: b}, {c: d}]", "DIPV1018", "two transforms"
    ),
    "a pair of dates that are none": instead(
        WORKERS, "BIRTHDATE = cdm_birthdate", "BIRTHDATE >> cdm_birthdate: {13/13/2000: 1/1/2000}", "DIPV1018"
    ),
    # --- truncation and time zones ------------------------------------------------------------------------------------
    "truncating a number": instead(CUSTOMERS, LIMIT, "CREDITLIMIT >< creditlimit: {truncate: {}}", "DIPV1018", "texts"),
    "truncating to nothing": instead(CUSTOMERS, NAME, "ORGANIZATIONNAME >> name: {truncate: {to: 0}}", "DIPV1018"),
    "truncating to more than fits": instead(
        CUSTOMERS, NAME, "ORGANIZATIONNAME >> name: {truncate: {to: 161}}", "DIPV1018", "holds 160"
    ),
    "an unknown time zone": instead(
        WORKERS, "BIRTHDATE = cdm_birthdate", "BIRTHDATE >< cdm_birthdate: {time zone: {name: Mars/Base}}", "DIPV1018"
    ),
    "a path as time zone": instead(
        WORKERS, "BIRTHDATE = cdm_birthdate", "BIRTHDATE >< cdm_birthdate: {time zone: {name: ../../etc}}", "DIPV1018"
    ),
    "a time zone between two dates": instead(
        WORKERS, "BIRTHDATE = cdm_birthdate", "BIRTHDATE >< cdm_birthdate: {time zone: {name: UTC}}", "DIPV1018", "days"
    ),
    "a time zone between two moments": instead(
        ORDERS, RECEIPT, "CONFIRMEDRECEIPTDATE >< msdyn_url: {time zone: {name: UTC}}", "DIPV1018"
    ),
    # --- keys ---------------------------------------------------------------------------------------------------------
    "a key column left out": without(CUSTOMERS, ACCOUNT, "DIPV1004", says="account.accountnumber"),
    "a key lookup left out": without(
        SCHEDULE_LINES, "PAYMENTSCHEDULENAME = msdyn_paymentschedule.msdyn_name", "DIPV1004"
    ),
    "a key column that only F&O's constant fills": instead(
        CUSTOMERS, ACCOUNT, "none >> accountnumber: A", "DIPV1028", "accountnumber"
    ),
    "a key column mapped one way": instead(CUSTOMERS, ACCOUNT, "CUSTOMERACCOUNT > accountnumber", "DIPV1015"),
    "a key column mapped the other way": instead(CUSTOMERS, ACCOUNT, "CUSTOMERACCOUNT < accountnumber", "DIPV1015"),
    "a key lookup mapped one way": instead(
        SCHEDULE_LINES,
        "PAYMENTSCHEDULENAME = msdyn_paymentschedule.msdyn_name",
        "PAYMENTSCHEDULENAME > msdyn_paymentschedule.msdyn_name",
        "DIPV1015",
    ),
    "F&O's key left out": without(GROUPS, "CUSTOMERGROUPID = msdyn_groupid", "DIPV1027"),
    "F&O's key mapped the other way": instead(
        GROUPS, "CUSTOMERGROUPID = msdyn_groupid", "CUSTOMERGROUPID > msdyn_groupid", "DIPV1027"
    ),
    "a part of F&O's key left out": without(
        SCHEDULE_LINES, "LINENUMBER = msdyn_linenumber", "DIPV1027", says="LineNumber"
    ),
    "a table without a key": Broken(
        UNITS, "dataverse_table: uom", "dataverse_table: uomschedule", "DIPV1003", "columns:"
    ),
    "a key of columns that are not there": Broken(
        CUSTOMERS, "columns:", "integration_key: [accountnumbre]\ncolumns:", "DIPV1014", "integration_key"
    ),
    "a key of which one column is not there": Broken(
        CUSTOMERS, "columns:", "integration_key:\n- accountnumber\n- nothing\ncolumns:", "DIPV1014", "- nothing"
    ),
    "a key that is no path": Broken(
        CUSTOMERS, "columns:", "integration_key: [a..b]\ncolumns:", "DIPV1014", "integration_key"
    ),
    "a key of the company only": Broken(
        CUSTOMERS, "columns:", "integration_key: [msdyn_company]\ncolumns:", "DIPV1003", "integration_key"
    ),
    "an empty key": Broken(CUSTOMERS, "columns:", "integration_key: []\ncolumns:", "DIPV1003", "integration_key"),
    "a key of a column that is not mapped": Broken(
        CUSTOMERS, "columns:", "integration_key: [telephone3]\ncolumns:", "DIPV1004", "integration_key"
    ),
    "a key of a constant": Broken(
        CUSTOMERS, "columns:", "integration_key: [customertypecode]\ncolumns:", "DIPV1028", "customertypecode: 3"
    ),
    "a key through a lookup whose own key is half mapped": Broken(
        "supply-chain/product-category-assignments@1.0.0.0",
        "- PRODUCTCATEGORYHIERARCHYNAME = msdyn_productcategory.msdyn_hierarchy.msdyn_name\n",
        "",
        "DIPV1004",
        "msdyn_productcategory.msdyn_name",
        "msdyn_hierarchy",
    ),
    # --- lines --------------------------------------------------------------------------------------------------------
    "no lines": Broken(GROUPS, shipped(GROUPS)[shipped(GROUPS).index("columns:") :], "columns: []\n", "DIPV1020"),
    # --- filters ------------------------------------------------------------------------------------------------------
    "an open bracket": filtered('((PartyType == "Organization")', "(at character"),
    "an open quote": filtered('(PartyType == "Organization)', "(at character 15)"),
    "a comparison without a value": filtered("(PartyType == )", "(at character 15)"),
    "two comparisons without a word between": filtered('(PartyType == "Person") (CreditLimit > 1)', "(at character"),
    "OData in F&O": filtered("PartyType eq 'Organization'", "(at character"),
    "a filter on a column that is not there": filtered('(PartyKind == "Organization")', "(at character 2)"),
    "a filter on a column that is not carried": filtered("(WarehouseId == 'x')".replace("'", '"'), "not carried"),
    "a second column that is not carried": filtered(
        '(PartyType == "Organization") && (WarehouseId == "x")', "(at character 35)"
    ),
    "a filter on a member that is not there": filtered('(PartyType == "Alien")', "Alien"),
    "a filter that compares a text with a date": filtered('(CreditLimit == "soon")', "CreditLimit"),
    "garbage": filtered("'%%%'", "(at character 1)"),
    "a closing bracket too many": filtered_back("customertypecode eq 3)", "(at character 22)"),
    "an unknown operator": filtered_back("customertypecode is 3", "(at character"),
    "an unknown function": filtered_back("length(name) eq 3", "length"),
    "a Dataverse column that is not there": filtered_back("customerkind eq 3", "(at character 1)"),
    "a Dataverse column that is not carried": filtered_back("telephone3 eq 'x'", "not carried"),
    "a lookup that is not carried": filtered_back("preferredsystemuserid/fullname eq 'x'", "not carried"),
    "an option that is no number": filtered_back("customertypecode eq 'three'", "(at character"),
    "a range expression in Dataverse": filtered_back("(customertypecode == 3)", "(at character"),
    "an and without a second half": filtered_back("customertypecode eq 3 and", "(at character"),
}


def findings_of(text: str) -> tuple[Finding, ...]:
    found = compile_map(parse_map(text), finops=load_schema(Side.FINOPS), dataverse=load_schema(Side.DATAVERSE))
    assert not isinstance(found, Plan), "the map is not refused"
    return found


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_map_is_refused_at_its_line(broken: Broken) -> None:
    found = [
        (each.code.value, line_of(broken.text, each.path), each.message)
        for each in findings_of(broken.text)
        if each.is_error
    ]
    assert any(
        (code, line) == (broken.code, broken.line) and broken.says in message for code, line, message in found
    ), f"expected {broken.code} at line {broken.line}, found {found}"


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_map_is_refused_for_few_reasons_with_a_way_out(broken: Broken) -> None:
    found = findings_of(broken.text)
    assert all(each.remedy.endswith(".") for each in found)


def test_there_are_more_than_a_hundred() -> None:
    assert len(BROKEN) >= 110


NO_MAPS = {
    "a symbol that is none": instead(CUSTOMERS, NAME, "ORGANIZATIONNAME => name", "", "is not a column mapping"),
    "one column": instead(CUSTOMERS, NAME, "ORGANIZATIONNAME", "", "is not a column mapping"),
    "no column": instead(CUSTOMERS, NAME, "none >> none: 3", "", "names no column"),
    "three columns": instead(CUSTOMERS, NAME, "ORGANIZATIONNAME = name = name", "", "is not a column mapping"),
    "a symbol that needs a transform": instead(CUSTOMERS, NAME, "ORGANIZATIONNAME >< name", "", "write = for"),
    "a symbol that takes no transform": instead(
        CUSTOMERS, NAME, "ORGANIZATIONNAME = name: x", "", "takes no transform"
    ),
    "a broken path": instead(CUSTOMERS, NAME, "ORGANIZATIONNAME = name.", "", "is not a column path"),
    "a broken polymorphic path": instead(CONTACTS, COMPANION, COMPANION.rstrip(")"), "", "is not a column path"),
    "an unknown transform": instead(
        CUSTOMERS, NAME, "ORGANIZATIONNAME >> name: {upper: {}}", "", "no transform 'upper'"
    ),
    "a truncation to words": instead(
        CUSTOMERS, NAME, "ORGANIZATIONNAME >> name: {truncate: {to: ten}}", "", "a number"
    ),
    "an unknown rule": instead(
        CUSTOMERS, NAME, "ORGANIZATIONNAME >> name: {value map: {a: b}, unmapped: drop}", "", "not 'drop'"
    ),
    "an unknown key": Broken(CUSTOMERS, "publisher: dualwrite", "author: dualwrite", "", says="unknown key 'author'"),
    "a version of three numbers": Broken(CUSTOMERS, "version: 1.0.0.0", "version: 1.0.0", "", says="not a version"),
    "a wrong exit": Broken(CUSTOMERS, "columns:", "on_filter_exit: hide\ncolumns:", "", says="keep or delete"),
}


@pytest.mark.parametrize("broken", NO_MAPS.values(), ids=NO_MAPS)
def test_what_is_no_map_is_refused_at_its_line(broken: Broken) -> None:
    with pytest.raises(MapRefused) as refusal:
        parse_map(broken.text, file="m.yaml")
    assert refusal.value.details["line"] == broken.line
    assert broken.says in refusal.value.message
