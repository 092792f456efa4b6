"""How maps are, and what to do about it."""
