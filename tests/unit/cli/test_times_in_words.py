"""Windows and moments as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dualwrite.cli.activities.choices import moment_of
from dualwrite.cli.alerts.choices import window_of
from dualwrite.errors import SettingsRefused
from dualwrite.store.alerts import AlertWindow, WindowUnit

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("5 minutes", AlertWindow(5, WindowUnit.MINUTES)),
        ("5m", AlertWindow(5, WindowUnit.MINUTES)),
        ("1 hour", AlertWindow(1, WindowUnit.HOURS)),
        ("2h", AlertWindow(2, WindowUnit.HOURS)),
        (" 3 days ", AlertWindow(3, WindowUnit.DAYS)),
    ],
)
def test_windows(text: str, window: AlertWindow) -> None:
    assert window_of(text) == window


@pytest.mark.parametrize("text", ["", "5", "five minutes", "-1 hour", "1 week", "5 minutes ago"])
def test_what_is_no_window_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsRefused, match="5 minutes, 2h, 1 day"):
        window_of(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("90 minutes", NOW - timedelta(minutes=90)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-03-01T10:00:00+02:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1).astimezone()),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert moment_of(text, now=NOW) == moment


def test_no_moment_is_any_and_what_is_none_is_refused() -> None:
    assert moment_of(None, now=NOW) is None
    for text in ("yesterday", "999999 days", ""):
        with pytest.raises(SettingsRefused, match="no moment"):
            moment_of(text, now=NOW)
