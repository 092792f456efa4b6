"""The log level decides what is said, and results are never mixed with it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry import trace

from dualwrite.cli.logs import log_to_standard_error
from dualwrite.settings import LogFormat, LogLevel

LEVELS = ("debug", "info", "warning", "error")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    structlog.reset_defaults()
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize("level", LogLevel)
def test_what_is_below_the_level_is_not_said(level: LogLevel, capsys: pytest.CaptureFixture[str]) -> None:
    log_to_standard_error(level)
    log = structlog.get_logger("test")
    for each in LEVELS:
        getattr(log, each)(f"this is {each}")
    printed = capsys.readouterr()
    assert printed.out == ""
    said = [each for each in LEVELS if f"this is {each}" in printed.err]
    assert said == list(LEVELS[LEVELS.index(level.value) :])


@pytest.mark.parametrize(("level", "told"), [("debug", True), ("info", False), ("warning", False)])
def test_libraries_tell_of_every_request_only_to_who_looks_for_a_fault(level: str, told: bool) -> None:
    log_to_standard_error(LogLevel(level))
    assert logging.getLogger("some.library").isEnabledFor(logging.INFO) is told


def test_as_json_every_line_is_an_object_that_tells_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_standard_error(LogLevel.INFO, LogFormat.JSON)
    log = structlog.get_logger("test")
    with structlog.contextvars.bound_contextvars(change="c-1", who="ada", maps=["Customers V3 (accounts)"]):
        log.warning("settling waits", prepared="x")
    with trace.use_span(trace.NonRecordingSpan(trace.SpanContext(255, 16, is_remote=True))):
        log.info("of a trace")
    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "settling waits",
        "level": "warning",
        "prepared": "x",
        "change": "c-1",
        "who": "ada",
        "maps": ["Customers V3 (accounts)"],
    }
    assert (second["trace_id"], second["span_id"]) == (f"{255:032x}", f"{16:016x}")
