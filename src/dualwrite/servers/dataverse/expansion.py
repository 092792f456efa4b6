"""``$expand``: related rows, read in batches by id and put into the rows they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dualwrite.environments.port import Environment, RowQuery, SortKey
from dualwrite.filters.tree import ColumnPath, Expression, OneOf, conjunction
from dualwrite.metadata.values import Row
from dualwrite.servers.dataverse.filtering import filter_of, order_of
from dualwrite.servers.dataverse.model import Collection, EntityModel, Navigation, ServiceModel
from dualwrite.servers.dataverse.preferences import Preferences
from dualwrite.servers.dataverse.problems import unknown_property
from dualwrite.servers.dataverse.rendering import NO_NAMES, RowNames, Shape, lookup_target, shape_of
from dualwrite.servers.odata.options import ExpandItem, Options
from dualwrite.servers.odata.refusals import MalformedRequest

IDS_PER_READ = 1_000
RELATED_ROWS_PER_PARENT = 5_000


@dataclass(frozen=True, slots=True)
class Expansion:
    """One navigation to expand: ``shapes`` by the tables it may lead to; ``relation`` is the way there."""

    name: str
    relation: Navigation | Collection
    shapes: Mapping[str, Shape]
    where: Expression | None
    order: tuple[SortKey, ...]
    top: int | None
    nested: tuple[Expansion, ...]
    reference_only: bool

    @property
    def context(self) -> str:
        """How it stands in the context of an answer."""
        shown = next(iter(self.shapes.values())).selected or ()
        return f"{self.name}({','.join((*shown, *(nested.context for nested in self.nested)))})"


def plan_expansions(
    options: Options, *, entity: EntityModel, model: ServiceModel, preferences: Preferences, most: int
) -> tuple[Expansion, ...]:
    """What ``$expand`` asks for. Raises: MalformedRequest, FilterRefused."""
    if len(options.expand) > most:
        raise MalformedRequest(f"The query option $expand names more than {most} navigations.")
    return tuple(_plan(item, entity, model, preferences) for item in options.expand)


def _plan(item: ExpandItem, entity: EntityModel, model: ServiceModel, preferences: Preferences) -> Expansion:
    options = item.options
    if options.skip is not None or options.count or options.unknown or options.skiptoken is not None:
        raise MalformedRequest(
            f"Within $expand={item.name} only $select, $filter, $orderby, $top and $expand are read."
        )
    relation = entity.navigations.get(item.name) or entity.collections.get(item.name)
    if relation is None:
        raise unknown_property(item.name, table=entity.table.name)
    tables = relation.targets if isinstance(relation, Navigation) else (relation.referencing,)
    targets = [model.by_table[table] for table in tables if table in model.by_table]
    if not targets:
        raise unknown_property(item.name, table=entity.table.name)
    single = isinstance(relation, Navigation)
    if single and (options.filter is not None or options.orderby or options.top is not None):
        raise MalformedRequest(f"'{item.name}' leads to one row: $filter, $orderby and $top make no sense there.")
    if len(targets) > 1 and options.expand:
        raise MalformedRequest(f"Nothing can be expanded behind '{item.name}', which leads to several tables.")
    return Expansion(
        name=item.name,
        relation=relation,
        shapes={target.table.name: _shape(target, targets, options, preferences) for target in targets},
        where=filter_of(options, entity=targets[0], model=model),
        order=order_of(options, entity=targets[0], model=model),
        top=options.top,
        nested=tuple(_plan(nested, targets[0], model, preferences) for nested in options.expand),
        reference_only=item.reference_only,
    )


def _shape(target: EntityModel, targets: Sequence[EntityModel], options: Options, preferences: Preferences) -> Shape:
    """Where a navigation leads to several tables, a property needs to be known to one of them only."""
    select = options.select
    if select is not None and len(targets) > 1:
        for name in select:
            if not any(name in other.properties for other in targets):
                raise unknown_property(name, table=target.table.name)
        select = tuple(name for name in select if name in target.properties)
    return shape_of(target, select=select, preferences=preferences)


def columns_with(shape: Shape, expansions: Iterable[Expansion]) -> tuple[str, ...] | None:
    """The columns of ``shape`` and those that ``expansions`` start from; None for all."""
    columns = shape.columns
    if columns is None:
        return None
    starts = (e.relation.column.name for e in expansions if isinstance(e.relation, Navigation))
    return tuple(dict.fromkeys((*columns, *starts)))


class RelatedRows:
    """Reads what rows point to: names for annotations, whole rows for expansions."""

    def __init__(self, environment: Environment, model: ServiceModel) -> None:
        self._environment = environment
        self._model = model

    async def render(
        self, rows: Sequence[Row], *, shape: Shape, expansions: tuple[Expansion, ...] = (), root: str
    ) -> list[dict[str, object]]:
        """``rows`` as JSON objects with names, annotations and expanded rows in them."""
        names = await self._names(rows, shape) if shape.formatted and shape.lookups else NO_NAMES
        shown = [shape.render(row, names) for row in rows]
        for expansion in expansions:
            if isinstance(expansion.relation, Navigation):
                await self._expand_lookup(rows, shown, expansion, expansion.relation, root)
            else:
                await self._expand_collection(rows, shown, expansion, expansion.relation, root, shape.entity)
        return shown

    async def _names(self, rows: Sequence[Row], shape: Shape) -> RowNames:
        ids: dict[str, set[UUID]] = {}
        for prop in shape.lookups:
            for row in rows:
                value = row.get(prop.column.name)
                target = lookup_target(row, prop)
                if isinstance(value, UUID) and target is not None and target in self._model.by_table:
                    ids.setdefault(target, set()).add(value)
        names: dict[tuple[str, UUID], str] = {}
        for table, wanted in ids.items():
            entity = self._model.by_table[table]
            key, name = entity.id_column.name, entity.table.primary_name
            if name is None:
                continue
            for row in await self._by_ids(entity, key, wanted, columns=(key, name)):
                row_id, text = row[key], row[name]
                if isinstance(row_id, UUID) and text is not None:
                    names[(table, row_id)] = str(text)
        return names

    async def _by_ids(
        self,
        entity: EntityModel,
        column: str,
        ids: Iterable[UUID],
        *,
        columns: tuple[str, ...] | None,
        where: Expression | None = None,
        order: tuple[SortKey, ...] = (),
    ) -> list[Row]:
        ordered = sorted(ids)
        rows: list[Row] = []
        for start in range(0, len(ordered), IDS_PER_READ):
            chunk = tuple(ordered[start : start + IDS_PER_READ])
            condition = conjunction(OneOf(ColumnPath((column,)), chunk), where)
            query = RowQuery(entity.table.name, columns=columns, where=condition, order=order)
            rows.extend((await self._environment.read(query)).rows)
        return rows

    async def _expand_lookup(
        self,
        rows: Sequence[Row],
        shown: list[dict[str, object]],
        expansion: Expansion,
        navigation: Navigation,
        root: str,
    ) -> None:
        column = navigation.column.name
        found: dict[UUID, dict[str, object]] = {}
        for table, shape in expansion.shapes.items():
            ids = {value for row in rows if isinstance(value := row.get(column), UUID)}
            key = shape.entity.id_column.name
            columns = columns_with(shape, expansion.nested)
            related = await self._by_ids(self._model.by_table[table], key, ids, columns=columns) if ids else []
            rendered = await self._related(related, shape, expansion, root)
            for row, item in zip(related, rendered, strict=True):
                if isinstance(row_id := row[key], UUID):
                    found[row_id] = item
        for row, item in zip(rows, shown, strict=True):
            value = row.get(column)
            item[expansion.name] = found.get(value) if isinstance(value, UUID) else None

    async def _expand_collection(
        self,
        rows: Sequence[Row],
        shown: list[dict[str, object]],
        expansion: Expansion,
        collection: Collection,
        root: str,
        parent: EntityModel,
    ) -> None:
        entity = self._model.by_table[collection.referencing]
        shape = expansion.shapes[collection.referencing]
        column, key = collection.column.name, parent.id_column.name
        ids = {value for row in rows if isinstance(value := row.get(key), UUID)}
        columns = columns_with(shape, expansion.nested)
        columns = None if columns is None else tuple(dict.fromkeys((*columns, column)))
        related = await self._by_ids(entity, column, ids, columns=columns, where=expansion.where, order=expansion.order)
        groups: dict[object, list[Row]] = {}
        most = RELATED_ROWS_PER_PARENT if expansion.top is None else min(expansion.top, RELATED_ROWS_PER_PARENT)
        for row in related:
            group = groups.setdefault(row[column], [])
            if len(group) < most:
                group.append(row)
        for row, item in zip(rows, shown, strict=True):
            item[expansion.name] = await self._related(groups.get(row.get(key), []), shape, expansion, root)

    async def _related(
        self, rows: Sequence[Row], shape: Shape, expansion: Expansion, root: str
    ) -> list[dict[str, object]]:
        if expansion.reference_only:
            key = shape.entity.id_column.name
            return [{"@odata.id": f"{root}{shape.entity.set_name}({row[key]})"} for row in rows]
        return await self.render(rows, shape=shape, expansions=expansion.nested, root=root)
