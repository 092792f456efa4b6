"""Where the services of a data folder are: written down while they run, so that other commands find them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dualwrite.errors import EnvironmentUnavailable
from dualwrite.settings import Settings

_FILE = "addresses.json"
_INSTANCE = "instance"
SERVICES = ("admin", "finops", "dataverse")


@dataclass(frozen=True, slots=True)
class Addresses:
    """The services' base URLs, and which start of the program is to answer there."""

    urls: Mapping[str, str]
    instance: str


def write_addresses(data_folder: Path, addresses: Addresses) -> None:
    """Other commands with this data folder call the services there.

    Atomicity: a reader sees the file as it was, or as it is now.
    """
    draft = data_folder / f".{_FILE}"
    draft.write_text(json.dumps({**addresses.urls, _INSTANCE: addresses.instance}, indent=2) + "\n")
    draft.replace(data_folder / _FILE)


def forget_addresses(data_folder: Path) -> None:
    """The services run no more."""
    (data_folder / _FILE).unlink(missing_ok=True)


def read_addresses(settings: Settings) -> Addresses:
    """The addresses as last written down; a killed program leaves them behind, so compare the instance, too.

    Raises: EnvironmentUnavailable, when there are none.
    """
    try:
        stored = json.loads((settings.data_folder / _FILE).read_text())
        return Addresses({service: str(stored[service]) for service in SERVICES}, str(stored[_INSTANCE]))
    except (OSError, ValueError, KeyError, TypeError):
        raise not_running(settings) from None


def not_running(settings: Settings, why: str = "") -> EnvironmentUnavailable:
    """The error that nothing serves this data folder, with the command that changes it."""
    reason = f" ({why})" if why else ""
    return EnvironmentUnavailable(
        f"dualwrite is not running with the data folder {settings.data_folder}{reason}. "
        f"Start it with: dualwrite{folder_option(settings)} up"
    )


def folder_option(settings: Settings) -> str:
    """What a command line needs after the program's name so that it means this data folder; mostly nothing."""
    if settings.data_folder == Settings().data_folder:
        return ""
    return f" --data-folder {shlex.quote(str(settings.data_folder))}"
