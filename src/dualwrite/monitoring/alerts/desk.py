"""What is done with alert settings: listed, changed, removed, tried out; and the events they have raised."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from dualwrite.errors import NotFound, SettingsRefused
from dualwrite.monitoring.alerts.notices import trial_notice
from dualwrite.monitoring.notify.channel import Notice, Notifier, Outcome
from dualwrite.security.clock import Clock
from dualwrite.store.activity import Severity
from dualwrite.store.alerts import (
    AlertAction,
    AlertEvent,
    AlertRule,
    AlertSetting,
    AlertWindow,
    Channel,
    Delivery,
    Destination,
    EventFilter,
)
from dualwrite.store.database import Store
from dualwrite.store.sync_errors import Category

_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9.-]+", re.ASCII)
_LONGEST_NAME = 100
_MOST_DESTINATIONS = 50
_LONGEST_DAYS = 31
_UNREADABLE = "encrypted with another key:"


class Seal(Protocol):
    """Encrypts what is kept (``security.secrets_file``)."""

    def encrypt(self, content: bytes) -> bytes: ...

    def decrypt(self, encrypted: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class AlertDraft:
    """A setting as somebody writes it. A webhook is a URL, or the way that one of the setting is shown."""

    name: str
    categories: frozenset[Category]
    threshold: int
    window: AlertWindow
    maps: tuple[str, ...] | None = None
    action: AlertAction = AlertAction.NONE
    recipients: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = field(default=(), repr=False)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class TrialTold:
    """What became of the test that was sent to one destination."""

    shown: str
    channel: Channel
    outcome: Outcome
    message: str


class AlertDesk:
    """The alert settings of one connection. What is changed holds from the next look at the errors on."""

    def __init__(
        self,
        store: Store,
        connection: str,
        *,
        seal: Seal,
        notifiers: Mapping[Channel, Notifier],
        now: Clock,
    ) -> None:
        self._store = store
        self._connection = connection
        self._seal = seal
        self._notifiers = notifiers
        self._now = now

    async def list(self) -> tuple[AlertSetting, ...]:
        """All settings, by name."""
        return await self._store.alerts.settings(self._connection)

    async def get(self, name: str) -> AlertSetting:
        """The setting of this name. Raises: NotFound."""
        found = await self._store.alerts.setting(self._connection, name)
        if found is None:
            known = ", ".join(each.rule.name for each in await self.list()) or "none"
            raise NotFound(f"There is no alert setting {name!r}. There are: {known}.", name=name)
        return found

    async def set(self, draft: AlertDraft, *, who: str) -> AlertSetting:
        """The setting of this name is as ``draft`` says. Idempotent.

        Raises: SettingsRefused, with everything that cannot work; NotFound while nothing is linked.
        """
        if await self._store.connections.get(self._connection) is None:
            raise NotFound("Nothing is linked yet, so nothing can fail. Link first: dualwrite link")
        problems = [*_problems(draft), *await self._unknown_maps(draft)]
        before = await self._store.alerts.setting(self._connection, draft.name)
        kept = {} if before is None else dict(zip(self.webhooks(before), before.rule.webhooks, strict=True))
        problems += [
            f"webhook {number}: not an http or https URL"
            for number, each in enumerate(draft.webhooks, 1)
            if not _is_url(each, kept)
        ]
        if problems:
            raise SettingsRefused(f"The alert {draft.name!r} cannot work: {'; '.join(problems)}", problems=problems)
        rule = AlertRule(
            name=draft.name,
            categories=tuple(each for each in Category if each in draft.categories),
            threshold=draft.threshold,
            window=draft.window,
            maps=None if draft.maps is None else tuple(dict.fromkeys(draft.maps)),
            action=draft.action,
            recipients=tuple(dict.fromkeys(draft.recipients)),
            webhooks=tuple(kept.get(each) or self._sealed(each) for each in dict.fromkeys(draft.webhooks)),
            enabled=draft.enabled,
        )
        async with self._store.transaction() as repositories:
            setting = await repositories.alerts.save_setting(self._connection, rule, who=who)
            result = "changed" if before is not None else "created"
            details = {"setting": rule.name, **self._told(setting)}
            await repositories.activity.record("set alert", who=who, result=f"{result} {rule.name}", details=details)
        return setting

    async def remove(self, name: str, *, who: str) -> None:
        """There is no such setting; the events that it raised stay on record. Raises: NotFound."""
        await self.get(name)
        async with self._store.transaction() as repositories:
            if await repositories.alerts.remove_setting(self._connection, name):
                details = {"setting": name}
                await repositories.activity.record("remove alert", who=who, result=f"removed {name}", details=details)

    def draft(self, setting: AlertSetting) -> AlertDraft:
        """The setting as a draft: to be changed, and set again."""
        rule = setting.rule
        return AlertDraft(
            name=rule.name,
            categories=frozenset(rule.categories),
            threshold=rule.threshold,
            window=rule.window,
            maps=rule.maps,
            action=rule.action,
            recipients=rule.recipients,
            webhooks=self.webhooks(setting),
            enabled=rule.enabled,
        )

    def webhooks(self, setting: AlertSetting) -> tuple[str, ...]:
        """The URLs as they may be shown: whoever has the rest of one can post in its name."""
        return tuple(map(self._shown, setting.rule.webhooks))

    def destinations(self, setting: AlertSetting) -> Sequence[Destination]:
        """Everybody that the setting tells."""
        mails = [Destination(Channel.E_MAIL, each, each) for each in setting.rule.recipients]
        shown = zip(setting.rule.webhooks, self.webhooks(setting), strict=True)
        return [*mails, *(Destination(Channel.WEBHOOK, sealed, each) for sealed, each in shown)]

    def address(self, to: Destination | Delivery) -> str:
        """Where to send."""
        return self._opened(to.destination) if to.channel is Channel.WEBHOOK else to.destination

    async def send_test(self, name: str, *, who: str) -> Sequence[TrialTold]:
        """Everybody that the setting tells has been sent a test, also while it is disabled; tells what became of it.

        Raises: NotFound.
        """
        setting = await self.get(name)
        notice = trial_notice(
            setting.rule, key=f"alert-test-{uuid4().hex}", at=self._now(), connection=self._connection
        )
        told = await asyncio.gather(
            *(
                self._try(each, replace(notice, key=f"{notice.key}-{number}"))
                for number, each in enumerate(self.destinations(setting), 1)
            )
        )
        failed = [each for each in told if each.outcome is not Outcome.SENT]
        details = {each.shown: each.message or each.outcome.value for each in told}
        result = f"{name}: sent to {len(told) - len(failed)} of {len(told)}"
        severity = Severity.WARNING if failed else Severity.INFO
        await self._store.activity.record("test alert", who=who, result=result, severity=severity, details=details)
        return told

    async def _try(self, to: Destination, notice: Notice) -> TrialTold:
        said = await self._notifiers[to.channel].send(self.address(to), notice, _go_on)
        return TrialTold(to.shown, to.channel, said.outcome, said.message)

    async def events(
        self, which: EventFilter | None = None, *, before: int | None = None, limit_rows: int = 100
    ) -> tuple[AlertEvent, ...]:
        """The latest events first; ``before`` (an event's number) pages on to older ones."""
        return await self._store.alerts.events(self._connection, which, before=before, limit_rows=limit_rows)

    async def event(self, number: int) -> AlertEvent:
        """One event. Raises: NotFound."""
        found = await self._store.alerts.event(self._connection, number)
        if found is None:
            raise NotFound(f"There is no alert event {number}.", event=number)
        return found

    async def _unknown_maps(self, draft: AlertDraft) -> Sequence[str]:
        if draft.maps is None:
            return []
        known = {each.name for each in await self._store.maps.list(self._connection)}
        return [f"there is no map {each!r}" for each in draft.maps if each not in known]

    def _told(self, setting: AlertSetting) -> Mapping[str, object]:
        rule = setting.rule
        return {
            "enabled": rule.enabled,
            "error_types": [each.value for each in rule.categories],
            "maps": rule.maps,
            "threshold": rule.threshold,
            "window": str(rule.window),
            "action": rule.action.value,
            "recipients": rule.recipients,
            "webhooks": self.webhooks(setting),
        }

    def _shown(self, sealed: str) -> str:
        try:
            return shown_url(self._opened(sealed))
        except SettingsRefused:
            # Whoever brought another key file must be able to see what is to be set anew, and the others to be told.
            return f"{_UNREADABLE} {sha256(sealed.encode()).hexdigest()[:6]}"

    def _sealed(self, url: str) -> str:
        return self._seal.encrypt(url.encode()).decode("ascii")

    def _opened(self, sealed: str) -> str:
        return self._seal.decrypt(sealed.encode("ascii")).decode()


def shown_url(url: str) -> str:
    """The URL without what it would be a secret for, and yet told apart from others of the same host."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}/…{sha256(url.encode()).hexdigest()[:6]}"


async def _go_on() -> bool:
    return True


def _problems(draft: AlertDraft) -> list[str]:
    found: list[str] = []
    if not draft.name.strip() or draft.name != draft.name.strip() or len(draft.name) > _LONGEST_NAME:
        found.append(f"name: 1 to {_LONGEST_NAME} characters, without spaces around them")
    if not draft.name.isprintable():
        found.append("name: only characters that can be printed")
    if not draft.categories:
        found.append("error types: at least one of " + ", ".join(each.value for each in Category))
    if not 1 <= draft.threshold <= 1_000_000:
        found.append("threshold: 1 to 1,000,000 errors")
    if (
        draft.window.number < 1
        or draft.window.number > 1_000_000
        or draft.window.length > timedelta(days=_LONGEST_DAYS)
    ):
        found.append(f"window: 1 minute to {_LONGEST_DAYS} days")
    if draft.maps is not None and not draft.maps:
        found.append("maps: name at least one, or none of them for all maps")
    found += [f"recipient {each!r}: not an e-mail address" for each in draft.recipients if not _ADDRESS.fullmatch(each)]
    if len(draft.recipients) + len(draft.webhooks) > _MOST_DESTINATIONS:
        found.append(f"at most {_MOST_DESTINATIONS} recipients and webhooks")
    return found


def _is_url(text: str, kept: Mapping[str, str]) -> bool:
    if text in kept:
        return True
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and text.isprintable()
    except ValueError:
        return False
