"""Definitions of the tables and columns that a map names and an environment does not have, as far as a map tells them.

A map does not tell types. They are taken from the partner column where that is known, else guessed from value maps,
lookups and names; the lines say which is which, for somebody to look over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dualwrite.errors import MapRefused
from dualwrite.maps.lookup_path import LookupPath, parse_lookup_path
from dualwrite.maps.values import ColumnMapping, MapVersion
from dualwrite.metadata.conventions import COMPANY_TABLE
from dualwrite.metadata.schema import Column, ColumnType, EnvironmentSchema, Side, Table

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COMPANY = "dataAreaId"
_BY_NAME: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"^_?(is|has|allow|use)[a-z]", re.I), "noyes", "bool"),
    (re.compile(r"(date|until|from|since|birthday)$", re.I), "date", "date"),
    (re.compile(r"(datetime|timestamp|createdon|modifiedon)$", re.I), "datetime", "datetime"),
    (re.compile(r"(amount|price|cost|budget|balance)$", re.I), "decimal", "money(4)"),
    (re.compile(r"(percent|percentage|rate|quantity|qty|weight|volume|factor)$", re.I), "decimal", "decimal(10)"),
    (re.compile(r"(count|days|minutes|hours|sequence|linenumber|year)$", re.I), "int", "int"),
    (re.compile(r"(notes?|memo|comments?|remarks?)$", re.I), "memo(2000)", "memo(2000)"),
    (re.compile(r"(guid|recid)$", re.I), "guid", "guid"),
    (re.compile(r"(description|address|url)$", re.I), "string(255)", "string(255)"),
    (re.compile(r"(number|code|id|group|account)$", re.I), "string(20)", "string(100)"),
)
"""What a name says, on the side of finance and operations and on that of Dataverse."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One column as its definition, and why it is thought to be so."""

    name: str
    definition: str
    reason: str


def propose_tables(version: MapVersion, finops: EnvironmentSchema, dataverse: EnvironmentSchema) -> str:
    """The YAML text that defines what the two environments lack for the map; empty where they lack nothing."""
    proposals = [_Proposal(side, version, finops, dataverse) for side in Side]
    texts = [text for each in proposals for text in (*each.targets(), each.text())]
    return "---\n".join(text for text in texts if text)


class _Proposal:
    """What one side lacks."""

    def __init__(
        self, side: Side, version: MapVersion, finops: EnvironmentSchema, dataverse: EnvironmentSchema
    ) -> None:
        self.side = side
        self._version = version
        self._schema, partners = (finops, dataverse) if side is Side.FINOPS else (dataverse, finops)
        named, partner = version.finops_entity, version.dataverse_table
        if side is Side.DATAVERSE:
            named, partner = partner, named
        self._named = named
        self._there = self._schema.find(named)
        self._partner = partners.find(partner)

    def text(self) -> str:
        lines = list(self._lines())
        if self._there is not None and not lines:
            return ""
        head = self._existing(self._there) if self._there is not None else self._new()
        width = max((len(line.name) for line in lines), default=0) + 1
        body = [f"  {(line.name + ':').ljust(width)} {line.definition}  # {line.reason}" for line in lines]
        return "\n".join([*head, "columns:", *body]) + "\n"

    def targets(self) -> Iterator[str]:
        """The tables that lookups point to and nobody knows, each with the columns that the map looks for there."""
        wanted: dict[str, list[str]] = {}
        for each in self._version.columns if self.side is Side.DATAVERSE else ():
            path = _path(each.dataverse or "")
            if path.is_lookup and (self._there is None or self._there.find(path.column) is None):
                for name, alternative in zip(self._targets(path), path.alternatives, strict=False):
                    wanted.setdefault(name, []).extend(alternative.parts if len(alternative.parts) == 1 else ())
        for name, columns in wanted.items():
            if not columns or self._schema.find(name) is not None or name == _singular(self._named):
                continue
            columns = list(dict.fromkeys(columns))
            yield "\n".join(
                [
                    f"# guessed from the map {self._version.name}, which looks rows up here: look it over",
                    f"side: {self.side.value}",
                    f"name: {name}",
                    f"entity_set: {name}s",
                    "company_specific: false",
                    f"keys: [[{', '.join(columns)}]]",
                    "columns:",
                    *(f"  {column}: string(100)  # guess: a text" for column in columns),
                    "",
                ]
            )

    def _existing(self, table: Table) -> list[str]:
        return [f"# columns that {table.label or table.name} lacks", f"side: {self.side.value}", f"name: {table.name}"]

    def _new(self) -> list[str]:
        head = [f"# guessed from the map {self._version.name}: look it over", f"side: {self.side.value}"]
        specific = "true" if self._is_company_specific() else "false"
        if self.side is Side.DATAVERSE:
            key = [_path(name).column for name in self._version.integration_key or ()]
            names = [*(key or self._first_columns()), *([self._company_lookup()] if specific == "true" else [])]
            name = _singular(self._named)
            lines = [f"name: {name}", f"entity_set: {self._named if self._named != name else name + 's'}"]
            return [*head, *lines, f"company_specific: {specific}", f"keys: [[{', '.join(dict.fromkeys(names))}]]"]
        name = "".join(word[:1].upper() + word[1:] for word in _WORDS.findall(self._named))
        name = name if name.endswith("Entity") else f"{name}Entity"
        lines = [f"name: {name}", f"label: {self._named}", f"company_specific: {specific}"]
        return [*head, *lines, f"key: [{', '.join(self._first_columns())}]"]

    def _first_columns(self) -> list[str]:
        """The partner of the integration key, else the first column that is named."""
        wanted = {name.casefold() for name in self._version.integration_key or ()}
        names = [
            own
            for each in self._version.columns
            if (own := self._own(each)) is not None and (each.dataverse or "").casefold() in wanted
        ]
        found = names or [own for each in self._version.columns if (own := self._own(each)) is not None][:1]
        return [_path(name).column for name in found if name.casefold() != _COMPANY.casefold()]

    def _is_company_specific(self) -> bool:
        """As the partner; where that is not known either, most tables are: maps leave the company out."""
        return self._partner is None or self._partner.is_company_specific

    def _company_lookup(self) -> str:
        mapped = (each.dataverse or "" for each in self._version.columns)
        found = next((path.partition(".")[0] for path in mapped if "cdm_companycode" in path.casefold()), None)
        return found or f"{self._named.partition('_')[0]}_company"

    def _own(self, each: ColumnMapping) -> str | None:
        return each.finops if self.side is Side.FINOPS else each.dataverse

    def _lines(self) -> Iterator[_Line]:
        seen: set[str] = set()
        for each in self._version.columns:
            text = self._own(each)
            if text is None:
                continue
            path = _path(text)
            known = self._there is not None and self._there.find(path.column) is not None
            is_company = self.side is Side.FINOPS and path.column.casefold() == _COMPANY.casefold()
            if known or is_company or path.column.casefold() in seen:
                continue
            seen.add(path.column.casefold())
            yield self._line(each, path)

    def _line(self, each: ColumnMapping, path: LookupPath) -> _Line:
        if path.is_lookup:
            targets = self._targets(path)
            to = targets[0] if len(targets) == 1 else f"[{', '.join(targets)}]"
            return _Line(path.column, f"{{type: lookup, to: {to}}}", "guess: the map goes through it")
        partner = self._partner_column(each)
        pairs = each.value_map.pairs if each.value_map is not None else ()
        if pairs:
            return _Line(path.column, self._of_pairs(pairs, partner), "guess: from the value map")
        if partner is not None:
            return _Line(path.column, self._like(partner), f"as its partner {partner.name}")
        for pattern, finops, dataverse in _BY_NAME:
            if pattern.search(path.column.partition("_")[2] or path.column):
                return _Line(path.column, finops if self.side is Side.FINOPS else dataverse, "guess: from the name")
        return _Line(path.column, "string(100)", "guess: a text")

    def _targets(self, path: LookupPath) -> list[str]:
        named = [each.table for each in path.alternatives if each.table is not None]
        if named:
            return [table.name if (table := self._schema.find(name)) else name.lower() for name in named]
        column, end = path.column.casefold(), path.alternatives[0].parts[0].casefold()
        if end == "cdm_companycode":
            return [COMPANY_TABLE]
        fitting = [table.name for table in self._schema if table.find(end) is not None]
        best = [name for name in fitting if column.removesuffix("id").endswith(name.rpartition("_")[2])]
        return (best or fitting or [column.removesuffix("id")])[:1]

    def _partner_column(self, each: ColumnMapping) -> Column | None:
        other = each.dataverse if self.side is Side.FINOPS else each.finops
        if other is None or self._partner is None:
            return None
        path = _path(other)
        return None if path.is_lookup else self._partner.find(path.column)

    def _of_pairs(self, pairs: tuple[tuple[str, str], ...], partner: Column | None) -> str:
        own = [pair[0] if self.side is Side.FINOPS else pair[1] for pair in pairs]
        values = list(dict.fromkeys(value.strip() for value in own if value.strip()))
        folded = {value.casefold() for value in values}
        if folded <= {"yes", "no"} and self.side is Side.FINOPS:
            return "noyes"
        if folded <= {"true", "false"}:
            return "bool"
        if self.side is Side.FINOPS:
            return f"{{type: enum, options: [{', '.join(map(_quoted, values))}]}}"
        if not all(value.isdigit() for value in values):
            return "string(100)"
        labels = {two.strip(): one.strip() or two.strip() for one, two in reversed(pairs)}
        options = ", ".join(f"{_quoted(labels[value])}: {value}" for value in values)
        return f"{{type: choice, options: {{{options}}}}}"

    def _like(self, partner: Column) -> str:
        to_finops = self.side is Side.FINOPS
        match partner.type:
            case ColumnType.STRING | ColumnType.MEMO:
                size = f"({partner.length})" if partner.length else ""
                return f"{partner.type.value}{size}"
            case ColumnType.ENUM | ColumnType.CHOICE:
                members = partner.enumeration.members if partner.enumeration is not None else ()
                options = ", ".join(f"{_quoted(name)}: {number}" for name, number in members)
                return f"{{type: {'enum' if to_finops else 'choice'}, options: {{{options}}}}}"
            case ColumnType.MONEY if to_finops:
                return "decimal"
            case ColumnType.LOOKUP:
                return "string(100)"
            case other:
                return str(other.value)


def _path(text: str) -> LookupPath:
    try:
        return parse_lookup_path(text)
    except MapRefused:
        return LookupPath(text)


def _singular(name: str) -> str:
    """The logical name of a table that a map names by its set: ``new_vehicles`` as ``new_vehicle``."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name.removesuffix("s")


def _quoted(text: str) -> str:
    """``text`` as a YAML word: in quotes where it could be taken for something else."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_ ]*", text) and text.casefold() not in ("yes", "no", "true", "false")
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
