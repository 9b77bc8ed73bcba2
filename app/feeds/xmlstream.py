"""XML from strangers, read as a stream: no document type, hence no entities, nothing external, nothing that grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol
from xml.parsers import expat

XmlError = expat.ExpatError
"""The text is not well-formed XML, or it ends too early."""


class Forbidden(ValueError):
    """The text declares a document type."""


class Handler(Protocol):
    """What is called for the parts of a document; names come without namespace prefixes' meaning (see `parser`)."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def text(self, content: str) -> None: ...


class Parser:
    """Feed it bytes; it calls the handler. With `namespaces` a name is `namespace}local`, else as it is written."""

    def __init__(self, handler: Handler, *, namespaces: bool = False) -> None:
        parser = expat.ParserCreate(namespace_separator="}" if namespaces else None)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _forbid
        parser.StartElementHandler = handler.start
        parser.EndElementHandler = handler.end
        parser.CharacterDataHandler = handler.text
        self._parse: Callable[[bytes, bool], int] = parser.Parse

    def feed(self, data: bytes) -> None:
        self._parse(data, False)

    def close(self) -> None:
        self._parse(b"", True)


def _forbid(*_: object) -> None:
    raise Forbidden
