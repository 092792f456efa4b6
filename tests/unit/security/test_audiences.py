"""An audience is found under every address that people call it by, and under no other."""

import pytest

from dualwrite.security.audiences import Audience, Audiences


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8002",
        "http://localhost:8002",
        "http://LOCALHOST:8002/",
        "http://[::1]:8002",
        "http://crm.test",
    ],
)
def test_a_local_environment_goes_by_all_its_names(url: str) -> None:
    assert Audience.of("http://127.0.0.1:8002/", aliases=["http://crm.test:80"]).answers_to(url)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8001", "https://127.0.0.1:8002", "http://127.0.0.1:8002/api", "", "x", "http://[", "http://a:b"],
)
def test_other_addresses_are_not_it(url: str) -> None:
    assert not Audience.of("http://127.0.0.1:8002").answers_to(url)


def test_a_public_address_does_not_answer_to_localhost() -> None:
    audience = Audience.of("https://crm.example.com")
    assert audience.answers_to("https://crm.example.com:443/")
    assert Audiences([audience]).find("https://localhost") is None


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
@pytest.mark.parametrize("name", ["0.0.0.0", "[::]", "localhost", "127.0.0.1", "[::1]", "erp-7"])
def test_a_service_on_every_address_answers_to_local_names_and_its_aliases(host: str, name: str) -> None:
    audience = Audience.of(f"http://{host}:8001", aliases=["http://erp-7:8001"])
    assert audience.answers_to(f"http://{name}:8001") == (name not in {"0.0.0.0", "[::]"} - {host})
