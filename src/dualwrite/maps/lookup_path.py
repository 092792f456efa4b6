"""The dotted texts by which a map names a Dataverse column, one behind a lookup, or one behind a polymorphic lookup."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dualwrite.errors import MapRefused

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = re.compile(rf"{_NAME}(?:\.{_NAME})*", re.ASCII)
_POLYMORPHIC = re.compile(rf"({_NAME})((?:\.{_NAME}\({_NAME}(?:\.{_NAME})*\))+)", re.ASCII)
_ALTERNATIVE = re.compile(rf"\.({_NAME})\(([^)]*)\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class PathAlternative:
    """Where the value is behind a lookup. ``table`` is None where the lookup itself tells the table."""

    table: str | None
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookupPath:
    """A column of the table itself (no alternatives), or a lookup column and what is behind it."""

    column: str
    alternatives: tuple[PathAlternative, ...] = ()

    @property
    def is_lookup(self) -> bool:
        return bool(self.alternatives)

    @property
    def is_polymorphic(self) -> bool:
        return any(alternative.table is not None for alternative in self.alternatives)

    def __str__(self) -> str:
        behind = (
            ".".join(each.parts) if each.table is None else f"{each.table}({'.'.join(each.parts)})"
            for each in self.alternatives
        )
        return ".".join((self.column, *behind))


def parse_lookup_path(text: str) -> LookupPath:
    """The path that ``text`` spells; ``str`` gives the text back. Raises: MapRefused.

    ``accountnumber``, ``msdyn_salesproductcategory.msdyn_hierarchy.msdyn_name``, or for a polymorphic lookup
    ``customerid.Account(accountnumber).Contact(msdyn_contactpersonid)``: tables with their columns, tried in that
    order.
    """
    if _DOTTED.fullmatch(text):
        column, *parts = text.split(".")
        return LookupPath(column, (PathAlternative(None, tuple(parts)),) if parts else ())
    found = _POLYMORPHIC.fullmatch(text)
    if found is None:
        raise MapRefused(
            f"{text!r} is not a column path; write column, lookup.column or lookup.Table(column).OtherTable(column)"
        )
    alternatives = (
        PathAlternative(table, tuple(inner.split("."))) for table, inner in _ALTERNATIVE.findall(found.group(2))
    )
    return LookupPath(found.group(1), tuple(alternatives))
