"""Every failure is an answer in the service's shape: who may come in, what is not there, what cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from dataverse_rows import Made, error_of, send_raw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualwrite.environments.port import Environment
from dualwrite.errors import (
    Contention,
    DualwriteError,
    DuplicateRecord,
    EnvironmentUnavailable,
    LimitExceeded,
    NotAllowed,
    OutcomeUnknown,
    PartnerRefused,
    RecordRefused,
    ReferenceNotFound,
    StillReferenced,
    ValueProblem,
    ValueRefused,
)
from dualwrite.servers.dataverse.app import App
from fakes.environment import FakeEnvironment

NOBODY = UUID("11111111-2222-3333-4444-555555555555")


@pytest.mark.parametrize("url", ["", "$metadata", "accounts", "WhoAmI", "EntityDefinitions", "nonsense"])
async def test_nobody_is_answered_without_a_token(connect: Callable[..., httpx.AsyncClient], url: str) -> None:
    for token in (None, "bad"):
        answer = await connect(token=token).get(url)
        assert error_of(answer)[0] == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_nobody_acts_as_somebody_else(client: httpx.AsyncClient) -> None:
    answer = await client.get("WhoAmI", headers={"MSCRMCallerID": str(NOBODY)})
    assert error_of(answer) == (403, "0x80040220")
    own = (await client.get("WhoAmI")).json()["UserId"]
    assert (await client.get("WhoAmI", headers={"MSCRMCallerID": own})).status_code == 200


async def test_every_answer_says_which_request_it_was(client: httpx.AsyncClient) -> None:
    for url in ("accounts", "nonsense"):
        answer = await client.get(url)
        assert answer.headers["x-ms-service-request-id"] == answer.headers["REQ_ID"]
        assert int(answer.headers["x-ms-ratelimit-burst-remaining-xrm-requests"]) > 0
        assert "x-ms-ratelimit-time-remaining-xrm-requests" in answer.headers


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "http://dataverse.example/", 404),
        ("GET", "http://dataverse.example/api/data/v9.1/accounts", 404),
        ("GET", "nonsense", 404),
        ("GET", "Accounts", 404),
        ("GET", "accounts/nonsense", 404),
        ("GET", f"accounts({NOBODY})/primarycontactid/nonsense", 404),
        ("GET", "$1", 400),
        ("GET", "accounts(", 400),
        ("GET", "accounts()", 400),
        ("GET", "accounts%zz", 400),
        ("GET", "accounts%00", 400),
        ("GET", "accounts(%ff)", 400),
        ("GET", "accounts('" + "x" * 40_000 + "')", 400),
        ("GET", "a/" * 100, 400),
        ("PATCH", "accounts", 405),
        ("DELETE", "accounts", 405),
        ("PUT", f"accounts({NOBODY})", 405),
        ("POST", f"accounts({NOBODY})", 405),
        ("OPTIONS", "accounts", 405),
        ("TRACE", "accounts", 405),
        ("NONSENSE", "accounts", 405),
        ("POST", "WhoAmI", 405),
        ("GET", "$batch", 405),
        ("GET", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", 404),
        ("POST", "accounts/Microsoft.Dynamics.CRM.Nonsense", 404),
        ("POST", "Nonsense", 404),
    ],
)
async def test_what_is_not_there_is_refused(client: httpx.AsyncClient, method: str, url: str, status: int) -> None:
    assert error_of(await client.request(method, url))[0] == status


async def test_a_body_that_is_too_large_is_refused(connect: Callable[..., httpx.AsyncClient]) -> None:
    answer = await connect(largest_body_bytes=100).post("accounts", json={"name": "x" * 200})
    assert error_of(answer)[0] == 413


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PartnerRefused("Customers V3 (accounts), US-004: no such group"), 400, "0x80040265"),
        (LimitExceeded("more than 1,000 records"), 400, "0x80040265"),
        (ReferenceNotFound("contact With Id = 5 Does Not Exist"), 404, "0x80040217"),
        (StillReferenced("rows of contact refer to it"), 400, "0x80040227"),
        (DuplicateRecord("taken", primary=True), 412, "0x80040237"),
        (DuplicateRecord("taken"), 412, "0x80060892"),
        (ValueRefused("too long", problem=ValueProblem.TOO_LONG), 400, "0x80044331"),
        (ValueRefused("no such choice", problem=ValueProblem.UNKNOWN_CHOICE), 400, "0x8004431A"),
        (ValueRefused("state and status", problem=ValueProblem.STATUS), 400, "0x80048408"),
        (ValueRefused("frozen", problem=ValueProblem.FROZEN), 400, "0x80040203"),
        (RecordRefused("no"), 400, "0x80040203"),
        (NotAllowed("no"), 403, "0x80040220"),
        (Contention("busy"), 503, "0x80072326"),
        (EnvironmentUnavailable("away"), 503, "0x80072326"),
        (OutcomeUnknown("who knows"), 500, "0x80040216"),
    ],
)
async def test_what_the_environment_refuses_is_told(
    client: httpx.AsyncClient, environment: Environment, error: DualwriteError, status: int, code: str
) -> None:
    if not isinstance(environment, FakeEnvironment):
        return
    environment.refuse_with = error
    answer = await client.post("accounts", json={"name": "x"})
    assert error_of(answer) == (status, code)
    assert answer.json()["error"]["message"] == error.message
    assert ("Retry-After" in answer.headers) is (status == 503)


@pytest.mark.parametrize(
    "query", ["$filter=(((", "$filter=name eq 'x'", "$orderby=zz", "$top=1", "$select=zz", "$zz=1"]
)
async def test_a_write_with_a_query_that_means_nothing_to_it_changes_nothing(
    client: httpx.AsyncClient, made: Made, query: str
) -> None:
    account = await made.account(name="first")
    for method, url in (("POST", "accounts"), ("PATCH", f"accounts({account})"), ("DELETE", f"accounts({account})")):
        assert error_of(await client.request(method, f"{url}?{query}", json={"name": "second"}))[0] == 400
    found = (await client.get("accounts?$select=name")).json()["value"]
    assert [row["name"] for row in found] == ["first"]


async def test_a_row_that_others_refer_to_stays(client: httpx.AsyncClient, made: Made) -> None:
    contact = await made.contact(lastname="Lee")
    await made.account(name="first", **{"primarycontactid@odata.bind": f"/contacts({contact})"})
    assert error_of(await client.delete(f"contacts({contact})")) == (400, "0x80040227")


_PIECES = st.sampled_from(
    [
        "accounts",
        "contacts",
        "(",
        ")",
        "'",
        "''",
        "=",
        ",",
        "/",
        "$",
        "$ref",
        "$count",
        "$value",
        "name",
        "accountid",
        "_ownerid_value",
        "ownerid",
        "primarycontactid",
        "account_primarycontactid",
        "%",
        "%27",
        "%2F",
        "%252F",
        "%00",
        "%ff",
        "?",
        "&",
        "$filter=",
        "$select=",
        "$expand=",
        "$orderby=",
        "$top=",
        "$count=true",
        "eq",
        "+",
        "null",
        "1",
        "-1",
        "999999999999999999999999999999",
        "1e99",
        "true",
        "@p1",
        "@p1=",
        "WhoAmI",
        "$metadata",
        "EntityDefinitions",
        "$batch",
        "é",
        "🚀",
        "*",
        ";",
        "\x7f",
        "5f0c9a2e-3b51-4b0c-9d5c-0c1d3f5b7a10",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "Microsoft.Dynamics.CRM.",
        "CreateMultiple",
        "LogicalName",
        "Attributes",
        "Keys",
        "RetrieveTotalRecordCount",
        "EntityNames=[",
        "]",
        "any(",
        "x:x",
        "contains(",
        "not",
    ]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["$1", "/contacts(x)", "0", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_BODIES = st.binary(max_size=40) | st.dictionaries(
    st.sampled_from(["name", "accountid", "revenue", "numberofemployees", "ownerid@odata.bind", "primarycontactid"])
    | st.sampled_from(["Targets", "value", "@odata.id", "_ownerid_value", "account_parentaccountid", "statecode"]),
    _VALUES,
    max_size=3,
).map(lambda value: httpx.Request("POST", "http://x", json=value).content)


@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]),
    pieces=st.lists(_PIECES, max_size=9),
    body=_BODIES,
    header=st.sampled_from(["If-Match", "If-None-Match", "Prefer", "Content-Type", "X"]),
    content=st.sampled_from(
        ["*", "null", 'W/"1"', 'W/"' + "9" * 40 + '"', "return=representation", ",,;=", "\xff", "application/json"]
    ),
)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_nothing_that_is_sent_breaks_the_service(
    app: App, method: str, pieces: list[str], body: bytes, header: str, content: str
) -> None:
    target = b"/api/data/v9.2/" + "".join(pieces).encode()
    headers = ((header.lower().encode(), content.encode("latin-1")),)
    answer = await send_raw(app, method, target, body=body, headers=headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        error_of(answer)


@pytest.mark.parametrize(
    "target",
    [
        b"/api/data/v9.2/accounts('\xff')",
        b"/api/data/v9.2/accounts?$filter=\xff",
        b"/\xff",
        b"",
        b"//",
        b"/api/data/v9.2",
    ],
)
async def test_bytes_that_no_client_library_sends_are_answered(app: App, target: bytes) -> None:
    answer = await send_raw(app, "GET", target)
    assert answer.status_code == 200 if target.endswith(b"v9.2") else error_of(answer)[0] in (400, 404)
