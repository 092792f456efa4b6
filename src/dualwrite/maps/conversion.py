"""How a value of one column becomes one of another: the plain conversion inside, the line's transforms around it."""

from __future__ import annotations

from dataclasses import dataclass

from dualwrite.maps.convert import plain_converter
from dualwrite.maps.end import Converter, End
from dualwrite.maps.transforms import Transform
from dualwrite.maps.transforms.kind import TransformUnfit


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converter, and what it was made of."""

    source: End
    target: End
    transforms: tuple[Transform, ...]
    convert: Converter


def compile_conversion(source: End, target: End, transforms: tuple[Transform, ...] = ()) -> Conversion | None:
    """The conversion from one column to another; None where their types have none. Raises: TransformUnfit."""
    words = [transform.word for transform in transforms]
    twice = next((word for word in words if words.count(word) > 1), None)
    if twice is not None:
        raise TransformUnfit(f"two transforms of the kind {twice}; one of them would never act")
    convert = plain_converter(source, target)
    for transform in sorted(transforms, key=lambda each: -each.depth):
        convert = transform.wrap(convert, source=source, target=target)
    return None if convert is None else Conversion(source, target, transforms, convert)


def doubts_of(conversion: Conversion) -> tuple[str, ...]:
    """What about the transforms works, but perhaps not as meant."""
    ends = {"source": conversion.source, "target": conversion.target}
    return tuple(doubt for each in conversion.transforms for doubt in each.doubts(conversion.convert, **ends))
