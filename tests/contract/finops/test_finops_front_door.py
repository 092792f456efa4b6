"""Who gets in, what is where, and that nothing a request holds makes the service fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from urllib.parse import quote, unquote_to_bytes

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from dualwrite.environments.port import Environment
from dualwrite.errors import (
    Contention,
    DualwriteError,
    EnvironmentUnavailable,
    LimitExceeded,
    OutcomeUnknown,
    PartnerRefused,
    ReferenceNotFound,
)
from dualwrite.metadata.schema import EnvironmentSchema
from fakes.environment import FakeEnvironment

ROW = "/data/CustomerGroups(dataAreaId='usmf',CustomerGroupId='1')"


async def call(
    app: Starlette, method: str, path: bytes, *, query: bytes = b"", headers: Mapping[str, str] = {}, body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """A request as it comes from the socket, however odd."""
    given = {"host": "h", "authorization": "Bearer usmf", **headers}
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.encode(), value.encode("utf-8")) for name, value in given.items()],
    }
    sent: list[Mapping[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, object]) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]
    status, raw_headers = sent[0]["status"], sent[0]["headers"]
    assert isinstance(status, int) and isinstance(raw_headers, list)
    content = sent[1]["body"]
    assert isinstance(content, bytes)
    return status, {name.decode(): value.decode() for name, value in raw_headers}, content


def assert_refused(status: int, content: bytes) -> None:
    assert 400 <= status < 500, (status, content)
    error = json.loads(content)["error"]
    assert error["message"] == "An error has occurred."
    assert error["innererror"]["message"]


# --- who gets in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/data", "/data/", "/data/$metadata", "/metadata/DataEntities", "/nowhere", ROW])
@pytest.mark.parametrize("authorization", [None, "", "Basic dTpw", "Bearer "])
async def test_nobody_gets_in_without_a_token(app: Starlette, path: str, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://h", headers=headers) as anonymous:
        refused = await anonymous.get(path)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert refused.json()["error"]["innererror"]["message"]


# --- what is where --------------------------------------------------------------------------------------------------


async def test_the_service_document_lists_the_sets_with_and_without_a_slash(client: httpx.AsyncClient) -> None:
    plain, slashed = await client.get("/data"), await client.get("/data/")
    assert plain.json() == slashed.json()
    assert {"name": "CustomersV3", "kind": "EntitySet", "url": "CustomersV3"} in plain.json()["value"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/data/Nope", 404),
        ("GET", "/data/customergroups", 404),
        ("GET", "/data/CustomerGroups/Nope", 404),
        ("GET", f"{ROW}/Description/Deeper/Still", 404),
        ("POST", "/data/CustomerGroups/Microsoft.Dynamics.DataEntities.initializeAll", 404),
        ("POST", f"{ROW}/Microsoft.Dynamics.DataEntities.initialize", 404),
        ("POST", "/data/SomeAction", 404),
        ("PUT", ROW, 405),
        ("MERGE", ROW, 405),
        ("OPTIONS", ROW, 405),
        ("POST", ROW, 405),
        ("PATCH", "/data/CustomerGroups", 405),
        ("DELETE", "/data/CustomerGroups", 405),
        ("POST", "/data/$metadata", 405),
        ("GET", "/data/$batch", 405),
        ("POST", "/data", 405),
        ("POST", "/data/CustomerGroups/$count", 405),
        ("DELETE", "/metadata/DataEntities", 405),
        ("GET", "/metadata/Nope", 404),
        ("GET", "/metadata/DataEntities('Nope')", 404),
    ],
)
async def test_what_is_not_there_or_not_for_the_method(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    refused = await client.request(method, path, json={})
    assert refused.status_code == status
    assert_refused(refused.status_code, refused.content)
    assert (status == 405) == ("Allow" in refused.headers)


@pytest.mark.parametrize("path", [b"*", b"", b"/data/%0A", b"/data%0A", b"/%", b"/data/\xff", b"/data/..", b"//"])
async def test_odd_addresses_are_answered_by_the_service_itself(app: Starlette, path: bytes) -> None:
    status, _, content = await call(app, "GET", path)
    assert_refused(status, content)
    status, headers, content = await call(app, "GET", path, headers={"authorization": ""})
    assert (status, headers["www-authenticate"]) == (401, "Bearer")


# --- bodies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{'CustomerGroupId':'1'}",
        b'{"CustomerGroupId":NaN}',
        b'{"CustomerGroupId":"1","CustomerGroupId":"2"}',
        b'{"CustomerGroupId":"a\\u0000b"}',
        b'{"CustomerGroupId":"\\ud83d"}',
        b'{"CustomerGroupId":"\xff"}',
        b'{"CustomerGroupId":"\xed\xa0\xbd"}',
        b'{"CustomerGroupId":1e999999999}',
        b'{"CustomerGroupId":' + b"9" * 5000 + b"}",
        b'{"CustomerGroupId":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"CustomerGroupId":' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}",
    ],
)
async def test_a_body_that_is_no_row_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    for method, path in (("POST", "/data/CustomerGroups"), ("PATCH", ROW)):
        refused = await client.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert refused.status_code == 400
        assert_refused(refused.status_code, refused.content)


@pytest.mark.parametrize(
    "query",
    [
        "$filter=(((",
        "$filter=Description eq 'x'",
        "$orderby=zz",
        "$top=1",
        "$skip=1",
        "$select=zz",
        "$expand=zz",
        "$zz=1",
    ],
)
async def test_a_write_with_a_query_that_means_nothing_to_it_changes_nothing(
    client: httpx.AsyncClient, query: str
) -> None:
    row = {"dataAreaId": "usmf", "CustomerGroupId": "1", "Description": "first"}
    refused = await client.post(f"/data/CustomerGroups?{query}", json=row)
    assert_refused(refused.status_code, refused.content)
    assert (await client.post("/data/CustomerGroups", json=row)).status_code == 201
    for method in ("PATCH", "DELETE"):
        refused = await client.request(method, f"{ROW}?{query}", json={"Description": "second"})
        assert_refused(refused.status_code, refused.content)
    assert (await client.get(ROW)).json()["Description"] == "first"


async def test_other_types_and_sizes_of_body_are_refused(client: httpx.AsyncClient) -> None:
    row = b'{"CustomerGroupId":"1"}'
    for headers, content, status in (
        ({"Content-Type": "text/xml"}, row, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, row, 415),
        ({"Content-Type": "application/json"}, b" " * 200_001, 413),
    ):
        refused = await client.post("/data/CustomerGroups", content=content, headers=headers)
        assert refused.status_code == status
        assert_refused(refused.status_code, refused.content)


# --- anything -------------------------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [
        b"/",
        b"data",
        b"metadata",
        b"CustomerGroups",
        b"CustomersV3",
        b"$count",
        b"$metadata",
        b"$batch",
        b"$1",
        b"(",
        b")",
        b"dataAreaId='usmf'",
        b"CustomerGroupId='1'",
        b",",
        b"'",
        b"%27",
        b"%",
        b"%00",
        b"%FF",
        b"%C3%A9",
        b"%2F",
        b"=",
        b"''",
        b"1",
        b"1e400",
        b"null",
        b"\xff",
        b"\xf0\x9f\x98\x80",
        b".",
        b" ",
    ]
)
_QUERY = st.sampled_from(
    [
        b"$filter=",
        b"$select=",
        b"$orderby=",
        b"$top=",
        b"$skip=",
        b"$count=",
        b"$expand=",
        b"$skiptoken=",
        b"&",
        b"%24",
        b"cross-company=",
        b"true",
        b"dataAreaId",
        b"CustomerGroupId",
        b" eq ",
        b"'1'",
        b"1",
        b"-1",
        b"9" * 40,
        b"*",
        b"desc",
        b",",
        b"(",
        b")",
        b"not ",
        b" and ",
        b" or ",
        b"contains",
        b"%00",
        b"%FF",
        b"%",
        b"+",
        b"\xff",
        b"null",
        b"NoYes'Yes'",
        b"2024-01-01",
        b"/",
        b"tolower",
        b";",
        b"=",
        b"1.5e3",
        b"in",
        b"has",
        b"add",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "FROB"]),
    path=st.lists(_PIECES, max_size=8).map(lambda pieces: b"/data/" + b"".join(pieces)),
    query=st.lists(_QUERY, max_size=8).map(b"".join),
    body=st.one_of(
        st.binary(max_size=60),
        st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda value: json.dumps(value).encode()),
    ),
    content_type=st.sampled_from(["application/json", "", "multipart/mixed; boundary=b", "text/plain"]),
    condition=st.sampled_from(["", "*", "null", 'W/"x"', 'W/"JzEsMSc="', "é"]),
)
async def test_no_request_makes_the_service_fail_or_changes_a_row_by_accident(
    app: Starlette, method: str, path: bytes, query: bytes, body: bytes, content_type: str, condition: str
) -> None:
    headers = {"content-type": content_type, "if-match": condition, "if-none-match": condition}
    status, _, content = await call(app, method, path, query=query, headers=headers, body=body)
    assert status < 500, (status, content)
    if status >= 400:
        assert_refused(status, content)


_COLUMNS = st.sampled_from(
    [
        "CustomerAccount",
        "CreditLimit",
        "Priority",
        "PartyRecordId",
        "CredManCustomerSince",
        "AddressValidFrom",
        "PartyType",
    ]
)
_LITERALS = st.sampled_from(
    [
        "'x'",
        "'*'",
        "'*a%_\\\\*'",
        "''",
        "'\U0001f600'",
        "0",
        "-1",
        "9223372036854775808",
        "1" + "0" * 60,
        "1.5",
        "1e-300",
        "null",
        "true",
        "2024-02-29",
        "0001-01-01",
        "9999-12-31",
        "2024-02-29T12:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "NoYes'Yes'",
        "0001-01-01T00:00:00+14:00",
        "0f5c1a2b-0000-4000-8000-00000000abcd",
        "DirPartyType'Person'",
        "CustomerAccount",
    ]
)
_TESTS = st.one_of(
    st.builds(
        "{} {} {}".format, _COLUMNS, st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le", "in", "has"]), _LITERALS
    ),
    st.builds("{}({},{})".format, st.sampled_from(["contains", "startswith", "endswith"]), _COLUMNS, _LITERALS),
    st.builds("{} in ({},{})".format, _COLUMNS, _LITERALS, _LITERALS),
)
_CONDITIONS = st.recursive(
    _TESTS,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=_CONDITIONS, order=_COLUMNS, top=st.integers(0, 2**31))
async def test_no_filter_makes_the_service_fail(app: Starlette, condition: str, order: str, top: int) -> None:
    query = f"$filter={quote(condition)}&$orderby={order} desc&$top={top}&$count=true&$select={order}"
    status, _, content = await call(app, "GET", b"/data/CustomersV3", query=query.encode())
    assert status in (200, 400), content
    if status == 400:
        assert_refused(status, content)


_CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.text(max_size=12),
    st.sampled_from(["Person", "2024-02-29", "9999-12-31", "0001-01-01T00:00:00+14:00", "1899-12-31", "x" * 300]),
    st.lists(st.integers(), max_size=2),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(_COLUMNS | st.just("CustomerGroupId") | st.just("dataAreaId"), _CELLS, max_size=4))
async def test_no_row_makes_the_service_fail(app: Starlette, values: dict[str, object]) -> None:
    body = json.dumps({"CustomerAccount": "1", "CustomerGroupId": "10", "SalesCurrencyCode": "USD", **values}).encode()
    status, _, content = await call(app, "POST", b"/data/CustomersV3", body=body)
    assert status in (201, 400), content
    if status == 400:
        assert_refused(status, content)


# --- failures of the environment ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (
            PartnerRefused(
                "Customers V3 (accounts), US-004: CustomerGroupId '90' was not found in msdyn_customergroups."
            ),
            400,
            "Write failed for table row of type 'CustCustomerGroupEntity'. Infolog: Error: "
            "Customers V3 (accounts), US-004: CustomerGroupId '90' was not found in msdyn_customergroups.",
        ),
        (ReferenceNotFound("no such term"), 400, "no such term"),
        (LimitExceeded("a transaction may change 1000 records"), 400, "1000 records"),
        (Contention("somebody else kept changing it"), 503, "somebody else"),
        (EnvironmentUnavailable("the database is away"), 503, "the database is away"),
        (OutcomeUnknown("read it back"), 500, "read it back"),
    ],
)
async def test_what_the_environment_says_reaches_the_caller(
    schema: EnvironmentSchema,
    serve: Callable[[Environment], Starlette],
    error: DualwriteError,
    status: int,
    message: str,
) -> None:
    app = serve(FakeEnvironment(schema, refuse_with=error))
    body = b'{"CustomerGroupId":"1"}'
    answered, headers, content = await call(app, "POST", b"/data/CustomerGroups", body=body)
    assert answered == status
    assert message in json.loads(content)["error"]["innererror"]["message"]
    assert (status == 503) == ("retry-after" in headers)
