"""Where the services of a data folder are: written down while they run, so that other commands find them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dualwrite.settings import Settings

_FILE = "addresses.json"
SERVICES = ("admin", "finops", "dataverse")


def write_addresses(data_folder: Path, urls: Mapping[str, str]) -> None:
    """Other commands with this data folder call the services at ``urls``."""
    (data_folder / _FILE).write_text(json.dumps(dict(urls), indent=2) + "\n")


def forget_addresses(data_folder: Path) -> None:
    """The services run no more."""
    (data_folder / _FILE).unlink(missing_ok=True)


def read_addresses(settings: Settings) -> Mapping[str, str]:
    """The addresses as last written down, else those that the settings say."""
    try:
        stored = json.loads((settings.data_folder / _FILE).read_text())
        return {service: str(stored[service]) for service in SERVICES}
    except (OSError, ValueError, KeyError, TypeError):
        ports = (settings.admin_port, settings.finops_port, settings.dataverse_port)
        return {service: f"http://{settings.host}:{port}" for service, port in zip(SERVICES, ports, strict=True)}
