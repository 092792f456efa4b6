"""The programs that may ask for tokens: registered here, checked by their secret."""

from __future__ import annotations

from uuid import UUID, uuid4

from dualwrite.errors import NotAuthenticated
from dualwrite.security.credentials import Credentials
from dualwrite.security.passwords import Passwords, new_secret
from dualwrite.security.roles import Role
from dualwrite.store.clients import ClientRecord, ClientRepository


class Clients:
    """The registered clients."""

    def __init__(self, repository: ClientRepository, passwords: Passwords) -> None:
        self._repository = repository
        self._passwords = passwords

    async def register(
        self,
        name: str,
        *,
        roles: frozenset[Role],
        credentials: Credentials | None = None,
        environment: str | None = None,
        default_company: str | None = None,
        user_id: UUID | None = None,
    ) -> Credentials:
        """The client is registered and these are its credentials: new ones unless given. Idempotent by client id.

        ``environment`` restricts it to one environment, ``default_company`` is its legal entity where it names none,
        and ``user_id`` the system user that Dataverse records as the author of its changes.

        Raises: NotAllowed when another client has the name.
        """
        credentials = credentials or Credentials(tenant=uuid4(), client_id=uuid4(), secret=new_secret())
        await self._repository.save(
            credentials.client_id,
            name=name,
            secret_hash=await self._passwords.hash(credentials.secret),
            tenant=credentials.tenant,
            user_id=user_id or credentials.client_id,
            roles=frozenset(role.value for role in roles),
            environment=environment,
            default_company=default_company,
        )
        return credentials

    async def check(self, *, tenant: str, client_id: str, secret: str) -> ClientRecord:
        """The client whose credentials these are.

        Raises: NotAuthenticated, with one message for every reason: a stranger learns nothing about who exists.
        """
        client = await self.get(_uuid(client_id))
        matches = await self._passwords.verify(None if client is None else client.secret_hash, secret)
        if client is None or not matches or client.tenant != _uuid(tenant):
            raise NotAuthenticated("The tenant, the client id or the client secret is wrong.")
        return client

    async def get(self, client_id: UUID | None) -> ClientRecord | None:
        """The enabled client of this id, None when there is none."""
        client = None if client_id is None else await self._repository.get(client_id)
        return client if client is not None and client.enabled else None

    async def by_name(self, name: str) -> ClientRecord | None:
        """The client of this name, enabled or not; None when there is none."""
        return await self._repository.by_name(name)

    async def remove(self, client_id: UUID) -> bool:
        """The client gets no more tokens, and the ones it has stop working within a minute."""
        return await self._repository.remove(client_id)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
