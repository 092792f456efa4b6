"""The page on linking tells every check of a link's health."""

from __future__ import annotations

from pathlib import Path

from dualwrite.linking.health import TITLES, HealthCode

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "link-environments.md"


def test_every_check_is_in_the_table_with_its_title() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert set(TITLES) == set(HealthCode)
    missing = [each.value for each in HealthCode if f"| `{each.value}` | {TITLES[each]} |" not in text]
    assert missing == []
