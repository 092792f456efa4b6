"""Notices as adaptive cards, posted to a URL: what a workflow of Teams takes, and any other receiver of JSON."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from dualwrite.monitoring.notify.channel import LEFT, Begin, Notice, Outcome, Told

_TIMEOUT_S = 15
_LONGEST_ANSWER = 200
_ASK_AGAIN = frozenset({408, 425, 429, 500, 503})
"""Answers of receivers that have not taken the card and may do so later."""
_NOBODY_KNOWS = frozenset({502, 504})
"""Answers of somebody in between, who was not answered either."""
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class WebhookPoster:
    """Implements :class:`Notifier`; a destination is a URL, which may hold a secret and is never told."""

    def __init__(self, open_client: Callable[[], httpx.AsyncClient] = httpx.AsyncClient) -> None:
        self._open_client = open_client

    async def send(self, destination: str, notice: Notice, begin: Begin) -> Told:
        """The receiver has taken the card, or why not."""
        if not await begin():
            return LEFT
        host = urlsplit(destination).hostname
        try:
            async with self._open_client() as client:
                answer = await client.post(
                    destination,
                    json=card_of(notice),
                    headers={"Idempotency-Key": notice.key},
                    timeout=_TIMEOUT_S,
                    follow_redirects=False,
                )
        except _BEFORE_SENDING:
            return Told(Outcome.NOT_YET, f"{host} cannot be reached")
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            return Told(Outcome.REFUSED, f"{host}: the URL cannot be used")
        except httpx.HTTPError as error:
            return Told(Outcome.UNKNOWN, f"{host}: {type(error).__name__}")
        return _told(answer, host)


def _told(answer: httpx.Response, host: str | None) -> Told:
    if answer.is_success:
        return Told(Outcome.SENT)
    said = f"{host}: {answer.status_code} {answer.text[:_LONGEST_ANSWER]}".strip()
    if answer.status_code in _ASK_AGAIN:
        return Told(Outcome.NOT_YET, said)
    return Told(Outcome.UNKNOWN if answer.status_code in _NOBODY_KNOWS else Outcome.REFUSED, said)


def card_of(notice: Notice) -> dict[str, object]:
    """The notice as a message that carries an adaptive card."""
    body: list[dict[str, object]] = [
        {"type": "TextBlock", "text": notice.subject, "size": "Large", "weight": "Bolder", "wrap": True},
        {"type": "TextBlock", "text": notice.text, "wrap": True},
    ]
    if notice.facts:
        body.append({"type": "FactSet", "facts": [{"title": name, "value": value} for name, value in notice.facts]})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}
