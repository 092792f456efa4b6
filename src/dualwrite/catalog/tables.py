"""Which tables maps need: those they join, and those their lookups lead to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dualwrite.catalog import load_schema
from dualwrite.maps.lookup_path import parse_lookup_path
from dualwrite.maps.values import MapVersion
from dualwrite.metadata.schema import EnvironmentSchema, Side, Table


def tables_needed(maps: Iterable[MapVersion]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The F&O entities and the Dataverse tables of ``maps``, as far as the catalog knows them, sorted by name."""
    schemas = load_schema(Side.FINOPS), load_schema(Side.DATAVERSE)
    finops: set[str] = set()
    dataverse: set[str] = set()
    for version in maps:
        entity = schemas[0].find(version.finops_entity)
        if entity is not None:
            finops.add(entity.name)
        table = schemas[1].find(version.dataverse_table)
        if table is not None:
            dataverse.update(each.name for each in _reached(version, table, schemas[1]))
    return tuple(sorted(finops)), tuple(sorted(dataverse))


def _reached(version: MapVersion, table: Table, schema: EnvironmentSchema) -> Iterator[Table]:
    """``table``, and every table that a path of ``version`` passes through or ends at."""
    yield table
    paths = [mapping.dataverse for mapping in version.columns if mapping.dataverse is not None]
    for text in (*paths, *(version.integration_key or ())):
        path = parse_lookup_path(text)
        for alternative in path.alternatives:
            for target in _targets(table, path.column, schema):
                if alternative.table is None or schema.find(alternative.table) is target:
                    yield target
                    yield from _further(target, alternative.parts, schema)


def _targets(table: Table, column: str, schema: EnvironmentSchema) -> tuple[Table, ...]:
    lookup = table.find(column)
    names = lookup.targets if lookup is not None else ()
    return tuple(found for name in names if (found := schema.find(name)) is not None)


def _further(table: Table, parts: Sequence[str], schema: EnvironmentSchema) -> Iterator[Table]:
    """The tables behind the lookups among ``parts``, but for the last, which is the value's column."""
    for part in parts[:-1]:
        following = _targets(table, part, schema)
        if not following:
            return
        table = following[0]
        yield table
