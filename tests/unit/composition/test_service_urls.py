"""The addresses that callers are told are addresses that can be called."""

from __future__ import annotations

import pytest

from dualwrite.composition.house import service_urls
from dualwrite.settings import Settings


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8001"),
        ("erp.example.com", "http://erp.example.com:8001"),
        ("0.0.0.0", "http://127.0.0.1:8001"),
        ("::", "http://[::1]:8001"),
        ("fe80::1", "http://[fe80::1]:8001"),
    ],
)
def test_a_service_is_called_by_its_host(host: str, url: str) -> None:
    assert service_urls(Settings(host=host))["finops"] == url
