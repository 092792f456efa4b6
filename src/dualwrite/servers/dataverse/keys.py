"""Keys: what stands in the parentheses of an address, and addresses inside bodies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from dualwrite.environments.port import RecordKey, Reference
from dualwrite.filters.tree import ColumnPath, Compare, Comparison, Expression, conjunction
from dualwrite.metadata.values import Value
from dualwrite.servers.dataverse.model import EntityModel, ServiceModel
from dualwrite.servers.dataverse.problems import Code, RowMissing, invalid_key, unknown_segment
from dualwrite.servers.dataverse.scalars import from_literal, parse_guid
from dualwrite.servers.odata.literals import ParameterAlias
from dualwrite.servers.odata.path import KeyPredicate, Segment, parse_path
from dualwrite.servers.odata.refusals import MalformedRequest

_SERVICE_PATH = re.compile(r"/?api/data/v\d+\.\d+/")


@dataclass(frozen=True, slots=True)
class RowAddress:
    """A row named by its primary or one of its alternate keys; ``parts`` are columns with their values."""

    entity: EntityModel
    parts: tuple[tuple[str, Value], ...]
    is_primary: bool

    @property
    def record_key(self) -> RecordKey:
        return RecordKey(self.parts)

    @property
    def where(self) -> Expression:
        """The bound condition that finds the row."""
        tests = (Compare(Comparison.EQ, ColumnPath((name,)), value) for name, value in self.parts)
        expression = conjunction(*tests)
        assert expression is not None
        return expression

    def missing(self) -> RowMissing:
        """The refusal for a row that is not there."""
        if self.is_primary:
            message = f"{self.entity.table.name} With Id = {self.parts[0][1]} Does Not Exist"
            return RowMissing(message, wire_code=Code.NOT_FOUND)
        return RowMissing(
            "A record with the specified key values does not exist in "
            f"{self.entity.table.name} entity ({', '.join(f'{name}={value}' for name, value in self.parts)})",
            wire_code=Code.NOT_FOUND_BY_KEY,
        )


def row_address(entity: EntityModel, key: KeyPredicate) -> RowAddress:
    """The row that ``key`` names. Raises: RequestRefused, for a key that the table does not have."""
    if key.is_empty:
        raise invalid_key(entity.table.name)
    if key.is_positional:
        return _primary(entity, key.parts[0][1])
    parts: dict[str, Value] = {}
    for name, literal in key.parts:
        prop = entity.key_property(name)
        if prop is None or prop.column.name in parts:
            raise invalid_key(entity.table.name)
        if isinstance(literal, ParameterAlias):
            raise MalformedRequest("Parameter aliases cannot stand in keys.")
        parts[prop.column.name] = from_literal(prop.column, literal)
    columns = frozenset(parts)
    if columns == {entity.id_column.name}:
        return RowAddress(entity, tuple(parts.items()), is_primary=True)
    if columns not in entity.alternate_keys:
        raise invalid_key(entity.table.name)
    return RowAddress(entity, tuple(parts.items()), is_primary=False)


def _primary(entity: EntityModel, literal: object) -> RowAddress:
    guid = parse_guid(literal) if isinstance(literal, str) else literal
    if not isinstance(guid, UUID):
        raise invalid_key(entity.table.name)
    return RowAddress(entity, ((entity.id_column.name, guid),), is_primary=True)


def relative_path(address: str, *, root: str) -> str:
    """``address`` relative to the service root, be it absolute, from the server's root, or relative already."""
    if address.startswith(root):
        return address[len(root) :]
    try:
        path = urlsplit(address).path if "://" in address[:16] else address
    except ValueError:
        raise MalformedRequest(f"The address {address[:80]!r} cannot be read.") from None
    match = _SERVICE_PATH.match(path)
    return path[match.end() :] if match else path.lstrip("/")


def read_link(address: object, *, model: ServiceModel, root: str) -> RowAddress:
    """The row that an address inside a body names. Raises: RequestRefused."""
    if not isinstance(address, str) or not address:
        raise MalformedRequest(
            "The address of a row is expected, such as '/accounts(00000000-0000-0000-0000-000000000000)'."
        )
    return link_address(parse_path(relative_path(address, root=root)), model=model, text=address)


def link_address(segments: tuple[Segment, ...], *, model: ServiceModel, text: str) -> RowAddress:
    """The row that ``segments`` name and nothing behind it. Raises: RequestRefused."""
    if len(segments) != 1 or segments[0].key is None:
        raise MalformedRequest(f"The address {text[:200]!r} does not name a row.")
    entity = model.by_set.get(segments[0].name)
    if entity is None:
        raise unknown_segment(segments[0].name)
    return row_address(entity, segments[0].key)


def reference_to(address: RowAddress) -> Reference:
    return Reference(address.entity.table.name, address.record_key)
