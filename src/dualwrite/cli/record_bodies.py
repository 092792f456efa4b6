"""Bodies of writes from what was typed: columns of their types, lookups as binds."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dualwrite.cli.output import to_json
from dualwrite.cli.record_keys import finops_value, json_value, parse_assignment, parse_key
from dualwrite.cli.record_places import Place
from dualwrite.cli.services import parse_json
from dualwrite.errors import RecordRefused
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Side, Table

_BIND = "@odata.bind"


def record_body(place: Place, table: Table, assignments: Sequence[str], data: str | None) -> str:
    """The JSON body that sets the columns of ``data`` (a JSON object) and then those of ``assignments``.

    A lookup of Dataverse takes a GUID or the key of the row it is to point to, such as ``usmf,10``; nothing empties it.
    Raises: RecordRefused, RecordNotFound.
    """
    members = _members(data)
    for each in assignments:
        name, text, is_json = parse_assignment(each)
        column = table.find(name)
        if is_json:
            members[column.name if column else name] = _checked(name, text)
        elif column is not None and column.type is ColumnType.LOOKUP and place.side is Side.DATAVERSE:
            members.update([_bind(place, column, text)])
        elif place.side is Side.FINOPS:
            members[column.name if column else name] = finops_value(column, text)
        else:
            members[column.name if column else name] = json_value(column, text)
    if not members:
        raise RecordRefused("no columns are given: write column=value, or --data with a JSON object")
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in members.items()) + "}"


def _members(data: str | None) -> dict[str, str]:
    if data is None:
        return {}
    document = parse_json(data)
    if not isinstance(document, dict):
        raise RecordRefused("--data is not a JSON object")
    return {name: to_json(value) for name, value in document.items()}


def _checked(name: str, text: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        raise RecordRefused(f"{name}: {text!r} is not JSON ({error})", column=name) from None
    return text


def _bind(place: Place, column: Column, text: str) -> tuple[str, str]:
    """The member that points ``column`` to the row that ``text`` names; ``table:key`` where it may be in several."""
    named, _, key = text.rpartition(":")
    targets = [each for each in column.targets if not named or each == place.table(named).name]
    if not targets:
        raise RecordRefused(
            f"{column.name} points to {' or '.join(column.targets)}, not to {named}", column=column.name
        )
    if len(targets) > 1:
        examples = " or ".join(f"{each}:KEY" for each in targets)
        raise RecordRefused(f"{column.name} may point to several tables: write {examples}", column=column.name)
    several = column.is_polymorphic and column.role is not ColumnRole.OWNER
    name = f"{column.name}_{targets[0]}" if several else column.name
    if not key:
        return name + _BIND, "null"
    target = place.table(targets[0])
    return name + _BIND, json.dumps(f"/{target.entity_set}({place.find(target, parse_key(key))})")
