"""Files in the data folder that only the owner of the process may read."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from dualwrite.errors import SettingsRefused

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_private(path: Path) -> bytes | None:
    """The content of the file, None when there is none. Raises: SettingsRefused when others may read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & _OTHERS:
                raise SettingsRefused(
                    f"{path} holds a secret and may be read by others (mode {stat.S_IMODE(mode):o}). "
                    f"Run: chmod 600 {path}",
                    path=str(path),
                )
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be read: {error.strerror}", path=str(path)) from error


def read_or_create_private(path: Path, content: bytes) -> bytes:
    """The file exists, mode 600, and this is its content: ``content`` unless it was there already.

    Atomicity: a reader sees the whole file or none; of two processes that create it at once, both get the first one's.

    Raises: SettingsRefused when it cannot be written, or others may read it.
    """
    found = read_private(path)
    if found is not None:
        return found
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(draft, content)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be written: {error.strerror}", path=str(path)) from error
    stored = read_private(path)
    assert stored is not None
    return stored


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
