"""A data-management package as a file: its manifest read, its members opened one at a time as streams."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Final, Self

from dualwrite.errors import SettingsRefused
from dualwrite.exchange.files.encoding import ByteStream
from dualwrite.exchange.package.manifest import MANIFEST, Manifest, PackagedEntity, read_manifest

MOST_MEMBERS: Final = 5_000
MOST_MANIFEST_BYTES: Final = 64 * 2**20
MOST_UNPACKED_BYTES: Final = 256 * 2**30
SUSPICIOUS_BYTES: Final = 2**30
MOST_RATIO: Final = 400
"""How many times its packed size a member beyond ``SUSPICIOUS_BYTES`` may have; business data stays far below."""

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What reading a damaged, encrypted or unusually packed zip raises."""


def is_package(path: Path) -> bool:
    """Whether the file is a zip. Raises: SettingsRefused, when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error


class PackageFile:
    """An open package. Members that would unpack to what no business data has are refused before they are opened."""

    def __init__(self, path: Path) -> None:
        """Raises: SettingsRefused."""
        self._name = path.name
        with _readable(self._name, ""):
            self._archive = zipfile.ZipFile(path)
        try:
            self._members = self._checked()
            self.manifest = self._manifest()
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._archive.close()

    def open(self, entity: PackagedEntity) -> ByteStream:
        """The entity's file at its start; what is wrong with it later raises SettingsRefused."""
        return _Member(self._archive, self._member(entity), self._name)

    def size_of(self, entity: PackagedEntity) -> int:
        """How many bytes the entity's file holds. Raises: SettingsRefused, when the package has none."""
        return self._member(entity).file_size

    def _member(self, entity: PackagedEntity) -> zipfile.ZipInfo:
        member = self._members.get(entity.file.casefold())
        if member is None:
            held = ", ".join(sorted(each.filename for each in self._members.values()))
            raise SettingsRefused(f"{self._name} has no {entity.file}, the file of {entity.entity}; it holds {held}")
        return member

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        """The members by file name, whatever folder of the zip they are in."""
        found = [each for each in self._archive.infolist() if not each.is_dir()]
        if len(found) > MOST_MEMBERS:
            raise SettingsRefused(f"{self._name} holds {len(found):,} files, more than {MOST_MEMBERS:,}")
        for each in found:
            ratio = each.file_size / max(each.compress_size, 1)
            if each.file_size > MOST_UNPACKED_BYTES or (each.file_size > SUSPICIOUS_BYTES and ratio > MOST_RATIO):
                raise SettingsRefused(
                    f"{self._name}: {each.filename} would unpack to {each.file_size:,} bytes, {ratio:,.0f} times "
                    "what it takes; it was not opened. Import the data as CSV files if it is yours."
                )
        deepest_first = sorted(found, key=lambda each: -each.filename.count("/"))
        return {PurePosixPath(each.filename.replace("\\", "/")).name.casefold(): each for each in deepest_first}

    def _manifest(self) -> Manifest:
        member = self._members.get(MANIFEST.casefold())
        if member is None:
            raise SettingsRefused(f"{self._name} is no data package: it has no {MANIFEST}")
        with _readable(self._name, MANIFEST), self._archive.open(member) as stream:
            content = stream.read(MOST_MANIFEST_BYTES + 1)
        if len(content) > MOST_MANIFEST_BYTES:
            raise SettingsRefused(f"{self._name}: {MANIFEST} unpacks to more than {MOST_MANIFEST_BYTES // 2**20} MB")
        return read_manifest(content, file=self._name)


class _Member:
    """A member as a stream whose failures are told in our words."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, package: str) -> None:
        self._at = (package, member.filename)
        with _readable(*self._at):
            self._stream = archive.open(member)

    def read(self, size: int = -1, /) -> bytes:
        with _readable(*self._at):
            return self._stream.read(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()


@contextmanager
def _readable(package: str, member: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        place = f"{package}: {member}" if member else package
        raise SettingsRefused(f"{place} cannot be unpacked: {error}") from error
    except OSError as error:
        raise SettingsRefused(f"{package} cannot be read: {(error.strerror or str(error)).lower()}") from error
