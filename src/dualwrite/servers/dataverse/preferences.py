"""The ``Prefer`` header: page size, representation, annotations, going on after errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

FORMATTED_VALUE = "OData.Community.Display.V1.FormattedValue"
LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
ASSOCIATED_NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
TOTAL_COUNT = "Microsoft.Dynamics.CRM.totalrecordcount"
TOTAL_COUNT_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"

_ITEM = re.compile(r'[^",;]*(?:"[^"]*"?[^",;]*)*')
_MAX_PAGE = "odata.maxpagesize"
_ANNOTATIONS = ("odata.include-annotations", "include-annotations")
_REPRESENTATION = "return"
_CONTINUE = ("odata.continue-on-error", "continue-on-error")


@dataclass(frozen=True, slots=True)
class Preferences:
    """``annotations`` are patterns: names, ``Prefix.*``, ``*``, and ``-Name`` to leave one out."""

    page_rows: int | None = None
    representation: bool = False
    annotations: tuple[str, ...] = ()
    continue_on_error: bool = False

    def wants(self, annotation: str) -> bool:
        """Whether the caller asked for ``annotation``."""
        wanted = False
        for pattern in self.annotations:
            if _matches(pattern.removeprefix("-"), annotation):
                if pattern.startswith("-"):
                    return False
                wanted = True
        return wanted

    def applied(self, *, paged: bool = False, written: bool = False) -> tuple[tuple[str, str], ...]:
        """The ``Preference-Applied`` header, or nothing where no preference had an effect."""
        applied = []
        if written and self.representation:
            applied.append("return=representation")
        if paged and self.page_rows is not None:
            applied.append(f"odata.maxpagesize={self.page_rows}")
        if self.annotations and (not written or self.representation):
            applied.append(f'odata.include-annotations="{",".join(self.annotations)}"')
        return (("Preference-Applied", ",".join(applied)),) if applied else ()


NONE = Preferences()


def _matches(pattern: str, annotation: str) -> bool:
    if pattern == "*":
        return True
    return annotation.startswith(pattern[:-1]) if pattern.endswith(".*") else pattern == annotation


@lru_cache(maxsize=256)
def parse_preferences(header: str | None) -> Preferences:
    """What the header asks for; preferences that are not known are passed over, as HTTP has it.

    A list of annotations may come without quotes: names that are no preference belong to the list before them.
    """
    if not header:
        return NONE
    annotations: list[str] = []
    page_rows: int | None = None
    representation = continue_on_error = in_list = False
    for match in _ITEM.finditer(header):
        name, equals, value = match[0].strip().partition("=")
        name, value = name.strip().lower(), value.strip().strip('"')
        if not equals and in_list and name not in _CONTINUE:
            annotations.extend(_names(match[0]))
            continue
        in_list = name in _ANNOTATIONS
        if in_list:
            annotations.extend(_names(value))
        elif name == _MAX_PAGE:
            page_rows = int(value) if re.fullmatch(r"0*[1-9]\d{0,8}", value, re.ASCII) else page_rows
        elif name == _REPRESENTATION:
            representation = value.lower() == "representation"
        elif name in _CONTINUE:
            continue_on_error = value.lower() != "false"
    return Preferences(page_rows, representation, tuple(annotations), continue_on_error)


def _names(text: str) -> list[str]:
    """Annotation patterns of a list, without characters that could not stand in a header again."""
    names = (name.strip().strip('"') for name in text.split(","))
    return [name for name in names if re.fullmatch(r"-?[\w.#*]{1,200}", name, re.ASCII)]
