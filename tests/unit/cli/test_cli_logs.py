"""The log level decides what is said, and results are never mixed with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from dualwrite.cli.logs import log_to_standard_error
from dualwrite.settings import LogLevel

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
