"""``msdyn_properties``: the JSON text beside a mapping. Published files hold malformed ones, which stay as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from dualwrite.solutions.package.values import JsonObject, Requirements

OWN = "dualwrite"
"""The property under which we keep what the published format has no word for."""

_MISSING_BRACES = ("", "}", "}}", "}}}", "]}", "]}}")


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of one map version. ``text`` is how they were written, ``malformed`` whether they are no JSON."""

    text: str
    values: JsonObject = field(hash=False)
    malformed: bool = False

    @property
    def description(self) -> str:
        found = self.values.get("Description")
        return text_without_halves(found) if isinstance(found, str) else ""

    @property
    def own(self) -> JsonObject:
        """What only we write."""
        found = self.values.get(OWN)
        return found if isinstance(found, dict) else {}

    @property
    def requires(self) -> Requirements:
        """``TargetVersionInfo``, whose names are spelled in capitals or not."""
        found = _folded(_folded(self.values).get("targetversioninfo"))
        solutions = found.get("crm")
        application = _folded(found.get("ax")).get("application")
        return Requirements(
            solutions={str(name): str(version) for name, version in solutions.items()}
            if isinstance(solutions, dict)
            else {},
            application=application if isinstance(application, str) else None,
        )


def read_properties(text: str) -> Properties:
    """The properties that ``text`` spells; of malformed ones, as much as closing braces bring back."""
    for ending in _MISSING_BRACES:
        try:
            values = json.loads(text.strip() + ending) if text.strip() else {}
            values = json.loads(values) if isinstance(values, str) else values
        except (ValueError, RecursionError):
            continue
        if isinstance(values, dict):
            return Properties(text, values, malformed=bool(ending))
    return Properties(text, {}, malformed=True)


def write_properties(before: Properties | None, *, description: str, own: JsonObject) -> str:
    """The text of properties that say this; ``before`` word for word where it says so already."""
    if before is not None and before.description == description and before.own == own:
        return before.text
    values: dict[str, object] = dict(before.values) if before is not None and before.values else dict(_fresh())
    values["Description"] = description
    values.pop(OWN, None)
    if own:
        values[OWN] = dict(own)
    return json.dumps(values, ensure_ascii=False)


def text_without_halves(text: str) -> str:
    """``text`` with a question mark for each half of a character (a lone surrogate), which no map file can hold."""
    return text.encode(errors="replace").decode()


def _fresh() -> JsonObject:
    return {"TargetTypeList": ["AX", "CRM"], "Description": "", "IsDualWriteProject": True, "SkipInitialSync": False}


def _folded(value: object) -> JsonObject:
    return {str(key).casefold(): each for key, each in value.items()} if isinstance(value, Mapping) else {}
