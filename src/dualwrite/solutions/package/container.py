"""The container of a solution file: a zip of three members, now and then wrapped in a cabinet or in another zip."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO

from dualwrite.errors import SolutionRefused
from dualwrite.solutions.package.cabinet import SIGNATURE, read_cabinet

CONTENT_TYPES = "[Content_Types].xml"
MANIFEST = "solution.xml"
CUSTOMIZATIONS = "customizations.xml"
LIMIT_BYTES = 64 * 2**20
"""What a file, and what each of its members, may hold; published solutions stay far below one megabyte."""

_MEMBERS = (MANIFEST, CUSTOMIZATIONS)
_WRAPPINGS = (".zip", ".cab")
_LEVELS = 3
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
"""What reading a damaged, encrypted or unusually packed zip raises."""
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def unpack(data: bytes, *, file: str) -> Mapping[str, bytes]:
    """``solution.xml`` and ``customizations.xml`` of the solution ``data``. Raises: SolutionRefused."""
    return _unpack(data, file=file, levels=_LEVELS)


def pack(members: Mapping[str, bytes]) -> bytes:
    """A zip of ``members``; the same members give the same bytes."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _unpack(data: bytes, *, file: str, levels: int) -> Mapping[str, bytes]:
    if len(data) > LIMIT_BYTES:
        raise SolutionRefused(f"{file} is larger than {LIMIT_BYTES // 2**20} MB.", file=file)
    if data.startswith(SIGNATURE):
        files = {each.name: each.content for each in read_cabinet(data, file=file, limit_bytes=LIMIT_BYTES)}
        return _members(list(files), files.__getitem__, file=file, levels=levels)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _members(archive.namelist(), lambda name: _read(archive, name, file=file), file=file, levels=levels)
    except _DAMAGED as error:
        raise SolutionRefused(f"{file} is neither a zip nor a cabinet: {error}.", file=file) from error


def _members(names: list[str], read: Callable[[str], bytes], *, file: str, levels: int) -> Mapping[str, bytes]:
    folded = {name.replace("\\", "/").casefold(): name for name in names}
    if MANIFEST in folded:
        missing = [member for member in _MEMBERS if member not in folded]
        if missing:
            raise SolutionRefused(f"{file} is no solution: it has no {missing[0]}.", file=file, member=missing[0])
        return {member: read(folded[member]) for member in _MEMBERS}
    inner = sorted(name for name in names if name.casefold().endswith(_WRAPPINGS))
    if len(inner) > 1:
        raise SolutionRefused(
            f"{file} holds several archives: {', '.join(inner)}. Unpack it and import them one by one.", file=file
        )
    if not inner or levels == 1:
        held = ", ".join(sorted(names)[:5]) or "nothing"
        raise SolutionRefused(f"{file} is no solution: it has no {MANIFEST}, but {held}.", file=file, member=MANIFEST)
    return _unpack(read(inner[0]), file=f"{file}:{inner[0]}", levels=levels - 1)


def _read(archive: zipfile.ZipFile, name: str, *, file: str) -> bytes:
    """A member's content, unpacked no further than the limit whatever its header says."""
    try:
        with archive.open(name) as member:
            content = member.read(LIMIT_BYTES + 1)
    except _DAMAGED as error:
        raise SolutionRefused(f"{file}: {name} cannot be unpacked: {error}.", file=file, member=name) from error
    if len(content) > LIMIT_BYTES:
        raise SolutionRefused(f"{file}: {name} unpacks to more than {LIMIT_BYTES // 2**20} MB.", file=file, member=name)
    return content
