"""Compiling a map version against the metadata of the two environments: a plan, or coded findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dualwrite.errors import FilterRefused
from dualwrite.filters.bind import bind
from dualwrite.filters.odata import parse_odata
from dualwrite.filters.range_expression import parse_range
from dualwrite.filters.tree import Expression
from dualwrite.maps.columns import Converters, column_pair, columns_to_dataverse, columns_to_finops, key_columns
from dualwrite.maps.convert import End, compile_conversion, is_empty
from dualwrite.maps.findings import Code, Finding
from dualwrite.maps.keys import compile_key
from dualwrite.maps.plan import Converter, DirectionPlan, KeyPart, Plan
from dualwrite.maps.resolve import Findings, Landing, ResolvedMapping, Resolver
from dualwrite.maps.value_map import ParsedValueMap, TextUnfit, parse_text, parse_value_map
from dualwrite.maps.values import ColumnMapping, Direction, MapVersion
from dualwrite.metadata.schema import Column, ColumnRole, EnvironmentSchema, Side, Table
from dualwrite.metadata.values import Value


def compile_map(
    version: MapVersion, *, finops: EnvironmentSchema, dataverse: EnvironmentSchema
) -> Plan | tuple[Finding, ...]:
    """The plan of ``version``; when it has an error, all its findings instead. A plan carries the warnings."""
    findings = Findings()
    left, right = finops.find(version.finops_entity), dataverse.find(version.dataverse_table)
    if left is None:
        message = f"finance and operations has no entity {version.finops_entity}"
        findings.error(Code.FINOPS_ENTITY, message, "finops_entity")
    if right is None:
        message = f"Dataverse has no table {version.dataverse_table}"
        findings.error(Code.DATAVERSE_TABLE, message, "dataverse_table")
    if left is None or right is None:
        return tuple(findings.found)
    plan = _Compiler(version, finops, dataverse, left, right, findings).compile()
    return plan if plan is not None else tuple(findings.found)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What both directions are built from."""

    key: tuple[tuple[KeyPart, ResolvedMapping], ...]
    converters: Converters


@dataclass(frozen=True, slots=True)
class _Compiler:
    version: MapVersion
    finops_schema: EnvironmentSchema
    dataverse_schema: EnvironmentSchema
    finops: Table
    dataverse: Table
    findings: Findings

    def compile(self) -> Plan | None:
        self._check_scope()
        resolved = Resolver(self.finops, self.dataverse, self.dataverse_schema, self.findings).resolve(self.version)
        converters = self._converters(resolved)
        self._check_duplicates(resolved)
        self._check_mandatory(resolved)
        key = compile_key(
            self.version, finops=self.finops, dataverse=self.dataverse, resolved=resolved, findings=self.findings
        )
        filters = self._filters()
        parts = _Parts(key, converters)
        if self.findings.has_errors:
            return None
        return Plan(
            map=self.version,
            finops=self.finops,
            dataverse=self.dataverse,
            company_specific=self.finops.is_company_specific,
            to_dataverse=self._direction(Direction.TO_DATAVERSE, resolved, parts, filters),
            to_finops=self._direction(Direction.TO_FINOPS, resolved, parts, filters),
            key=tuple(part for part, _ in key),
            pairs=tuple(column_pair(each, converters) for each in resolved if not each.mapping.is_constant),
            warnings=tuple(self.findings.found),
        )

    # --- checks ---------------------------------------------------------------------------------------------------

    def _check_scope(self) -> None:
        left, right = self.finops.is_company_specific, self.dataverse.is_company_specific
        if left != right:
            described = {True: "company-specific", False: "global"}
            message = (
                f"{self.finops.name} is {described[left]} and {self.dataverse.name} is {described[right]}; "
                "a map joins two company-specific or two global tables"
            )
            self.findings.error(Code.SCOPE, message, "dataverse_table")

    def _check_duplicates(self, resolved: tuple[ResolvedMapping, ...]) -> None:
        seen: dict[tuple[Direction, str], ResolvedMapping] = {}
        pairs: dict[tuple[str, str], int] = {}
        for each in resolved:
            pair = (str(each.mapping.finops).casefold(), str(each.mapping.dataverse).casefold())
            if pairs.setdefault(pair, each.index) != each.index:
                message = f"{each.mapping} repeats columns[{pairs[pair]}]"
                self.findings.error(Code.DUPLICATE_PAIR, message, each.at)
                continue
            for direction in Direction:
                if not each.goes(direction):
                    continue
                target = _target_name(each, direction)
                first = seen.setdefault((direction, target), each)
                if first is not each:
                    code = Code.DATAVERSE_DUPLICATE if direction is Direction.TO_DATAVERSE else Code.FINOPS_DUPLICATE
                    self.findings.error(code, f"{target} is already written by {first.at}", each.at)

    def _check_mandatory(self, resolved: tuple[ResolvedMapping, ...]) -> None:
        for direction in Direction:
            going = [each for each in resolved if each.goes(direction)]
            if not going:
                continue
            table = self.dataverse if direction is Direction.TO_DATAVERSE else self.finops
            code = Code.MANDATORY_DATAVERSE if direction is Direction.TO_DATAVERSE else Code.MANDATORY_FINOPS
            written = {_own_column(each, direction).name for each in going}
            for column in table.columns:
                ours = column.role is ColumnRole.PLAIN and column.name != table.company_column
                is_id = table.side is Side.DATAVERSE and column.name in table.key
                if column.required and ours and not is_id and column.name not in written:
                    message = f"{table.name}.{column.name} is mandatory, and neither mapped nor given a constant"
                    self.findings.error(code, message, "columns")
            self._check_read_only(going, direction)

    def _check_read_only(self, going: Iterable[ResolvedMapping], direction: Direction) -> None:
        for each in going:
            column = _own_column(each, direction)
            if not column.writable:
                table = self.dataverse if direction is Direction.TO_DATAVERSE else self.finops
                self.findings.error(Code.READ_ONLY, f"{table.name}.{column.name} is read-only", each.at)

    def _filters(self) -> dict[Direction, Expression | None]:
        texts = {
            Direction.TO_DATAVERSE: (self.version.source_filter, parse_range, self.finops, "source_filter"),
            Direction.TO_FINOPS: (
                self.version.reversed_source_filter,
                parse_odata,
                self.dataverse,
                "reversed_source_filter",
            ),
        }
        filters: dict[Direction, Expression | None] = {}
        for direction, (text, parse, table, path) in texts.items():
            schema = self.finops_schema if table is self.finops else self.dataverse_schema
            filters[direction] = None
            if not text.strip():
                continue
            try:
                expression = parse(text)
                filters[direction] = None if expression is None else bind(expression, table=table, schema=schema)
            except FilterRefused as refusal:
                self.findings.error(Code.FILTER, refusal.message, path)
        return filters

    # --- converters -----------------------------------------------------------------------------------------------

    def _converters(self, resolved: tuple[ResolvedMapping, ...]) -> Converters:
        """A converter for every landing of every line, in each direction it goes; what is impossible is a finding."""
        converters: Converters = {}
        for each in resolved:
            if each.mapping.is_constant:
                self._constant(each)
                continue
            for number, landing in enumerate(each.landings):
                parsed = self._value_map(each, landing)
                for direction in Direction:
                    if each.goes(direction):
                        converter = self._converter(each, landing, parsed, direction)
                        if converter is not None:
                            converters[each.index, number, direction] = converter
        return converters

    def _constant(self, each: ResolvedMapping) -> None:
        end = each.finops if each.finops is not None else each.landings[0].end
        if each.is_lookup:
            self.findings.error(Code.TYPE, "a constant cannot fill a lookup", each.at)
            return
        direction = Direction.TO_FINOPS if each.finops is not None else Direction.TO_DATAVERSE
        if not each.goes(direction):
            self.findings.error(Code.TYPE, f"{each.mapping}: the constant points the wrong way", each.at)
        self._parsed_constant(each.mapping, end, f"{each.at}.transforms")

    def _parsed_constant(self, mapping: ColumnMapping, end: End, path: str) -> Value:
        default = mapping.default
        if default is None:
            return None
        try:
            return parse_text(default.value, end)
        except TextUnfit as unfit:
            self.findings.error(Code.TYPE, str(unfit), path)
            return None

    def _value_map(self, each: ResolvedMapping, landing: Landing) -> ParsedValueMap | None:
        value_map = each.mapping.value_map
        if value_map is None or each.finops is None:
            return None
        path = f"{each.at}.transforms"
        try:
            parsed = parse_value_map(value_map, finops=each.finops, dataverse=landing.end)
        except TextUnfit as unfit:
            self.findings.error(Code.TYPE, str(unfit), path)
            return ParsedValueMap(each.finops, landing.end, ())
        for direction in Direction:
            if each.goes(direction):
                self._check_value_map(each, parsed, backward=direction is Direction.TO_FINOPS)
        return parsed

    def _check_value_map(self, each: ResolvedMapping, parsed: ParsedValueMap, *, backward: bool) -> None:
        path = f"{each.at}.transforms"
        side = "Dataverse" if backward else "finance and operations"
        twice = parsed.ambiguous(backward=backward)
        if twice is not None:
            message = f"{each.mapping}: the {side} value {str(twice) or '(empty)'!r} stands in two pairs"
            self.findings.error(Code.TYPE, message, path)
        uncovered = parsed.uncovered(backward=backward)
        if uncovered:
            message = f"{each.mapping}: the {side} values {', '.join(uncovered)} are in no pair and will be refused"
            self.findings.warning(Code.TYPE, message, path)

    def _converter(
        self, each: ResolvedMapping, landing: Landing, parsed: ParsedValueMap | None, direction: Direction
    ) -> Converter | None:
        assert each.finops is not None
        forward = direction is Direction.TO_DATAVERSE
        source, target = (each.finops, landing.end) if forward else (landing.end, each.finops)
        if parsed is not None:
            converter: Converter | None = parsed.converter(backward=not forward)
        else:
            converter = compile_conversion(source, target)
        if converter is None:
            kinds = f"{source.column.type.value} {source.qualified} into {target.column.type.value} {target.qualified}"
            message = f"there is no conversion of {kinds}; add a value map or map it one way"
            self.findings.error(Code.TYPE, message, each.at)
            return None
        if each.mapping.default is None:
            return converter
        constant = self._parsed_constant(each.mapping, target, f"{each.at}.transforms")
        return _with_default(converter, source, constant)

    # --- one direction --------------------------------------------------------------------------------------------

    def _direction(
        self,
        direction: Direction,
        resolved: tuple[ResolvedMapping, ...],
        parts: _Parts,
        filters: Mapping[Direction, Expression | None],
    ) -> DirectionPlan | None:
        going = [each for each in resolved if each.goes(direction)]
        if all(each.mapping.is_constant for each in going):
            return None
        key = key_columns(parts.key, parts.converters, direction)
        if key is None:
            return None
        forward = direction is Direction.TO_DATAVERSE
        build = columns_to_dataverse if forward else columns_to_finops
        return DirectionPlan(
            direction=direction,
            map_name=self.version.name,
            source=self.finops if forward else self.dataverse,
            target=self.dataverse if forward else self.finops,
            filter=filters[direction],
            columns=build(going, parts.converters),
            key=key,
        )


def _own_column(each: ResolvedMapping, direction: Direction) -> Column:
    """The column of the target's own row that ``each`` writes."""
    if direction is Direction.TO_DATAVERSE:
        assert each.column is not None
        return each.column
    assert each.finops is not None
    return each.finops.column


def _target_name(each: ResolvedMapping, direction: Direction) -> str:
    """What may be written once only. Several lines may share a lookup column, each with a path of its own."""
    if direction is Direction.TO_DATAVERSE and each.is_lookup:
        return ".".join(each.landings[0].path)
    return _own_column(each, direction).name


def _with_default(converter: Converter, source: End, constant: Value) -> Converter:
    def convert(value: Value) -> Value:
        return constant if is_empty(value, source) else converter(value)

    return convert
