"""Refused rows as a file and as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from rich.console import Console

from dualwrite.cli.initial_sync.refusals import refused_document, refused_table, write_csv
from dualwrite.maps.values import Direction
from dualwrite.store.initial_syncs import RunId
from dualwrite.store.refusals import Refusal

RUN = RunId(UUID("3f9a1c2e-0000-4000-8000-000000000000"))


def refusal(record: str, row: Mapping[str, object], *, settled_by: RunId | None = None) -> Refusal:
    return Refusal(
        map="Customers V3 (accounts)",
        direction=Direction.TO_DATAVERSE,
        legal_entity="usmf",
        record_id="5637144576",
        record=record,
        column="CUSTOMERGROUPID",
        code="record_refused",
        reason=f"{record}: there is no customer group 90.",
        cause="There is no customer group 90.",
        row=row,
        whole=False,
        id=1,
        run=RUN,
        partition=1,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        settled_by=settled_by,
    )


ROWS = [
    refusal("US-001", {"CustomerAccount": "US-001", "CreditLimit": "1000.50", "OnHold": True}),
    refusal("US-002", {"CustomerAccount": "US-002", "Name": 'Said "no",\nÜber', "RecVersion": 7}),
]


async def in_batches() -> AsyncIterator[Sequence[Refusal]]:
    for each in ROWS:
        yield [each]


async def test_a_file_has_a_line_for_each_row_with_every_column_that_any_of_them_has() -> None:
    file = io.StringIO(newline="")
    assert await write_csv(in_batches, file) == 2
    head, first, second = csv.reader(io.StringIO(file.getvalue(), newline=""))
    facts = ["map", "legal entity", "direction", "key", "column", "code", "reason"]
    assert head == [*facts, "CustomerAccount", "CreditLimit", "OnHold", "Name", "RecVersion"]
    assert first[:5] == ["Customers V3 (accounts)", "usmf", "to Dataverse", "US-001", "CUSTOMERGROUPID"]
    assert first[7:] == ["US-001", "1000.50", "true", "", ""]
    assert second[7:] == ["US-002", "", "", 'Said "no",\nÜber', "7"]


async def test_a_file_without_refusals_has_its_head() -> None:
    async def nothing() -> AsyncIterator[Sequence[Refusal]]:
        for each in ROWS[:0]:
            yield [each]

    file = io.StringIO()
    assert await write_csv(nothing, file) == 0
    assert file.getvalue().startswith("map,legal entity,direction,key,")


def test_a_row_that_was_done_again_is_marked() -> None:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(refused_table([ROWS[0], refusal("US-003", {}, settled_by=RUN)]))
    assert isinstance(console.file, io.StringIO)
    _, first, second = console.file.getvalue().splitlines()
    assert "usmf: US-001" in first
    assert "done again" not in first
    assert "done again since" in second


def test_scripts_get_the_row_and_the_cause() -> None:
    document, _ = refused_document(ROWS)
    assert document["row"] == ROWS[0].row
    assert document["cause"] == "There is no customer group 90."
