"""The client of whoever can read the data folder: made at the first start, used by the command line."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from dualwrite.errors import NotAuthenticated, SettingsRefused
from dualwrite.security.credentials import Credentials
from dualwrite.security.passwords import new_secret
from dualwrite.security.private_files import read_or_create_private, read_private
from dualwrite.security.roles import Role

if TYPE_CHECKING:
    from dualwrite.security.clients import Clients

CLIENT_FILE = "client.json"


async def ensure_local_administrator(
    clients: Clients, data_folder: Path, *, default_company: str | None = None, user_id: UUID | None = None
) -> Credentials:
    """The local administrator is registered, and the credentials stand in the data folder's ``client.json``.

    Idempotent: a second start finds both and changes nothing. A lost file or a new database is mended from the other.

    Raises: SettingsRefused when the file is damaged, cannot be written, or may be read by others.
    """
    path = data_folder / CLIENT_FILE
    fresh = Credentials(tenant=uuid4(), client_id=uuid4(), secret=new_secret())
    credentials = _parsed(read_or_create_private(path, _text(fresh)), path=path)
    name = f"local administrator on {socket.gethostname()}"
    try:
        await clients.check(
            tenant=str(credentials.tenant), client_id=str(credentials.client_id), secret=credentials.secret
        )
    except NotAuthenticated:
        former = await clients.by_name(name)
        if former is not None and former.client_id != credentials.client_id:
            await clients.remove(former.client_id)
        await clients.register(
            name,
            roles=frozenset({Role.SYSTEM_ADMINISTRATOR}),
            credentials=credentials,
            default_company=default_company,
            user_id=user_id,
        )
    return credentials


def read_local_administrator(data_folder: Path) -> Credentials:
    """The local administrator's credentials.

    Raises: SettingsRefused when there are none yet, or others may read them.
    """
    path = data_folder / CLIENT_FILE
    content = read_private(path)
    if content is None:
        raise SettingsRefused(f"There is no {path}. Start once with: dualwrite up", path=str(path))
    return _parsed(content, path=path)


def _text(credentials: Credentials) -> bytes:
    document = {
        "tenant": str(credentials.tenant),
        "client_id": str(credentials.client_id),
        "client_secret": credentials.secret,
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _parsed(content: bytes, *, path: Path) -> Credentials:
    try:
        document = json.loads(content)
        return Credentials(
            tenant=UUID(document["tenant"]),
            client_id=UUID(document["client_id"]),
            secret=str(document["client_secret"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsRefused(
            f"{path} cannot be read as credentials. Remove it; the next start makes new ones.", path=str(path)
        ) from error
