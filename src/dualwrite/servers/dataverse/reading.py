"""Requests that read rows: one, many, counted, a single property, or what a lookup leads to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dualwrite.environments.port import Environment, Page, RowQuery
from dualwrite.filters.tree import ColumnPath, Compare, Comparison, Expression, conjunction
from dualwrite.metadata.values import Row, Value
from dualwrite.servers.dataverse.exchange import NO_CONTENT, TEXT_TYPE, VERSION, Reply, Request, json_reply
from dualwrite.servers.dataverse.expansion import Expansion, RelatedRows, columns_with, plan_expansions
from dualwrite.servers.dataverse.filtering import filter_of, order_of
from dualwrite.servers.dataverse.keys import RowAddress, row_address
from dualwrite.servers.dataverse.model import VERSION_COLUMN, EntityModel, Navigation, ServiceModel
from dualwrite.servers.dataverse.preferences import (
    TOTAL_COUNT,
    TOTAL_COUNT_EXCEEDED,
    Preferences,
    parse_preferences,
)
from dualwrite.servers.dataverse.problems import unknown_segment
from dualwrite.servers.dataverse.rendering import Shape, context_of, etag_of, lookup_target, shape_of
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.odata.options import Options, parse_options
from dualwrite.servers.odata.path import Segment
from dualwrite.servers.odata.refusals import MalformedRequest
from dualwrite.servers.odata.skiptoken import Continuation, SkipTokens

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class View:
    """What a request wants to see of rows."""

    options: Options
    preferences: Preferences
    shape: Shape
    expansions: tuple[Expansion, ...]

    @property
    def columns(self) -> tuple[str, ...] | None:
        return columns_with(self.shape, self.expansions)


class RowReader:
    """Answers GET requests for rows of one environment."""

    def __init__(self, environment: Environment, model: ServiceModel, settings: DataverseSettings) -> None:
        self._environment = environment
        self._model = model
        self._settings = settings
        self._related = RelatedRows(environment, model)
        self._tokens = SkipTokens(settings.token_secret)

    def view(self, request: Request, entity: EntityModel) -> View:
        """What the query part and the preferences of ``request`` want of ``entity``. Raises: RequestRefused."""
        options = parse_options(request.query)
        if options.skip is not None:
            raise MalformedRequest("The query option $skip is not supported.")
        if options.unknown:
            raise MalformedRequest(f"The query option {options.unknown[0][0]} is not supported.")
        for name in ("fetchXml", "sql", "savedQuery", "userQuery"):
            if options.other(name) is not None:
                raise MalformedRequest(f"The query option {name} is not supported.")
        preferences = parse_preferences(request.header("prefer"))
        return View(
            options,
            preferences,
            shape_of(entity, select=options.select, preferences=preferences),
            plan_expansions(
                options,
                entity=entity,
                model=self._model,
                preferences=preferences,
                most=self._settings.most_expansions,
            ),
        )

    async def answer(self, request: Request, segments: tuple[Segment, ...]) -> Reply:
        """The answer to a GET. Raises: RequestRefused, QueryRefused, EnvironmentUnavailable."""
        entity = self._model.by_set.get(segments[0].name)
        if entity is None:
            raise unknown_segment(segments[0].name)
        first, rest = segments[0], segments[1:]
        if first.key is None:
            if not rest:
                return await self._many(request, entity)
            if len(rest) == 1 and rest[0].name == "$count":
                return await self._count(request, entity)
            raise unknown_segment(rest[0].name)
        address = row_address(entity, first.key)
        if not rest:
            return await self._one(request, address)
        return await self._part(request, address, rest)

    # --- one row ------------------------------------------------------------------------------------------------

    async def fetch(self, address: RowAddress, columns: tuple[str, ...] | None) -> Row:
        """The row at ``address``. Raises: RowMissing."""
        query = RowQuery(address.entity.table.name, columns=columns, where=address.where, limit=1)
        rows = (await self._environment.read(query)).rows
        if not rows:
            raise address.missing()
        return rows[0]

    async def _one(self, request: Request, address: RowAddress) -> Reply:
        view = self.view(request, address.entity)
        row = await self.fetch(address, view.columns)
        if _is_current(request, row) and not view.expansions and not view.preferences.annotations:
            return Reply(304, (VERSION, ("ETag", etag_of(row[VERSION_COLUMN]))))
        return await self.row_reply(request, view, row)

    async def row_reply(
        self, request: Request, view: View, row: Row, *, status: int = 200, written: bool = False
    ) -> Reply:
        """``row`` as the body of an answer."""
        shown = await self._related.render([row], shape=view.shape, expansions=view.expansions, root=request.root)
        expanded = tuple(expansion.context for expansion in view.expansions)
        context = context_of(request.root, view.shape, expanded=expanded, single=True)
        headers = view.preferences.applied(written=written)
        if view.shape.entity.has_version:
            headers = (("ETag", etag_of(row.get(VERSION_COLUMN))), *headers)
        return json_reply({"@odata.context": context, **shown[0]}, status=status, headers=headers)

    async def _part(self, request: Request, address: RowAddress, rest: tuple[Segment, ...]) -> Reply:
        entity, name = address.entity, rest[0].name
        tail = rest[1].name if len(rest) == 2 else None
        if rest[0].key is not None or len(rest) > 2:
            raise unknown_segment(rest[-1].name)
        if name in entity.properties and tail in (None, "$value"):
            return await self._property(request, address, name, raw=tail is not None)
        if name in entity.navigations and tail in (None, "$ref"):
            return await self._behind(request, address, entity.navigations[name], reference=tail is not None)
        if name in entity.collections and tail in (None, "$count"):
            collection = entity.collections[name]
            child = self._model.entity(collection.referencing)
            row = await self.fetch(address, (entity.id_column.name,))
            parent = Compare(Comparison.EQ, ColumnPath((collection.column.name,)), row[entity.id_column.name])
            if tail is not None:
                return await self._count(request, child, within=parent)
            return await self._many(request, child, within=parent)
        raise unknown_segment(name if tail is None else tail)

    async def _property(self, request: Request, address: RowAddress, name: str, *, raw: bool) -> Reply:
        prop = address.entity.properties[name]
        row = await self.fetch(address, (address.entity.id_column.name, prop.column.name))
        value = row.get(prop.column.name)
        if value is None:
            return NO_CONTENT
        if raw:
            return Reply(200, (TEXT_TYPE, VERSION), str(value).encode())
        key = row[address.entity.id_column.name]
        context = f"{request.root}$metadata#{address.entity.set_name}({key})/{name}"
        return json_reply({"@odata.context": context, "value": value})

    async def _behind(self, request: Request, address: RowAddress, navigation: Navigation, *, reference: bool) -> Reply:
        prop = address.entity.by_column[navigation.column.name]
        row = await self.fetch(address, (address.entity.id_column.name, navigation.column.name))
        value, target = row.get(navigation.column.name), lookup_target(row, prop)
        if value is None or target not in navigation.targets or target not in self._model.by_table:
            return NO_CONTENT
        entity = self._model.by_table[target]
        if reference:
            link = f"{request.root}{entity.set_name}({value})"
            return json_reply({"@odata.context": f"{request.root}$metadata#$ref", "@odata.id": link})
        related = RowAddress(entity, ((entity.id_column.name, value),), is_primary=True)
        return await self._one(request, related)

    # --- many rows ----------------------------------------------------------------------------------------------

    async def _many(self, request: Request, entity: EntityModel, *, within: Expression | None = None) -> Reply:
        view = self.view(request, entity)
        options, shape = view.options, view.shape
        query = RowQuery(
            entity.table.name,
            columns=view.columns,
            where=conjunction(within, filter_of(options, entity=entity, model=self._model)),
            order=order_of(options, entity=entity, model=self._model),
            count=options.count,
        )
        page_rows, remaining = self._page_size(view)
        context, page_number = f"{request.path}?{_without_token(request.query)}", 1
        if options.skiptoken is not None:
            place = self._tokens.open(options.skiptoken, context=context)
            query, remaining, page_number = replace(query, after=place.after), place.remaining, place.page
            page_rows = page_rows if remaining is None else min(page_rows, remaining)
        page = await self._page(replace(query, limit=page_rows), remaining)
        expanded = tuple(expansion.context for expansion in view.expansions)
        body: dict[str, object] = {"@odata.context": context_of(request.root, shape, expanded=expanded)}
        if options.count:
            self._put_count(body, page.total, view.preferences)
        body["value"] = await self._related.render(
            page.rows, shape=shape, expansions=view.expansions, root=request.root
        )
        left = None if remaining is None else remaining - len(page.rows)
        if page.more and page.last is not None and left != 0:
            token = self._tokens.seal(Continuation(page.last, left, page_number + 1), context=context)
            body["@odata.nextLink"] = (
                f"{request.root}{context}{'&' if not context.endswith('?') else ''}$skiptoken={token}"
            )
        return json_reply(body, headers=view.preferences.applied(paged=True))

    def _page_size(self, view: View) -> tuple[int, int | None]:
        """Rows of this page, and how many ``$top`` leaves in all; a page size asked for makes ``$top`` void."""
        largest = self._settings.largest_page_rows
        if view.preferences.page_rows is not None:
            return min(view.preferences.page_rows, largest), None
        top = view.options.top
        return (largest, None) if top is None else (min(top, largest), top)

    async def _page(self, query: RowQuery, remaining: int | None) -> Page:
        if query.limit == 0:
            if not query.count:
                return Page(())
            counted = await self._environment.read(replace(query, limit=1))
            return Page((), total=counted.total)
        return await self._environment.read(query)

    def _put_count(self, body: dict[str, object], total: int | None, preferences: Preferences) -> None:
        count, cap = total or 0, self._settings.largest_count_rows
        if preferences.wants(TOTAL_COUNT):
            body[f"@{TOTAL_COUNT}"] = min(count, cap)
        if preferences.wants(TOTAL_COUNT_EXCEEDED):
            body[f"@{TOTAL_COUNT_EXCEEDED}"] = count > cap
        body["@odata.count"] = min(count, cap)

    async def _count(self, request: Request, entity: EntityModel, *, within: Expression | None = None) -> Reply:
        options = parse_options(request.query)
        if options.unknown or options.skip is not None:
            raise MalformedRequest("Beside /$count only $filter is read.")
        where = conjunction(within, filter_of(options, entity=entity, model=self._model))
        total = await self.total(entity, where)
        text = f"{BYTE_ORDER_MARK}{min(total, self._settings.largest_count_rows)}"
        return Reply(200, (TEXT_TYPE, VERSION), text.encode())

    async def total(self, entity: EntityModel, where: Expression | None = None) -> int:
        """How many rows there are."""
        key = (entity.id_column.name,)
        query = RowQuery(entity.table.name, columns=key, where=where, limit=1, count=True)
        return (await self._environment.read(query)).total or 0


def _is_current(request: Request, row: Row) -> bool:
    """Whether the caller holds this version of the row already. A literal ``null`` is no etag."""
    held = request.header("if-none-match")
    version: Value = row.get(VERSION_COLUMN)
    if held is None or version is None:
        return False
    return any(etag.strip().removeprefix("W/") == f'"{version}"' for etag in held.split(","))


def _without_token(query: str) -> str:
    return "&".join(part for part in query.split("&") if not part.startswith(("$skiptoken=", "%24skiptoken=")))
