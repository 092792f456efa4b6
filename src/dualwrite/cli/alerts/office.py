"""Where the commands on alerts get their work done: in the house of the data folder, or by a program over its API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter

from dualwrite.cli.api import Api, Document
from dualwrite.cli.invocation import Invocation
from dualwrite.cli.map_choices import WHO
from dualwrite.composition.alerting import alert_desk
from dualwrite.composition.house import CONNECTION, House
from dualwrite.monitoring.alerts.desk import AlertDesk, AlertDraft, TrialTold
from dualwrite.store.alerts import AlertEvent, AlertRule, AlertSetting, AlertWindow, EventFilter, WindowUnit

T = TypeVar("T")

_RULE = TypeAdapter(AlertRule)
_SETTING = TypeAdapter(AlertSetting)
_EVENT = TypeAdapter(AlertEvent)
_TRIAL = TypeAdapter(TrialTold)
_A_PAGE = 1000


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting, and its webhooks as they may be shown."""

    setting: AlertSetting
    webhooks: tuple[str, ...]

    @property
    def draft(self) -> AlertDraft:
        """To be changed, and set again."""
        rule = self.setting.rule
        return AlertDraft(
            name=rule.name,
            categories=frozenset(rule.categories),
            threshold=rule.threshold,
            window=rule.window,
            maps=rule.maps,
            action=rule.action,
            recipients=rule.recipients,
            webhooks=self.webhooks,
            enabled=rule.enabled,
        )


class AlertOffice(Protocol):
    """What the commands on alerts ask for; see :class:`dualwrite.monitoring.alerts.desk.AlertDesk`."""

    async def map_names(self) -> Sequence[str]: ...

    async def list(self) -> Sequence[ShownSetting]: ...

    async def get(self, name: str) -> ShownSetting: ...

    async def set(self, draft: AlertDraft) -> ShownSetting: ...

    async def remove(self, name: str) -> None: ...

    async def send_test(self, name: str) -> Sequence[TrialTold]: ...

    async def events(self, which: EventFilter, *, before: int | None, limit_rows: int) -> Sequence[AlertEvent]: ...


def at_alert_office(call: Invocation, action: Callable[[AlertOffice], Coroutine[Any, Any, T]]) -> T:
    """``action`` is done where the call says."""
    if call.url is not None:
        return call.over_api(lambda api: action(_OverApi(api)))
    return call.in_house(lambda house: action(_InHouse(house, alert_desk(house))))


@dataclass(frozen=True, slots=True)
class _InHouse:
    house: House
    desk: AlertDesk

    async def map_names(self) -> Sequence[str]:
        return [each.name for each in await self.house.store.maps.list(CONNECTION)]

    async def list(self) -> Sequence[ShownSetting]:
        return [self._shown(each) for each in await self.desk.list()]

    async def get(self, name: str) -> ShownSetting:
        return self._shown(await self.desk.get(name))

    async def set(self, draft: AlertDraft) -> ShownSetting:
        return self._shown(await self.desk.set(draft, who=WHO))

    async def remove(self, name: str) -> None:
        await self.desk.remove(name, who=WHO)

    async def send_test(self, name: str) -> Sequence[TrialTold]:
        return await self.desk.send_test(name, who=WHO)

    async def events(self, which: EventFilter, *, before: int | None, limit_rows: int) -> Sequence[AlertEvent]:
        return await self.desk.events(which, before=before, limit_rows=limit_rows)

    def _shown(self, setting: AlertSetting) -> ShownSetting:
        return ShownSetting(setting, self.desk.webhooks(setting))


@dataclass(frozen=True, slots=True)
class _OverApi:
    api: Api

    async def map_names(self) -> Sequence[str]:
        return [str(each["name"]) for each in await self.api.items("/maps", {"limit": _A_PAGE})]

    async def list(self) -> Sequence[ShownSetting]:
        return [_shown(each) for each in await self.api.get("/alerts")]

    async def get(self, name: str) -> ShownSetting:
        return _shown(await self.api.get(_path(name)))

    async def set(self, draft: AlertDraft) -> ShownSetting:
        body = {
            "error_types": [each.value for each in draft.categories],
            "threshold": draft.threshold,
            "window": {"number": draft.window.number, "unit": draft.window.unit.value},
            "maps": None if draft.maps is None else list(draft.maps),
            "action": draft.action.value,
            "recipients": list(draft.recipients),
            "webhooks": list(draft.webhooks),
            "enabled": draft.enabled,
        }
        return _shown(await self.api.put(_path(draft.name), body))

    async def remove(self, name: str) -> None:
        await self.api.delete(_path(name))

    async def send_test(self, name: str) -> Sequence[TrialTold]:
        return [_TRIAL.validate_python(each) for each in await self.api.post(f"{_path(name)}/test")]

    async def events(self, which: EventFilter, *, before: int | None, limit_rows: int) -> Sequence[AlertEvent]:
        query = {
            "name": which.name,
            "map": which.map,
            "state": None if which.state is None else which.state.value,
            "before": before,
            "limit": min(limit_rows, _A_PAGE),
        }
        found: list[AlertEvent] = []
        async for page in self.api.pages("/alert-events", query):
            found += [_event(each) for each in page]
            if len(found) >= limit_rows:
                break
        return found[:limit_rows]


def _path(name: str) -> str:
    return f"/alerts/{quote(name, safe='')}"


def _shown(told: Document) -> ShownSetting:
    window = AlertWindow(told["window"]["number"], WindowUnit(told["window"]["unit"]))
    rule = _RULE.validate_python({**told, "categories": told["error_types"], "window": window})
    facts = {"id": 0, "rule": rule, "changed_by": told["changed_by"], "changed_at": told["changed_at"]}
    return ShownSetting(_SETTING.validate_python(facts), tuple(told["webhooks"]))


def _event(told: Document) -> AlertEvent:
    unknown = {"event": told["id"], "destination": "", "due_at": told["at"], "claim": None}
    deliveries = [{**unknown, "number": number, **each} for number, each in enumerate(told["deliveries"], start=1)]
    return _EVENT.validate_python({**told, "setting": None, "deliveries": deliveries})
