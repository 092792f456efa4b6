"""What the engine can count on with a hosted environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One record per kind of environment; the engine asks these, never the kind."""

    prepares: bool
    """A written transaction survives as prepared until it is decided."""
    decides: bool
    """A served transaction can record a decision in its own commit."""
    consistent_scan: bool
    """A scan sees one moment."""


HOSTED = Capabilities(prepares=True, decides=True, consistent_scan=True)
