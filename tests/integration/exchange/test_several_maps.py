"""A record that several maps carry is on the other side through all of them, or on neither side."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from dualwrite.exchange.importing.frames import FrameWriter
from dualwrite.exchange.importing.importer import Importer
from dualwrite.exchange.importing.rows import RowWriter
from dualwrite.exchange.importing.sources import open_sources
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.store.file_imports import ImportCount
from dualwrite.sync.frame_changes import FrameChanges
from dualwrite.sync.live import LiveSync
from file_imports import Imports
from linked_pair import CALLER, FixedRouter, demonstration_plans
from words import PERSON

TO_BOTH = ("CDS Contacts V2 (contacts of customers)", "Customers V3 (contacts)")


def plans_to_both() -> list[Plan]:
    """Contacts become persons, and customers, too."""
    chosen = [plan for plan in demonstration_plans() if plan.map.name in TO_BOTH]
    found = [
        replace(plan, to_finops=replace(plan.to_finops, filter=None)) for plan in chosen if plan.to_finops is not None
    ]
    assert len(found) == len(TO_BOTH)
    return found


async def test_what_one_map_refuses_no_other_map_has_carried(imports: Imports) -> None:
    linked = imports.linked
    source, target = linked.dataverse, linked.finops
    router = FixedRouter(linked.pair, plans_to_both())
    live = LiveSync(source=source, target=target, pair=linked.pair, router=router, tally=linked.tally)
    frames = FrameWriter(source, FrameChanges(live, source=source, target=target), RowWriter(source, caller=CALLER))
    company = await linked.company_id()
    # Customers must have a group, and this contact has none.
    head = "CONTACTID,MSDYN_CONTACTPERSONID,LASTNAME,MSDYN_COMPANY,MSDYN_SELLABLE,MSDYN_CONTACTFORVENDOR\n"
    path = imports.file("contacts.csv", f"{head}{uuid4()},P1,One,{company},No,No\n")
    with open_sources([path], source.schema, entity="contacts", company=None) as sources:
        report = await Importer(source, imports.store.file_imports, frames).run(sources, files=["f"], who="tests")
    assert report.imported.count == ImportCount(1, 0, 0, 0, 1)
    assert await linked.rows(Side.DATAVERSE.value, "contact", msdyn_contactpersonid="P1") == []
    assert await linked.rows(Side.FINOPS.value, PERSON, ContactPersonId="P1") == []
