"""Stored map versions, compiled against what the two environments and the connection's integration keys are now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import MapRefused
from dualwrite.maps.compile import compile_map
from dualwrite.maps.findings import Finding
from dualwrite.maps.plan import Plan
from dualwrite.maps.stamp import read_head
from dualwrite.maps.text import line_of, parse_map
from dualwrite.maps.values import MapVersion
from dualwrite.metadata.schema import EnvironmentSchema
from dualwrite.store.database import Store
from dualwrite.sync.link import Pair

Keys: TypeAlias = Mapping[str, tuple[str, ...]]
"""The integration keys chosen by hand, by Dataverse table."""


@dataclass(frozen=True, slots=True)
class MapHead:
    """The Dataverse table that a map fills, by its name there, and whether the map names its integration key."""

    dataverse_table: str
    names_key: bool


@dataclass(frozen=True, slots=True)
class Basis:
    """What compiled maps hold for. Schemas are told apart by identity: a schema that grows is another one."""

    finops: EnvironmentSchema
    dataverse: EnvironmentSchema
    keys: Keys


class CompiledMaps:
    """The plans of one connection's map versions. A change of a schema or of a key makes all of them be compiled anew.

    Keys are those of the last :meth:`refresh`.
    """

    def __init__(self, store: Store, connection: str, pair: Pair) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self.basis = Basis(pair.finops.schema, pair.dataverse.schema, {})
        """What the plans hold for; another object once that is something else."""
        self._compiled: dict[str, Plan | tuple[Finding, ...]] = {}
        self._heads: dict[str, MapHead] = {}

    @property
    def is_current(self) -> bool:
        """Whether both environments still have the schemas that the plans hold for."""
        return self.basis.finops is self._pair.finops.schema and self.basis.dataverse is self._pair.dataverse.schema

    async def refresh(self, *, away: Collection[EnvironmentName] = ()) -> None:
        """What is compiled from now on holds for the present schemas and keys; those of ``away`` as last known."""
        for environment in (self._pair.finops, self._pair.dataverse):
            if environment.name not in away:
                await self._pair.availability(environment).ask(environment.current_schema())
        keys = {
            each.dataverse_table: each.columns for each in await self._store.integration_keys.list(self._connection)
        }
        if not self.is_current or keys != self.basis.keys:
            self.basis = Basis(self._pair.finops.schema, self._pair.dataverse.schema, keys)
            self._compiled.clear()
            self._heads.clear()

    @property
    def schemas(self) -> tuple[EnvironmentSchema, EnvironmentSchema]:
        """What finance and operations and Dataverse have, as the plans know it."""
        return self.basis.finops, self.basis.dataverse

    def compiled(self, document: str, says: MapVersion) -> Plan | tuple[Finding, ...]:
        """The plan of the version that ``document`` spells and that ``says`` it, or its findings."""
        if document not in self._compiled:
            basis = self.basis
            self._compiled[document] = compile_map(
                says, finops=basis.finops, dataverse=basis.dataverse, keys=basis.keys
            )
        return self._compiled[document]

    def plan(self, document: str, *, name: str) -> Plan:
        """The plan of a stored version. Raises: MapRefused with all findings."""
        found = self._compiled.get(document)
        compiled = self.compiled(document, parse_map(document, file=name)) if found is None else found
        if isinstance(compiled, Plan):
            return compiled
        errors = [each for each in compiled if each.is_error]
        lines = [f"  line {line_of(document, each.path)}: {each.code.value} {each.message}" for each in errors]
        raise MapRefused("\n".join([f"{name} cannot run:", *lines]), map=name)

    def head(self, document: str) -> MapHead:
        """What the routing needs to know of a map that does not run, without compiling it."""
        if document not in self._heads:
            head = read_head(document)
            named = head.texts.get("dataverse_table", "")
            table = self.basis.dataverse.find(named)
            self._heads[document] = MapHead(named if table is None else table.name, "integration_key" in head.keys)
        return self._heads[document]
