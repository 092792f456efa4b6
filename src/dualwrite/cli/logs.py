"""What the program says while it works: on standard error, because standard output belongs to results.

Loaded only by commands in which something may be said, so that the others answer at once.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from structlog.typing import Processor

from dualwrite.settings import LogFormat, LogLevel

_OURS: Mapping[LogLevel, int] = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}
_LIBRARIES: Mapping[LogLevel, int] = {**_OURS, LogLevel.INFO: logging.WARNING}
"""Libraries speak of every request at the level at which we speak of events; they are quieter until debugging."""


def log_to_standard_error(level: LogLevel, form: LogFormat = LogFormat.TEXT) -> None:
    """What is below ``level`` is not said; the rest is written in this form, that of libraries included."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_library_formatter(form))
    logging.basicConfig(handlers=[handler])
    logging.getLogger().setLevel(_LIBRARIES[level])
    if level is not LogLevel.DEBUG:
        # It warns of every request that is no HTTP: the caller is told, the operator need not be.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    structlog.configure(
        processors=[*_common(form), *_written(form)],
        wrapper_class=structlog.make_filtering_bound_logger(_OURS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _common(form: LogFormat) -> tuple[Processor, ...]:
    """What every line tells: its level, its time, and the change that it is about."""
    stamp = (
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        if form is LogFormat.TEXT
        else structlog.processors.TimeStamper(fmt="iso", utc=True)
    )
    return (structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, stamp, _with_trace)


def _written(form: LogFormat) -> tuple[Processor, ...]:
    if form is LogFormat.JSON:
        return (structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str))
    # Plain: a traceback with what its variables hold takes minutes where they hold maps, and tells secrets.
    plain = structlog.dev.plain_traceback
    return (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),)


def _library_formatter(form: LogFormat) -> logging.Formatter:
    if form is LogFormat.TEXT:
        return logging.Formatter("%(levelname)s %(name)s: %(message)s")
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.stdlib.add_logger_name,
            *_written(form),
        ],
        foreign_pre_chain=_common(form),
    )


def _with_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The trace that the line belongs to, where there is one."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event
