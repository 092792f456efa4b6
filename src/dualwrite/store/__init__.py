"""dual-write's own database: what is connected, which maps run, what happened, who may ask."""

from dualwrite.store.database import Store

__all__ = ["Store"]
