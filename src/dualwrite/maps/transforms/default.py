"""A constant: written where there is no source column, or where the source is empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from dualwrite.maps.end import Converter, End, is_empty
from dualwrite.maps.transforms.constants import parse_text
from dualwrite.maps.transforms.kind import Entries, Kind, Published, Spelling, SpellingRefused, text_of_json
from dualwrite.metadata.values import Value


@dataclass(frozen=True, slots=True)
class Default(Kind):
    """A constant, as text. Its short spelling is the text itself."""

    value: str

    word: ClassVar[str] = "default"
    depth: ClassVar[int] = 0
    published_type: ClassVar[str] = "Default"

    @classmethod
    def read(cls, spelling: Entries) -> Self:
        raise SpellingRefused("a default is written as the text alone, without the word")

    def spelled(self) -> Spelling:
        return self.value

    @classmethod
    def read_published(cls, properties: Mapping[str, object]) -> Self | None:
        text = text_of_json(properties.get("defaultValue"))
        return None if text is None else cls(text)

    def published(self) -> Published:
        return {"transformType": self.published_type, "defaultValue": self.value}

    def described(self) -> str:
        return f"default {self.value}"

    def wrap(self, convert: Converter | None, *, source: End, target: End) -> Converter | None:
        if convert is None:
            return None
        constant, rest = parse_text(self.value, target), convert

        def with_default(value: Value) -> Value:
            return constant if is_empty(value, source) else rest(value)

        return with_default
