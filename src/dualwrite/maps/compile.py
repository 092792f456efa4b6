"""Compiling a map version against the metadata of the two environments: a plan, or coded findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dualwrite.filters.tree import Expression
from dualwrite.maps.checks import Checks
from dualwrite.maps.columns import Conversions, column_pairs, columns_to_dataverse, columns_to_finops, key_columns
from dualwrite.maps.findings import Code, Finding, Findings
from dualwrite.maps.keys import IntegrationKey, compile_key
from dualwrite.maps.lines import compile_lines
from dualwrite.maps.plan import DirectionPlan, Plan
from dualwrite.maps.resolve import ResolvedLines, Resolver
from dualwrite.maps.selection import MapFilters
from dualwrite.maps.values import Direction, MapVersion
from dualwrite.metadata.schema import EnvironmentSchema, Table

_NO_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def compile_map(
    version: MapVersion,
    *,
    finops: EnvironmentSchema,
    dataverse: EnvironmentSchema,
    keys: Mapping[str, tuple[str, ...]] = _NO_KEYS,
) -> Plan | tuple[Finding, ...]:
    """The plan of ``version``; when it has an error, all its findings instead. A plan carries the warnings.

    ``keys`` are the integration keys chosen for the connection, by Dataverse table; a key that the map names itself
    goes before them. Never raises, whatever the map holds.
    """
    findings = Findings()
    left, right = finops.find(version.finops_entity), dataverse.find(version.dataverse_table)
    if left is None:
        message = f"finance and operations has no entity {version.finops_entity}"
        findings.error(Code.FINOPS_ENTITY, message, "finops_entity")
    if right is None:
        message = f"Dataverse has no table {version.dataverse_table}"
        findings.error(Code.DATAVERSE_TABLE, message, "dataverse_table")
    if not version.columns:
        findings.error(Code.LINE, "the map has no columns", "columns", remedy="Map at least the key column.")
    if left is None or right is None or not version.columns:
        return tuple(findings.found)
    plan = _Compiler(version, finops, dataverse, left, right, findings).compile(keys.get(right.name))
    return plan if plan is not None else tuple(findings.found)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What both directions are built from."""

    resolved: ResolvedLines
    key: IntegrationKey
    conversions: Conversions
    filters: Mapping[Direction, Expression | None]


@dataclass(frozen=True, slots=True)
class _Compiler:
    version: MapVersion
    finops_schema: EnvironmentSchema
    dataverse_schema: EnvironmentSchema
    finops: Table
    dataverse: Table
    findings: Findings

    def compile(self, chosen_key: tuple[str, ...] | None) -> Plan | None:
        resolved = Resolver(self.finops, self.dataverse, self.dataverse_schema, self.findings).resolve(self.version)
        conversions = compile_lines(resolved.lines, self.findings)
        Checks(self.finops, self.dataverse, resolved, self.findings).run()
        key = compile_key(
            self.version,
            finops=self.finops,
            dataverse=self.dataverse,
            resolved=resolved,
            chosen=chosen_key,
            findings=self.findings,
        )
        filters = MapFilters(
            self.finops, self.dataverse, self.finops_schema, self.dataverse_schema, self.findings
        ).read(self.version, resolved)
        if self.findings.has_errors:
            return None
        return self._plan(_Parts(resolved, key, conversions, filters))

    def _plan(self, parts: _Parts) -> Plan:
        return Plan(
            map=self.version,
            finops=self.finops,
            dataverse=self.dataverse,
            company_specific=self.finops.is_company_specific,
            to_dataverse=self._direction(Direction.TO_DATAVERSE, parts),
            to_finops=self._direction(Direction.TO_FINOPS, parts),
            key=tuple(part for part, _ in parts.key.parts),
            key_origin=parts.key.origin,
            pairs=column_pairs(parts.resolved.lines, parts.conversions),
            warnings=tuple(self.findings.found),
        )

    def _direction(self, direction: Direction, parts: _Parts) -> DirectionPlan | None:
        going = [each for each in parts.resolved.lines if each.goes(direction)]
        if all(each.mapping.is_constant for each in going):
            return None
        key = key_columns(parts.key.parts, parts.conversions, direction)
        if key is None:
            return None
        forward = direction is Direction.TO_DATAVERSE
        build = columns_to_dataverse if forward else columns_to_finops
        return DirectionPlan(
            direction=direction,
            map_name=self.version.name,
            source=self.finops if forward else self.dataverse,
            target=self.dataverse if forward else self.finops,
            filter=parts.filters[direction],
            columns=build(going, parts.conversions),
            key=key,
        )
