"""The text of a file in whatever encoding it is, as blocks of UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias

from dualwrite.errors import SettingsRefused


class ByteStream(Protocol):
    """What reading a file needs of it."""

    def read(self, size: int = -1, /) -> bytes: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None, /
    ) -> None: ...


Opener: TypeAlias = Callable[[], ByteStream]
"""Opens the file at its start."""

BLOCK_BYTES: Final = 4 * 1024 * 1024
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def utf8_blocks(opener: Opener, *, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The file's text without its byte order mark, in UTF-8.

    The encoding is that of the mark, else UTF-8, else the Windows code page that older exports use. The whole file is
    looked through first, so that nothing is given of a file that is not text.

    Raises: SettingsRefused, rather than replace a character.
    """
    mark, encoding = _encoding(opener)
    with opener() as stream:
        stream.read(len(mark))
        if encoding == "utf-8":
            yield from _blocks(stream, block_bytes)
            return
        for text in _decoded(_blocks(stream, block_bytes), encoding):
            yield text.encode()


def _encoding(opener: Opener) -> tuple[bytes, str]:
    with opener() as stream:
        head = stream.read(4)
    mark, marked = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", None))
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        if _is(opener, mark, encoding):
            return mark, encoding
    expected = marked or "UTF-8 or Windows-1252"
    raise SettingsRefused(f"the file is not valid {expected} text; save it as UTF-8")


def _is(opener: Opener, mark: bytes, encoding: str) -> bool:
    try:
        with opener() as stream:
            stream.read(len(mark))
            for _ in _decoded(_blocks(stream, BLOCK_BYTES), encoding):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _decoded(blocks: Iterator[bytes], encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for block in blocks:
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _blocks(stream: ByteStream, block_bytes: int) -> Iterator[bytes]:
    while block := stream.read(block_bytes):
        yield block
