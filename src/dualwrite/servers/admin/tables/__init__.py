"""The tables of both environments."""
