"""What to write instead: constructs of other languages that people put into a filter, and their equivalent, if any.

A parser that stops at a character it cannot use asks here whether the text there is something well known. To know
one more, add a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dualwrite.filters.literals import spoken


@dataclass(frozen=True, slots=True)
class Hint:
    """``message`` is said of a text that fits ``pattern``; its group 1 is shown as ``{}``."""

    pattern: re.Pattern[str]
    message: str


def _hints(*lines: tuple[str, str]) -> tuple[Hint, ...]:
    return tuple(Hint(re.compile(pattern, re.IGNORECASE | re.ASCII), message) for pattern, message in lines)


_TEXT = r"(?:'[^']*'|\"[^\"]*\")"

RANGE_HINTS = _hints(
    (r"(and)\b", "{} is not an operator here: write &&"),
    (r"(or)\b", "{} is not an operator here: write ||"),
    (r"(not)\b\s*\(?", "{} is not an operator here: write !(...)"),
    (r"(&)(?!&)", "{} is not an operator: write &&"),
    (r"(\|)(?!\|)", "{} is not an operator: write ||"),
    (r"(eq|ne|gt|ge|lt|le)\b", "{} is not an operator here: write ==, !=, >, >=, < or <="),
    (r"(is\s+not\s+null)\b", "{} is not supported: write != null"),
    (r"(is\s+null)\b", "{} is not supported: write == null"),
    (r"(between)\b", "{} is not supported: write a >= 1 && a <= 9"),
    (r"(\.\.)", "a span with {} is not supported: write a >= 1 && a <= 9"),
    (rf"([\w.]+\s*{_TEXT})", "{} is how OData names an enum's member: write NoYes::Yes"),
    (r"(startswith)\s*\(", 'the function {} is not supported in a filter: write a == "x*"'),
    (r"(endswith)\s*\(", 'the function {} is not supported in a filter: write a == "*x"'),
    (r"(contains|substringof)\s*\(", 'the function {} is not supported in a filter: write a == "*x*"'),
    (r"(mkdate|str2date)\s*\(", "the function {} is not supported in a filter: write 2020-12-31"),
    (r"\(?\s*([a-z_][\w.:]*)\s*\(", "the function {} is not supported in a filter"),
    (r"([a-z_]\w*/[a-z_]\w*)", "a filter on finance and operations cannot follow the lookup in {}"),
    (r"([*/%+-]|div\b|mod\b|add\b|sub\b|mul\b)", "arithmetic ({}) is not supported in a filter"),
    (r"(=>|=<|===)", "{} is not an operator: write ==, >= or <="),
    (r"(?<=[\"'])([\"'])", "{} cannot be inside a text without a backslash before it"),
    (r"(?<=\()(\))", "something is missing before {}"),
    (r"(&&|\|\|)", "a comparison, such as a == 1, is missing before {}"),
)
"""For X++ range expressions."""

ODATA_HINTS = _hints(
    (r"(==|=)", "{} is not an operator here: write eq"),
    (r"(!=|<>)", "{} is not an operator here: write ne"),
    (r"(>=|<=|>|<)", "{} is not an operator here: write gt, ge, lt or le"),
    (r"(&&?)", "{} is not an operator here: write and"),
    (r"(\|\|?)", "{} is not an operator here: write or"),
    (r"(!)", "{} is not an operator here: write not"),
    (r"(\")", "{} does not begin a text here: write texts as 'text'"),
    (r"(\w+\s*::\s*\w+)", "{} is how a range expression names an enum's member: write NoYes'Yes'"),
    (r"(like)\b", "the operator {} is not supported in a filter: write startswith, endswith or contains"),
    (r"(is\s+not\s+null)\b", "{} is not supported in a filter: write ne null"),
    (r"(is\s+null)\b", "{} is not supported in a filter: write eq null"),
    (r"(between)\b", "{} is not supported in a filter: write a ge 1 and a le 9"),
    (r"(\d{1,2}/\d{1,2}/\d{4}|\d{1,2}\\\d{1,2}\\\d{4})", "{} is not a date here: write 2020-12-31"),
    (r"(\{[\da-f]{8}-[^}]*\})", "{}: write a GUID without braces"),
    (r"(\{\s*(?:d|ts)\s*')", "{} does not begin a date here: write 2020-12-31 or 2020-12-31T23:59:59Z"),
    (r"(@\w*)", "a parameter ({}) is not supported in a filter: write the value itself"),
    (r"(\$\w+)", "{} is not supported in a filter"),
    (r"(has|divby)\b", "the operator {} is not supported in a filter"),
    (r"([*/%+-])", "arithmetic ({}) is not supported in a filter"),
    (r"(?<=\()(\))", "something is missing before {}"),
)
"""For OData filters."""

ODATA_FUNCTIONS = {
    "substringof": "write contains(column,'text')",
    "length": "compare the column with '' to find empty texts",
    "indexof": "write contains(column,'text')",
    "trim": "compare the column itself",
    "cast": "compare the column itself",
    "isof": "compare the column itself",
    "date": "write a ge 2020-12-31 and a lt 2021-01-01",
    "year": "write a ge 2020-01-01 and a lt 2021-01-01",
    "month": "write a ge 2020-12-01 and a lt 2021-01-01",
    "day": "write a ge 2020-12-31 and a lt 2021-01-01",
    "now": "write the moment itself",
}
"""What serves instead of a function of OData, for those where something does."""
OLD_LITERALS = {
    "datetime": "write 2020-12-31T23:59:59Z",
    "datetimeoffset": "write 2020-12-31T23:59:59Z",
    "date": "write 2020-12-31",
    "guid": "write the GUID alone, without quotes",
}
"""Literals of the older OData, ``datetime'...'``, and how they are written now."""

_BEFORE = re.compile(r"(?:[\w.:]+\s*|[=<>]+)\Z", re.ASCII)


def hint_at(hints: tuple[Hint, ...], text: str, position: int) -> tuple[int, str] | None:
    """Where something well known starts that a parser stumbled over at ``position``, and what to say of it."""
    before = _BEFORE.search(text, max(0, position - 200), position)
    for start in (before.start() if before else position, position):
        for hint in hints:
            found = hint.pattern.match(text, start)
            if found is not None and found.end() > position:
                return found.start(1), hint.message.format(spoken(found.group(1)))
    return None
