"""Reads a token request: the form, the credentials in form or header, and the two ways to name the audience."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar
from urllib.parse import parse_qsl, unquote_plus

_DEFAULT_SCOPE = "/.default"
_MOST_FIELDS = 32


class Version(Enum):
    """Which of the endpoint's two dialects is spoken: ``resource`` or ``scope``."""

    V1 = "v1"
    V2 = "v2"


class GrantRefused(Exception):
    """A token request that is not answered with a token: RFC 6749's error word, Microsoft's number, and a sentence."""

    _STATUS: ClassVar[dict[str, int]] = {"invalid_client": 401}

    def __init__(self, error: str, number: int, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.number = number
        self.description = description

    @property
    def status(self) -> int:
        return self._STATUS.get(self.error, 400)


@dataclass(frozen=True, slots=True)
class Grant:
    """A well-formed request for a token. ``audience`` is the address that the token is to be for."""

    client_id: str
    secret: str = field(repr=False)
    audience: str


def read_grant(body: bytes, *, content_type: str, authorization: str | None, version: Version) -> Grant:
    """The client-credentials request that ``body`` and the ``Authorization`` header make. Raises: GrantRefused."""
    form = _form(body, content_type=content_type)
    grant_type = _required(form, "grant_type")
    if grant_type != "client_credentials":
        raise GrantRefused("unsupported_grant_type", 70003, "The only supported grant_type is client_credentials.")
    client_id, secret = _credentials(form, authorization)
    return Grant(client_id=client_id, secret=secret, audience=_audience(form, version))


def _form(body: bytes, *, content_type: str) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise GrantRefused("invalid_request", 900144, "The body must be application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise GrantRefused("invalid_request", 90014, "The form cannot be read.") from error
    form = dict(pairs)
    if len(form) < len(pairs):
        raise GrantRefused("invalid_request", 90014, "A parameter is given more than once.")
    return form


def _credentials(form: dict[str, str], authorization: str | None) -> tuple[str, str]:
    if authorization is None:
        return _required(form, "client_id"), _required(form, "client_secret")
    if "client_secret" in form:
        raise GrantRefused(
            "invalid_request", 90014, "Give the client's secret in the form or in the header, not in both."
        )
    scheme, _, encoded = authorization.strip().partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise GrantRefused(
            "invalid_client", 7000216, "The Authorization header must be: Basic <credentials>"
        ) from error
    client_id, _, secret = text.partition(":")
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if form.get("client_id", client_id) != client_id:
        raise GrantRefused("invalid_request", 90014, "The form and the header name different clients.")
    return client_id, secret


def _audience(form: dict[str, str], version: Version) -> str:
    if version is Version.V1:
        return _required(form, "resource")
    scope = _required(form, "scope")
    if not scope.endswith(_DEFAULT_SCOPE) or len(scope.split()) != 1:
        raise GrantRefused(
            "invalid_scope", 1002012, f"The scope '{scope}' must be one environment's address followed by /.default."
        )
    return scope.removesuffix(_DEFAULT_SCOPE)


def _required(form: dict[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise GrantRefused("invalid_request", 900144, f"The request body must contain the parameter '{name}'.")
    return value
