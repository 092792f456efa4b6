"""One change each way through the running services, as two users would make them, with the time each took."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from dualwrite.cli.services import Json, Services, parse_json
from dualwrite.errors import EnvironmentUnavailable

_FINOPS_COLUMN = "SalesMemo"
_DATAVERSE_COLUMN = "description"
_API = "/api/data/v9.2"


@dataclass(frozen=True, slots=True)
class Way:
    """One direction: how long saving took, and how long afterwards the other side had answered with the new value."""

    text: str
    saved_ms: float
    read_ms: float


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Both directions on one customer. The value is afterwards what it was."""

    customer: str
    to_dataverse: Way
    to_finops: Way


def prove_round_trip(services: Services, *, company: str) -> RoundTrip | None:
    """A customer's memo went to Dataverse and another one came back; None where no customer is mapped yet.

    Raises: DualwriteError, also when the other side did not have the new value.
    """
    found = _customer(services, company)
    if found is None:
        return None
    account, finops_path, dataverse_path = found
    before = _read(services, "finops", finops_path, _FINOPS_COLUMN)
    _read(services, "dataverse", dataverse_path, _DATAVERSE_COLUMN)
    try:
        there = _one_way(
            services,
            ("finops", finops_path, _FINOPS_COLUMN),
            ("dataverse", dataverse_path, _DATAVERSE_COLUMN),
            "Checked from finance and operations",
        )
        back = _one_way(
            services,
            ("dataverse", dataverse_path, _DATAVERSE_COLUMN),
            ("finops", finops_path, _FINOPS_COLUMN),
            "Checked from Dataverse",
        )
    finally:
        _write(services, "finops", finops_path, _FINOPS_COLUMN, before or "")
    return RoundTrip(f"{company}, {account}", there, back)


def _customer(services: Services, company: str) -> tuple[str, str, str] | None:
    """The first customer that stands on both sides: its account and both addresses."""
    where = quote(f"msdyn_company/cdm_companycode eq '{company}' and customertypecode eq 3")
    path = f"{_API}/accounts?$select=accountnumber&$filter={where}&$orderby=accountnumber&$top=1"
    document = parse_json(services.call("dataverse", "GET", path).text)
    rows = document.get("value") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
        return None
    account = str(rows[0]["accountnumber"])
    key = f"dataAreaId='{company}',CustomerAccount='{quote(account.replace(chr(39), chr(39) * 2))}'"
    return account, f"/data/CustomersV3({key})?cross-company=true", f"{_API}/accounts({rows[0]['accountid']})"


_Place = tuple[str, str, str]


def _one_way(services: Services, source: _Place, target: _Place, text: str) -> Way:
    saved_ms = _timed(lambda: _write(services, *source, text))
    started = time.perf_counter()
    arrived = _read(services, *target)
    read_ms = (time.perf_counter() - started) * 1000
    if arrived != text:
        raise EnvironmentUnavailable(
            f"the change saved in {source[0]} has not arrived in {target[0]}: {target[2]} is {arrived!r} there"
        )
    return Way(text, round(saved_ms, 1), round(read_ms, 1))


def _timed(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def _read(services: Services, service: str, path: str, column: str) -> Json:
    document = parse_json(services.call(service, "GET", path).text)
    return document.get(column) if isinstance(document, dict) else None


def _write(services: Services, service: str, path: str, column: str, value: Json) -> None:
    services.call(service, "PATCH", path, body=json.dumps({column: value}))
