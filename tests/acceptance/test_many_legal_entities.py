"""Sixty maps and many legal entities in one command: in order, with sums that add up, and every refusal explained."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.initial_sync.companies_data import sixty_maps
from benchmarks.initial_sync.program import RunFigures
from benchmarks.initial_sync.scale import Breadth, miscounted, prepare, run_all, unsound_counts, wrong_order
from benchmarks.initial_sync.world import settings_of

from dualwrite.composition.house import open_house

LEGAL_ENTITIES, ROWS = 12, 34
"""So many rows that in some tables one of them refers to nothing."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFigures, list[str]]:
    """The first run of all maps, and what is wrong with it."""
    folder: Path = tmp_path_factory.mktemp("many") / "data"
    plans = sixty_maps()

    async def measured() -> tuple[RunFigures, list[str]]:
        async with open_house(settings_of(folder)) as house:
            await prepare(house, plans, Breadth(LEGAL_ENTITIES, ROWS))
            figures = await asyncio.to_thread(run_all, folder, plans, workers=1)
            return figures, [
                *unsound_counts(figures),
                *wrong_order(figures, plans),
                *miscounted(house, figures, plans),
            ]

    return asyncio.run(measured())


def test_the_sums_add_up_for_every_map_and_legal_entity(outcome: tuple[RunFigures, list[str]]) -> None:
    figures, wrong = outcome
    assert wrong == []
    assert figures.document["state"] == "with refusals"
    assert len(figures.document["maps"]) == 60
    entities = {each["legal_entity"] for each in figures.document["counts"] if each["legal_entity"]}
    assert len(entities) == LEGAL_ENTITIES


def test_every_legal_entity_has_the_same_rows_refused_for_the_same_reasons(
    outcome: tuple[RunFigures, list[str]],
) -> None:
    counts = outcome[0].document["counts"]
    by_map: dict[tuple[str, str], Counter[int]] = {}
    for each in counts:
        if each["legal_entity"]:
            by_map.setdefault((each["map"], each["direction"]), Counter())[each["refused"]] += 1
    assert {place: refused for place, refused in by_map.items() if len(refused) > 1} == {}
    assert sum(each["refused"] for each in counts) == sum(group["rows"] for group in outcome[0].document["refused"])
