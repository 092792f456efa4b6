"""Microsoft cabinets (.cab), read far enough to get a solution out: stored and MSZIP folders in one cabinet file.

Source of the format: "Microsoft Cabinet Format" ([MS-CAB]).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from dualwrite.errors import SolutionRefused

SIGNATURE = b"MSCF"

_HEADER = struct.Struct("<4s4xI4xI4x2B5H")
"""Signature, size, offset of the first file, version, folders, files, flags, set id, number in the set."""
_FOLDER = struct.Struct("<IHH")
_FILE = struct.Struct("<IIHHHH")
_BLOCK = struct.Struct("<4xHH")
_SPANS, _RESERVES = 0x0003, 0x0004
_STORED, _MSZIP = 0, 1
_WINDOW_BYTES = 32768


@dataclass(frozen=True, slots=True)
class CabinetFile:
    """One file of a cabinet, with its content."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Folder:
    first_block: int
    blocks: int
    compression: int


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    folder: int
    offset: int
    size: int


def read_cabinet(data: bytes, *, file: str, limit_bytes: int) -> tuple[CabinetFile, ...]:
    """The files of the cabinet ``data``. Raises: SolutionRefused, also for more than ``limit_bytes`` of content."""
    try:
        folders, entries, block_reserve = _directory(data, file)
        wanted = {entry.folder for entry in entries}
        contents: dict[int, bytes] = {}
        for number, folder in enumerate(folders):
            if number in wanted:
                left = limit_bytes - sum(map(len, contents.values()))
                contents[number] = _unpacked(data, folder, block_reserve, file=file, limit_bytes=left)
    except (struct.error, zlib.error, IndexError, ValueError) as error:
        raise SolutionRefused(f"{file}: the cabinet is damaged: {error}. Fetch the file again.", file=file) from error
    files = []
    for entry in entries:
        content = contents.get(entry.folder, b"")[entry.offset : entry.offset + entry.size]
        if len(content) != entry.size:
            raise SolutionRefused(
                f"{file}: {entry.name} is cut off in the cabinet; fetch the file again.", file=file, member=entry.name
            )
        files.append(CabinetFile(entry.name, content))
    return tuple(files)


def _directory(data: bytes, file: str) -> tuple[list[_Folder], list[_Entry], int]:
    _, _, first_file, _, _, folder_count, file_count, flags, _, _ = _HEADER.unpack_from(data)
    if flags & _SPANS:
        raise SolutionRefused(f"{file} is one of several cabinets of a set; unpack it and import the zip.", file=file)
    position, folder_reserve, block_reserve = _HEADER.size, 0, 0
    if flags & _RESERVES:
        header_reserve, folder_reserve, block_reserve = struct.unpack_from("<HBB", data, position)
        position += 4 + header_reserve
    folders = []
    for _ in range(folder_count):
        first, blocks, compression = _FOLDER.unpack_from(data, position)
        folders.append(_Folder(first, blocks, compression & 0x000F))
        position += _FOLDER.size + folder_reserve
    return folders, list(_entries(data, first_file, file_count)), block_reserve


def _entries(data: bytes, position: int, count: int) -> Iterator[_Entry]:
    for _ in range(count):
        size, offset, folder, _, _, attributes = _FILE.unpack_from(data, position)
        end = data.index(b"\0", position + _FILE.size)
        name = data[position + _FILE.size : end].decode("utf-8" if attributes & 0x80 else "cp1252", "replace")
        yield _Entry(name, folder, offset, size)
        position = end + 1


def _unpacked(data: bytes, folder: _Folder, reserve: int, *, file: str, limit_bytes: int) -> bytes:
    """The content of one folder, its blocks joined. A block of MSZIP knows the 32 KB that came before it."""
    if folder.compression not in (_STORED, _MSZIP):
        raise SolutionRefused(
            f"{file} is a cabinet packed with a method other than MSZIP; unpack it and import the zip.", file=file
        )
    content = bytearray()
    position = folder.first_block
    for _ in range(folder.blocks):
        packed_bytes, plain_bytes = _BLOCK.unpack_from(data, position)
        position += _BLOCK.size + reserve
        packed = data[position : position + packed_bytes]
        position += packed_bytes
        content += packed if folder.compression == _STORED else _inflated(packed, bytes(content[-_WINDOW_BYTES:]))
        if len(content) > limit_bytes:
            raise SolutionRefused(f"{file} unpacks to more than a solution file may hold.", file=file)
        if len(packed) != packed_bytes or plain_bytes > _WINDOW_BYTES:
            raise ValueError("a block is cut off")
    return bytes(content)


def _inflated(packed: bytes, before: bytes) -> bytes:
    if packed[:2] != b"CK":
        raise ValueError("a block of MSZIP does not begin as such")
    inflate = zlib.decompressobj(-zlib.MAX_WBITS, zdict=before)
    plain = inflate.decompress(packed[2:], _WINDOW_BYTES + 1)
    if len(plain) > _WINDOW_BYTES:
        raise ValueError("a block of MSZIP is larger than 32 KB")
    return plain
