"""``dualwrite alerts set`` and ``remove``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.alerts.choices import AlertName, window_of
from dualwrite.cli.alerts.office import AlertOffice, ShownSetting, at_alert_office
from dualwrite.cli.alerts.shown import setting_document, setting_facts
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import find_map
from dualwrite.errors import NotFound
from dualwrite.monitoring.alerts.desk import AlertDraft
from dualwrite.store.alerts import AlertAction, AlertWindow, WindowUnit
from dualwrite.store.sync_errors import Category

_NO_SERVER = "No mail server is set, so e-mails will wait: DUALWRITE_SMTP_HOST"


@dataclass(frozen=True, slots=True)
class _Given:
    """What the line says; None: as it was."""

    error_types: frozenset[Category] | None
    maps: tuple[str, ...] | None
    all_maps: bool
    threshold: int | None
    window: AlertWindow | None
    action: AlertAction | None
    recipients: tuple[str, ...] | None
    webhooks: tuple[str, ...] | None
    enabled: bool | None

    async def on(self, draft: AlertDraft, office: AlertOffice) -> AlertDraft:
        """The draft with what the line says. Raises: NotAllowed for a map that is not there."""
        maps = draft.maps
        if self.maps is not None:
            known = await office.map_names()
            wanted = {find_map(known, each) for each in self.maps}
            maps = tuple(each for each in known if each in wanted)
        return replace(
            draft,
            categories=draft.categories if self.error_types is None else self.error_types,
            maps=None if self.all_maps else maps,
            threshold=draft.threshold if self.threshold is None else self.threshold,
            window=draft.window if self.window is None else self.window,
            action=draft.action if self.action is None else self.action,
            recipients=draft.recipients if self.recipients is None else self.recipients,
            webhooks=draft.webhooks if self.webhooks is None else self.webhooks,
            enabled=draft.enabled if self.enabled is None else self.enabled,
        )


def set_alert(
    context: typer.Context,
    name: AlertName,
    error_types: Annotated[
        list[Category] | None,
        typer.Option("--error-type", help="Errors that count; may be given again. Else application and system."),
    ] = None,
    maps: Annotated[list[str] | None, typer.Option("--map", help="Only of this map; may be given again.")] = None,
    all_maps: Annotated[bool, typer.Option("--all-maps", help="Of every map, each by itself.")] = False,
    threshold: Annotated[
        int | None, typer.Option("--threshold", min=1, help="So many errors of a map are too many; else 10.")
    ] = None,
    within: Annotated[
        str | None, typer.Option("--within", metavar="TIME", help="Within so long: '5 minutes' (else), 2h, 1d.")
    ] = None,
    action: Annotated[AlertAction | None, typer.Option("--action", help="What becomes of the map.")] = None,
    recipients: Annotated[
        list[str] | None, typer.Option("--to", metavar="ADDRESS", help="Who gets an e-mail; may be given again.")
    ] = None,
    no_mail: Annotated[bool, typer.Option("--no-mail", help="Nobody gets an e-mail any more.")] = False,
    webhooks: Annotated[
        list[str] | None, typer.Option("--webhook", metavar="URL", help="Where a card is posted; may be given again.")
    ] = None,
    no_webhook: Annotated[bool, typer.Option("--no-webhook", help="No card is posted any more.")] = False,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether it is in force.")] = None,
) -> None:
    """Set an alert: create it, or change what the line says of it. It holds at once."""
    call = invocation(context)
    given = _Given(
        error_types=frozenset(error_types) if error_types else None,
        maps=tuple(maps) if maps else None,
        all_maps=all_maps,
        threshold=threshold,
        window=None if within is None else window_of(within),
        action=action,
        recipients=() if no_mail else tuple(recipients) if recipients else None,
        webhooks=() if no_webhook else tuple(webhooks) if webhooks else None,
        enabled=enabled,
    )

    async def done(office: AlertOffice) -> ShownSetting:
        try:
            draft = (await office.get(name)).draft
        except NotFound:
            draft = _new(name)
        return await office.set(await given.on(draft, office))

    shown = at_alert_office(call, done)
    if call.url is None and shown.setting.rule.recipients and call.settings().smtp_host is None:
        call.output.errors.print(Text(_NO_SERVER, style="yellow"))
    call.output.show(setting_document(shown.setting, shown.webhooks), setting_facts(shown.setting, shown.webhooks))


def remove_alert(context: typer.Context, name: AlertName) -> None:
    """Remove an alert; what it has raised stays on record."""

    call = invocation(context)
    at_alert_office(call, lambda office: office.remove(name))
    call.output.show({"removed": name}, Text(f"The alert {name} has been removed."))


def _new(name: str) -> AlertDraft:
    """What an alert is unless the line says otherwise."""
    categories = frozenset({Category.APPLICATION, Category.SYSTEM})
    return AlertDraft(name=name, categories=categories, threshold=10, window=AlertWindow(5, WindowUnit.MINUTES))
