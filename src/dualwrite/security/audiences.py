"""For whom a token is: the environments and the admin API, under every address they are called by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from dualwrite.environments.port import EnvironmentName

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""The addresses that mean every address of a machine, each with the one by which the machine calls itself."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Audience:
    """One receiver of tokens: its base URL and what else it is called. ``environment`` None is dual-write itself."""

    url: str
    environment: EnvironmentName | None = None
    aliases: tuple[str, ...] = ()

    @classmethod
    def of(cls, url: str, *, environment: EnvironmentName | None = None, aliases: Iterable[str] = ()) -> Audience:
        """The audience at ``url``; loopback, and all addresses at once, go by every name of loopback."""
        origin = origin_of(url)
        assert origin is not None, url
        known = {other for alias in aliases if (other := origin_of(alias)) is not None}
        scheme, _, rest = origin.partition("://")
        host, _, port = rest.rpartition(":")
        if host.strip("[]") in (*_LOOPBACK, *LOOPBACK_OF):
            known.update(f"{scheme}://{bracketed(name)}:{port}" for name in _LOOPBACK)
        return cls(url=url.rstrip("/"), environment=environment, aliases=tuple(sorted(known | {origin})))

    def answers_to(self, url: str) -> bool:
        """Whether ``url`` is this audience, path and trailing slash aside."""
        return origin_of(url) in self.aliases


class Audiences:
    """All receivers that the token endpoint knows."""

    def __init__(self, audiences: Iterable[Audience]) -> None:
        self._audiences = tuple(audiences)

    def find(self, url: str) -> Audience | None:
        """The audience that ``url`` names, None when there is none."""
        return next((audience for audience in self._audiences if audience.answers_to(url)), None)


def origin_of(url: str) -> str | None:
    """Scheme, host and port of ``url`` in one spelling; None when it is no address, or has a path or a query."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
        return None
    return f"{parts.scheme}://{bracketed(host)}:{port or _DEFAULT_PORTS[parts.scheme]}"


def bracketed(host: str) -> str:
    """``host`` as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
