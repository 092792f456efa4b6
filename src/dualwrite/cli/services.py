"""The running services as a caller from outside sees them: tokens, requests, and refusals in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

import httpx

from dualwrite.cli.addresses import Addresses, not_running, read_addresses
from dualwrite.errors import (
    Contention,
    DualwriteError,
    EnvironmentUnavailable,
    NotAuthenticated,
    OutcomeUnknown,
    RecordNotFound,
    RecordRefused,
)
from dualwrite.security.credentials import Credentials
from dualwrite.security.local_administrator import read_local_administrator
from dualwrite.settings import Settings

_TIMEOUT_S = 150

Json: TypeAlias = "bool | int | Decimal | str | list[Json] | dict[str, Json] | None"


@dataclass(slots=True)
class Services:
    """The three services of one data folder, called with the local administrator's tokens."""

    settings: Settings
    addresses: Addresses
    credentials: Credentials
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=_TIMEOUT_S, trust_env=False))
    _tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Services:
        """Raises: SettingsRefused, when the program has never been started here; EnvironmentUnavailable, when it does
        not run."""
        credentials = read_local_administrator(settings.data_folder)
        return cls(settings, read_addresses(settings), credentials)

    @property
    def urls(self) -> Mapping[str, str]:
        """Base addresses by service: admin, finops, dataverse."""
        return self.addresses.urls

    def token(self, service: str) -> str:
        """A bearer token for a service, asked for once. Raises: EnvironmentUnavailable, NotAuthenticated."""
        if service not in self._tokens:
            self.health()
            form = {
                "grant_type": "client_credentials",
                "client_id": str(self.credentials.client_id),
                "client_secret": self.credentials.secret,
                "scope": f"{self.urls[service]}/.default",
            }
            url = f"{self.urls['admin']}/{self.credentials.tenant}/oauth2/v2.0/token"
            try:
                answer = self.client.post(url, data=form)
            except httpx.TransportError as error:
                raise not_running(self.settings) from error
            if answer.status_code >= 400:
                raise refusal(answer)
            self._tokens[service] = str(answer.json()["access_token"])
        return self._tokens[service]

    def call(
        self, service: str, method: str, path: str, *, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The service's answer to an authenticated request. ``path`` may be a whole address.

        Raises: RecordNotFound, RecordRefused, NotAuthenticated, Contention, EnvironmentUnavailable; OutcomeUnknown,
        when a write was sent and not answered.
        """
        sent = {"Authorization": f"Bearer {self.token(service)}", "Accept": "application/json", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        url = path if path.startswith("http") else self.urls[service] + path
        content = None if body is None else body.encode()
        try:
            answer = self.client.request(method, url, headers=sent, content=content)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise not_running(self.settings) from error
        except httpx.TransportError as error:
            raise _unanswered(method, url, error) from error
        if answer.status_code >= 400:
            raise refusal(answer)
        return answer

    def health(self) -> tuple[int, Json]:
        """What ``/health`` says, with its status code.

        Raises: EnvironmentUnavailable, when nothing answers, or something that is not this data folder's program.
        """
        url = f"{self.urls['admin']}/health"
        try:
            answer = self.client.get(url)
        except httpx.TransportError as error:
            raise not_running(self.settings) from error
        document = parse_json(answer.text)
        if not isinstance(document, dict) or document.get("instance") != self.addresses.instance:
            raise not_running(self.settings, f"what answers at {self.urls['admin']} is another program")
        return answer.status_code, document


def _unanswered(method: str, url: str, error: httpx.TransportError) -> DualwriteError:
    reason = str(error).rstrip(".") or type(error).__name__
    if method == "GET":
        return EnvironmentUnavailable(f"GET {url} was not answered: {reason}")
    return OutcomeUnknown(
        f"{method} {url} was sent and not answered ({reason}). It may have been carried out: "
        "read the record back before trying again"
    )


def parse_json(text: str) -> Json:
    """JSON with numbers as exact decimals; None for text that is none."""
    try:
        parsed: Json = json.loads(text, parse_float=Decimal)
    except ValueError:
        return None
    return parsed


def refusal(answer: httpx.Response) -> DualwriteError:
    """The error that an answer of 400 and more stands for, in the service's own words."""
    message = _message(parse_json(answer.text)) or f"HTTP {answer.status_code} {answer.reason_phrase}"
    match answer.status_code:
        case 401:
            return NotAuthenticated(message)
        case 404:
            return RecordNotFound(message, status=404)
        case 503:
            return Contention(message)
        case status if status >= 500:
            return EnvironmentUnavailable(message)
        case status:
            return RecordRefused(message, status=status)


def _message(document: Json) -> str | None:
    """The text meant for people: F&O has it inside ``innererror``, token endpoints beside the error."""
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    if isinstance(error, dict):
        inner = error.get("innererror")
        if isinstance(inner, dict) and inner.get("message"):
            return str(inner["message"])
        return str(error.get("message") or "") or None
    for name in ("error_description", "detail", "reason"):
        if document.get(name):
            return str(document[name])
    return None
