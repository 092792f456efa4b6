"""Bodies of rows turned into commands: columns, binds, and rows nested in a new row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dualwrite.environments.port import Command, CommandValue, Create, ResultOf
from dualwrite.servers.dataverse.keys import read_link, reference_to
from dualwrite.servers.dataverse.model import Collection, EntityModel, Navigation, ServiceModel
from dualwrite.servers.dataverse.problems import unknown_property
from dualwrite.servers.odata.json_body import JsonObject, JsonValue
from dualwrite.servers.odata.refusals import MalformedRequest

BIND = "@odata.bind"

_CONTENT_ID = re.compile(r"/?\$(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Referenced:
    """A row that an earlier request of the change set writes: its command and its entity."""

    command: int
    entity: EntityModel


def unknown_reference(content_id: str) -> MalformedRequest:
    return MalformedRequest(f"Content-ID Reference: '${content_id}' does not exist in the batch context.")


class Composer:
    """Collects the commands of one request; ``offset`` commands of the same transaction come before them."""

    def __init__(
        self, model: ServiceModel, *, root: str, references: Mapping[str, Referenced], offset: int = 0
    ) -> None:
        self.commands: list[Command] = []
        self._model = model
        self._root = root
        self._references = references
        self.offset = offset

    def add(self, command: Command) -> int:
        """``command`` stands last; tells its position in the transaction."""
        self.commands.append(command)
        return self.offset + len(self.commands) - 1

    def create(self, entity: EntityModel, body: JsonObject, **extra: CommandValue) -> int:
        """A new row and the rows nested in it are to be created; tells the position of the row itself."""
        children: list[tuple[Collection, JsonValue]] = []
        values = self.values(entity, body, children=children)
        position = self.add(Create(entity.table.name, {**values, **extra}))
        for collection, rows in children:
            child = self._model.entity(collection.referencing)
            for row in rows if isinstance(rows, list) else ():
                if not isinstance(row, dict):
                    raise MalformedRequest(f"'{collection.name}' must hold the rows to create.")
                self.create(child, row, **{collection.column.name: ResultOf(position)})
        return position

    def values(
        self, entity: EntityModel, body: JsonObject, *, children: list[tuple[Collection, JsonValue]] | None = None
    ) -> dict[str, CommandValue]:
        """The columns that ``body`` sets; nested rows are taken where ``children`` is there to collect them.

        Raises: MalformedRequest.
        """
        values: dict[str, CommandValue] = {}
        for name, value in body.items():
            prop = entity.properties.get(name)
            if prop is not None and not prop.is_lookup:
                values[name] = prop.read(value)
            elif name.endswith(BIND):
                self._bind(values, entity, name[: -len(BIND)], value)
            elif "@" in name:
                continue  # what the service itself writes beside a property says nothing when it comes back
            elif prop is not None:
                raise MalformedRequest(
                    f"'{name}' is read-only: set the lookup with '{prop.column.name}{BIND}' "
                    "(or the navigation property's own name)."
                )
            elif name in entity.navigations:
                self._nested(values, entity, entity.navigations[name], value, deep=children is not None)
            elif name in entity.collections and children is not None and isinstance(value, list):
                children.append((entity.collections[name], value))
            else:
                raise unknown_property(name, table=entity.table.name)
        return values

    def _bind(self, values: dict[str, CommandValue], entity: EntityModel, name: str, value: JsonValue) -> None:
        navigation = entity.navigations.get(name)
        if navigation is None:
            raise unknown_property(name, table=entity.table.name)
        if value is not None:
            self._set(values, navigation, self.link(navigation, value))
        elif navigation.column.name not in values:
            values[navigation.column.name] = None

    def _set(self, values: dict[str, CommandValue], navigation: Navigation, value: CommandValue) -> None:
        column = navigation.column.name
        if values.get(column) is not None:
            raise MalformedRequest(f"The body sets '{column}' twice.")
        values[column] = value

    def link(self, navigation: Navigation, address: JsonValue) -> CommandValue:
        """The row at ``address`` as a value of the lookup. Raises: RequestRefused."""
        match = _CONTENT_ID.fullmatch(address) if isinstance(address, str) else None
        if match is not None:
            referenced = self.referenced(match[1])
            self._check_target(navigation, referenced.entity)
            return ResultOf(referenced.command)
        row = read_link(address, model=self._model, root=self._root)
        self._check_target(navigation, row.entity)
        return reference_to(row)

    def referenced(self, content_id: str) -> Referenced:
        """The earlier request of the change set with that Content-ID. Raises: MalformedRequest."""
        found = self._references.get(content_id)
        if found is None:
            raise unknown_reference(content_id)
        return found

    def _check_target(self, navigation: Navigation, entity: EntityModel) -> None:
        if entity.table.name not in navigation.targets:
            raise MalformedRequest(
                f"'{navigation.name}' leads to {' or '.join(navigation.targets)}, not to {entity.table.name}."
            )

    def _nested(
        self,
        values: dict[str, CommandValue],
        entity: EntityModel,
        navigation: Navigation,
        value: JsonValue,
        *,
        deep: bool,
    ) -> None:
        if value is None:
            values.setdefault(navigation.column.name, None)
            return
        if not isinstance(value, dict) or not deep or len(navigation.targets) != 1:
            raise MalformedRequest(
                f"'{navigation.name}' is a navigation property: set it with '{navigation.name}{BIND}'."
            )
        if isinstance(link := value.get("@odata.id"), str):
            self._set(values, navigation, self.link(navigation, link))
            return
        target = self._model.entity(navigation.targets[0])
        self._set(values, navigation, ResultOf(self.create(target, value)))
