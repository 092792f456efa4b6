"""The query part of a request: the system options, aliases, and what else stands there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dualwrite.environments.port import SortKey
from dualwrite.servers.odata.path import decode_percent, split_outside
from dualwrite.servers.odata.refusals import MalformedRequest

LARGEST_NUMBER = 2**31 - 1
DEEPEST_EXPAND = 5
MOST_ITEMS = 1_000

_PATH = re.compile(r"[A-Za-z_@][\w.]*(?:/[A-Za-z_][\w.]*)*", re.ASCII)
_ORDER = re.compile(r"(\S+)(?:\s+(asc|desc))?", re.IGNORECASE)
_DIGITS = re.compile(r"\d{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ExpandItem:
    """A navigation to expand; ``reference_only`` for ``name/$ref``."""

    name: str
    options: Options
    reference_only: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """``select`` None means all columns. ``unknown`` are ``$`` options not read here, ``others`` custom ones."""

    select: tuple[str, ...] | None = None
    filter: str | None = None
    orderby: tuple[SortKey, ...] = ()
    top: int | None = None
    skip: int | None = None
    count: bool = False
    expand: tuple[ExpandItem, ...] = ()
    skiptoken: str | None = None
    cross_company: bool = False
    aliases: tuple[tuple[str, str], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    others: tuple[tuple[str, str], ...] = ()

    def other(self, name: str) -> str | None:
        """The custom option called ``name``, None when it is not there."""
        return next((value for key, value in self.others if key == name), None)


NO_OPTIONS = Options()


def check_write_options(options: Options) -> None:
    """Nothing, unless an option is there that only a query can have: better refused than left unread.

    Raises: MalformedRequest.
    """
    only_for_queries = {
        "$filter": options.filter is not None,
        "$orderby": bool(options.orderby),
        "$top": options.top is not None,
        "$skip": options.skip is not None,
        "$count": options.count,
        "$skiptoken": options.skiptoken is not None,
        **{name[:80]: True for name, _ in options.unknown},
    }
    for name, is_there in only_for_queries.items():
        if is_there:
            raise MalformedRequest(f"The query option {name} is not for requests that write.")


@dataclass(slots=True)
class _Collected:
    system: dict[str, str] = field(default_factory=dict)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)


_SYSTEM = frozenset({"$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$skiptoken"})


def parse_options(raw_query: str) -> Options:
    """The options of a still encoded query part; ``+`` is a space and ``%24`` a ``$``. Raises: MalformedRequest."""
    if not raw_query:
        return NO_OPTIONS
    pairs: list[tuple[str, str]] = []
    for piece in raw_query.split("&"):
        if piece:
            name, _, value = piece.replace("+", " ").partition("=")
            pairs.append((decode_percent(name, what="query"), decode_percent(value, what="query")))
    return _options(pairs, depth=0)


def _options(pairs: list[tuple[str, str]], *, depth: int) -> Options:
    found = _Collected()
    for name, value in pairs:
        _collect(found, name.strip(), value)
    system = found.system
    return Options(
        select=_select(system.get("$select")),
        filter=_filter(system.get("$filter")),
        orderby=_orderby(system.get("$orderby")),
        top=_number("$top", system.get("$top")),
        skip=_number("$skip", system.get("$skip")),
        count=_boolean("$count", system.get("$count")),
        expand=_expand(system.get("$expand"), depth=depth),
        skiptoken=system.get("$skiptoken"),
        cross_company=_cross_company(found.others),
        aliases=tuple(found.aliases),
        unknown=tuple(found.unknown),
        others=tuple(found.others),
    )


def _collect(found: _Collected, name: str, value: str) -> None:
    if name in _SYSTEM:
        if name in found.system:
            raise MalformedRequest(f"The query option {name} stands there twice.")
        found.system[name] = value
    elif name.startswith("$"):
        found.unknown.append((name, value))
    elif name.startswith("@"):
        found.aliases.append((name[1:], value))
    else:
        found.others.append((name, value))


def _cross_company(others: list[tuple[str, str]]) -> bool:
    return any(_boolean("cross-company", value) for name, value in others if name.lower() == "cross-company")


def _select(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if "*" in names:
        return None
    for name in names:
        _check_path("$select", name)
    return names


def _filter(text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise MalformedRequest("The query option $filter is empty.")
    return text


def _orderby(text: str | None) -> tuple[SortKey, ...]:
    if text is None:
        return ()
    keys = []
    for item in text.split(","):
        match = _ORDER.fullmatch(item.strip())
        if not match:
            raise MalformedRequest(f"The query option $orderby cannot be read at {item.strip()[:80]!r}.")
        _check_path("$orderby", match[1])
        keys.append(SortKey(tuple(match[1].split("/")), descending=(match[2] or "").lower() == "desc"))
    if len(keys) > MOST_ITEMS:
        raise MalformedRequest("The query option $orderby names too many columns.")
    return tuple(keys)


def _check_path(option: str, path: str) -> None:
    if not _PATH.fullmatch(path):
        raise MalformedRequest(f"The query option {option} cannot be read at {path[:80]!r}.")


def _number(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not _DIGITS.fullmatch(text.strip()) or int(text) > LARGEST_NUMBER:
        raise MalformedRequest(
            f"The query option {option} must be a whole number from 0 to {LARGEST_NUMBER}, not {text[:80]!r}."
        )
    return int(text)


def _boolean(option: str, text: str | None) -> bool:
    if text is None:
        return False
    folded = text.strip().lower()
    if folded not in ("true", "false"):
        raise MalformedRequest(f"The query option {option} must be true or false, not {text[:80]!r}.")
    return folded == "true"


def _expand(text: str | None, *, depth: int) -> tuple[ExpandItem, ...]:
    if text is None:
        return ()
    if depth >= DEEPEST_EXPAND:
        raise MalformedRequest(f"The query option $expand goes deeper than {DEEPEST_EXPAND} levels.")
    items = split_outside(text, ",")
    if len(items) > MOST_ITEMS:
        raise MalformedRequest("The query option $expand names too many navigations.")
    return tuple(_expand_item(item.strip(), depth=depth) for item in items)


def _expand_item(text: str, *, depth: int) -> ExpandItem:
    name, parenthesis, rest = text.partition("(")
    name = name.strip()
    reference_only = name.endswith("/$ref")
    name = name.removesuffix("/$ref")
    _check_path("$expand", name)
    if not parenthesis:
        return ExpandItem(name, NO_OPTIONS, reference_only)
    if not rest.endswith(")"):
        raise MalformedRequest(f"The query option $expand does not close the parenthesis after {name!r}.")
    pairs: list[tuple[str, str]] = []
    for piece in split_outside(rest[:-1], ";"):
        if piece.strip():
            option, _, value = piece.partition("=")
            pairs.append((option, value))
    return ExpandItem(name, _options(pairs, depth=depth + 1), reference_only)
