"""The steps of a live change, as whoever watches the engine sees them: how long each took, and what it was part of.

Traces are made with nothing but OpenTelemetry's interface; who sends them where is decided elsewhere. A step is traced
where the request that it belongs to is, so an engine that nobody traces does not even look for a tracer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import Token
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Final, Protocol

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from dualwrite.maps.values import Direction

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_HEADER: Final = "traceparent"


class Step(Enum):
    """What is done with a live change."""

    MAP = "map"
    """The change set is mapped, and what lies behind lookups is read."""
    LOOK_UP = "look up"
    """Rows that lookups lead to are searched in the target; part of writing."""
    WRITE = "write"
    """The target is opened and written."""
    PREPARE = "prepare"
    """The target has made sure that it can commit."""
    DECIDE = "decide"
    """The source commits, with the decision about the target."""
    COMMIT = "commit"
    """The target commits."""


class Watcher(Protocol):
    """Whoever wants to know what the engine does. Is called often, and so answers at once."""

    def took(self, direction: Direction, step: Step, seconds: float) -> None:
        """A step of a change in this direction has taken so long, whatever came of it."""
        ...

    def gave_way(self, direction: Direction) -> None:
        """A change met another one and is started over."""
        ...


class NobodyWatches:
    """Implements :class:`Watcher`."""

    def took(self, direction: Direction, step: Step, seconds: float) -> None:
        """Nothing is done."""

    def gave_way(self, direction: Direction) -> None:
        """Nothing is done."""


class Steps:
    """Tells a watcher of the steps of changes in one direction, and traces them where their request is traced."""

    def __init__(self, direction: Direction, watcher: Watcher, tracer: Tracer | None) -> None:
        self.direction = direction
        self.watcher = watcher
        self._tracer = tracer

    def take(self, step: Step) -> Taken:
        """Inside, the step is taken."""
        return Taken(self, step)

    def gave_way(self) -> None:
        """The change met another one and is started over."""
        self.watcher.gave_way(self.direction)

    @contextmanager
    def replaying(self, traceparents: Iterable[str]) -> Iterator[None]:
        """Inside changes are replayed that were queued by these requests: a trace of its own, which links to theirs."""
        if self._tracer is None:
            yield
            return
        contexts = [trace.get_current_span(_PROPAGATOR.extract({_HEADER: each})) for each in sorted(set(traceparents))]
        links = [Link(each.get_span_context()) for each in contexts]
        attributes = {"dualwrite.way": self.direction.value}
        with self._tracer.start_as_current_span("dualwrite replay", Context(), links=links, attributes=attributes):
            yield

    def span(self, step: Step) -> Span | None:
        """A span for the step under the current one; None where nothing is traced."""
        if self._tracer is None or not trace.get_current_span().is_recording():
            return None
        return self._tracer.start_span(f"dualwrite {step.value}", attributes={"dualwrite.way": self.direction.value})


@dataclass(frozen=True, slots=True)
class Watching:
    """Who watches the engine, and with what it is traced, if it is."""

    watcher: Watcher = field(default_factory=NobodyWatches)
    tracer: Tracer | None = None

    def steps(self, direction: Direction) -> Steps:
        """The steps of changes in this direction."""
        return Steps(direction, self.watcher, self.tracer)


def current_traceparent() -> str | None:
    """The request that is being served, as W3C spells it; None where it is not traced."""
    if not trace.get_current_span().is_recording():
        return None
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(_HEADER)


class Taken:
    """A step while it is taken. Begun and ended by hand where it spans more than a block."""

    __slots__ = ("_before", "_span", "_started", "_step", "_steps")

    def __init__(self, steps: Steps, step: Step) -> None:
        self._steps = steps
        self._step = step
        self._span = steps.span(step)
        self._before: Token[Context] | None = None
        self._started = time.perf_counter()

    def end(self, error: BaseException | None = None) -> None:
        """The step has been taken, or has failed."""
        self._steps.watcher.took(self._steps.direction, self._step, time.perf_counter() - self._started)
        if self._span is not None:
            if error is not None:
                self._span.set_status(Status(StatusCode.ERROR, str(error)))
            self._span.end()

    def __enter__(self) -> Taken:
        if self._span is not None:
            self._before = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._before is not None:
            context.detach(self._before)
        self.end(error)
