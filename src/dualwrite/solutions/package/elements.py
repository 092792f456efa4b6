"""XML as plain elements that know their line. A document type, and with it every entity, is refused.

Namespaces are left as they are written: the files of solutions have them on their roots only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from dualwrite.errors import SolutionRefused

_DEPTH = 64
_BOM = b"\xef\xbb\xbf"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Element:
    """An element: its attributes, its children, and the text that stands directly in it."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""
    line: int = 0

    def child(self, tag: str) -> Element | None:
        """The first child called ``tag``, without regard to case."""
        return next(self.every(tag), None)

    def every(self, tag: str) -> Iterator[Element]:
        """The children called ``tag``, without regard to case."""
        folded = tag.casefold()
        return (each for each in self.children if each.tag.casefold() == folded)

    def text_of(self, tag: str) -> str:
        """The text of the child ``tag`` without blanks around it; empty when there is none."""
        found = self.child(tag)
        return "" if found is None else found.text.strip()

    def descendants(self, tag: str) -> Iterator[Element]:
        """Every element called ``tag`` below this one, in the order of the file."""
        folded = tag.casefold()
        for each in self.children:
            if each.tag.casefold() == folded:
                yield each
            yield from each.descendants(tag)

    def add(self, tag: str, text: str = "", **attributes: str) -> Element:
        """A new last child."""
        child = Element(tag, attributes, text=text)
        self.children.append(child)
        return child

    def put(self, tag: str, text: str) -> None:
        """The child ``tag`` has this text; it is the last child when there was none."""
        found = self.child(tag)
        if found is None:
            self.add(tag, text)
        elif found.text.strip() != text:
            found.text = text


class _Builder:
    """Collects what the parser tells; refuses what no solution file has."""

    def __init__(self, parser: expat.XMLParserType, where: str) -> None:
        self.root = Element("")
        self._open = [self.root]
        self._parser = parser
        self._where = where

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _DEPTH:
            raise SolutionRefused(f"{self._where}: elements are nested more than {_DEPTH} deep.")
        element = Element(tag, attributes, line=self._parser.CurrentLineNumber)
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, tag: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        self._open[-1].text += text

    def doctype(self, *_: object) -> None:
        raise SolutionRefused(f"{self._where}: a document type (<!DOCTYPE …>) is not allowed.")


def read_xml(data: bytes, *, file: str, member: str) -> Element:
    """The root element of ``data``. Raises: SolutionRefused, naming file, member and line."""
    where = f"{file}: {member}"
    parser = expat.ParserCreate()
    parser.buffer_text = True
    builder = _Builder(parser, where)
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise SolutionRefused(f"{where} is no XML: {error}.", file=file, member=member) from error
    return builder.root.children[0]


def write_xml(root: Element) -> bytes:
    """The text of ``root`` as solution files are written: UTF-8 with a byte order mark."""
    text = '<?xml version="1.0" encoding="utf-8"?>\r\n' + "".join(_written(root, ""))
    return _BOM + text.encode()


def _written(element: Element, indent: str) -> Iterator[str]:
    attributes = "".join(f" {name}={quoteattr(_clean(value))}" for name, value in element.attributes.items())
    yield f"{indent}<{element.tag}{attributes}"
    if element.children:
        yield ">\r\n"
        for child in element.children:
            yield from _written(child, indent + "  ")
        yield f"{indent}</{element.tag}>\r\n"
    elif element.text:
        yield f">{escape(_clean(element.text), {chr(13): '&#13;'})}</{element.tag}>\r\n"
    else:
        yield " />\r\n"


def _clean(text: str) -> str:
    """``text`` without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
