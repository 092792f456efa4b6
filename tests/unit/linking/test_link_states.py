"""Every state of a link with every action: where it leads, or what the refusal says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import NotAllowed
from dualwrite.linking.states import LinkAction, state_after
from dualwrite.metadata.schema import Side
from dualwrite.store.connections import Connection, LinkState

LINK = Connection("main", EnvironmentName("erp"), EnvironmentName("crm"), Side.FINOPS, datetime(2025, 1, 1, tzinfo=UTC))
ALLOWED = {
    (LinkState.LINKED, LinkAction.CHANGE): LinkState.LINKED,
    (LinkState.LINKED, LinkAction.RESET): LinkState.RESETTING,
    (LinkState.LINKED, LinkAction.UNLINK): LinkState.UNLINKING,
    (LinkState.RESETTING, LinkAction.RESET): LinkState.RESETTING,
    (LinkState.RESETTING, LinkAction.UNLINK): LinkState.UNLINKING,
    (LinkState.RESETTING, LinkAction.FINISH): LinkState.LINKED,
    (LinkState.UNLINKING, LinkAction.UNLINK): LinkState.UNLINKING,
}


@pytest.mark.parametrize(("state", "action"), list(product(LinkState, LinkAction)))
def test_every_action_is_carried_out_or_refused_with_a_way_out(state: LinkState, action: LinkAction) -> None:
    link = replace(LINK, state=state)
    after = ALLOWED.get((state, action))
    if after is not None:
        assert state_after(action, link) is after
        return
    with pytest.raises(NotAllowed, match=f"main is {state.value} and cannot {action.value}") as refused:
        state_after(action, link)
    assert refused.value.details["state"] == state.value
    assert refused.value.details["allowed"]
    assert refused.value.message.count(". ") == 1
