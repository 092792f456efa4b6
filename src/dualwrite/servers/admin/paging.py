"""Lists in pages: a bounded number of items, and the address of the next ones.

A cursor is opaque: it holds where the page before ended, not how many items came before, so that a page neither skips
nor repeats an item when others come and go meanwhile.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import orjson
from fastapi import Query, Request

from dualwrite.errors import NotFound
from dualwrite.servers.admin.model import Told

Item = TypeVar("Item")
Found = TypeVar("Found")

Limit = Annotated[int, Query(ge=1, le=1000, description="Most items of this page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="Where the page before ended, as its `next` says; the first page without."),
]
Before = Annotated[
    int | None, Query(ge=0, le=2**53 - 1, description="Older than the item of this number; a cursor overrides it.")
]
A_PAGE = 100

Place = str | int | None


class Page(Told, Generic[Item]):
    """Some items, and the address of those that follow."""

    items: Sequence[Item]
    next: str | None
    """The address of the next page, relative to the service; null on the last one."""


def write_cursor(place: Sequence[Place]) -> str:
    """The cursor of a place in a list."""
    return base64.urlsafe_b64encode(orjson.dumps(list(place))).decode().rstrip("=")


def read_cursor(text: str | None, *kinds: type) -> tuple[Place, ...] | None:
    """The place that a cursor names, None for the first page. Raises: NotFound."""
    if text is None:
        return None
    try:
        place = orjson.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        place = None
    if isinstance(place, list) and len(place) == len(kinds):
        fits = all(type(part) is kind for part, kind in zip(place, kinds, strict=True))
        if fits and all(0 <= part < 2**63 for part in place if isinstance(part, int)):
            return tuple(place)
    raise NotFound("There is no such page: take the next of the page before as it is.", cursor=text)


def next_address(request: Request, place: Sequence[Place]) -> str:
    """The address of the page behind ``place``, with everything else that was asked."""
    url = request.url.include_query_params(cursor=write_cursor(place))
    return f"{url.path}?{url.query}"


def page_of(
    request: Request, found: Sequence[Found], limit: int, told: Callable[[Found], Item], place: Callable[[Found], Place]
) -> Page[Item]:
    """The first ``limit`` of what was found, of which there is one more than ``limit`` where a page follows."""
    shown = found[:limit]
    following = next_address(request, [place(shown[-1])]) if len(found) > limit else None
    return Page(items=[told(each) for each in shown], next=following)


def behind(found: Sequence[Found], cursor: str | None, place: Callable[[Found], str]) -> Sequence[Found]:
    """What follows the cursor in a list that is there as a whole. Raises: NotFound."""
    after = read_cursor(cursor, str)
    if after is None:
        return found
    places = [place(each) for each in found]
    if after[0] not in places:
        raise NotFound("What the page before ended with is gone: begin with the first page again.")
    return found[places.index(str(after[0])) + 1 :]
