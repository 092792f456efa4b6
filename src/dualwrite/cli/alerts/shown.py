"""``dualwrite alerts list`` and ``show``: the settings there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import typer
from rich.table import Table
from rich.text import Text

from dualwrite.cli.alerts.choices import AlertName
from dualwrite.cli.alerts.office import at_alert_office
from dualwrite.cli.initial_sync.words import moment
from dualwrite.cli.invocation import invocation
from dualwrite.cli.output import grid
from dualwrite.store.alerts import AlertSetting

_NONE_YET = "There is no alert yet: dualwrite alerts set NAME --threshold 10 --within '5 minutes' --to YOU@EXAMPLE.COM"


def list_alerts(context: typer.Context) -> None:
    """List the alerts: which errors they count, how many are too many, and what follows."""
    call = invocation(context)

    found = at_alert_office(call, lambda office: office.list())
    settings = [each.setting for each in found]
    document = [setting_document(each.setting, each.webhooks) for each in found]
    call.output.show(document, alerts_table(settings) if settings else Text(_NONE_YET, style="dim"))


def show_alert(context: typer.Context, name: AlertName) -> None:
    """Show an alert with everybody it tells."""
    call = invocation(context)
    found = at_alert_office(call, lambda office: office.get(name))
    call.output.show(setting_document(found.setting, found.webhooks), setting_facts(found.setting, found.webhooks))


def setting_document(setting: AlertSetting, webhooks: Sequence[str]) -> Mapping[str, object]:
    rule = setting.rule
    return {
        "name": rule.name,
        "enabled": rule.enabled,
        "error_types": rule.categories,
        "maps": rule.maps,
        "threshold": rule.threshold,
        "window": {"number": rule.window.number, "unit": rule.window.unit},
        "action": rule.action,
        "recipients": rule.recipients,
        "webhooks": webhooks,
        "changed_by": setting.changed_by,
        "changed_at": setting.changed_at,
    }


def setting_facts(setting: AlertSetting, webhooks: Sequence[str]) -> Table:
    rule = setting.rule
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    facts.add_row("alert", Text(rule.name if rule.enabled else f"{rule.name} (disabled)"))
    facts.add_row("condition", Text(_condition(setting)))
    facts.add_row("maps", Text("all" if rule.maps is None else "\n".join(rule.maps)))
    facts.add_row("action", rule.action.value)
    facts.add_row("e-mails to", Text("\n".join(rule.recipients) or "nobody"))
    facts.add_row("webhooks", Text("\n".join(webhooks) or "none"))
    facts.add_row("changed", Text(f"{moment(setting.changed_at)}, by {setting.changed_by}"))
    return facts


def _condition(setting: AlertSetting) -> str:
    rule = setting.rule
    kinds = ", ".join(each.value for each in rule.categories)
    return f"{rule.threshold:,} errors within {rule.window} ({kinds})"


def alerts_table(settings: Sequence[AlertSetting]) -> Table:
    table = grid("alert", "", "condition", "maps", "action", "tells")
    for each in settings:
        rule = each.rule
        webhooks = f"{len(rule.webhooks)} webhooks" if len(rule.webhooks) > 1 else "1 webhook"
        told = [*rule.recipients, *([webhooks] if rule.webhooks else [])]
        state = Text("enabled", style="green") if rule.enabled else Text("disabled", style="dim")
        maps = "all" if rule.maps is None else str(len(rule.maps))
        table.add_row(Text(rule.name), state, Text(_condition(each)), maps, rule.action.value, Text(", ".join(told)))
    return table
