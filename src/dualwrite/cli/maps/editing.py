"""``dualwrite maps new``, ``change``, ``edit`` and ``copy``: every one of them saves a new version."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.maps.choices import (
    Activate,
    NewVersion,
    OfVersion,
    OneName,
    Publisher,
    asked_publisher,
    asked_version,
    may_ask,
    one_map,
    versions_of,
)
from dualwrite.cli.maps.differences import difference_document, difference_text
from dualwrite.cli.maps.findings import findings_shown
from dualwrite.composition.house import House
from dualwrite.errors import MapRefused, SettingsRefused
from dualwrite.lifecycle.checks import CheckedMap, check_text, document_of
from dualwrite.lifecycle.folder_files import file_names
from dualwrite.lifecycle.versions import SavedVersion, text_of
from dualwrite.maps.diff import compare_versions
from dualwrite.maps.edit import Change, Fact, SetFact, add_line, apply_changes, remove_line, set_line_text
from dualwrite.maps.offers import start_columns
from dualwrite.maps.text import parse_column, parse_map, render_map
from dualwrite.maps.values import FilterExit, MapVersion, Version


@dataclass(frozen=True, slots=True)
class _Saved:
    """A new version, what was found about it, and what it was made from."""

    base: SavedVersion | None
    saved: SavedVersion
    checked: CheckedMap
    active: bool


def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the map is to be called, such as: Tax codes (msdyn_taxcodes)")],
    finops: Annotated[str, typer.Option("--finops", help="An F&O entity: its name, entity set or label.")],
    dataverse: Annotated[str, typer.Option("--dataverse", help="A Dataverse table: its name, entity set or label.")],
    publisher: Publisher = None,
    version: NewVersion = None,
    description: Annotated[str, typer.Option("--description", help="What the map is for.")] = "",
) -> None:
    """Make a map of your own between any two tables; it starts with the keys mapped, where names allow.

    Both tables are company-specific, or both are global.
    """
    call = invocation(context)

    async def made(house: House) -> _Saved:
        left, right = house.finops.schema.find(finops), house.dataverse.schema.find(dataverse)
        if left is None or right is None:
            side, text = ("Finance and operations", finops) if left is None else ("Dataverse", dataverse)
            raise SettingsRefused(f"{side} has no table {text!r}.", table=text)
        if left.is_company_specific != right.is_company_specific:
            kinds = {True: "company-specific", False: "global"}
            raise MapRefused(
                f"DIPV1002: {left.name} is {kinds[left.is_company_specific]} and {right.name} is "
                f"{kinds[right.is_company_specific]}; a map joins two company-specific or two global tables.",
                code="DIPV1002",
            )
        says = MapVersion(
            name=name,
            version=asked_version(call, version, proposal=Version(1)),
            publisher=asked_publisher(call, publisher),
            finops_entity=left.name,
            dataverse_table=right.name,
            columns=start_columns(left, right, schema=house.dataverse.schema),
            description=description,
        )
        return await _save(house, says, render_map(says), base=None, activate=False)

    _show(call, call.in_house(made))


def change(
    context: typer.Context,
    name: OneName,
    add: Annotated[list[str] | None, typer.Option("--add", help='A line to add: "COLUMN = column".')] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help='A line as it is to read: "COLUMN > column", "COLUMN >< column: {no: 1, yes: 2}".'),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", help="A column whose line is to go, or the whole line.")
    ] = None,
    source_filter: Annotated[str | None, typer.Option("--filter", help="Which F&O rows take part.")] = None,
    reversed_filter: Annotated[
        str | None, typer.Option("--reversed-filter", help="Which Dataverse rows take part.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Columns of the integration key, with commas between; '' generates it.")
    ] = None,
    on_filter_exit: Annotated[
        FilterExit | None, typer.Option("--on-filter-exit", help="What becomes of the partner of a row that leaves.")
    ] = None,
    owning_team: Annotated[str | None, typer.Option("--owning-team", help="Who owns rows that are created.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="What the map is for.")] = None,
    from_version: Annotated[
        str | None, typer.Option("--from", help="The version to change; the active one unless given.")
    ] = None,
    publisher: Publisher = None,
    version: NewVersion = None,
    activate: Activate = False,
) -> None:
    """Change a map into a new version: lines, filters, key and facts. The map must not be running."""
    facts = {
        Fact.SOURCE_FILTER: source_filter,
        Fact.REVERSED_SOURCE_FILTER: reversed_filter,
        Fact.ON_FILTER_EXIT: on_filter_exit,
        Fact.DESCRIPTION: description,
    }
    changes: list[Change] = [SetFact(fact, value) for fact, value in facts.items() if value is not None]
    if key is not None:
        changes.append(SetFact(Fact.INTEGRATION_KEY, tuple(key.replace(",", " ").split()) or None))
    if owning_team is not None:
        changes.append(SetFact(Fact.OWNING_TEAM, owning_team or None))
    if not changes and not (add or set_ or remove):
        raise typer.BadParameter("say what is to change: --add, --set, --remove, --filter, --key …")
    call = invocation(context)

    async def changed(house: House) -> _Saved:
        versions = versions_of(house)
        chosen = await one_map(house, name)
        await versions.check_changeable(chosen)
        base = await versions.get(chosen, from_version)
        says = _with_lines(apply_changes(base.says, changes), add or (), set_ or (), remove or ())
        says = await _stamped(call, house, says, base, publisher=publisher, version=version)
        return await _save(house, says, render_map(says), base=base, activate=activate)

    _show(call, call.in_house(changed))


def _with_lines(version: MapVersion, add: Sequence[str], set_: Sequence[str], remove: Sequence[str]) -> MapVersion:
    """The version without, with and with changed lines, in this order. Raises: MapRefused."""
    for text in remove:
        version = apply_changes(version, [remove_line(version, text)])
    for text in set_:
        version = apply_changes(version, [set_line_text(version, text)])
    for text in add:
        version = apply_changes(version, [add_line(version, parse_column(text))])
    return version


def copy(
    context: typer.Context,
    name: OneName,
    publisher: Publisher = None,
    from_version: Annotated[
        str | None, typer.Option("--from", help="The version to copy; the active one unless given.")
    ] = None,
    new_name: Annotated[str | None, typer.Option("--name", help="Make a new map of this name instead.")] = None,
    version: NewVersion = None,
    activate: Activate = False,
) -> None:
    """Copy a version under a publisher of your own: the way to change what a solution manages."""
    call = invocation(context)

    async def copied(house: House) -> _Saved:
        versions = versions_of(house)
        chosen = await one_map(house, name)
        base = await versions.get(chosen, from_version)
        says = base.says if new_name is None else replace(base.says, name=new_name)
        await versions.check_changeable(says.name)
        says = await _stamped(call, house, says, base, publisher=publisher, version=version)
        return await _save(house, says, text_of(base.stored.document, says), base=base, activate=activate)

    _show(call, call.in_house(copied))


async def _stamped(
    call: Invocation, house: House, says: MapVersion, base: SavedVersion, *, publisher: str | None, version: str | None
) -> MapVersion:
    """``says`` under the publisher and the number that saving asks for."""
    own = "" if base.stored.managed else base.stored.publisher
    return replace(
        says,
        publisher=asked_publisher(call, publisher, proposal=own),
        version=asked_version(call, version, proposal=await versions_of(house).proposal(says.name)),
    )


async def _save(house: House, says: MapVersion, text: str, *, base: SavedVersion | None, activate: bool) -> _Saved:
    saved = await versions_of(house).save(
        says, text=text, base=None if base is None else base.stored, activate=activate
    )
    await house.router.compiled.refresh()
    checked = check_text(house.router.compiled, saved.stored.document, file="")
    known = await house.store.maps.get(saved.stored.connection, says.name)
    return _Saved(base, saved, checked, known is not None and known.active_version == saved.stored.version)


# --- the editor -----------------------------------------------------------------------------------------------------


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
    from_version: OfVersion = None,
    publisher: Publisher = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew, without a draft that was left.")] = False,
    activate: Activate = False,
) -> None:
    """Edit a map's text in $VISUAL or $EDITOR and save it as a new version. The map must not be running.

    The text proposes the next version; change number and publisher there. What cannot be saved stays in a draft, and
    the next edit takes it up.
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
    own = "" if draft.base.stored.managed else draft.base.stored.publisher
    proposed = replace(draft.base.says, version=draft.proposal, publisher=publisher or own or "your publisher")
    if fresh or not draft.file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        draft.file.write_text(text_of(draft.base.stored.document, proposed), encoding="utf-8")
    before = draft.file.read_text(encoding="utf-8")
    text = _edited(call, draft)
    if text == before and compare_versions(proposed, parse_map(text, file=draft.name)).substantial == ():
        draft.file.unlink()
        call.output.show({"saved": None}, Text("Nothing was changed, and nothing saved.", style="dim"))
        return

    async def saved(house: House) -> _Saved:
        says = parse_map(text, file=draft.file)
        return await _save(house, says, text, base=draft.base, activate=activate)

    try:
        result = call.in_house(saved)
    except BaseException:
        call.output.errors.print(Text(f"Nothing is lost: the text is in {draft.file}", style="yellow"))
        raise
    draft.file.unlink()
    _show(call, result)


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
        raise SettingsRefused(f"The editor {editor!r} cannot be started: {error}") from error
    if done.returncode != 0:
        raise SettingsRefused(f"The editor {editor!r} ended with {done.returncode}; the text is in {file}")


# --- what is shown --------------------------------------------------------------------------------------------------


def _show(call: Invocation, result: _Saved) -> None:
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


def _shown(result: _Saved, difference: RenderableType | None) -> Sequence[RenderableType]:
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
