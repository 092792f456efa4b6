"""Alerts of a house: the desk where they are set, and the watch that ``dualwrite up`` keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from dualwrite.composition.house import CONNECTION, House
from dualwrite.monitoring.activities.retention import ActivityRetention
from dualwrite.monitoring.alerts.deliveries import Deliveries
from dualwrite.monitoring.alerts.desk import AlertDesk
from dualwrite.monitoring.alerts.evaluation import Counts
from dualwrite.monitoring.alerts.watch import AlertWatch
from dualwrite.monitoring.notify.channel import Notifier
from dualwrite.monitoring.notify.mail import Mailer, MailServer
from dualwrite.monitoring.notify.webhook import WebhookPoster
from dualwrite.security.clock import system_clock
from dualwrite.security.secrets_file import SecretsFile
from dualwrite.settings import Settings
from dualwrite.store.alerts import Channel
from dualwrite.store.database import Repositories


def alert_desk(house: House) -> AlertDesk:
    """The desk of the house's connection."""
    return _desk(house, _notifiers(house.settings))


@asynccontextmanager
async def watching(house: House) -> AsyncIterator[None]:
    """Meanwhile alerts are raised and told, and old activities are forgotten."""
    notifiers = _notifiers(house.settings)
    desk = _desk(house, notifiers)
    watch = AlertWatch(
        house.store,
        CONNECTION,
        desk,
        Deliveries(house.store, CONNECTION, desk, notifiers=notifiers, now=system_clock),
        counting=_failures,
        acting=house.lifecycle_of,
        now=system_clock,
    )
    keep = timedelta(days=house.settings.activity_days)
    retention = ActivityRetention(house.store.activity, house.store.alerts, keep=keep, now=system_clock)
    tasks = [asyncio.ensure_future(each.run()) for each in (watch, retention)]
    try:
        yield
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _desk(house: House, notifiers: Mapping[Channel, Notifier]) -> AlertDesk:
    seal = SecretsFile.open(house.settings.data_folder)
    return AlertDesk(house.store, CONNECTION, seal=seal, notifiers=notifiers, now=system_clock)


def _notifiers(settings: Settings) -> Mapping[Channel, Notifier]:
    return {Channel.E_MAIL: Mailer(_mail_server(settings)), Channel.WEBHOOK: WebhookPoster()}


def _mail_server(settings: Settings) -> MailServer | None:
    if settings.smtp_host is None:
        return None
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        sender=settings.smtp_from,
        user=settings.smtp_user,
        password=settings.smtp_password,
        ca_file=settings.smtp_ca_file,
    )


async def _failures(repositories: Repositories, since: datetime, until: datetime) -> Counts:
    return await repositories.sync_errors.counts(CONNECTION, since, until)
