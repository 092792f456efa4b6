"""Maps as people name them: whole, by their beginning, or by any part that only one map has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from dualwrite.composition.house import CONNECTION, House
from dualwrite.errors import NotAllowed

_FEW = 10
"""So many maps can be named in one line."""


async def chosen_maps(house: House, texts: Sequence[str]) -> Sequence[str]:
    """The names of the maps that ``texts`` stand for, in the order of starting; all when there are no texts.

    Raises: NotAllowed, for a text that names no map or several.
    """
    known = [each.name for each in await house.store.maps.list(CONNECTION)]
    if not texts:
        return known
    chosen = {find_map(known, text) for text in texts}
    return [name for name in known if name in chosen]


def find_map(known: Sequence[str], text: str) -> str:
    """The one map that ``text`` stands for. Raises: NotAllowed."""
    wanted = text.strip().casefold()
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found = [name for name in known if fits(name.casefold(), wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotAllowed(f"{text!r} fits several maps: {'; '.join(found)}. Write more of the name.")
    raise NotAllowed(f"There is no map {text!r}. {_hint(known, wanted)}")


def _hint(known: Sequence[str], wanted: str) -> str:
    """Which maps may have been meant, or where all are listed."""
    spellings = {spelling.casefold(): name for name in known for spelling in (name.partition(" (")[0], name)}
    near = dict.fromkeys(spellings[each] for each in get_close_matches(wanted, spellings, n=3))
    if near:
        return f"There is: {'; '.join(near)}."
    if len(known) > _FEW:
        return f"There are {len(known)} maps: dualwrite maps list"
    return f"The maps are: {'; '.join(known) or 'none'}."


def short_names(names: Iterable[str]) -> Mapping[str, str]:
    """Each name without the table behind it in parentheses, unless another of them would then be called the same."""
    shortened = {name: name.partition(" (")[0] for name in names}
    taken = Counter(shortened.values())
    return {name: short if taken[short] == 1 else name for name, short in shortened.items()}
