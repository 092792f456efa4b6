"""Saving a changed map: what it asks for, and what is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import Invocation
from dualwrite.cli.map_choices import asked_publisher, asked_version, versions_of
from dualwrite.cli.map_findings import findings_shown
from dualwrite.cli.maps.differences import difference_document, difference_text
from dualwrite.composition.house import House
from dualwrite.lifecycle.checks import CheckedMap, check_text, document_of
from dualwrite.lifecycle.versions import SavedVersion
from dualwrite.maps.diff import compare_versions
from dualwrite.maps.values import MapVersion


@dataclass(frozen=True, slots=True)
class Saved:
    """A new version, what was found about it, and what it was made from."""

    base: SavedVersion | None
    saved: SavedVersion
    checked: CheckedMap
    active: bool


async def stamped_version(
    call: Invocation, house: House, says: MapVersion, base: SavedVersion, *, publisher: str | None, version: str | None
) -> MapVersion:
    """``says`` under the publisher and the number that saving asks for."""
    own = "" if base.stored.managed else base.stored.publisher
    return replace(
        says,
        publisher=asked_publisher(call, publisher, proposal=own),
        version=asked_version(call, version, proposal=await versions_of(house).proposal(says.name)),
    )


async def save(house: House, says: MapVersion, text: str, *, base: SavedVersion | None, activate: bool) -> Saved:
    saved = await versions_of(house).save(
        says, text=text, base=None if base is None else base.stored, activate=activate
    )
    await house.router.compiled.refresh()
    checked = check_text(house.router.compiled, saved.stored.document, file="")
    known = await house.store.maps.get(saved.stored.connection, says.name)
    return Saved(base, saved, checked, known is not None and known.active_version == saved.stored.version)


def show_saved(call: Invocation, result: Saved) -> None:
    says, base = result.saved.says, result.base
    difference = None if base is None or base.says.name != says.name else compare_versions(base.says, says)
    document = {
        "name": says.name,
        "version": str(says.version),
        "publisher": says.publisher,
        "active": result.active,
        "from": None if base is None else base.stored.version,
        "changes": [] if difference is None else difference_document(difference),
        "columns": [str(each) for each in says.columns],
        **document_of(result.checked),
        "file": None,
    }
    call.output.show(document, *_shown(result, None if difference is None else difference_text(difference)))


def _shown(result: Saved, difference: RenderableType | None) -> Sequence[RenderableType]:
    says = result.saved.says
    shown: list[RenderableType] = []
    if difference is not None:
        shown.append(difference)
    else:
        shown += [Text(f"+ {each}", style="green") for each in says.columns]
    if result.checked.findings:
        shown += [Text(), *findings_shown([result.checked])]
    state = (
        "It is the active one."
        if result.active
        else f"Activate it: dualwrite maps activate {says.name!r} {says.version}"
    )
    shown.append(Text(f"Saved: {says.name} {says.version} by {says.publisher}. {state}", style="green"))
    return shown
