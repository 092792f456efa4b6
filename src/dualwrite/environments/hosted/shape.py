"""The tables of a hosted environment at one generation, with everything worked out from them. Replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dualwrite.environments.hosted.layout import Layouts
from dualwrite.environments.hosted.rules import Rule
from dualwrite.metadata.schema import EnvironmentSchema


@dataclass(frozen=True, slots=True)
class Shape:
    """Whoever works with tables takes one shape and stays with it until the end."""

    generation: int
    schema: EnvironmentSchema
    layouts: Layouts
    rules: Mapping[str, tuple[Rule, ...]]


def shape_of(schema: EnvironmentSchema, rules: Sequence[Rule], *, generation: int) -> Shape:
    """The shape of an environment with these tables in which ``rules`` hold."""
    by_table = {table.name: tuple(rule for rule in rules if rule.applies_to(table)) for table in schema}
    return Shape(generation, schema, Layouts(schema), by_table)
