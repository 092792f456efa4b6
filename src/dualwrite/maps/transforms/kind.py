"""What every kind of transform knows how to do; each kind is one module of this package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, TypeAlias

from dualwrite.maps.end import Converter, End

Published: TypeAlias = dict[str, object]
"""A value transform of a published solution file: a JSON object with a ``transformType``."""


@dataclass(frozen=True, slots=True)
class Entries:
    """A YAML mapping in which every key is text; its order counts, and a key may stand twice."""

    pairs: tuple[tuple[str, Spelling], ...]


Spelling: TypeAlias = "str | tuple[Spelling, ...] | Entries"
"""A YAML value in which every scalar is text."""


class TransformUnfit(Exception):
    """A transform that cannot work on its columns; caught by the compiler, which makes a finding of it."""


class SpellingRefused(Exception):
    """A spelling that is no transform; caught by the reader of map files, which knows file and line."""


class Kind(ABC):
    """One transform of a column mapping: a frozen value that spells itself and wraps the converter of its columns."""

    __slots__ = ()

    word: ClassVar[str]
    """Names the kind in the long spelling, and to users."""
    depth: ClassVar[int]
    """The transforms of a line are nested, whatever their order: a deeper one is nearer to the plain conversion."""
    published_type: ClassVar[str]
    """The ``transformType`` of published solution files."""

    @classmethod
    @abstractmethod
    def read(cls, spelling: Entries) -> Self:
        """The transform of a long spelling, a mapping that starts with ``word``. Raises: SpellingRefused."""

    @abstractmethod
    def spelled(self) -> Spelling:
        """The spelling in a map file: the short one where there is one, otherwise the long one."""

    @classmethod
    @abstractmethod
    def read_published(cls, properties: Mapping[str, object]) -> Self | None:
        """The transform of a solution file; None when it is not spelled as this kind is."""

    @abstractmethod
    def published(self) -> Published:
        """The spelling in a solution file, ``transformType`` included."""

    @abstractmethod
    def described(self) -> str:
        """A few words for lists and messages."""

    @abstractmethod
    def wrap(self, convert: Converter | None, *, source: End, target: End) -> Converter | None:
        """The converter that applies this transform and leaves the rest to ``convert``; None where there is none.

        ``convert`` is None where the two types have no conversion of their own. Raises: TransformUnfit.
        """

    def doubts(self, convert: Converter, *, source: End, target: End) -> tuple[str, ...]:
        """What works, but perhaps not as meant; ``convert`` is the converter that :meth:`wrap` gave."""
        return ()


def options_of(spelling: Entries, kind: type[Kind], *known: str) -> tuple[Spelling, dict[str, str]]:
    """The content behind the kind's word, and the options that follow it. Raises: SpellingRefused."""
    (_, content), *rest = spelling.pairs
    options: dict[str, str] = {}
    for name, value in rest:
        if name not in known or name in options or not isinstance(value, str):
            allowed = f"; its options are {', '.join(known)}" if known else ""
            raise SpellingRefused(f"{name!r} is no option of a {kind.word}{allowed}")
        options[name] = value
    return content, options


def texts_of(spelling: Spelling) -> tuple[tuple[str, str], ...]:
    """The pairs of a mapping whose values are texts. Raises: SpellingRefused."""
    if not isinstance(spelling, Entries):
        raise SpellingRefused("pairs are expected here, such as {no: 1, yes: 2}")
    pairs: list[tuple[str, str]] = []
    for key, value in spelling.pairs:
        if not isinstance(value, str):
            raise SpellingRefused(f"a text is expected behind {key!r}")
        pairs.append((key, value))
    return tuple(pairs)


def text_of_json(value: object) -> str | None:
    """The text of a scalar of a solution file, None when it is no scalar."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    return str(value) if isinstance(value, str | int | float) else None
