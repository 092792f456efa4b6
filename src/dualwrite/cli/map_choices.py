"""What the commands on maps have in common: how maps are named, and the parts of the house that they use."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from dualwrite.cli.invocation import Invocation
from dualwrite.cli.map_names import chosen_maps
from dualwrite.composition.house import CONNECTION, House
from dualwrite.errors import SettingsRefused
from dualwrite.lifecycle.folder import MapFolder
from dualwrite.lifecycle.keys import IntegrationKeys
from dualwrite.lifecycle.versions import MapVersions
from dualwrite.maps.values import Version

WHO = "local administrator"

Names = Annotated[list[str] | None, typer.Argument(help="Names of maps, or parts of them that only one has.")]
OneName = Annotated[str, typer.Argument(help="Name of a map, or a part of it that only this one has.")]
All = Annotated[bool, typer.Option("--all", help="All maps.")]
OfVersion = Annotated[str | None, typer.Option("--version", help="A version of the map; the active one unless given.")]
Publisher = Annotated[str | None, typer.Option("--publisher", help="Who publishes the new version.")]
NewVersion = Annotated[
    str | None, typer.Option("--version", help="Number of the new version; the next one unless given.")
]
Activate = Annotated[bool, typer.Option("--activate", help="The new version becomes the active one.")]


def one_of(names: Sequence[str] | None, every: bool) -> None:
    """Refuses a line that names maps and all of them, or neither."""
    if bool(names) == every:
        raise typer.BadParameter("name maps, or give --all")


def counted(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} maps"


async def one_map(house: House, text: str) -> str:
    """The name of the one map that ``text`` stands for. Raises: NotAllowed."""
    (name,) = await chosen_maps(house, [text])
    return name


def versions_of(house: House) -> MapVersions:
    return MapVersions(house.store, CONNECTION, house.router, who=WHO)


def folder_of(house: House) -> MapFolder:
    return MapFolder(house.store, CONNECTION, house.router, who=WHO)


def keys_of(house: House) -> IntegrationKeys:
    return IntegrationKeys(house.store, CONNECTION, house.router, house.dataverse.schema, who=WHO)


# --- what saving asks -----------------------------------------------------------------------------------------------


def may_ask(call: Invocation) -> bool:
    """Whether somebody sits at the terminal who can answer."""
    return sys.stdin.isatty() and not call.output.as_json


def asked_publisher(call: Invocation, given: str | None, *, proposal: str = "") -> str:
    """Who publishes the new version. Raises: SettingsRefused when nobody can be asked."""
    if given is not None and given.strip():
        return given.strip()
    if not may_ask(call):
        raise SettingsRefused("A new version needs a publisher: --publisher NAME")
    answer: str = typer.prompt("Publisher", default=proposal or None)
    return answer.strip()


def asked_version(call: Invocation, given: str | None, *, proposal: Version) -> Version:
    """The number of the new version; the proposal where nobody can be asked. Raises: MapRefused."""
    if given is None and may_ask(call):
        given = typer.prompt("Version", default=str(proposal))
    return proposal if given is None else Version.parse(given.strip())
