"""Notices as e-mails, by SMTP."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from pathlib import Path

import aiosmtplib

from dualwrite.monitoring.notify.channel import LEFT, Begin, Notice, Outcome, Told
from dualwrite.settings import MailSecurity

_TIMEOUT_S = 15
"""For each step of the conversation."""
_FINAL = 500
"""From this code on an answer is the last word."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes our mails, and who they are from. ``ca_file`` names who vouches for its certificate."""

    host: str
    port: int
    security: MailSecurity
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


class Mailer:
    """Implements :class:`Notifier`; a destination is an address. Each notice is a mail of its own."""

    def __init__(self, server: MailServer | None) -> None:
        self._server = server

    async def send(self, destination: str, notice: Notice, begin: Begin) -> Told:
        """The mail server has the mail, or why not."""
        server = self._server
        if server is None:
            return Told(Outcome.NOT_YET, "No mail server is set: DUALWRITE_SMTP_HOST")
        mail = mail_of(notice, sender=server.sender, recipient=destination).as_bytes(policy=SMTP_POLICY)
        begun, told = False, LEFT
        try:
            async with _client(server) as client:
                await client.mail(server.sender)
                await client.rcpt(destination)
                begun = await begin()
                if begun:
                    await client.data(mail)
                    told = Told(Outcome.SENT)
        except (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError) as refused:
            outcome = Outcome.REFUSED if refused.code >= _FINAL else Outcome.NOT_YET
            told = Told(outcome, f"{server.host}: {refused.code} {refused.message}")
        except aiosmtplib.SMTPResponseException as refused:
            # What the server has against ourselves can be put right.
            told = Told(Outcome.NOT_YET, f"{server.host}: {refused.code} {refused.message}")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if told.outcome is not Outcome.SENT:
                told = Told(Outcome.UNKNOWN if begun else Outcome.NOT_YET, f"{server.host}:{server.port}: {error}")
        return told


def mail_of(notice: Notice, *, sender: str, recipient: str) -> EmailMessage:
    """The notice as a mail; repeated, it has the same Message-ID."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = " ".join(notice.subject.split())
    mail["Date"] = format_datetime(notice.at)
    mail["Message-ID"] = f"<{notice.key}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"
    facts = "".join(f"{name}: {value}\n" for name, value in notice.facts)
    mail.set_content(f"{notice.text}\n\n{facts}")
    return mail


def _client(server: MailServer) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.security is MailSecurity.TLS,
        start_tls=server.security is MailSecurity.STARTTLS,
        tls_context=None if server.security is MailSecurity.NONE else ssl.create_default_context(cafile=server.ca_file),
        timeout=_TIMEOUT_S,
    )
