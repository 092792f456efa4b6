"""``dualwrite initial-sync run --dry-run``: both sides are read and judged, nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from rich.status import Status

from dualwrite.cli.initial_sync.arrangement import Wishes
from dualwrite.cli.initial_sync.preview import preview_document, preview_shown
from dualwrite.cli.initial_sync.proposing import Proposed, propose
from dualwrite.cli.invocation import Invocation
from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.initial_sync.previewing import preview_run as run_preview
from dualwrite.sync.initial_sync.job import PlannedPartition, PreviewedWay


def preview_run(call: Invocation, names: Sequence[str], wishes: Wishes, *, samples: int, by_legal_entity: bool) -> bool:
    """What a run would do has been shown; tells whether all rows would be taken."""

    async def looked(house: House) -> tuple[Proposed, Sequence[PreviewedWay]]:
        proposed = await propose(call, house, names, wishes)
        proposed.show(call.output)
        with call.output.console.status("Looking at the rows of both sides") as status:
            return proposed, await _preview(house, proposed, status, samples=samples)

    proposed, found = call.in_house(looked)
    masters = {each.name: each.master for each in proposed.arrangement.choices}
    document = {"maps": proposed.document(), **preview_document(found)}
    call.output.show(document, *preview_shown(found, masters, by_legal_entity=by_legal_entity))
    return not any(each.count.refused for each in found)


async def _preview(house: House, proposed: Proposed, status: Status, *, samples: int) -> Sequence[PreviewedWay]:
    seen = 0

    async def previewed(each: PlannedPartition) -> None:
        nonlocal seen
        seen += each.rows
        status.update(f"Looking at the rows of both sides: {seen:,}")

    chosen = dict(zip(proposed.arrangement.choices, proposed.plans, strict=True))
    return await run_preview(
        house.store, CONNECTION, house.pair, house.router, chosen, samples=samples, previewed=previewed
    )
