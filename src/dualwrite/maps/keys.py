"""The integration key of a map: which mapped pairs identify a row on both sides."""

from __future__ import annotations

from dualwrite.errors import MapRefused
from dualwrite.maps.findings import Code
from dualwrite.maps.lookup_path import parse_lookup_path
from dualwrite.maps.plan import KeyPart
from dualwrite.maps.resolve import Findings, ResolvedMapping
from dualwrite.maps.values import Direction, MapVersion, SyncDirection
from dualwrite.metadata.schema import Table


def compile_key(
    version: MapVersion,
    *,
    finops: Table,
    dataverse: Table,
    resolved: tuple[ResolvedMapping, ...],
    findings: Findings,
) -> tuple[tuple[KeyPart, ResolvedMapping], ...]:
    """The key's parts with the lines that map them; what is missing becomes findings. The company is left out."""
    columns = _key_columns(version, dataverse, findings)
    parts: list[tuple[KeyPart, ResolvedMapping]] = []
    two_way = any(each.mapping.sync_direction is SyncDirection.BOTH for each in resolved)
    for column in columns:
        lines = [each for each in resolved if each.column is not None and each.column.name == column]
        mapped = [each for each in lines if not each.mapping.is_constant]
        if not mapped:
            code = Code.KEY_CONSTANT if lines else Code.KEY_NOT_MAPPED
            message = f"the key column {dataverse.name}.{column} is not mapped to a finance and operations column"
            findings.error(code, message, "integration_key")
        for each in mapped:
            assert each.finops is not None
            parts.append((KeyPart(each.landings[0].path, each.finops.column.name), each))
            if two_way and each.mapping.sync_direction is not SyncDirection.BOTH:
                message = f"{each.mapping}: a key column must be mapped both ways when any column is"
                findings.error(Code.KEY_ONE_WAY, message, each.at)
    if any(each.goes(Direction.TO_FINOPS) and not each.mapping.is_constant for each in resolved):
        _check_finops_key(finops, resolved, findings)
    return tuple(parts)


def _key_columns(version: MapVersion, dataverse: Table, findings: Findings) -> tuple[str, ...]:
    """The own columns of the Dataverse table that the key consists of, lookups included."""
    if version.integration_key is None:
        if not dataverse.alternate_keys:
            message = f"{dataverse.name} has no alternate key; name the columns of the integration key"
            findings.error(Code.NO_KEY, message, "integration_key")
            return ()
        return tuple(name for name in dataverse.alternate_keys[0] if name != dataverse.company_column)
    names: list[str] = []
    for index, text in enumerate(version.integration_key):
        try:
            column = dataverse.find(parse_lookup_path(text).column)
        except MapRefused:
            column = None
        if column is None:
            findings.error(Code.KEY_UNKNOWN, f"{dataverse.name} has no column {text}", f"integration_key[{index}]")
        elif column.name != dataverse.company_column and column.name not in names:
            names.append(column.name)
    if not names:
        findings.error(Code.NO_KEY, "the integration key names no column but the company", "integration_key")
    return tuple(names)


def _check_finops_key(finops: Table, resolved: tuple[ResolvedMapping, ...], findings: Findings) -> None:
    written = {each.finops.column.name for each in resolved if each.finops and each.goes(Direction.TO_FINOPS)}
    for name in finops.key:
        if name != finops.company_column and name not in written:
            message = f"the key column {finops.name}.{name} is not mapped, so no row can be created there"
            findings.error(Code.FINOPS_KEY_NOT_MAPPED, message, "columns")
