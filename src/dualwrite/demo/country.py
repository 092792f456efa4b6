"""How people, companies and places are called in the countries of the demonstration companies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import NewType, cast

import yaml

DATA = Path(__file__).parent / "data"
CountryCode = NewType("CountryCode", str)

_TRANSLITERATION = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i", "ł": "l"})


@dataclass(frozen=True, slots=True)
class City:
    name: str
    state: str
    county: str
    zip_code: str
    phone_prefix: str
    """All but the last two digits of the city's numbers."""
    tax_group: str
    latitude: Decimal
    longitude: Decimal


@dataclass(frozen=True, slots=True)
class Person:
    given: str
    middle: str
    family: str
    gender: str
    """A member of the enum Gender."""

    @property
    def mailbox(self) -> str:
        return f"{domain_label(self.given)}.{domain_label(self.family)}"


@dataclass(frozen=True, slots=True)
class Country:
    """The stock of words that one country's rows are made of."""

    region: str
    iso: str
    language: str
    currency: str
    foreign_currencies: tuple[str, ...]
    given_female: tuple[str, ...]
    given_male: tuple[str, ...]
    family: tuple[str, ...]
    brands: tuple[str, ...]
    trades: tuple[str, ...]
    forms: tuple[str, ...]
    streets: tuple[str, ...]
    professions: tuple[str, ...]
    departments: tuple[str, ...]
    cities: tuple[City, ...]

    def person(self, random: Random) -> Person:
        female = random.random() < 0.5
        middle = random.choice(self.given_female if female else self.given_male) if random.random() < 0.25 else ""
        return Person(
            given=random.choice(self.given_female if female else self.given_male),
            middle=middle,
            family=random.choice(self.family),
            gender="Female" if female else "Male",
        )

    def company_name(self, random: Random) -> str:
        """A firm named after a place, an owner or two partners."""
        trade, form = random.choice(self.trades), random.choice(self.forms)
        pattern = random.random()
        if pattern < 0.5:
            return f"{random.choice(self.brands)} {trade} {form}"
        if pattern < 0.8:
            return f"{random.choice(self.family)} {trade} {form}"
        first, second = random.sample(self.family, 2)
        return f"{first} & {second} {trade}"

    def street(self, random: Random) -> str:
        number = random.randint(1, 240)
        street = random.choice(self.streets)
        return f"{street} {number}" if self.iso == "DE" else f"{number * 25} {street}"


def domain_label(text: str) -> str:
    """``text`` as a part of an internet name: lower-case ASCII letters and digits."""
    folded = unicodedata.normalize("NFKD", text.lower().translate(_TRANSLITERATION))
    return re.sub(r"[^a-z0-9]", "", folded)


@lru_cache(maxsize=1)
def load_countries() -> Mapping[CountryCode, Country]:
    content = yaml.safe_load((DATA / "people_and_places.yaml").read_text(encoding="utf-8"))
    return {CountryCode(code): _country(facts) for code, facts in content.items()}


def _country(facts: Mapping[str, object]) -> Country:
    country = cast(Mapping[str, str], facts["country"])

    def words(name: str) -> tuple[str, ...]:
        return tuple(cast(list[str], facts[name]))

    return Country(
        region=country["id"],
        iso=country["iso"],
        language=country["language"],
        currency=country["currency"],
        foreign_currencies=tuple(country["foreign"]),
        given_female=words("given_female"),
        given_male=words("given_male"),
        family=words("family"),
        brands=words("brand"),
        trades=words("trade"),
        forms=words("form"),
        streets=words("streets"),
        professions=words("professions"),
        departments=words("departments"),
        cities=tuple(_city(city) for city in cast(list[Mapping[str, str]], facts["cities"])),
    )


def _city(facts: Mapping[str, str]) -> City:
    return City(
        name=facts["city"],
        state=facts["state"],
        county=facts["county"],
        zip_code=facts["zip"],
        phone_prefix=facts["phone"],
        tax_group=facts["tax"],
        latitude=Decimal(facts["latitude"]),
        longitude=Decimal(facts["longitude"]),
    )
