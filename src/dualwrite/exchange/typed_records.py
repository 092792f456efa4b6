"""Records of a data file as rows of their table: cells parsed, the company filled in, wrong records told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

import polars as pl

from dualwrite.errors import SettingsRefused, ValueRefused
from dualwrite.exchange.cell_columns import parsed_column
from dualwrite.exchange.cell_values import parse_cell
from dualwrite.exchange.files.piece import LINE, Piece
from dualwrite.exchange.refusals import (
    Objection,
    objection_of_cell,
    objection_to_structure,
)
from dualwrite.maps.columnar.frames import dtype_of
from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.metadata.values import TARGET_SUFFIX, LegalEntityId, target_entry
from dualwrite.store.file_imports import FileRefusal

OWN: Final = "@"
"""Fields that begin with it are notes about the record, as a download of refused records has them."""


@dataclass(frozen=True, slots=True)
class TypedPiece:
    """``rows`` has ``@@line`` and a column of its own dtype for each column that the file fills.

    ``texts`` are the records as the file had them, for the same lines and for those of ``refused``.
    """

    rows: pl.DataFrame
    texts: pl.DataFrame
    refused: tuple[FileRefusal, ...]


class RecordReader:
    """Reads the records of one file into rows of ``table``.

    ``mappings`` tell the column that a field fills, by its name in lower case; fields are called as their columns where
    there are none. ``company`` is that of records which name none. ``fields_vary`` from record to record in XML: a
    record without a key is refused then, not the file.
    """

    def __init__(
        self,
        table: Table,
        *,
        file: str,
        mappings: Mapping[str, str] | None = None,
        company: LegalEntityId | None = None,
        fields_vary: bool = False,
    ) -> None:
        self.table = table
        self._fields_vary = fields_vary
        self.file = file
        self._mappings = mappings or {}
        self._company = company
        self._skipped: dict[str, None] = {}

    @property
    def skipped(self) -> tuple[str, ...]:
        """Fields met so far that fill no column that can be written; their values are left out."""
        return tuple(self._skipped)

    def read(self, piece: Piece) -> TypedPiece:
        """Raises: SettingsRefused, when the file as a whole is none of the table."""
        refused = [
            self.refusal(each.line, objection_to_structure(each.reason, each.cause), each.cells)
            for each in piece.unreadable
        ]
        if not piece.records.height:
            return TypedPiece(pl.DataFrame(schema={LINE: pl.Int64}), piece.records, tuple(refused))
        fields = self._known(piece.records.columns)
        problem = self._problem(fields)
        if problem and self._fields_vary:
            objection = objection_to_structure(problem, problem)
            refused += [self.refusal(row.pop(LINE), objection, row) for row in piece.records.iter_rows(named=True)]
            return TypedPiece(pl.DataFrame(schema={LINE: pl.Int64}), piece.records, tuple(refused))
        if problem:
            raise SettingsRefused(f"{self.file}: {problem}")
        texts = self._with_company(piece.records, fields)
        columns = [texts[LINE]]
        wrong: list[tuple[Column, str, pl.Series]] = []
        for field, column in fields.items():
            cells = texts[field] if field in texts.columns else self._constant(texts)
            parsed = parsed_column(column, cells)
            columns.append(self._held(column, parsed.values).alias(column.name))
            if parsed.refused.any():
                wrong.append((column, field, parsed.refused))
        rows = pl.DataFrame(columns)
        if wrong:
            refused += self._refused_cells(piece.records, texts, wrong)
            rows = rows.filter(~reduce(or_, (each for _, _, each in wrong)))
        return TypedPiece(rows, piece.records, tuple(sorted(refused, key=lambda each: each.line)))

    def refusal(self, line: int, objection: Objection, cells: Mapping[str, str]) -> FileRefusal:
        """The record on ``line`` with what is wrong with it."""
        fields = self._fields(cells)
        row = {fields[field].name if field in fields else field: text for field, text in cells.items()}
        company_column = self.table.company_column
        if company_column is not None and self._company is not None and not row.get(company_column, "").strip():
            row[company_column] = str(self._company)
        keys = (row.get(name, "").strip() for name in self.table.key if name != company_column)
        return FileRefusal(
            file=self.file,
            entity=self.table.name,
            line=line,
            legal_entity=row.get(company_column, "").strip().lower() if company_column is not None else "",
            record=", ".join(each for each in keys if each),
            column=objection.column,
            code=objection.code,
            reason=objection.reason,
            cause=objection.cause,
            row=row,
            whole=objection.whole,
        )

    # --- which field fills which column -----------------------------------------------------------------------------

    def _known(self, names: Sequence[str]) -> dict[str, Column]:
        """The columns that the fields fill, the company's among them; the others are kept in mind as skipped."""
        fields = self._fields(names)
        self._skipped |= dict.fromkeys(name for name in names if name not in fields and not name.startswith(OWN))
        company = self.table.company_column
        if company is not None and self._company is not None and all(each.name != company for each in fields.values()):
            fields[f"{OWN}company"] = self.table.column(company)
        return fields

    def _fields(self, names: Iterable[str]) -> dict[str, Column]:
        found = ((name, self._column(name)) for name in names if not name.startswith(OWN))
        return {name: column for name, column in found if column is not None}

    def _column(self, field: str) -> Column | None:
        name = self._mappings.get(field.casefold()) if self._mappings else field
        if name is None:
            return None
        base = name[: -len(TARGET_SUFFIX)] if name.casefold().endswith(TARGET_SUFFIX) else name
        column = self.table.find(base)
        if column is None or not (column.writable or column.name in self.table.key):
            return None
        if base is name:
            return column
        return Column(target_entry(column.name), ColumnType.STRING) if column.is_polymorphic else None

    def _problem(self, fields: Mapping[str, Column]) -> str:
        """Why the records cannot be rows of the table; empty where they can."""
        table = self.table
        found = [column.name for column in fields.values()]
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice:
            return f"several fields fill {', '.join(twice)} of {table.label}"
        missing = [name for name in table.key if name not in found]
        hint = " Name a company for the whole file or add the column." if missing == [table.company_column] else ""
        return f"the records of {table.label} lack the key column {', '.join(missing)}.{hint}" if missing else ""

    # --- cells ------------------------------------------------------------------------------------------------------

    def _with_company(self, records: pl.DataFrame, fields: Mapping[str, Column]) -> pl.DataFrame:
        """The records, each with a company where the file as a whole has one."""
        name = self.table.company_column
        field = next(
            (field for field, column in fields.items() if column.name == name and field in records.columns), None
        )
        if name is None or field is None or self._company is None:
            return records
        blank = pl.col(field).str.strip_chars() == ""
        return records.with_columns(
            pl.when(blank).then(pl.lit(str(self._company))).otherwise(pl.col(field)).alias(field)
        )

    def _constant(self, records: pl.DataFrame) -> pl.Series:
        return pl.Series("", [str(self._company)], pl.String).new_from_index(0, records.height)

    def _held(self, column: Column, values: pl.Series) -> pl.Series:
        """The values as the environment compares them: legal entities in lower case, no empty texts in Dataverse."""
        if column.name == self.table.company_column and self.table.side is Side.FINOPS:
            return values.str.strip_chars().str.to_lowercase()
        if self.table.side is Side.DATAVERSE and column.type in (ColumnType.STRING, ColumnType.MEMO):
            return values.to_frame("text").select(pl.when(pl.col("text") != "").then(pl.col("text"))).to_series()
        assert values.dtype == dtype_of(column), (column.name, values.dtype)
        return values

    def _refused_cells(
        self, records: pl.DataFrame, texts: pl.DataFrame, wrong: Sequence[tuple[Column, str, pl.Series]]
    ) -> list[FileRefusal]:
        refused: list[FileRefusal] = []
        for column, field, where in wrong:
            said: dict[str, Objection] = {}
            cells = texts[field].filter(where) if field in texts.columns else self._constant(texts).filter(where)
            for text, row in zip(cells, records.filter(where).iter_rows(named=True), strict=True):
                if text not in said:
                    said[text] = _objection(column, text)
                refused.append(self.refusal(row.pop(LINE), said[text], row))
        return refused


def _objection(column: Column, text: str) -> Objection:
    try:
        parse_cell(column, text)
    except ValueRefused as refused:
        return objection_of_cell(column, text, refused)
    raise AssertionError(f"{column.name}: {text!r} is refused by the column and not by the cell")
