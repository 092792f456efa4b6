"""Cutting texts to a length; without this transform a text that is too long is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from dualwrite.maps.end import Converter, End
from dualwrite.maps.transforms.kind import (
    Entries,
    Kind,
    Published,
    Spelling,
    SpellingRefused,
    TransformUnfit,
    options_of,
    texts_of,
)
from dualwrite.metadata.values import Value


@dataclass(frozen=True, slots=True)
class Truncate(Kind):
    """Keeps the first ``to`` characters, None for as many as the target column holds: ``{truncate: {to: 20}}``."""

    to: int | None = None

    word: ClassVar[str] = "truncate"
    depth: ClassVar[int] = 3
    published_type: ClassVar[str] = "Truncate"

    @classmethod
    def read(cls, spelling: Entries) -> Self:
        content, _ = options_of(spelling, cls)
        match texts_of(content):
            case ():
                return cls()
            case (("to", text),) if text.isascii() and text.isdecimal() and 0 < len(text) < 10:
                return cls(int(text))
        raise SpellingRefused("write {truncate: {}} or {truncate: {to: 20}}, with a number of characters")

    def spelled(self) -> Spelling:
        content = () if self.to is None else (("to", str(self.to)),)
        return Entries(((self.word, Entries(content)),))

    @classmethod
    def read_published(cls, properties: Mapping[str, object]) -> Self | None:
        to = properties.get("to")
        if to is None or (isinstance(to, int) and not isinstance(to, bool) and to >= 0):
            return cls(to)
        return None

    def published(self) -> Published:
        return {"transformType": self.published_type, "to": self.to}

    def described(self) -> str:
        return self.word if self.to is None else f"{self.word} to {self.to}"

    def wrap(self, convert: Converter | None, *, source: End, target: End) -> Converter | None:
        if convert is None:
            return None
        if not (source.column.type.is_text and target.column.type.is_text):
            raise TransformUnfit(f"only texts are truncated, and {target.qualified} gets none from {source.qualified}")
        cut, rest = self._length(target), convert

        def truncated(value: Value) -> Value:
            return rest(value[:cut] if isinstance(value, str) else value)

        return truncated

    def _length(self, target: End) -> int:
        holds = target.column.length
        if self.to is None and holds is None:
            raise TransformUnfit(f"{target.qualified} has no length to truncate to; name one: {{truncate: {{to: 20}}}}")
        cut = self.to if self.to is not None else holds
        if cut is None or cut < 1 or (holds is not None and cut > holds):
            raise TransformUnfit(f"{target.qualified} holds {holds} characters, so truncating to {cut} cannot work")
        return cut
