"""The lines of a map with what fills their columns: a conversion for each direction, or a constant."""

from __future__ import annotations

from dataclasses import dataclass

from dualwrite.maps.columns import Conversions, Place
from dualwrite.maps.conversion import Conversion, compile_conversion, doubts_of
from dualwrite.maps.findings import Code, Findings
from dualwrite.maps.resolve import Landing, ResolvedMapping
from dualwrite.maps.transforms.constants import parse_text
from dualwrite.maps.transforms.kind import TransformUnfit
from dualwrite.maps.values import Default, Direction
from dualwrite.metadata.values import Value


def compile_lines(resolved: tuple[ResolvedMapping, ...], findings: Findings) -> Conversions:
    """A conversion for every landing of every line, in each direction it goes; what is impossible is a finding."""
    return _Lines(findings).compile(resolved)


@dataclass(frozen=True, slots=True)
class _Lines:
    findings: Findings

    def compile(self, resolved: tuple[ResolvedMapping, ...]) -> Conversions:
        by_place: dict[tuple[int, int, Direction], Conversion] = {}
        constants: dict[Place, Value] = {}
        for each in resolved:
            if each.mapping.is_constant:
                constants |= self._constants(each)
                continue
            for direction in Direction:
                if each.goes(direction):
                    for number, landing in enumerate(each.landings):
                        conversion = self._conversion(each, landing, direction)
                        if conversion is not None:
                            by_place[each.index, number, direction] = conversion
        return Conversions(by_place, constants)

    def _conversion(self, each: ResolvedMapping, landing: Landing, direction: Direction) -> Conversion | None:
        assert each.finops is not None
        forward = direction is Direction.TO_DATAVERSE
        source, target = (each.finops, landing.end) if forward else (landing.end, each.finops)
        path = f"{each.at}.transforms"
        try:
            conversion = compile_conversion(source, target, each.mapping.transforms)
        except TransformUnfit as unfit:
            self.findings.error(Code.TRANSFORM, f"{each.mapping}: {unfit}", path)
            return None
        if conversion is None:
            kinds = f"{source.column.type.value} {source.qualified} into {target.column.type.value} {target.qualified}"
            self.findings.error(Code.TYPE, f"there is no conversion of {kinds}", each.at)
            return None
        for doubt in doubts_of(conversion):
            self.findings.warning(Code.TRANSFORM, f"{each.mapping}: {doubt}", path, remedy=_PAIR_REMEDY)
        return conversion

    def _constants(self, each: ResolvedMapping) -> dict[Place, Value]:
        path = f"{each.at}.transforms"
        default = each.mapping.default
        if default is None:
            return {}
        direction = Direction.TO_FINOPS if each.finops is not None else Direction.TO_DATAVERSE
        if not each.goes(direction):
            self.findings.error(Code.TRANSFORM, f"{each.mapping}: the constant points the wrong way", each.at)
        if any(not isinstance(transform, Default) for transform in each.mapping.transforms) or (
            len(each.mapping.transforms) > 1
        ):
            message = f"{each.mapping}: a line with one column takes one constant and nothing else"
            self.findings.error(Code.TRANSFORM, message, path)
        ends = (each.finops,) if each.finops is not None else tuple(landing.end for landing in each.landings)
        constants: dict[Place, Value] = {}
        for number, end in enumerate(ends):
            try:
                constants[each.index, number] = parse_text(default.value, end)
            except TransformUnfit as unfit:
                self.findings.error(Code.TRANSFORM, f"{each.mapping}: {unfit}", path)
        return constants


_PAIR_REMEDY = "Add pairs for them, or let unmapped values pass through or become empty."
