"""Commands as the tests speak: customers, accounts, groups and contacts in few words."""

from __future__ import annotations

from uuid import UUID

from dualwrite.environments.port import CommandValue, Create, Delete, RecordKey, Reference, Update
from linked_pair import LinkedPair

CUSTOMER = "CustCustomerV3Entity"
PERSON = "smmContactPersonCDSV2Entity"
GROUP = "CustCustomerGroupEntity"


def customer(account: str, *, company: str = "usmf", **values: CommandValue) -> Create:
    given: dict[str, CommandValue] = {
        "dataAreaId": company,
        "CustomerAccount": account,
        "CustomerGroupId": "10",
        "SalesCurrencyCode": "USD",
        "PartyType": "Organization",
        "OrganizationName": f"Customer {account}",
    }
    return Create(CUSTOMER, {**given, **values})


def customer_key(account: str, company: str = "usmf") -> RecordKey:
    return RecordKey((("dataAreaId", company), ("CustomerAccount", account)))


def change_customer(account: str, *, company: str = "usmf", **values: CommandValue) -> Update:
    return Update(CUSTOMER, customer_key(account, company), values)


def delete_customer(account: str, company: str = "usmf") -> Delete:
    return Delete(CUSTOMER, customer_key(account, company))


def person(number: str, of: str, *, company: str = "usmf", kind: str = "Customer", **values: CommandValue) -> Create:
    given: dict[str, CommandValue] = {
        "dataAreaId": company,
        "ContactPersonId": number,
        "AssociatedContactType": kind,
        "AssociatedContactNumber": of,
        "FirstName": "Ada",
        "LastName": number,
    }
    return Create(PERSON, {**given, **values})


def person_key(number: str, company: str = "usmf") -> RecordKey:
    return RecordKey((("dataAreaId", company), ("ContactPersonId", number)))


def group(number: str, *, company: str = "usmf", **values: CommandValue) -> Create:
    return Create(GROUP, {"dataAreaId": company, "CustomerGroupId": number, **values})


def group_key(number: str, company: str = "usmf") -> RecordKey:
    return RecordKey((("dataAreaId", company), ("CustomerGroupId", number)))


def company(code: str = "usmf") -> Reference:
    return Reference("cdm_company", RecordKey((("cdm_companycode", code),)))


def by_code(table: str, column: str, value: str, code: str = "usmf") -> Reference:
    """A Dataverse row by its alternate key."""
    return Reference(table, RecordKey(((column, value), ("msdyn_company", company(code)))))


def account(number: str | None, *, code: str | None = "usmf", **values: CommandValue) -> Create:
    given: dict[str, CommandValue] = {"accountnumber": number, "name": f"Account {number}", "customertypecode": 3}
    if code is not None:
        given |= {
            "msdyn_company": company(code),
            "msdyn_customergroupid": by_code("msdyn_customergroup", "msdyn_groupid", "10", code),
            "transactioncurrencyid": Reference("transactioncurrency", RecordKey((("isocurrencycode", "USD"),))),
        }
    return Create("account", {**given, **values})


def account_key(number: str, code: str = "usmf") -> RecordKey:
    return RecordKey((("accountnumber", number), ("msdyn_company", company(code))))


def change_account(number: str, *, code: str = "usmf", **values: CommandValue) -> Update:
    return Update("account", account_key(number, code), values)


def by_id(table: str, row_id: object) -> RecordKey:
    assert isinstance(row_id, UUID)
    return RecordKey(((f"{table}id", row_id),))


async def customers(pair: LinkedPair, account: str, code: str = "usmf") -> int:
    return len(await pair.rows("finops", CUSTOMER, dataAreaId=code, CustomerAccount=account))


async def accounts(pair: LinkedPair, number: str, code: str = "usmf") -> int:
    return len(await pair.rows("dataverse", "account", accountnumber=number, msdyn_company=await pair.company_id(code)))
