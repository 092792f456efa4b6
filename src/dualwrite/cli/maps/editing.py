"""``dualwrite maps new``, ``change`` and ``copy``: each of them saves a new version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import (
    Activate,
    NewVersion,
    OneName,
    Publisher,
    asked_publisher,
    asked_version,
    one_map,
    versions_of,
)
from dualwrite.cli.maps.saving import Saved, save, show_saved, stamped_version
from dualwrite.composition.house import House
from dualwrite.errors import MapRefused, SettingsRefused
from dualwrite.lifecycle.versions import text_of
from dualwrite.maps.edit import Change, Fact, SetFact, add_line, apply_changes, remove_line, set_line_text
from dualwrite.maps.offers import start_columns
from dualwrite.maps.text import parse_column, render_map
from dualwrite.maps.values import FilterExit, MapVersion, Version


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

    async def made(house: House) -> Saved:
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
        return await save(house, says, render_map(says), base=None, activate=False)

    show_saved(call, call.in_house(made))


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

    async def changed(house: House) -> Saved:
        versions = versions_of(house)
        chosen = await one_map(house, name)
        await versions.check_changeable(chosen)
        base = await versions.get(chosen, from_version)
        says = _with_lines(apply_changes(base.says, changes), add or (), set_ or (), remove or ())
        says = await stamped_version(call, house, says, base, publisher=publisher, version=version)
        return await save(house, says, render_map(says), base=base, activate=activate)

    show_saved(call, call.in_house(changed))


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

    async def copied(house: House) -> Saved:
        versions = versions_of(house)
        chosen = await one_map(house, name)
        base = await versions.get(chosen, from_version)
        says = base.says if new_name is None else replace(base.says, name=new_name)
        await versions.check_changeable(says.name)
        says = await stamped_version(call, house, says, base, publisher=publisher, version=version)
        return await save(house, says, text_of(base.stored.document, says), base=base, activate=activate)

    show_saved(call, call.in_house(copied))
