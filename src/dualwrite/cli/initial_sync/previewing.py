"""``dualwrite initial-sync run --dry-run``: both sides are read and judged, nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from dualwrite.cli.initial_sync.arrangement import Wishes
from dualwrite.cli.initial_sync.office import Proposed, SyncOffice, at_sync_office
from dualwrite.cli.initial_sync.preview import preview_document, preview_shown
from dualwrite.cli.invocation import Invocation
from dualwrite.sync.initial_sync.job import PreviewedWay


def preview_run(call: Invocation, names: Sequence[str], wishes: Wishes, *, samples: int, by_legal_entity: bool) -> bool:
    """What a run would do has been shown; tells whether all rows would be taken."""

    async def looked(office: SyncOffice) -> tuple[Proposed, Sequence[PreviewedWay]]:
        proposed = await office.propose(names, wishes)
        proposed.show(call.output)
        rows = 0
        with call.output.console.status("Looking at the rows of both sides") as status:

            def seen(more: int) -> None:
                nonlocal rows
                rows += more
                status.update(f"Looking at the rows of both sides: {rows:,}")

            return proposed, await office.preview(proposed, samples=samples, seen=seen)

    proposed, found = at_sync_office(call, looked)
    masters = {each.name: each.master for each in proposed.arrangement.choices}
    document = {"maps": proposed.document(), **preview_document(found)}
    call.output.show(document, *preview_shown(found, masters, by_legal_entity=by_legal_entity))
    return not any(each.count.refused for each in found)
