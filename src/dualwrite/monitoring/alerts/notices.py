"""An event in words: what its mails and cards say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_never

from dualwrite.monitoring.notify.channel import Notice
from dualwrite.store.alerts import ActionState, AlertAction, AlertEvent, AlertRule, Delivery

_DONE = {AlertAction.PAUSE: "paused", AlertAction.STOP: "stopped"}


def condition_of(rule: AlertRule, count: int) -> str:
    """What was reached: ``12 application or system errors within 5 minutes (threshold 10)``."""
    kinds = [each.value for each in rule.categories]
    what = " or ".join([", ".join(kinds[:-1]), kinds[-1]] if len(kinds) > 1 else kinds)
    noun = "error" if count == 1 else "errors"
    return f"{count:,} {what} {noun} within {rule.window} (threshold {rule.threshold:,})"


def notice_of(event: AlertEvent, delivery: Delivery, *, connection: str) -> Notice:
    """What the recipient of this delivery is told."""
    return Notice(
        key=f"alert-{event.id}-{delivery.number}",
        at=event.at,
        subject=f"dualwrite: {event.name}: {event.map}",
        text=f"{event.map}: {event.condition}. {consequence_of(event)}",
        facts=(
            ("Alert", event.name),
            ("Map", event.map),
            ("Condition", event.condition),
            ("Action", consequence_of(event)),
            ("Connection", connection),
            ("At", _moment(event.at)),
        ),
    )


def consequence_of(event: AlertEvent) -> str:
    """What became of the map."""
    if event.action is AlertAction.NONE:
        return "The map goes on."
    done = _DONE[event.action]
    match event.action_state:
        case ActionState.DONE:
            return f"The map has been {done}."
        case ActionState.PENDING:
            return f"The map is to be {done}."
        case ActionState.FAILED | ActionState.NONE:
            return f"The map could not be {done}: {event.action_result}"
        case _:
            assert_never(event.action_state)


def trial_notice(rule: AlertRule, *, key: str, at: datetime, connection: str) -> Notice:
    """What is told to see whether it arrives."""
    return Notice(
        key=key,
        at=at,
        subject=f"dualwrite: {rule.name}: test",
        text="This is a test. Nothing has happened to any map.",
        facts=(("Alert", rule.name), ("Connection", connection), ("At", _moment(at))),
    )


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
