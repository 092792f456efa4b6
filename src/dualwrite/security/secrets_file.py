"""Encryption at rest with a key that stays in the data folder and never enters a database."""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from dualwrite.errors import SettingsRefused
from dualwrite.security.private_files import read_or_create_private

KEY_FILE = "secrets.key"


class SecretsFile:
    """Encrypts and decrypts with the key of one data folder."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        try:
            self._fernet = Fernet(key.strip())
        except ValueError as error:
            raise SettingsRefused(
                f"{path} does not hold a key. Restore it from a backup; without it stored credentials cannot be read.",
                path=str(path),
            ) from error

    @classmethod
    def open(cls, data_folder: Path) -> SecretsFile:
        """The key of ``data_folder``, created on first use with mode 600.

        Raises: SettingsRefused when the file is damaged, cannot be written, or may be read by others.
        """
        path = data_folder / KEY_FILE
        return cls(path, read_or_create_private(path, Fernet.generate_key()))

    def encrypt(self, content: bytes) -> bytes:
        """``content`` so that only this key reads it."""
        return self._fernet.encrypt(content)

    def decrypt(self, encrypted: bytes) -> bytes:
        """The content. Raises: SettingsRefused when another key has encrypted it, or it is damaged."""
        try:
            return self._fernet.decrypt(encrypted)
        except InvalidToken as error:
            raise SettingsRefused(
                f"A stored secret was not encrypted with the key in {self._path}. "
                "Restore the key file that belongs to this database.",
                path=str(self._path),
            ) from error

    def __repr__(self) -> str:
        return f"SecretsFile({self._path})"
