"""Telling how a map that was stopped at a start comes to run again."""

from __future__ import annotations

import pytest

from dualwrite.cli.refused_maps import way_out
from dualwrite.lifecycle.checks import CheckedMap

CONTACTS = "CDS Contacts V2 (contacts)"


def stopped(name: str, version: str) -> CheckedMap:
    return CheckedMap(name, version, None, (), None, None)


def test_the_newer_version_of_the_catalog_is_offered() -> None:
    assert way_out(stopped(CONTACTS, "1.0.0.0")) == (
        "1.0.0.1 can: dualwrite solutions apply finance --with-dependencies, "
        "then dualwrite maps run 'CDS Contacts V2 (contacts)'"
    )


@pytest.mark.parametrize(("name", "version"), [(CONTACTS, "9.0.0.0"), ("Our own (new_things)", "1.0.0.0")])
def test_otherwise_the_map_is_to_be_corrected(name: str, version: str) -> None:
    assert way_out(stopped(name, version)).startswith(f"Correct it: dualwrite maps edit '{name}'")
