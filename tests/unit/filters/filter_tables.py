"""Two small environments to bind filters against."""

from __future__ import annotations

from dualwrite.metadata.schema import Column, ColumnType, Enumeration, EnvironmentSchema, Side, Table

CUSTOMERS = Table(
    side=Side.FINOPS,
    name="CustCustomerV3Entity",
    entity_set="CustomersV3",
    label="Customers V3",
    key=("dataAreaId", "CustomerAccount"),
    company_column="dataAreaId",
    columns=(
        Column("dataAreaId", ColumnType.STRING, length=4),
        Column("CustomerAccount", ColumnType.STRING, length=20),
        Column("Name", ColumnType.STRING, length=100),
        Column("NameAlias", ColumnType.STRING, length=20),
        Column(
            "PartyType",
            ColumnType.ENUM,
            enumeration=Enumeration("DirPartyType", (("None", 0), ("Person", 1), ("Organization", 2))),
        ),
        Column("OnHold", ColumnType.ENUM, enumeration=Enumeration("NoYes", (("No", 0), ("Yes", 1)))),
        Column("CreditLimit", ColumnType.MONEY),
        Column("Priority", ColumnType.INTEGER),
        Column("BirthDate", ColumnType.DATE),
        Column("ChangedAt", ColumnType.DATETIME),
        Column("PartyGuid", ColumnType.GUID),
    ),
)
FINOPS = EnvironmentSchema(Side.FINOPS, (CUSTOMERS,))

ACCOUNTS = Table(
    side=Side.DATAVERSE,
    name="account",
    entity_set="accounts",
    label="Account",
    key=("accountid",),
    primary_name="name",
    columns=(
        Column("accountid", ColumnType.GUID),
        Column("name", ColumnType.STRING, length=160),
        Column("description", ColumnType.MEMO),
        Column("primarycontactid", ColumnType.LOOKUP, targets=("contact",)),
        Column("customerid", ColumnType.LOOKUP, targets=("account", "contact")),
        Column(
            "customertypecode",
            ColumnType.CHOICE,
            enumeration=Enumeration("account_customertypecode", (("Competitor", 1), ("Customer", 3))),
        ),
        Column("msdyn_sellable", ColumnType.BOOLEAN),
        Column("creditlimit", ColumnType.DECIMAL),
        Column("numberofemployees", ColumnType.INTEGER),
        Column("openeddate", ColumnType.DATE),
        Column("createdon", ColumnType.DATETIME),
    ),
)
CONTACTS = Table(
    side=Side.DATAVERSE,
    name="contact",
    entity_set="contacts",
    label="Contact",
    key=("contactid",),
    columns=(
        Column("contactid", ColumnType.GUID),
        Column("fullname", ColumnType.STRING),
        Column("parentaccountid", ColumnType.LOOKUP, targets=("account",)),
    ),
)
DATAVERSE = EnvironmentSchema(Side.DATAVERSE, (ACCOUNTS, CONTACTS))
