"""Made-up but believable rows for a finance and operations environment. Pure: the same seed gives the same rows.

Every value fits both sides of the published maps (a telephone number has at most 50 characters because ``telephone1``
has), and every account, group, term or contact person that a row names is among the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from dualwrite.demo.country import City, Country, Person, domain_label, load_countries
from dualwrite.demo.setup import DemoCompany, DemoRow, company_rows, global_rows, legal_entity_rows, load_companies

SEED = 20_200_825
PERSON_SHARE = 0.3
ALIAS_LENGTH = 20

CUSTOMERS = "CustCustomerV3Entity"
VENDORS = "VendVendorV2Entity"
CONTACTS = "smmContactPersonCDSV2Entity"


def finops_rows(*, seed: int = SEED) -> Iterator[tuple[str, list[DemoRow]]]:
    """Batches of (entity name, rows) in the order in which they may be written; several batches may share an entity."""
    yield "OMLegalEntity", legal_entity_rows()
    yield from global_rows()
    for company in load_companies():
        reference = dict(company_rows(company))
        yield from reference.items()
        maker = _Maker(company=company, reference=reference, seed=seed)
        yield VENDORS, maker.vendors()
        yield CUSTOMERS, maker.customers()
        yield CONTACTS, maker.contacts


@dataclass(frozen=True, slots=True)
class _Place:
    """Where somebody is, with coordinates near the city's centre."""

    city: City
    street: str
    latitude: Decimal
    longitude: Decimal


class _Maker:
    """Makes the rows of one company; contact persons are collected while their customers and vendors are made."""

    def __init__(self, *, company: DemoCompany, reference: dict[str, list[DemoRow]], seed: int) -> None:
        self.company = company
        self.country: Country = load_countries()[company.country]
        self.reference = reference
        self.random = Random(f"{seed}/{company.legal_entity}")
        self.contacts: list[DemoRow] = []
        self._names: set[str] = set()
        self._parties = 0
        self._vendor_accounts: list[str] = []

    # --- vendors ------------------------------------------------------------------------------------------------

    def vendors(self) -> list[DemoRow]:
        rows = [self._vendor(number) for number in range(1, self.company.vendors + 1)]
        self._vendor_accounts = [str(row["VendorAccountNumber"]) for row in rows]
        for row in self.random.sample(rows, len(rows) // 6):
            row["InvoiceVendorAccountNumber"] = self._other(self._vendor_accounts, str(row["VendorAccountNumber"]))
        return rows

    def _vendor(self, number: int) -> DemoRow:
        random = self.random
        account = f"{self.company.prefix}-V{number:03d}"
        is_person = random.random() < PERSON_SHARE / 2
        row: DemoRow = {
            "dataAreaId": self.company.legal_entity,
            "VendorAccountNumber": account,
            "VendorGroupId": self._code("VendVendorGroupEntity", "VendorGroupId"),
            "VendorPartyType": "Person" if is_person else "Organization",
            "VendorPartyNumber": self._party(),
            "LanguageId": self.country.language,
            "CurrencyCode": self._currency(),
            "DefaultPaymentTermsName": self._code("PaymentTermEntity", "Name"),
            "DefaultVendorPaymentMethodName": self._code("VendorPaymentMethodEntity", "Name"),
            "DefaultPaymentDayName": self._code("PaymentDayCdsEntity", "Name", share=0.2),
            "DefaultPaymentScheduleName": self._code("PaymentScheduleEntity", "Name", share=0.1),
            "CreditLimit": self._amount(200),
            "CreditRating": self._rating(),
            "IsOneTimeVendor": "Yes" if random.random() < 0.05 else "No",
            "IsVendorLocallyOwned": "Yes" if random.random() < 0.3 else "No",
            "IsWomanOwner": "Yes" if random.random() < 0.2 else "No",
            "OurAccountNumber": f"K{random.randint(10_000, 99_999)}",
        }
        place = self._place()
        row |= self._vendor_address(place) | self._vendor_name(place, is_person=is_person)
        row |= self._vendor_hold()
        if random.random() < 0.6:
            row["PrimaryContactPersonId"] = self._contact(place, account=account, kind="Vendor")
        return row

    def _vendor_name(self, place: _Place, *, is_person: bool) -> DemoRow:
        if is_person:
            person = self.country.person(self.random)
            return {
                "PersonFirstName": person.given,
                "PersonMiddleName": person.middle,
                "PersonLastName": person.family,
                "PersonGender": person.gender,
                "VendorKnownAsName": f"{person.given} {person.family}",
                "PrimaryEmailAddress": f"{person.mailbox}@freelance.example",
                "PrimaryPhoneNumber": self._phone(place.city),
                "PrimaryPhoneNumberDescription": "Mobile",
            }
        name = self._company_name()
        domain = f"{domain_label(name)}.example"
        return {
            "VendorOrganizationName": name,
            "VendorKnownAsName": name,
            "OrganizationEmployeeAmount": self.random.choice((4, 12, 35, 80, 240, 1_200)),
            "OrganizationNumber": f"{self.random.randint(100_000, 999_999)}",
            "DUNSNumber": f"{self.random.randint(100_000_000, 999_999_999)}",
            "PrimaryEmailAddress": f"orders@{domain}",
            "PrimaryEmailAddressDescription": "Orders",
            "PrimaryPhoneNumber": self._phone(place.city),
            "PrimaryPhoneNumberDescription": "Switchboard",
            "PrimaryFaxNumber": self._phone(place.city) if self.random.random() < 0.3 else "",
            "PrimaryURL": f"https://www.{domain}",
        }

    def _vendor_address(self, place: _Place) -> DemoRow:
        lines = (place.street, f"{place.city.zip_code} {place.city.name}", self.country.region)
        return {
            "AddressDescription": "Head office",
            "AddressStreet": place.street,
            "AddressCity": place.city.name,
            "AddressCountyId": place.city.county,
            "AddressStateId": place.city.state,
            "AddressZipCode": place.city.zip_code,
            "AddressCountryRegionId": self.country.region,
            "AddressCountryRegionISOCode": self.country.iso,
            "AddressLatitude": place.latitude,
            "AddressLongitude": place.longitude,
            "SalesTaxGroupCode": place.city.tax_group,
            "FormattedPrimaryAddress": "\n".join(lines),
        }

    def _vendor_hold(self) -> DemoRow:
        if self.random.random() < 0.93:
            return {"OnHoldStatus": "No"}
        released = date(2027, 1, 1) + timedelta(days=self.random.randint(0, 700))
        return {"OnHoldStatus": self.random.choice(("Invoice", "Payment", "All")), "VendorHoldReleaseDate": released}

    # --- customers ----------------------------------------------------------------------------------------------

    def customers(self) -> list[DemoRow]:
        rows = [self._customer(number) for number in range(1, self.company.customers + 1)]
        # Persons are contacts on the other side and carry no billing account there, so only organisations bill others.
        organizations = [row for row in rows if row["PartyType"] == "Organization"]
        accounts = [str(row["CustomerAccount"]) for row in organizations]
        for row in self.random.sample(organizations, len(organizations) // 5):
            row["InvoiceAccount"] = self._other(accounts, str(row["CustomerAccount"]))
        return rows

    def _customer(self, number: int) -> DemoRow:
        random = self.random
        account = f"{self.company.prefix}-{number:03d}"
        is_person = random.random() < PERSON_SHARE
        place = self._place()
        row: DemoRow = {
            "dataAreaId": self.company.legal_entity,
            "CustomerAccount": account,
            "PartyType": "Person" if is_person else "Organization",
            "PartyNumber": self._party(),
            "CustomerGroupId": random.choice(("30", "40")) if is_person else random.choice(("10", "20", "30", "80")),
            "SalesCurrencyCode": self._currency(),
            "LanguageId": self.country.language,
            "PartyCountry": self.country.iso,
            "PartyState": place.city.state,
            "AddressDescription": "Home" if is_person else "Head office",
            "AddressLocationRoles": "Home" if is_person else "Business",
        }
        row |= self._customer_address("Address", place)
        row |= self._customer_address("InvoiceAddress", place)
        row |= self._customer_address("DeliveryAddress", place if random.random() < 0.7 else self._place())
        if is_person:
            return row | self._private_customer(place)
        return row | self._business_customer(place, account=account)

    def _private_customer(self, place: _Place) -> DemoRow:
        person = self.country.person(self.random)
        return {
            "PersonFirstName": person.given,
            "PersonMiddleName": person.middle,
            "PersonLastName": person.family,
            "PersonGender": person.gender,
            "PersonMaritalStatus": self.random.choice(("Single", "Married", "Divorced", "Widowhood")),
            "PersonProfessionalTitle": self.random.choice(self.country.professions),
            "NameAlias": person.family[:ALIAS_LENGTH],
            "PrimaryContactEmail": f"{person.mailbox}@mail.example",
            "PrimaryContactEmailDescription": "Private",
            "PrimaryContactPhone": self._phone(place.city),
            "PrimaryContactPhoneDescription": "Mobile",
            "PrimaryContactPhoneIsMobile": "Yes",
        }

    def _business_customer(self, place: _Place, *, account: str) -> DemoRow:
        random = self.random
        name = self._company_name()
        domain = f"{domain_label(name)}.example"
        row: DemoRow = {
            "OrganizationName": name,
            "NameAlias": name[:ALIAS_LENGTH].strip(),
            "OrganizationNumberOfEmployees": random.choice((3, 9, 25, 60, 150, 400, 2_500)),
            "PrimaryContactEmail": f"office@{domain}",
            "PrimaryContactEmailDescription": "Office",
            "PrimaryContactPhone": self._phone(place.city),
            "PrimaryContactPhoneDescription": "Switchboard",
            "PrimaryContactPhoneExtension": str(random.randint(10, 99)) if random.random() < 0.3 else "",
            "PrimaryContactFax": self._phone(place.city) if random.random() < 0.2 else "",
            "PrimaryContactURL": f"https://www.{domain}",
            "PrimaryContactLinkedIn": f"company/{domain_label(name)}" if random.random() < 0.2 else "",
            "CreditLimit": self._amount(500),
            "CreditLimitIsMandatory": "Yes" if random.random() < 0.2 else "No",
            "CreditRating": self._rating(),
            "OnHoldStatus": "No" if random.random() < 0.95 else random.choice(("Invoice", "All", "Payment")),
            "PaymentTerms": self._code("PaymentTermEntity", "Name"),
            "PaymentMethod": self._code("CustomerPaymentMethodEntity", "Name"),
            "PaymentSchedule": self._code("PaymentScheduleEntity", "Name", share=0.1),
            "PaymentDay": self._code("PaymentDayCdsEntity", "Name", share=0.1),
            "SalesTaxGroup": place.city.tax_group,
            "TaxExemptNumber": f"{self.country.iso}{random.randint(10**8, 10**9 - 1)}" if random.random() < 0.5 else "",
            "IdentificationNumber": f"HRB {random.randint(1_000, 99_999)}" if self.country.iso == "DE" else "",
            "IsOneTimeCustomer": "Yes" if random.random() < 0.03 else "No",
        }
        if random.random() < 0.15:
            row["SalesMemo"] = f"Visited at the fair. {random.choice(self.country.trades)}: ask again in spring."
        if random.random() < 0.05:
            row["VendorAccount"] = random.choice(self._vendor_accounts)
        if random.random() < 0.6:
            row["ContactPersonId"] = self._contact(place, account=account, kind="Customer")
        return row

    def _customer_address(self, prefix: str, place: _Place) -> DemoRow:
        return {
            f"{prefix}Street": place.street,
            f"{prefix}City": place.city.name,
            f"{prefix}County": place.city.county,
            f"{prefix}State": place.city.state,
            f"{prefix}ZipCode": place.city.zip_code,
            f"{prefix}CountryRegionId": self.country.region,
            f"{prefix}CountryRegionISOCode": self.country.iso,
            f"{prefix}Latitude": place.latitude,
            f"{prefix}Longitude": place.longitude,
        }

    # --- contact persons ----------------------------------------------------------------------------------------

    def _contact(self, place: _Place, *, account: str, kind: str) -> str:
        """A new contact person of a customer or vendor; returns its id."""
        person: Person = self.country.person(self.random)
        number = f"{self.company.prefix}-CP{len(self.contacts) + 1:04d}"
        self.contacts.append(
            {
                "dataAreaId": self.company.legal_entity,
                "ContactPersonId": number,
                "ContactPersonPartyNumber": self._party(),
                "AssociatedContactType": kind,
                "AssociatedContactNumber": account,
                "FirstName": person.given,
                "MiddleName": person.middle,
                "LastName": person.family,
                "Gender": person.gender,
                "MaritalStatus": self.random.choice(("Single", "Married", "Divorced")),
                "EmploymentProfession": self.random.choice(self.country.professions),
                "EmploymentDepartment": self.random.choice(self.country.departments),
                "IsReceivingDirectMail": "Yes" if self.random.random() < 0.4 else "No",
                "PrimaryEmailAddress": f"{person.mailbox}@{account.lower()}.example",
                "PrimaryPhoneNumber": self._phone(place.city),
                "PrimaryAddressStreet": place.street,
                "PrimaryAddressCity": place.city.name,
                "PrimaryAddressCountyId": place.city.county,
                "PrimaryAddressStateId": place.city.state,
                "PrimaryAddressZipCode": place.city.zip_code,
                "PrimaryAddressCountryRegionId": self.country.region,
            }
        )
        return number

    # --- parts --------------------------------------------------------------------------------------------------

    def _code(self, entity: str, column: str, *, share: float = 0.85) -> str:
        """A code of the company's reference rows, or none for the rest of the ``share``."""
        if column != "VendorGroupId" and self.random.random() >= share:
            return ""
        return str(self.random.choice(self.reference[entity])[column])

    def _other(self, accounts: list[str], own: str) -> str:
        return self.random.choice([account for account in accounts if account != own])

    def _party(self) -> str:
        self._parties += 1
        return f"P-{self.company.prefix}-{self._parties:05d}"

    def _company_name(self) -> str:
        name = self.country.company_name(self.random)
        while name in self._names:
            name = self.country.company_name(self.random)
        self._names.add(name)
        return name

    def _currency(self) -> str:
        if self.random.random() < 0.9:
            return self.country.currency
        return self.random.choice(self.country.foreign_currencies)

    def _amount(self, highest_thousands: int) -> Decimal:
        """None at all for a third, else round hundreds, some with cents."""
        if self.random.random() < 0.33:
            return Decimal(0)
        cents = Decimal("49.95") if self.random.random() < 0.1 else Decimal(0)
        return Decimal(self.random.randint(5, highest_thousands * 10) * 100) + cents

    def _rating(self) -> str:
        return self.random.choice(("", "A", "AA", "B", "Good", "C-"))

    def _place(self) -> _Place:
        city = self.random.choice(self.country.cities)
        return _Place(
            city=city,
            street=self.country.street(self.random),
            latitude=city.latitude + Decimal(self.random.randint(-40_000, 40_000)) / 1_000_000,
            longitude=city.longitude + Decimal(self.random.randint(-40_000, 40_000)) / 1_000_000,
        )

    def _phone(self, city: City) -> str:
        return f"{city.phone_prefix}{self.random.randint(0, 99):02d}"
