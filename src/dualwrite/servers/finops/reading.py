"""Rows out: one by key, a set page by page, a count."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from dualwrite.environments.port import Environment, RecordKey, RowQuery, SortKey
from dualwrite.filters.tree import ColumnPath, Compare, Comparison, Expression, conjunction
from dualwrite.metadata.values import LegalEntityId, Row
from dualwrite.servers.finops.exchange import ODATA_VERSION, Reply, Request, json_reply
from dualwrite.servers.finops.filtering import read_filter
from dualwrite.servers.finops.model import PublicEntity
from dualwrite.servers.finops.settings import FinopsServiceSettings
from dualwrite.servers.finops.wire import COMPANY, etag, names_row
from dualwrite.servers.odata.options import Options
from dualwrite.servers.odata.path import KeyPredicate
from dualwrite.servers.odata.refusals import MalformedRequest, ResourceNotFound
from dualwrite.servers.odata.skiptoken import Continuation, SkipTokens

NO_COMPANY = LegalEntityId("dat")
"""The company of a caller that has none: the one without rows."""

_ROWS_AT_ONCE = 500
_PAGE_SIZE = re.compile(r"(?:odata\.)?maxpagesize\s*=\s*\"?(\d{1,9})\"?", re.IGNORECASE)


class Reader:
    """Answers GET on entity sets."""

    def __init__(self, environment: Environment, settings: FinopsServiceSettings) -> None:
        self._environment = environment
        self._settings = settings
        self._tokens = SkipTokens(settings.skiptoken_secret)

    async def one(self, entity: PublicEntity, predicate: KeyPredicate, request: Request, options: Options) -> Reply:
        """The row under a key; 304 when the caller has it already. Raises: ResourceNotFound, MalformedRequest."""
        self.check(entity, options)
        key = entity.wire.key(predicate)
        row = await self.find(entity, key) if self.may_see(entity, key, request, options) else None
        if row is None:
            raise ResourceNotFound(f"There is no row with the key ({key}) in '{entity.set_name}'.")
        known = request.headers.get("if-none-match")
        if known is not None and names_row(known, row):
            return Reply(304, (ODATA_VERSION, ("ETag", etag(row))))
        body: dict[str, object] = {"@odata.context": _context(entity, request, options, single=True)}
        body.update(entity.wire.write(row, options.select))
        return json_reply(body, headers=(("ETag", etag(row)),))

    async def find(self, entity: PublicEntity, key: RecordKey) -> Row | None:
        """The row under ``key``, None when there is none."""
        conditions = [
            Compare(Comparison.EQ, ColumnPath((name,)), value)  # type: ignore[arg-type]
            for name, value in key.parts
        ]
        page = await self._environment.read(RowQuery(entity.table.name, where=conjunction(*conditions), limit=1))
        return page.rows[0] if page.rows else None

    def may_see(self, entity: PublicEntity, key: RecordKey, request: Request, options: Options) -> bool:
        """Whether the key lies in the caller's company, or the caller asked for all of them."""
        if options.cross_company or not entity.table.is_company_specific:
            return True
        return dict(key.parts).get(COMPANY) == company_of(request)

    async def count(self, entity: PublicEntity, request: Request, options: Options) -> Reply:
        """How many rows match, as text."""
        self.check(entity, options)
        where = self._where(entity, request, options)
        page = await self._environment.read(
            RowQuery(entity.table.name, columns=entity.table.key, where=where, limit=1, count=True)
        )
        return Reply(200, (("Content-Type", "text/plain"), ODATA_VERSION), str(page.total or 0).encode())

    async def many(self, entity: PublicEntity, request: Request, options: Options) -> Reply:
        """One page of a set, with the link to the next where rows follow. Raises: MalformedRequest, QueryRefused."""
        self.check(entity, options)
        asked = _asked_page_size(request)
        page_rows = min(asked or self._settings.page_rows, self._settings.page_rows)
        context = _token_context(entity, request, options)
        position = self._tokens.open(options.skiptoken, context=context) if options.skiptoken else None
        remaining = position.remaining if position else options.top
        limit = page_rows if remaining is None else min(page_rows, remaining)
        page = await self._environment.read(
            RowQuery(
                entity.table.name,
                columns=self._columns(entity, options),
                where=self._where(entity, request, options),
                order=self._order(entity, options),
                limit=limit,
                offset=0 if position else options.skip or 0,
                after=position.after if position else None,
                count=options.count,
            )
        )
        body: dict[str, object] = {"@odata.context": _context(entity, request, options, single=False)}
        if options.count:
            body["@odata.count"] = page.total
        body["value"] = await _written(entity, page.rows[:limit], options)
        left = None if remaining is None else remaining - limit
        if page.more and page.last is not None and left != 0:
            token = self._tokens.seal(Continuation(page.last, left), context=context)
            body["@odata.nextLink"] = _next_link(request, token)
        applied = (("Preference-Applied", f"odata.maxpagesize={page_rows}"),) if asked else ()
        return json_reply(body, headers=applied)

    def check(self, entity: PublicEntity, options: Options) -> None:
        """Nothing, unless an option is unknown or names what ``entity`` does not have. Raises: MalformedRequest."""
        if options.unknown:
            raise MalformedRequest(f"The query option '{options.unknown[0][0][:80]}' is not supported.")
        if options.expand:
            name = options.expand[0].name
            raise MalformedRequest(f"Could not find a property named '{name}' to expand on '{entity.type_name}'.")
        if options.select is not None:
            entity.wire.check_names(options.select)

    def _columns(self, entity: PublicEntity, options: Options) -> tuple[str, ...] | None:
        if options.select is None:
            return None
        return tuple(dict.fromkeys((*options.select, *entity.table.key)))

    def _order(self, entity: PublicEntity, options: Options) -> tuple[SortKey, ...]:
        entity.wire.check_names("/".join(key.path) for key in options.orderby)
        return options.orderby

    def _where(self, entity: PublicEntity, request: Request, options: Options) -> Expression | None:
        schema = self._environment.schema
        asked = None if options.filter is None else read_filter(options.filter, table=entity.table, schema=schema)
        if options.cross_company or not entity.table.is_company_specific:
            return asked
        return conjunction(Compare(Comparison.EQ, ColumnPath((COMPANY,)), company_of(request)), asked)


async def _written(entity: PublicEntity, rows: Sequence[Row], options: Options) -> list[dict[str, object]]:
    """The rows as they go out; a large page lets other requests in between."""
    written: list[dict[str, object]] = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        written += [entity.wire.write(row, options.select) for row in rows[start : start + _ROWS_AT_ONCE]]
        if start + _ROWS_AT_ONCE < len(rows):
            await asyncio.sleep(0)
    return written


def company_of(request: Request) -> LegalEntityId:
    """The caller's default company."""
    return LegalEntityId((request.caller.company or NO_COMPANY).lower())


def _asked_page_size(request: Request) -> int | None:
    match = _PAGE_SIZE.search(request.headers.get("prefer", ""))
    return int(match[1]) or None if match else None


def _context(entity: PublicEntity, request: Request, options: Options, *, single: bool) -> str:
    selected = f"({','.join(options.select)})" if options.select is not None else ""
    return f"{request.root}$metadata#{entity.set_name}{selected}{'/$entity' if single else ''}"


def _token_context(entity: PublicEntity, request: Request, options: Options) -> str:
    """What must stay the same from page to page."""
    company = "*" if options.cross_company else company_of(request)
    return repr((entity.set_name, company, options.filter, options.orderby))


def _next_link(request: Request, token: str) -> str:
    kept = [
        piece
        for piece in request.query.split("&")
        if piece and unquote(piece.partition("=")[0].replace("+", " ")).strip() not in ("$skip", "$skiptoken")
    ]
    query = "&".join([*kept, f"$skiptoken={token}"])
    return f"{request.origin}{quote(request.path, safe='/$%(),=:;@!*~.-_')}?{query}"
