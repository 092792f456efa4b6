"""Tables of one environment: columns, keys, lookups, enums and choices, all frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType

from dualwrite.errors import CatalogRefused


class Side(Enum):
    """Which of the two applications an environment is."""

    FINOPS = "finops"
    DATAVERSE = "dataverse"

    @property
    def partner(self) -> Side:
        return Side.DATAVERSE if self is Side.FINOPS else Side.FINOPS


class ColumnType(Enum):
    """The column types of both sides. ENUM is F&O's (member names), CHOICE Dataverse's (numbers)."""

    STRING = "string"
    MEMO = "memo"
    INTEGER = "int"
    BIGINT = "bigint"
    DECIMAL = "decimal"
    MONEY = "money"
    BOOLEAN = "bool"
    ENUM = "enum"
    CHOICE = "picklist"
    DATE = "date"
    DATETIME = "datetime"
    GUID = "guid"
    LOOKUP = "lookup"

    @property
    def is_text(self) -> bool:
        return self in (ColumnType.STRING, ColumnType.MEMO)


_USUAL_PLACES = {ColumnType.MONEY: 4, ColumnType.DECIMAL: 10}


class ColumnRole(Enum):
    """What the environment itself uses a column for; PLAIN columns belong to the users."""

    PLAIN = "plain"
    STATE = "state"
    STATUS = "status"
    SYSTEM = "system"
    """Kept by the environment (ids, versions, created and modified, owning unit): callers may not write it."""
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Named members with their numbers: an F&O enum or a Dataverse option set."""

    name: str
    members: tuple[tuple[str, int], ...]

    def number(self, member: str) -> int | None:
        """The number of ``member``, compared without regard to case."""
        folded = member.casefold()
        return next((number for name, number in self.members if name.casefold() == folded), None)

    def member(self, number: int) -> str | None:
        return next((name for name, value in self.members if value == number), None)

    def canonical(self, member: str) -> str | None:
        """``member`` in the spelling of the enumeration, or None when there is none."""
        folded = member.casefold()
        return next((name for name, _ in self.members if name.casefold() == folded), None)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``length`` counts characters, ``scale`` decimal places."""

    name: str
    type: ColumnType
    length: int | None = None
    scale: int | None = None
    required: bool = False
    label: str = ""
    enumeration: Enumeration | None = None
    targets: tuple[str, ...] = ()
    role: ColumnRole = ColumnRole.PLAIN
    inferred: tuple[str, ...] = ()
    """Which facts (type, length, enum, key, column) are not in the public schema documents but worked out."""
    schema_name: str = ""
    """The name as whoever defined the column spelled it; empty where that is ``name``."""
    relationships: tuple[str, ...] = ()
    """What the relationships of a lookup are called, one for each target; empty for generated names."""

    @property
    def is_polymorphic(self) -> bool:
        return len(self.targets) > 1

    @property
    def places(self) -> int:
        """How many decimal places a number of the column keeps."""
        return self.scale if self.scale is not None else _USUAL_PLACES.get(self.type, 0)

    @property
    def writable(self) -> bool:
        return self.role is not ColumnRole.SYSTEM


@dataclass(frozen=True)
class Table:
    """A Dataverse table or an F&O data entity.

    ``name`` is the logical name (``account``) or the entity name (``CustCustomerV3Entity``). ``key`` is the primary
    key: F&O's composite key with ``dataAreaId`` first where there is a company, Dataverse's id column.
    ``company_column`` is ``dataAreaId`` or the lookup to ``cdm_company``; None for a global table.
    """

    side: Side
    name: str
    entity_set: str
    label: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    alternate_keys: tuple[tuple[str, ...], ...] = ()
    primary_name: str | None = None
    company_column: str | None = None
    key_names: tuple[str, ...] = ()
    """What the alternate keys are called, in their order; those beyond have generated names."""
    schema_name: str = ""
    """The name as whoever defined the table spelled it; empty where that is ``name``."""
    collection_label: str = ""
    """What several rows are called; empty where that is ``label``."""

    def __post_init__(self) -> None:
        for name in (*self.key, *(c for k in self.alternate_keys for c in k)):
            if name not in self.by_name:
                raise CatalogRefused(f"{self.name}: key column {name!r} is not a column of the table")

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        return MappingProxyType({column.name: column for column in self.columns})

    @cached_property
    def _folded(self) -> Mapping[str, Column]:
        return {column.name.casefold(): column for column in self.columns}

    @cached_property
    def lookups(self) -> tuple[Column, ...]:
        """The columns that point to rows."""
        return tuple(column for column in self.columns if column.targets)

    def find(self, name: str) -> Column | None:
        """The column called ``name`` without regard to case (maps print F&O columns in upper case)."""
        return self.by_name.get(name) or self._folded.get(name.casefold())

    def column(self, name: str) -> Column:
        """The column called ``name``. Raises: CatalogRefused."""
        column = self.find(name)
        if column is None:
            raise CatalogRefused(f"{self.name} has no column {name!r}")
        return column

    @property
    def is_company_specific(self) -> bool:
        return self.company_column is not None


@dataclass(frozen=True)
class EnvironmentSchema:
    """All tables of one environment, found by name, entity set or label, without regard to case."""

    side: Side
    tables: tuple[Table, ...]
    by_name: Mapping[str, Table] = field(init=False)
    _index: Mapping[str, Table] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", MappingProxyType({table.name: table for table in self.tables}))
        index: dict[str, Table] = {}
        for spelling in ("label", "entity_set", "name"):
            for table in self.tables:
                index[str(getattr(table, spelling)).casefold()] = table
        object.__setattr__(self, "_index", MappingProxyType(index))

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables)

    def find(self, name: str) -> Table | None:
        return self.by_name.get(name) or self._index.get(name.casefold())

    def table(self, name: str) -> Table:
        """The table called ``name`` (name, entity set or label). Raises: CatalogRefused."""
        table = self.find(name)
        if table is None:
            raise CatalogRefused(f"the {self.side.value} environment has no table {name!r}")
        return table

    def referencing(self, table: Table) -> Iterable[tuple[Table, Column]]:
        """Every lookup column that may point to ``table``."""
        for other in self.tables:
            for column in other.columns:
                if table.name in column.targets:
                    yield other, column
