"""``$filter`` and ``$orderby`` of the wire, turned into conditions and orders over columns."""

from __future__ import annotations

from typing import assert_never

from dualwrite.environments.port import SortKey
from dualwrite.filters.bind import bind
from dualwrite.filters.odata import parse_odata
from dualwrite.filters.tree import (
    Always,
    And,
    ColumnPath,
    Compare,
    Expression,
    Not,
    OneOf,
    Or,
    TextMatch,
)
from dualwrite.servers.dataverse.model import EntityModel, ServiceModel
from dualwrite.servers.dataverse.problems import unknown_property
from dualwrite.servers.odata.options import Options
from dualwrite.servers.odata.refusals import MalformedRequest


class Naming:
    """Finds the columns behind the properties of one entity and of those its lookups lead to."""

    def __init__(self, entity: EntityModel, model: ServiceModel) -> None:
        self._entity = entity
        self._model = model

    def columns(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """``("primarycontactid", "_ownerid_value")`` as the columns behind it. Raises: MalformedRequest."""
        entity = self._entity
        found: list[str] = []
        for name in path[:-1]:
            navigation = entity.navigations.get(name)
            if navigation is None or len(navigation.targets) != 1 or navigation.targets[0] not in self._model.by_table:
                raise unknown_property(name, table=entity.table.name)
            if navigation.column.is_polymorphic:
                raise MalformedRequest(f"The query cannot go through '{name}', which may point to several tables.")
            found.append(navigation.column.name)
            entity = self._model.by_table[navigation.targets[0]]
        return (*found, self._last(entity, path[-1]))

    def _last(self, entity: EntityModel, name: str) -> str:
        prop = entity.properties.get(name)
        if prop is not None:
            return prop.column.name
        navigation = entity.navigations.get(name)
        if navigation is None:
            raise unknown_property(name, table=entity.table.name)
        return navigation.column.name

    def path(self, path: ColumnPath) -> ColumnPath:
        return ColumnPath(self.columns(path.parts))

    def expression(self, tree: Expression) -> Expression:
        """``tree`` with columns for properties."""
        match tree:
            case Compare(operator, left, right):
                return Compare(operator, self.path(left), self.path(right) if isinstance(right, ColumnPath) else right)
            case TextMatch(test, column, text):
                return TextMatch(test, self.path(column), text)
            case OneOf(column, values):
                return OneOf(self.path(column), values)
            case Not(operand):
                return Not(self.expression(operand))
            case And(operands):
                return And(tuple(self.expression(operand) for operand in operands))
            case Or(operands):
                return Or(tuple(self.expression(operand) for operand in operands))
            case Always():
                return tree
            case _:
                assert_never(tree)


def filter_of(options: Options, *, entity: EntityModel, model: ServiceModel) -> Expression | None:
    """The bound ``$filter``, None without one. Raises: FilterRefused, MalformedRequest."""
    if options.filter is None:
        return None
    tree = parse_odata(_with_aliases(options))
    if tree is None:
        return None
    return bind(Naming(entity, model).expression(tree), table=entity.table, schema=model.schema)


def _with_aliases(options: Options) -> str:
    text = options.filter or ""
    for name, value in options.aliases:
        text = _replaced(text, "@" + name, value)
    return text


def _replaced(text: str, alias: str, value: str) -> str:
    """``text`` with ``alias`` replaced outside of its quoted parts."""
    pieces = text.split("'")
    pieces[::2] = (piece.replace(alias, value) for piece in pieces[::2])
    return "'".join(pieces)


def order_of(options: Options, *, entity: EntityModel, model: ServiceModel) -> tuple[SortKey, ...]:
    """The ``$orderby``: lookups order by the primary name of the row they point to. Raises: MalformedRequest."""
    naming = Naming(entity, model)
    return tuple(_sort_key(key, naming, entity, model) for key in options.orderby)


def _sort_key(key: SortKey, naming: Naming, entity: EntityModel, model: ServiceModel) -> SortKey:
    columns = naming.columns(key.path)
    prop = entity.by_column.get(columns[0])
    if len(columns) == 1 and prop is not None and prop.is_lookup and not prop.column.is_polymorphic:
        target = model.by_table.get(prop.column.targets[0]) if prop.column.targets else None
        if target is not None and target.table.primary_name is not None:
            columns = (columns[0], target.table.primary_name)
    return SortKey(columns, descending=key.descending)
