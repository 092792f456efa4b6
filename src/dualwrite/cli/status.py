"""``dualwrite status``: whether the program runs, how its maps stand, and how changes have ended since it started."""

from __future__ import annotations

from collections.abc import Mapping

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.api import Api
from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import STATE_STYLES, grid
from dualwrite.cli.services import Json, Services, parse_json


def status(context: typer.Context) -> None:
    """Tell whether dualwrite is running here, and what its maps are doing. Exit code 1 when it is not running."""
    call = invocation(context)
    if call.url is not None:
        _status_there(call)
        return
    services = Services.of(call.settings())
    code, health = services.health()
    ready = code == 200
    document = parse_json(services.call("admin", "GET", "/api/v1/status").text) if ready else {}
    assert isinstance(document, dict)
    call.output.show(
        {"health": health, "addresses": services.urls, **document}, *_shown(services.urls, health, document)
    )
    if not ready:
        raise typer.Exit(1)


def _status_there(call: Invocation) -> None:
    """The program that is called over its API tells how it stands."""

    async def asked(api: Api) -> dict[str, Json]:
        found: dict[str, Json] = await api.get("/status")
        return found

    document = call.over_api(asked)
    urls = {"admin": str(call.url)}
    call.output.show({"addresses": urls, **document}, *_shown(urls, None, document))


def _shown(urls: Mapping[str, str], health: Json, document: dict[str, Json]) -> list[RenderableType]:
    state = str(health.get("status")) if isinstance(health, dict) else "unknown"
    if not document:
        return [f"[yellow]●[/] dualwrite at {urls['admin']} is {state}"]
    companies, prepared = document.get("companies"), document.get("prepared")
    assert isinstance(companies, list)
    assert isinstance(prepared, dict)
    linked = ", ".join(map(str, companies)) or "none"
    waiting = ", ".join(f"{number} in {name}" for name, number in prepared.items())
    facts = grid("", "")
    facts.show_header = False
    others = f" [dim](F&O {urls['finops']}, Dataverse {urls['dataverse']})[/]" if "finops" in urls else ""
    facts.add_row("[green]●[/] running", f"{urls['admin']}{others}")
    facts.add_row("companies", linked)
    facts.add_row("prepared transactions", waiting)
    under_way = document.get("initial_sync")
    if isinstance(under_way, dict):
        facts.add_row("initial sync", _under_way(under_way))
    return [facts, Text(), _maps(document)]


def _under_way(run: dict[str, Json]) -> str:
    done, rows = (int(str(run[name])) for name in ("rows_done", "rows"))
    refused = f", [red]{run['rows_refused']} refused[/]" if run["rows_refused"] else ""
    return f"[yellow]{run['state']}[/], {done:,} of {rows:,} rows{refused} [dim](dualwrite initial-sync watch)[/]"


def _maps(document: dict[str, Json]) -> RenderableType:
    maps, changes = document.get("maps"), document.get("changes")
    assert isinstance(maps, list)
    assert isinstance(changes, dict)
    table = grid("map", "version", "state", "changes since the start")
    names = short_names(str(each["name"]) for each in maps if isinstance(each, dict))
    for each in maps:
        assert isinstance(each, dict)
        name, state = str(each["name"]), str(each["state"])
        ended = changes.get(name)
        counted = ", ".join(f"{number} {what}" for what, number in ended.items()) if isinstance(ended, dict) else ""
        table.add_row(
            Text(names[name]),
            str(each["version"]),
            Text(state, style=STATE_STYLES.get(state, "")),
            Text(counted, style="dim"),
        )
    return table
