"""The integration key of a map: which mapped pairs identify a row on both sides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dualwrite.errors import MapRefused
from dualwrite.maps.findings import Code, Findings
from dualwrite.maps.lookup_path import parse_lookup_path
from dualwrite.maps.plan import KeyOrigin, KeyPart, Path
from dualwrite.maps.resolve import ResolvedLines, ResolvedMapping
from dualwrite.maps.values import Direction, MapVersion, SyncDirection
from dualwrite.metadata.schema import Table


@dataclass(frozen=True, slots=True)
class IntegrationKey:
    """The key's parts with the lines that map them, without the company, and who chose them."""

    parts: tuple[tuple[KeyPart, ResolvedMapping], ...]
    origin: KeyOrigin


def compile_key(
    version: MapVersion,
    *,
    finops: Table,
    dataverse: Table,
    resolved: ResolvedLines,
    chosen: tuple[str, ...] | None,
    findings: Findings,
) -> IntegrationKey:
    """The key of the map: its own, else the one ``chosen`` for the table, else one of the table's alternate keys.

    What is missing becomes findings.
    """
    origin, columns = _key_columns(version, dataverse, resolved, chosen, findings)
    parts: list[tuple[KeyPart, ResolvedMapping]] = []
    for column in columns:
        parts += _parts(column, dataverse, resolved, findings)
    if any(each.mapping.sync_direction is SyncDirection.BOTH for each in resolved.lines):
        _check_both_ways(parts, findings)
    if any(each.goes(Direction.TO_FINOPS) and not each.mapping.is_constant for each in resolved.lines):
        _check_finops_key(finops, resolved, findings)
    return IntegrationKey(tuple(parts), origin)


def _parts(
    column: str, dataverse: Table, resolved: ResolvedLines, findings: Findings
) -> list[tuple[KeyPart, ResolvedMapping]]:
    lines = [each for each in resolved.lines if each.column is not None and each.column.name == column]
    mapped = [each for each in lines if not each.mapping.is_constant]
    if not lines and resolved.is_doubtful(dataverse, column):
        return []
    if not mapped:
        code = Code.KEY_CONSTANT if lines else Code.KEY_NOT_MAPPED
        message = f"the key column {dataverse.name}.{column} is not mapped to a finance and operations column"
        findings.error(code, message, lines[0].at if lines else "integration_key")
    else:
        _check_behind(mapped, findings)
    return [
        (KeyPart(each.landings[0].path, each.finops.column.name), each) for each in mapped if each.finops is not None
    ]


def _check_behind(lines: list[ResolvedMapping], findings: Findings) -> None:
    """A lookup on the way to a key is found by a key of its own table: one of them must be mapped completely."""
    steps: dict[tuple[Path, str], tuple[Table, set[str]]] = {}
    for line in lines:
        for landing in line.landings:
            for depth, table in enumerate(landing.tables[1:], 1):
                _, names = steps.setdefault((landing.path[:depth], table.name), (table, set()))
                names.add(landing.path[depth])
    for (path, _), (table, named) in steps.items():
        keys = [frozenset(_without_company(key, table)) for key in table.alternate_keys]
        partly = [key for key in keys if named & key]
        if partly and not any(key <= named for key in partly):
            missing = ", ".join(".".join((*path, name)) for name in sorted(min(partly, key=len) - named))
            message = f"the key leads through {'.'.join(path)} to {table.name}, whose key also has {missing}"
            findings.error(Code.KEY_NOT_MAPPED, message, lines[0].at)


def _check_both_ways(parts: Iterable[tuple[KeyPart, ResolvedMapping]], findings: Findings) -> None:
    for _, each in parts:
        if each.mapping.sync_direction is not SyncDirection.BOTH:
            message = f"{each.mapping}: a key column must be mapped both ways when any column is"
            findings.error(Code.KEY_ONE_WAY, message, each.at)


def _key_columns(
    version: MapVersion,
    dataverse: Table,
    resolved: ResolvedLines,
    chosen: tuple[str, ...] | None,
    findings: Findings,
) -> tuple[KeyOrigin, tuple[str, ...]]:
    """The own columns of the Dataverse table that the key consists of, lookups included."""
    if version.integration_key is not None:
        return KeyOrigin.MAP, _named_columns(version.integration_key, dataverse, findings)
    if chosen is not None:
        remedy = f"Choose another integration key for {dataverse.name} in the connection, or name one in the map."
        return KeyOrigin.CONNECTION, _named_columns(chosen, dataverse, findings, remedy=remedy)
    return KeyOrigin.ALTERNATE_KEY, _generated(dataverse, resolved, findings)


def _generated(dataverse: Table, resolved: ResolvedLines, findings: Findings) -> tuple[str, ...]:
    """The first alternate key that the map maps completely, else the first."""
    keys = [key for each in dataverse.alternate_keys if (key := _without_company(each, dataverse))]
    if not keys:
        findings.error(Code.NO_KEY, f"{dataverse.name} has no alternate key", "integration_key")
        return ()
    mapped = {each.column.name for each in resolved.lines if each.column is not None and not each.mapping.is_constant}
    complete = [key for key in keys if mapped.issuperset(key)]
    if len(complete) > 1:
        others = " or ".join(", ".join(key) for key in complete[1:])
        message = f"{', '.join(complete[0])} identifies the rows, and {others} could as well"
        findings.warning(Code.NO_KEY, message, "integration_key", remedy="Name the integration key in the map.")
    return (complete or keys)[0]


def _without_company(key: Iterable[str], table: Table) -> tuple[str, ...]:
    return tuple(name for name in key if name != table.company_column)


def _named_columns(
    texts: tuple[str, ...], dataverse: Table, findings: Findings, *, remedy: str = ""
) -> tuple[str, ...]:
    names: list[str] = []
    unknown = False
    for index, text in enumerate(texts):
        try:
            column = dataverse.find(parse_lookup_path(text).column)
        except MapRefused:
            column = None
        if column is None:
            unknown = True
            findings.error(
                Code.KEY_UNKNOWN, f"{dataverse.name} has no column {text}", f"integration_key[{index}]", remedy=remedy
            )
        elif column.name != dataverse.company_column and column.name not in names:
            names.append(column.name)
    if not names and not unknown:
        findings.error(
            Code.NO_KEY, "the integration key names no column but the company", "integration_key", remedy=remedy
        )
    return tuple(names)


def _check_finops_key(finops: Table, resolved: ResolvedLines, findings: Findings) -> None:
    named = {each.finops.column.name: each for each in resolved.lines if each.finops is not None}
    written = {each.finops.column.name for each in resolved.lines if each.finops and each.goes(Direction.TO_FINOPS)}
    for name in finops.key:
        if name != finops.company_column and name not in written and not resolved.is_doubtful(finops, name):
            path = named[name].at if name in named else "columns"
            message = f"the key column {finops.name}.{name} is not written, so no row can be created there"
            findings.error(Code.FINOPS_KEY_NOT_MAPPED, message, path)
