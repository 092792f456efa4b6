"""``dualwrite maps edit``: a map's text in an editor, kept in a draft until it is saved."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.map_choices import (
    Activate,
    NewVersion,
    OneName,
    Publisher,
    asked_publisher,
    asked_version,
    may_ask,
    one_map,
    versions_of,
)
from dualwrite.cli.map_findings import findings_shown
from dualwrite.cli.maps.saving import Saved, save, show_saved
from dualwrite.composition.house import House
from dualwrite.errors import MapRefused, SettingsRefused
from dualwrite.lifecycle.checks import check_text
from dualwrite.lifecycle.folder_files import file_names
from dualwrite.lifecycle.versions import SavedVersion, text_of
from dualwrite.maps.text import parse_map
from dualwrite.maps.values import MapVersion, Version


@dataclass(frozen=True, slots=True)
class _Draft:
    """The text that is being edited, in a file that stays until it is saved."""

    name: str
    base: SavedVersion
    proposal: Version
    file: Path


def edit(
    context: typer.Context,
    name: OneName,
    from_version: Annotated[
        str | None, typer.Option("--from", help="The version to edit; the active one unless given.")
    ] = None,
    publisher: Publisher = None,
    version: NewVersion = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew, without a draft that was left.")] = False,
    activate: Activate = False,
) -> None:
    """Edit a map's text in $VISUAL or $EDITOR and save it as a new version. The map must not be running.

    What cannot be saved stays in a draft, and the next edit takes it up.
    """
    call = invocation(context)
    folder = call.settings().data_folder / "drafts"

    async def begun(house: House) -> _Draft:
        versions = versions_of(house)
        chosen = await one_map(house, name)
        await versions.check_changeable(chosen)
        base = await versions.get(chosen, from_version)
        return _Draft(chosen, base, await versions.proposal(chosen), folder / file_names([chosen])[chosen])

    draft = call.in_house(begun)
    begun_with = _begun_with(call, draft, publisher=publisher, version=version, fresh=fresh)
    saved: Saved | None = None
    while saved is None:
        text = _edited(call, draft)
        if text == begun_with:
            draft.file.unlink()
            call.output.show({"saved": None}, Text("Nothing was changed, and nothing saved.", style="dim"))
            return
        saved = _saved(call, draft, text, activate=activate)
    draft.file.unlink()
    show_saved(call, saved)


def _begun_with(
    call: Invocation, draft: _Draft, *, publisher: str | None, version: str | None, fresh: bool
) -> str | None:
    """The text that is in the draft's file before the editor opens; None for a draft that was left there."""
    if draft.file.is_file() and not fresh:
        call.output.errors.print(Text(f"Going on with the draft {draft.file}", style="yellow"))
        return None
    text = _proposed(call, draft, publisher=publisher, version=version)
    draft.file.parent.mkdir(parents=True, exist_ok=True)
    draft.file.write_text(text, encoding="utf-8")
    return text


def _saved(call: Invocation, draft: _Draft, text: str, *, activate: bool) -> Saved | None:
    """The new version; None when it cannot run, and its author rather edits it again."""

    async def saved(house: House) -> Saved | None:
        await house.router.compiled.refresh()
        checked = check_text(house.router.compiled, text, file=str(draft.file))
        if not checked.can_run and may_ask(call):
            call.output.show(None, *findings_shown([checked]))
            if not typer.confirm("Save it all the same?", default=False):
                return None
        return await save(house, parse_map(text, file=draft.file), text, base=draft.base, activate=activate)

    try:
        return call.in_house(saved)
    except BaseException:
        call.output.errors.print(Text(f"Nothing is lost: the text is in {draft.file}", style="yellow"))
        raise


def _proposed(call: Invocation, draft: _Draft, *, publisher: str | None, version: str | None) -> str:
    """The text to edit, under the publisher and number that saving asks for."""
    own = "" if draft.base.stored.managed else draft.base.stored.publisher
    says = replace(
        draft.base.says,
        publisher=asked_publisher(call, publisher, proposal=own),
        version=asked_version(call, version, proposal=draft.proposal),
    )
    return text_of(draft.base.stored.document, says)


def _edited(call: Invocation, draft: _Draft) -> str:
    """The text once it can be read, or its author gives up. Raises: MapRefused, SettingsRefused."""
    while True:
        _open_editor(draft.file)
        text = draft.file.read_text(encoding="utf-8")
        try:
            _check_name(parse_map(text, file=draft.file), draft)
            return text
        except MapRefused as refusal:
            call.output.refuse(refusal) if may_ask(call) else None
            if not may_ask(call) or not typer.confirm("Edit again?", default=True):
                raise MapRefused(
                    f"{refusal.message}\nNothing is lost: dualwrite maps edit {draft.name!r} takes up {draft.file}",
                    **refusal.details,
                ) from refusal


def _check_name(says: MapVersion, draft: _Draft) -> None:
    if says.name != draft.name:
        raise MapRefused(
            f"{draft.file}: the map is called {draft.name}, not {says.name}; to make another map of it: "
            f"dualwrite maps copy {draft.name!r} --name {says.name!r}"
        )


def _open_editor(file: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise SettingsRefused(
            f"No editor is set. Set EDITOR, or change the map by command (dualwrite maps change) or by file: {file}"
        )
    command = [*shlex.split(editor), str(file)]
    try:
        done = subprocess.run(command, check=False)
    except OSError as error:
        raise SettingsRefused(
            f"The editor {editor!r} cannot be started: {(error.strerror or str(error)).lower()}"
        ) from error
    if done.returncode != 0:
        raise SettingsRefused(f"The editor {editor!r} ended with {done.returncode}; the text is in {file}")
