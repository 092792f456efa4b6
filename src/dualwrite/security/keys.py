"""The keys behind tokens: one signs, all verify, none is stored in the clear."""

from __future__ import annotations

import secrets

from joserfc.jwk import KeyParameters, RSAKey

from dualwrite.security.secrets_file import SecretsFile
from dualwrite.store.signing_keys import SigningKeyRepository

ALGORITHM = "RS256"
_KEY_BITS = 2048


class KeyRing:
    """The signing keys of the store, decrypted in memory."""

    def __init__(self, repository: SigningKeyRepository, secrets_file: SecretsFile) -> None:
        self._repository = repository
        self._secrets = secrets_file
        self._keys: dict[str, RSAKey] = {}
        self._signing: str | None = None

    async def signing(self) -> tuple[str, RSAKey]:
        """The id and the key that new tokens are signed with; made when there is none.

        Raises: SettingsRefused when the stored key belongs to another key file.
        """
        if self._signing is None:
            await self._read()
        if self._signing is None:
            await self._make_first()
            await self._read()
        assert self._signing is not None
        return self._signing, self._keys[self._signing]

    async def verifying(self, kid: str) -> RSAKey | None:
        """The key of this id, None when there is none; another process may have made it a moment ago."""
        if kid not in self._keys:
            await self._read()
        return self._keys.get(kid)

    async def public(self) -> list[dict[str, object]]:
        """The public halves as JSON web keys."""
        await self.signing()
        return [dict(key.as_dict(private=False)) for key in self._keys.values()]

    async def _read(self) -> None:
        stored = await self._repository.list()
        for record in stored:
            if record.kid not in self._keys:
                material = self._secrets.decrypt(record.private_material)
                self._keys[record.kid] = RSAKey.import_key(material, _parameters(record.kid))
        self._signing = next((record.kid for record in stored if record.retired_at is None), None)

    async def _make_first(self) -> None:
        kid = secrets.token_urlsafe(16)
        key = RSAKey.generate_key(_KEY_BITS, _parameters(kid), private=True)
        await self._repository.add_first(kid, private_material=self._secrets.encrypt(key.as_pem(private=True)))


def _parameters(kid: str) -> KeyParameters:
    return {"kid": kid, "use": "sig", "alg": ALGORITHM}
