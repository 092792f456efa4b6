"""What the program says while it works: on standard error, because standard output belongs to results.

Loaded only by commands in which something may be said, so that the others answer at once.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

import structlog

from dualwrite.settings import LogLevel

_OURS: Mapping[LogLevel, int] = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}
_LIBRARIES: Mapping[LogLevel, int] = {**_OURS, LogLevel.INFO: logging.WARNING}
"""Libraries speak of every request at the level at which we speak of events; they are quieter until debugging."""


def log_to_standard_error(level: LogLevel) -> None:
    """What is below ``level`` is not said."""
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger().setLevel(_LIBRARIES[level])
    if level is not LogLevel.DEBUG:
        # It warns of every request that is no HTTP: the caller is told, the operator need not be.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            # Plain: a traceback with what its variables hold takes minutes where they hold maps, and tells secrets.
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_OURS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
