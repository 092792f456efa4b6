"""Settings come from the environment's variables and are refused in words when they cannot work."""

from __future__ import annotations

import pytest

from dualwrite.errors import SettingsRefused
from dualwrite.settings import PREFIX, LogLevel, Settings


def test_a_plain_start_needs_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PREFIX + "DATA_FOLDER", raising=False)
    settings = Settings.load()
    assert (settings.host, settings.admin_port, settings.finops_port, settings.dataverse_port) == (
        "127.0.0.1",
        8000,
        8001,
        8002,
    )
    assert (settings.transaction_records, settings.transaction_seconds) == (1000, 120)
    assert settings.data_folder.is_absolute() and settings.database_url is None


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_variables_count_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "FINOPS_PORT", "9001")
    monkeypatch.setenv(PREFIX + "LOG_LEVEL", "Debug")
    settings = Settings.load(finops_port=9002, host=None)
    assert (settings.finops_port, settings.log_level, settings.host) == (9002, LogLevel.DEBUG, "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ADMIN_PORT", "x", "DUALWRITE_ADMIN_PORT: .*given: 'x'"),
        ("ADMIN_PORT", "70000", "DUALWRITE_ADMIN_PORT"),
        ("ADMIN_PORT", "8001", "must differ"),
        ("TRANSACTION_RECORDS", "0", "DUALWRITE_TRANSACTION_RECORDS"),
        ("LOG_LEVEL", "loud", "debug"),
        ("DATABASE_URL", "mysql://u:hidden@h/d", "only database"),
        ("DATA_FOLDER", __file__, "is not a folder"),
        ("SMTP_FROM", "nobody", "DUALWRITE_SMTP_FROM"),
        ("SMTP_SECURITY", "ssl", "starttls"),
    ],
)
def test_wrong_values_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsRefused, match=said) as refused:
        Settings.load()
    assert "hidden" not in str(refused.value)


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "DATABASE_URL", "postgresql://u:hidden@h/d")
    monkeypatch.setenv(PREFIX + "SMTP_PASSWORD", "hidden")
    assert "hidden" not in repr(Settings.load())


def test_unknown_arguments_are_refused() -> None:
    with pytest.raises(SettingsRefused, match="DUALWRITE_NOPE: there is no such setting"):
        Settings.load(nope=1)
