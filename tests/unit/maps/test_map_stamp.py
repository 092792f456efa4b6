"""What a map's text says of itself, read and rewritten without touching the rest."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from map_samples import MAPS

from dualwrite.maps.stamp import read_head, stamped
from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.values import MapVersion, Version

TEXT = """\
# Ours since May.
name: 'Terms (terms)'   # as everybody says
integration_key: [name, {odd: thing}]
version: 1.0.0.0  # first
columns:
- A = b  # why
publisher: "old: us"
finops_entity: Terms
dataverse_table: term
"""


def test_comments_layout_and_order_stay() -> None:
    text = stamped(TEXT, version=Version(1, 0, 0, 1), publisher="them", name="Terms: new")
    assert text == (
        TEXT.replace("'Terms (terms)'", '"Terms: new"').replace("1.0.0.0", "1.0.0.1").replace('"old: us"', "them")
    )
    assert stamped(text, version=Version(1, 0, 0, 1), publisher="them", name="Terms: new") == text


@given(MAPS, st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20))
def test_a_stamped_text_says_the_new_and_otherwise_the_same(version: MapVersion, publisher: str) -> None:
    new = replace(version, version=Version(7, 6, 5, 4), publisher=publisher)
    assert parse_map(stamped(render_map(version), version=new.version, publisher=publisher)) == new


@given(MAPS)
def test_the_head_says_what_the_map_says(version: MapVersion) -> None:
    head = read_head(render_map(version))
    assert head.texts["dataverse_table"] == version.dataverse_table
    assert ("integration_key" in head.keys) == (version.integration_key is not None)
