"""Checking maps before they may run: findings by map, each at its line in the file or in the stored text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dualwrite.errors import MapRefused, NotFound
from dualwrite.maps.findings import Code, Finding, Severity
from dualwrite.maps.plan import Plan
from dualwrite.maps.text import line_of, parse_map
from dualwrite.maps.values import MapVersion
from dualwrite.store.database import Store
from dualwrite.store.maps import MapVersion as StoredVersion
from dualwrite.sync.compiled_maps import CompiledMaps


@dataclass(frozen=True, slots=True)
class PlacedFinding:
    """A finding with its line in the text that was checked."""

    finding: Finding
    line: int


@dataclass(frozen=True, slots=True)
class CheckedMap:
    """One map version with all that was found about it. ``file`` is None for a stored version."""

    name: str
    version: str
    file: str | None
    findings: tuple[PlacedFinding, ...]
    says: MapVersion | None
    """None when the text could not be read."""
    plan: Plan | None
    """None when there are errors."""

    @property
    def can_run(self) -> bool:
        return not self.errors

    @property
    def errors(self) -> tuple[PlacedFinding, ...]:
        return tuple(each for each in self.findings if each.finding.is_error)

    @property
    def place(self) -> str:
        """What a line is a line of."""
        return self.file if self.file is not None else f"{self.name} {self.version}"

    def by_code(self) -> Mapping[Code, tuple[PlacedFinding, ...]]:
        """The findings of each code, in the order of their lines."""
        grouped: dict[Code, list[PlacedFinding]] = {}
        for each in sorted(self.findings, key=lambda each: each.line):
            grouped.setdefault(each.finding.code, []).append(each)
        return {code: tuple(found) for code, found in sorted(grouped.items(), key=lambda item: item[0].value)}


def check_stored(compiled: CompiledMaps, stored: StoredVersion) -> CheckedMap:
    """A stored version, checked against the environments and keys of the connection."""
    return _checked(compiled, stored.document, name=stored.name, version=stored.version, file=None)


async def check_active(store: Store, connection: str, compiled: CompiledMaps, names: Sequence[str]) -> list[CheckedMap]:
    """What stands in the way of running the active versions, map by map. Raises: NotFound for an unknown map."""
    await compiled.refresh()
    stored = {each.name: each for each in await store.maps.active_versions(connection)}
    unknown = next((name for name in names if name not in stored), None)
    if unknown is not None:
        raise NotFound(f"There is no map {unknown!r}. The maps are: {', '.join(stored) or 'none'}.", map=unknown)
    return [check_stored(compiled, stored[name]) for name in names]


def check_text(compiled: CompiledMaps, text: str, *, file: str) -> CheckedMap:
    """A map file, checked as if it were stored."""
    return _checked(compiled, text, name="", version="", file=file)


def _checked(compiled: CompiledMaps, text: str, *, name: str, version: str, file: str | None) -> CheckedMap:
    try:
        says = parse_map(text, file=file or f"{name} {version}")
    except MapRefused as refusal:
        return CheckedMap(name, version, file, (_unreadable(refusal, file or f"{name} {version}"),), None, None)
    result = compiled.compiled(text, says)
    plan = result if isinstance(result, Plan) else None
    findings = result.warnings if isinstance(result, Plan) else result
    placed = tuple(PlacedFinding(each, line_of(text, each.path)) for each in findings)
    return CheckedMap(says.name, str(says.version), file, placed, says, plan)


def _unreadable(refusal: MapRefused, place: str) -> PlacedFinding:
    """What stands in the way of reading the text, as the one finding there is."""
    line = refusal.details.get("line")
    number = line if isinstance(line, int) else 1
    message = refusal.message.removeprefix(f"{place}:{number}: ")
    finding = Finding(
        Code.LINE, Severity.ERROR, message, "", remedy="Correct the line; the rest is checked once it can be read."
    )
    return PlacedFinding(finding, number)


def refuse_findings(checked: Sequence[CheckedMap]) -> None:
    """Nothing happens when all of them can run. Raises: MapRefused, with every error of every map."""
    bad = [each for each in checked if not each.can_run]
    if not bad:
        return
    lines = [
        f"  {each.place}:{error.line}: {error.finding.code.value} {error.finding.message}"
        for each in bad
        for error in each.errors
    ]
    names = "; ".join(each.name for each in bad)
    raise MapRefused(
        "\n".join([f"{names} cannot run:", *lines]),
        maps=[each.name for each in bad],
        findings=[document_of(each) for each in bad],
    )


def document_of(checked: CheckedMap) -> Mapping[str, object]:
    """The check as JSON."""
    return {
        "map": checked.name,
        "version": checked.version,
        "file": checked.file,
        "can_run": checked.can_run,
        "findings": [
            {
                "code": each.finding.code.value,
                "severity": each.finding.severity.value,
                "line": each.line,
                "path": each.finding.path,
                "position": each.finding.position,
                "message": each.finding.message,
                "remedy": each.finding.remedy,
            }
            for found in checked.by_code().values()
            for each in found
        ],
    }
