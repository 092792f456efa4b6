"""The transforms a line of a map may carry. Each kind is one module: its value, spellings, meaning and checks.

``kind`` says what a kind of transform has to know, ``constants`` turns the texts of a map into values. To add a kind,
write its module and name it in ``Transform`` and ``KINDS`` below; reading, writing, compiling and checking follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from dualwrite.maps.transforms.default import Default
from dualwrite.maps.transforms.kind import Entries, Published, Spelling, SpellingRefused, texts_of
from dualwrite.maps.transforms.time_zone import InTimeZone
from dualwrite.maps.transforms.truncate import Truncate
from dualwrite.maps.transforms.value_map import CaseRule, Unmapped, ValueMap

__all__ = [
    "KINDS",
    "CaseRule",
    "Default",
    "InTimeZone",
    "Transform",
    "Truncate",
    "Unmapped",
    "ValueMap",
    "read_published",
    "read_transform",
    "write_published",
]

Transform: TypeAlias = Default | ValueMap | Truncate | InTimeZone
KINDS: Final[tuple[type[Transform], ...]] = (Default, InTimeZone, ValueMap, Truncate)


def read_transform(spelling: Spelling) -> Transform:
    """The transform that a map file spells. Raises: SpellingRefused.

    Short: a text is a default, a mapping of texts is a value map. Long: a mapping whose first value is not a text
    starts with the kind's word.
    """
    match spelling:
        case str():
            return Default(spelling)
        case Entries(pairs=((str(word), Entries()), *_)):
            for kind in KINDS:
                if kind.word == word:
                    return kind.read(spelling)
            words = ", ".join(kind.word for kind in KINDS)
            raise SpellingRefused(f"there is no transform {word!r}; known are {words}")
        case _:
            return ValueMap(texts_of(spelling))


def read_published(properties: Mapping[str, object]) -> Transform | None:
    """The transform that a solution file spells (an object with a ``transformType``), None when it is none we know."""
    spelled = str(properties.get("transformType", "")).casefold()
    for kind in KINDS:
        if kind.published_type.casefold() == spelled:
            return kind.read_published(properties)
    return None


def write_published(transform: Transform) -> Published:
    """The spelling of ``transform`` in a solution file; :func:`read_published` gives the equal value back."""
    return transform.published()
