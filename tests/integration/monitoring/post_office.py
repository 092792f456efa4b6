"""A mail server and a webhook receiver on loopback, which keep what they get and can be told to misbehave."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dualwrite.monitoring.notify.mail import MailServer
from dualwrite.settings import MailSecurity

HOST = "127.0.0.1"
SENDER = "dualwrite@example.com"
USER, PASSWORD = "dualwrite", "hidden"


@dataclass
class PostOffice:
    """A mail server. ``answers`` to DATA are given one after the other, then 250; None hangs up instead."""

    port: int = 0
    mails: list[Message] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: list[str | None] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    users: list[object] = field(default_factory=list)

    def server(self, security: MailSecurity, certificate: Certificate | None = None) -> MailServer:
        """What dualwrite has to know in order to send here."""
        signs_in = certificate is not None
        return MailServer(
            host=HOST,
            port=self.port,
            security=security,
            sender=SENDER,
            user=USER if signs_in else None,
            password=PASSWORD if signs_in else None,
            ca_file=certificate.file if certificate is not None else None,
        )

    # The names are aiosmtpd's.
    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        assert isinstance(envelope.content, bytes)
        if answer is None or answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content))
            self.recipients += envelope.rcpt_tos
            self.encrypted.append(session.ssl is not None or server.transport.get_extra_info("cipher") is not None)
        if answer is None:
            server.transport.abort()
            return "421 gone"
        return answer

    def sign_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=known, handled=False)


@asynccontextmanager
async def post_office(
    security: MailSecurity = MailSecurity.NONE, certificate: Certificate | None = None
) -> AsyncIterator[PostOffice]:
    """A mail server that listens; with a certificate it is spoken to over TLS, and one may sign in."""
    office = PostOffice()
    loop = asyncio.get_running_loop()
    context = None if certificate is None else certificate.context()
    starttls = security is MailSecurity.STARTTLS

    def connected() -> SMTP:
        return SMTP(
            office,
            hostname="localhost",
            loop=loop,
            tls_context=context if starttls else None,
            require_starttls=starttls,
            # It does not know of a protection that was there before it.
            auth_required=starttls,
            auth_require_tls=starttls,
            authenticator=office.sign_in,
        )

    server = await loop.create_server(connected, HOST, 0, ssl=context if security is MailSecurity.TLS else None)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()


@dataclass(frozen=True)
class Certificate:
    """A certificate for this machine that vouches for itself, with its key, in one file."""

    file: Path

    @classmethod
    def make(cls, folder: Path) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail of a test")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = folder / "certificate.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return cls(file)

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context


@dataclass
class Receiver:
    """A webhook's receiver. ``answers`` are given one after the other, then 202; None hangs up instead."""

    port: int = 0
    cards: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    answers: list[int | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/workflows/1?sig=hidden"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = {name.casefold(): value for name, _, value in (line.partition(": ") for line in head.splitlines())}
        body = await reader.readexactly(int(fields["content-length"]))
        answer = self.answers.pop(0) if self.answers else 202
        self.cards.append(json.loads(body))
        self.keys.append(fields["idempotency-key"])
        if answer is not None:
            writer.write(f"HTTP/1.1 {answer} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    found = Receiver()
    server = await asyncio.start_server(found._answer, HOST, 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
