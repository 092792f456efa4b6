"""Tables and rows of the two environments as addresses of their public APIs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from dualwrite.cli.record_keys import TypedKey, key_columns, literal, parse_guid, parse_key
from dualwrite.cli.services import Json, Services, parse_json
from dualwrite.errors import EnvironmentUnavailable, RecordNotFound, RecordRefused
from dualwrite.metadata.document import TableDocument, read_table
from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE

_ROOTS = {Side.FINOPS: "/data", Side.DATAVERSE: "/api/data/v9.2"}


class Place:
    """One environment, called over HTTP."""

    def __init__(self, services: Services, side: Side) -> None:
        self.services = services
        self.side = side
        self._tables: dict[str, Table] = {}

    def table(self, name: str) -> Table:
        """The table called ``name``: by logical name, entity set or label. Raises: RecordNotFound."""
        if name not in self._tables:
            path = f"/api/v1/tables/{self.side.value}/{quote(name, safe='')}"
            document: TableDocument = json.loads(self.services.call("admin", "GET", path).text)
            self._tables[name] = read_table(document, self.side)
        return self._tables[name]

    def set_path(self, table: Table, options: Sequence[tuple[str, str]] = ()) -> str:
        """The address of all rows, with query options. All legal entities are seen."""
        return f"{_ROOTS[self.side]}/{table.entity_set}{self._query(options)}"

    def row_path(self, table: Table, key: TypedKey, options: Sequence[tuple[str, str]] = ()) -> str:
        """The address of one row. Raises: RecordNotFound, RecordRefused."""
        if self.side is Side.FINOPS:
            return self._finops_row(table, key) + self._query(options)
        return f"{_ROOTS[self.side]}/{table.entity_set}({self.find(table, key)}){self._query(options)}"

    def find(self, table: Table, key: TypedKey) -> str:
        """The id of the Dataverse row that ``key`` names. Raises: RecordNotFound, RecordRefused for several rows."""
        if key.guid is not None:
            return str(key.guid)
        where = self._where(table, key)
        path = self.set_path(table, [("$select", table.key[0]), ("$filter", where), ("$top", "2")])
        rows = self.rows(path)
        if not rows:
            raise RecordNotFound(f"{table.label}: there is no row {key.text}", table=table.name)
        if len(rows) > 1:
            raise RecordRefused(
                f"{table.label}: several rows are {key.text}. Name the company, too: "
                f"{','.join(self._natural_key(table))}",
                table=table.name,
            )
        return str(rows[0][table.key[0]])

    def rows(self, path: str) -> list[dict[str, Json]]:
        """The rows of one answer."""
        rows, _ = self.page(path)
        return rows

    def page(self, path: str) -> tuple[list[dict[str, Json]], str | None]:
        """The rows of one answer, and where the next ones are."""
        document = parse_json(self.services.call(self.side.value, "GET", path).text)
        if not isinstance(document, dict) or not isinstance(value := document.get("value"), list):
            raise EnvironmentUnavailable(f"{path} did not answer with rows")
        following = document.get("@odata.nextLink")
        return [row for row in value if isinstance(row, dict)], None if following is None else str(following)

    def _query(self, options: Sequence[tuple[str, str]]) -> str:
        every = [*options, ("cross-company", "true")] if self.side is Side.FINOPS else list(options)
        return "?" + "&".join(f"{name}={quote(value, safe='$,()/')}" for name, value in every) if every else ""

    def _finops_row(self, table: Table, key: TypedKey) -> str:
        parts = []
        for name, text in key_columns(table, key, table.key):
            column = self._column(table, name)
            parts.append(f"{column.name}={quote(self._key_literal(column, text), safe='')}")
        return f"{_ROOTS[self.side]}/{table.entity_set}({','.join(parts)})"

    def _key_literal(self, column: Column, text: str) -> str:
        if column.type is ColumnType.ENUM and column.enumeration is not None:
            return f"Microsoft.Dynamics.DataEntities.{column.enumeration.name}'{text}'"
        return literal(column, text)

    def _where(self, table: Table, key: TypedKey) -> str:
        """The filter that finds a row by named columns, or by the values of its natural key."""
        unnamed = self._natural_key(table)
        if len(key.parts) == len(unnamed) - 1 and table.company_column is not None:
            unnamed = unnamed[1:]
        tests = []
        for name, text in key_columns(table, key, unnamed):
            column = self._column(table, name.split(".")[0])
            if "." in name:
                tests.append(f"{name.replace('.', '/')} eq '{text.replace(chr(39), chr(39) * 2)}'")
            elif column.type is ColumnType.LOOKUP:
                tests.append(self._lookup_test(column, text))
            else:
                tests.append(f"{column.name} eq {literal(column, text)}")
        return " and ".join(tests)

    def _lookup_test(self, column: Column, text: str) -> str:
        if column.targets == (COMPANY_TABLE,) and parse_guid(text) is None:
            return f"{column.name}/{COMPANY_CODE} eq '{text}'"
        return f"_{column.name}_value eq {self.find(self.table(column.targets[0]), parse_key(text))}"

    def _natural_key(self, table: Table) -> tuple[str, ...]:
        """The columns of the first alternate key with the company in front, else the primary name."""
        if not table.alternate_keys:
            return (table.primary_name or table.key[0],)
        columns = table.alternate_keys[0]
        company = tuple(name for name in columns if name == table.company_column)
        return (*company, *(name for name in columns if name not in company))

    def _column(self, table: Table, name: str) -> Column:
        column = table.find(name)
        if column is None:
            raise RecordRefused(f"{table.label} has no column {name!r}", table=table.name, column=name)
        return column
