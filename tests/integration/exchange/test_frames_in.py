"""Files come into a real environment by frames, and into its partner in the same breath."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dualwrite.exchange.importing.chunk import ChunkWriter
from dualwrite.exchange.importing.frames import FrameWriter
from dualwrite.exchange.importing.importer import Importer, ImportReport
from dualwrite.exchange.importing.rows import RowWriter
from dualwrite.exchange.importing.sources import open_sources
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId
from dualwrite.store.database import Store
from dualwrite.sync.frame_changes import FrameChanges
from dualwrite.sync.live import LiveSync
from linked_pair import CALLER, FixedRouter, LinkedPair, demonstration_plans


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    store = await Store.connect(database)
    yield store
    await store.close()


def frame_writer(linked: LinkedPair, side: Side = Side.FINOPS) -> ChunkWriter:
    source, target = linked.pair.side(side), linked.pair.side(side.partner)
    live = LiveSync(
        source=source,
        target=target,
        pair=linked.pair,
        router=FixedRouter(linked.pair, demonstration_plans()),
        tally=linked.tally,
    )
    changes = FrameChanges(live, source=source, target=target)
    return FrameWriter(source, changes, RowWriter(source, caller=CALLER))


async def load(
    linked: LinkedPair, store: Store, path: Path, content: str, *, entity: str = "CustomersV3"
) -> ImportReport:
    path.write_text(content)
    importer = Importer(linked.finops, store.file_imports, frame_writer(linked))
    with open_sources([path], linked.finops.schema, entity=entity, company=LegalEntityId("usmf")) as sources:
        return await importer.run(sources, files=[path.name], who="tests")


HEAD = "CUSTOMERACCOUNT,CUSTOMERGROUPID,ORGANIZATIONNAME,SALESCURRENCYCODE,DATAAREAID,PARTYTYPE\n"


async def test_new_customers_are_on_both_sides(linked: LinkedPair, store: Store, tmp_path: Path) -> None:
    lines = [f"F-{number},{10 if number % 2 else 20},Firm {number},USD,usmf,Organization\n" for number in range(300)]
    report = await load(linked, store, tmp_path / "customers.csv", HEAD + "".join(lines))
    count = report.imported.count
    assert (count.read, count.created, count.refused) == (300, 300, 0)
    assert (await linked.account("F-17"))["name"] == "Firm 17"
    again = await load(linked, store, tmp_path / "customers.csv", HEAD + "".join(lines))
    assert again.imported.count.unchanged == 300
    changed = "".join(lines).replace("Firm 17,", "Company 17,").replace("F-3,10", "F-3,20")
    third = await load(linked, store, tmp_path / "customers.csv", HEAD + changed)
    assert (third.imported.count.updated, third.imported.count.unchanged) == (2, 298)
    assert (await linked.account("F-17"))["name"] == "Company 17"
    assert await linked.differences() == []
