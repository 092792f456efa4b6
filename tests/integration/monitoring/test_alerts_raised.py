"""Too many errors raise one alert; it pauses the map, is over when the errors are, and begins anew when they return."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from alert_room import CUSTOMERS, GROUPS, AlertRoom, not_allowed, told

from dualwrite.errors import EnvironmentUnavailable, NotFound, SettingsRefused
from dualwrite.monitoring.activities.retention import ActivityRetention
from dualwrite.security.secrets_file import KEY_FILE
from dualwrite.store import Store
from dualwrite.store.alerts import (
    ActionState,
    AlertAction,
    AlertWindow,
    ClearedBecause,
    DeliveryState,
    EventFilter,
    WindowUnit,
)
from dualwrite.store.maps import MapState
from dualwrite.store.sync_errors import Category
from waiting import until


async def test_the_threshold_raises_one_alert_that_pauses_the_map_and_is_told(room: AlertRoom) -> None:
    await room.set()
    room.fails(times=2)
    await room.round()
    assert await room.events() == () and await room.state() is MapState.RUNNING
    room.fails()
    for _ in range(3):
        await room.round()
    (event,) = await room.events()
    assert (event.name, event.map, event.count) == ("too many", CUSTOMERS, 3)
    assert event.action_state is ActionState.DONE and await room.state() is MapState.PAUSED
    assert room.maps.done == [("alert too many", "pause", CUSTOMERS)]
    assert told(room.mails) == [("ops@example.com", CUSTOMERS)]
    assert "The map has been paused." in room.mails.sent[0][1].text
    assert (await room.log("alert"))[0][1].startswith("3 application, system, concurrency or conflict errors")
    assert await room.log("notify") == [("alerts", "told ops@example.com")]


async def test_more_errors_raise_nothing_more_until_there_were_fewer(room: AlertRoom) -> None:
    await room.set(action=AlertAction.NONE)
    for _ in range(4):
        room.fails(times=3)
        await room.round()
    assert len(await room.events()) == 1
    room.clock.goes(minutes=6)
    await room.round()
    (event,) = await room.events()
    assert event.cleared_because is ClearedBecause.BELOW_THRESHOLD
    room.fails(times=3)
    await room.round()
    assert len(await room.events()) == 2 and len(room.mails.sent) == 2


async def test_maps_are_counted_each_by_itself(room: AlertRoom) -> None:
    await room.set(action=AlertAction.STOP)
    room.fails(CUSTOMERS, 2)
    room.fails(GROUPS, 4)
    await room.round()
    assert [each.map for each in await room.events()] == [GROUPS]
    assert await room.state(GROUPS) is MapState.NOT_RUNNING and await room.state(CUSTOMERS) is MapState.RUNNING


async def test_only_errors_of_the_types_and_maps_of_a_setting_count(room: AlertRoom) -> None:
    await room.set(categories=frozenset({Category.APPLICATION}), maps=(GROUPS,))
    room.fails(CUSTOMERS, 5, Category.APPLICATION)
    room.fails(GROUPS, 5, Category.SYSTEM)
    await room.round()
    assert await room.events() == ()


async def test_a_changed_setting_holds_from_the_next_look_on(room: AlertRoom) -> None:
    await room.set(threshold=10, action=AlertAction.NONE)
    room.fails(times=5)
    await room.round()
    assert await room.events() == ()
    await room.set(threshold=5, action=AlertAction.NONE)
    await room.round()
    assert len(await room.events()) == 1
    await room.set(threshold=5, action=AlertAction.NONE, enabled=False)
    await room.round()
    (event,) = await room.events()
    assert event.cleared_because is ClearedBecause.DISABLED


async def test_a_map_that_runs_again_starts_with_a_clean_sheet(room: AlertRoom) -> None:
    """Within the window that was full: what failed before is forgiven, what fails afterwards is not."""
    await room.set(window=AlertWindow(1, WindowUnit.DAYS))
    room.fails(times=3)
    await room.round()
    assert await room.state() is MapState.PAUSED
    room.clock.goes(minutes=10)
    await room.store.maps.set_state("main", CUSTOMERS, MapState.RUNNING, expected=None)
    for _ in range(2):
        await room.round()
        room.clock.goes(seconds=1)
    (event,) = await room.events()
    assert event.cleared_because is ClearedBecause.MAP_RUNS and await room.state() is MapState.RUNNING
    room.fails(times=3)
    await room.round()
    assert len(await room.events()) == 2 and await room.state() is MapState.PAUSED


async def test_two_watchers_at_once_raise_and_tell_once(room: AlertRoom, store_database: str) -> None:
    other_store = await Store.connect(store_database)
    other = AlertRoom(other_store, room.folder, clock=room.clock, mails=room.mails, failed=room.failed)
    await room.set()
    for expected in (1, 2):
        room.fails(times=3)
        await asyncio.gather(*(each.round() for each in (room, other) for _ in range(3)))
        # Whoever came too late for the lock has left it to the others; nothing is waiting.
        await room.round()
        assert len(room.mails.sent) == len(await room.events()) == expected
        room.clock.goes(minutes=6)
        await room.store.maps.set_state("main", CUSTOMERS, MapState.RUNNING, expected=None)
        await room.round()
    assert len(room.maps.done) + len(other.maps.done) == 2
    await other_store.close()


async def test_the_watch_goes_on_after_rounds_that_failed_and_ends_when_it_is_told_to(room: AlertRoom) -> None:
    await room.set()
    room.fails(times=3)
    room.broken = [EnvironmentUnavailable("the store is away"), RuntimeError("nobody knows")]
    watching = asyncio.ensure_future(room.watch.run())
    await until(lambda: bool(room.mails.sent))
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert room.broken == [] and len(await room.events()) == 1 and await room.state() is MapState.PAUSED


# --- actions --------------------------------------------------------------------------------------------------------


async def test_an_action_waits_until_what_it_needs_answers_again(room: AlertRoom) -> None:
    await room.set()
    room.maps.errors = [EnvironmentUnavailable("dataverse does not answer"), EnvironmentUnavailable("still not")]
    room.fails(times=3)
    await room.round()
    assert (await room.events())[0].action_state is ActionState.PENDING and room.mails.sent == []
    for _ in range(2):
        room.clock.goes(seconds=15)
        await room.round()
    assert (await room.events())[0].action_state is ActionState.DONE and await room.state() is MapState.PAUSED
    # People were not kept waiting for it.
    assert [notice.text.endswith("The map is to be paused.") for _, notice in room.mails.sent] == [True]


async def test_an_action_that_is_refused_is_told_with_the_reason(room: AlertRoom) -> None:
    await room.set()
    room.maps.errors = [not_allowed()]
    room.fails(times=3)
    await room.round()
    (event,) = await room.events()
    assert event.action_state is ActionState.FAILED
    assert "could not be paused: Customers V3 (accounts) is not running." in room.mails.sent[0][1].text


async def test_a_map_that_somebody_has_paused_meanwhile_counts_as_paused(room: AlertRoom) -> None:
    await room.set()
    room.fails(times=3)
    await room.watch.look()
    await room.store.maps.set_state("main", CUSTOMERS, MapState.PAUSED, expected=None)
    room.maps.errors = [not_allowed()]
    await room.watch.act()
    assert (await room.events())[0].action_state is ActionState.DONE


async def test_an_action_whose_process_died_is_taken_by_another(room: AlertRoom) -> None:
    await room.set()
    room.fails(times=3)
    await room.watch.look()
    now = room.clock.now
    assert await room.store.alerts.claim_action("main", now=now, until=now + AlertWindow(2, WindowUnit.MINUTES).length)
    assert await room.watch.act() == 0
    room.clock.goes(minutes=3)
    assert await room.watch.act() == 1 and await room.state() is MapState.PAUSED


# --- settings -------------------------------------------------------------------------------------------------------


async def test_a_setting_that_cannot_work_is_refused_with_everything_that_is_wrong(room: AlertRoom) -> None:
    with pytest.raises(SettingsRefused) as refused:
        await room.set(
            categories=frozenset(),
            threshold=0,
            window=AlertWindow(40, WindowUnit.DAYS),
            maps=("Nope",),
            recipients=("ops at example.com",),
            webhooks=("ftp://hidden.example.com/secret",),
        )
    said = refused.value.message
    for part in ("error types", "threshold", "window: 1 minute to 31 days", "no map 'Nope'", "ops at example.com"):
        assert part in said
    assert "webhook 1" in said and "secret" not in said
    assert await room.desk.list() == ()


async def test_webhooks_are_kept_encrypted_and_shown_without_their_secret(room: AlertRoom) -> None:
    url = "https://flow.example.com/workflows/1?sig=hidden"
    await room.set(webhooks=(url,))
    (setting,) = await room.desk.list()
    (shown,) = room.desk.webhooks(setting)
    assert shown.startswith("https://flow.example.com/…")
    assert "hidden" not in repr(setting) + repr(room.desk.draft(setting)) + "".join(setting.rule.webhooks)
    # Whoever sets again what was shown to them keeps the webhook.
    await room.set(webhooks=(shown,), threshold=4)
    room.fails(times=4)
    await room.round()
    assert [destination for destination, _ in room.cards.sent] == [url]
    assert "hidden" not in str([each.details for each in await room.store.activity.list()])


async def test_another_key_file_costs_the_webhooks_and_nothing_else(room: AlertRoom) -> None:
    await room.set(webhooks=("https://flow.example.com/workflows/1?sig=hidden",))
    (room.folder / KEY_FILE).unlink()
    room.fails(times=3)
    await room.round()
    (event,) = await room.events()
    assert await room.state() is MapState.PAUSED and len(room.mails.sent) == 1 and room.cards.sent == []
    mail, card = event.deliveries
    assert mail.state is DeliveryState.SENT and "Restore the key file" in card.message
    assert card.shown.startswith("encrypted with another key")


async def test_before_anything_is_linked_there_is_nothing_to_watch(room: AlertRoom) -> None:
    await room.store.connections.remove("main")
    with pytest.raises(NotFound, match="dualwrite link"):
        await room.set()
    await room.round()


async def test_a_removed_setting_ends_its_alerts_and_keeps_them_on_record(room: AlertRoom) -> None:
    await room.set(action=AlertAction.NONE)
    room.fails(times=3)
    await room.round()
    await room.desk.remove("too many", who="anna")
    (event,) = await room.desk.events(EventFilter(name="too many"))
    assert event.setting is None and event.cleared_because is ClearedBecause.REMOVED
    with pytest.raises(NotFound, match="no alert setting 'too many'"):
        await room.desk.remove("too many", who="anna")
    assert [result for _, result in await room.log("remove alert")] == ["removed too many"]


async def test_events_are_paged_and_filtered(room: AlertRoom) -> None:
    await room.set(action=AlertAction.NONE, recipients=())
    for name in (CUSTOMERS, GROUPS, CUSTOMERS):
        room.fails(name, 3)
        await room.round()
        room.clock.goes(minutes=6)
        await room.round()
    first = await room.desk.events(limit_rows=2)
    rest = await room.desk.events(before=first[-1].id)
    assert [each.map for each in (*first, *rest)] == [CUSTOMERS, GROUPS, CUSTOMERS]
    assert len(await room.desk.events(EventFilter(map=GROUPS))) == 1
    assert (await room.desk.event(rest[0].id)).id == rest[0].id


async def test_alerts_that_are_over_are_forgotten_in_time_and_open_ones_never(room: AlertRoom) -> None:
    await room.set(action=AlertAction.NONE)
    room.fails(CUSTOMERS, 3)
    await room.round()
    room.clock.goes(minutes=6)
    room.fails(GROUPS, 3)
    await room.round()
    room.clock.goes(days=90)
    retention = ActivityRetention(room.store.alerts, keep=timedelta(days=30), now=room.clock)
    assert await retention.forget() == 1
    assert [each.map for each in await room.events()] == [GROUPS]
