"""Alert settings and events as documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from dualwrite.monitoring.alerts.desk import AlertDesk, AlertDraft, TrialTold
from dualwrite.monitoring.notify.channel import Outcome
from dualwrite.servers.admin.model import NOT_A_TEXT, Asked, Flag, Name, Told
from dualwrite.store.alerts import (
    ActionState,
    AlertAction,
    AlertEvent,
    AlertSetting,
    AlertWindow,
    Channel,
    ClearedBecause,
    DeliveryState,
    EventState,
    WindowUnit,
)
from dualwrite.store.sync_errors import Category


class Window(Told):
    """The time over which errors are counted; it ends now."""

    number: int
    unit: WindowUnit


class WindowAsked(Asked):
    """The time over which errors are counted; it ends now."""

    number: Annotated[int, Field(ge=1, le=1_000_000), NOT_A_TEXT]
    unit: WindowUnit = WindowUnit.MINUTES


class AlertAsked(Asked):
    """When an alert is raised, and what follows. A webhook is a URL, or the way that one of the setting is shown."""

    error_types: Annotated[tuple[Category, ...], Field(min_length=1, max_length=4)]
    threshold: Annotated[int, Field(ge=1, le=1_000_000), NOT_A_TEXT]
    window: WindowAsked
    maps: Annotated[tuple[Name, ...], Field(min_length=1, max_length=2000)] | None = None
    """Null: all maps, each for itself."""
    action: AlertAction = AlertAction.NONE
    recipients: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    webhooks: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    enabled: Flag = True

    def draft(self, name: str) -> AlertDraft:
        return AlertDraft(
            name=name,
            categories=frozenset(self.error_types),
            threshold=self.threshold,
            window=AlertWindow(self.window.number, self.window.unit),
            maps=self.maps,
            action=self.action,
            recipients=self.recipients,
            webhooks=self.webhooks,
            enabled=self.enabled,
        )


class AlertShown(Told):
    """An alert setting. URLs of webhooks are shown without what it takes to post in their name."""

    name: str
    enabled: bool
    error_types: Sequence[Category]
    threshold: int
    window: Window
    maps: Sequence[str] | None
    action: AlertAction
    recipients: Sequence[str]
    webhooks: Sequence[str]
    changed_by: str
    changed_at: datetime

    @classmethod
    def of(cls, each: AlertSetting, alerts: AlertDesk) -> AlertShown:
        rule = each.rule
        return cls(
            name=rule.name,
            enabled=rule.enabled,
            error_types=rule.categories,
            threshold=rule.threshold,
            window=Window.model_validate(rule.window),
            maps=rule.maps,
            action=rule.action,
            recipients=rule.recipients,
            webhooks=alerts.webhooks(each),
            changed_by=each.changed_by,
            changed_at=each.changed_at,
        )


class DeliveryShown(Told):
    """How one recipient is told of an event."""

    channel: Channel
    shown: str
    state: DeliveryState
    attempts: int
    ended_at: datetime | None
    message: str


class AlertEventShown(Told):
    """A setting's threshold was reached by a map. ``condition`` says in words what was reached."""

    id: int
    name: str
    map: str
    at: datetime
    count: int
    condition: str
    state: EventState
    cleared_at: datetime | None
    cleared_because: ClearedBecause | None
    action: AlertAction
    action_state: ActionState
    action_result: str
    deliveries: Sequence[DeliveryShown]

    @classmethod
    def of(cls, each: AlertEvent) -> AlertEventShown:
        return cls.model_validate(each)


class TrialShown(Told):
    """What became of the test that was sent to one destination."""

    shown: str
    channel: Channel
    outcome: Outcome
    message: str

    @classmethod
    def of(cls, each: TrialTold) -> TrialShown:
        return cls.model_validate(each)
