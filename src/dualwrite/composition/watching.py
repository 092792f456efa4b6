"""What watches the engine while it works: metrics always, traces where they are sent somewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from dualwrite import __version__
from dualwrite.monitoring.metrics import LiveMetrics
from dualwrite.monitoring.tracing import Tracing, trace_to
from dualwrite.settings import Settings
from dualwrite.sync.steps import Watching


@dataclass(frozen=True)
class Observatory:
    """The metrics and traces of one house."""

    instance: str
    """Names the house for as long as it stands."""
    tracing: Tracing | None = None
    metrics: LiveMetrics = field(default_factory=LiveMetrics)

    @classmethod
    def of(cls, settings: Settings, *, instance: str) -> Observatory:
        """What the settings ask for."""
        endpoint = settings.otlp_endpoint
        tracing = None if endpoint is None else trace_to(endpoint, version=__version__, instance=instance)
        return cls(instance, tracing)

    @property
    def watching(self) -> Watching:
        return Watching(self.metrics, None if self.tracing is None else self.tracing.tracer)

    def close(self) -> None:
        """Nothing more is sent."""
        if self.tracing is not None:
            self.tracing.close()
