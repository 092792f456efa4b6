"""``$filter`` as finance and operations reads it: OData, with ``*`` as a wildcard in text."""

from __future__ import annotations

from dualwrite.filters.bind import bind
from dualwrite.filters.odata import parse_odata
from dualwrite.filters.tree import Expression
from dualwrite.metadata.schema import EnvironmentSchema, Table


def read_filter(text: str, *, table: Table, schema: EnvironmentSchema) -> Expression | None:
    """The bound expression of ``text``, None when it is blank. Raises: FilterRefused."""
    expression = parse_odata(text)
    return None if expression is None else bind(expression, table=table, schema=schema)
