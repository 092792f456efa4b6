"""Text without regard to case, letter for letter as PostgreSQL's ``lower`` has it in the locale ``C.UTF-8``."""

from __future__ import annotations

_CONTEXT_FREE = str.maketrans({"\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}": "i", "\N{GREEK CAPITAL LETTER SIGMA}": "σ"})
"""Two letters for which ``str.lower`` looks at the neighbours or gives two characters, and the database does not."""


def folded(text: str) -> str:
    """``text`` in lower case. Two texts are equal to a filter when they are equal so."""
    return text.lower() if text.isascii() else text.translate(_CONTEXT_FREE).lower()
