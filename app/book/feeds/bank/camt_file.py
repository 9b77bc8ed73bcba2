"""Entries of a camt.054 file, one at a time, however large the file is, with bounds on what it may hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import iterparse

from app.book.feeds.bank.camt_entry import (
    plain,
    text_of,
)
from app.book.ledger.references import real_reference
from app.core.errors import Invalid

MESSAGE = "BkToCstmrDbtCdtNtfctn"


NAMESPACE = re.compile(r"camt\.054\.001\.([0-9]{2})")


VERSIONS = {f"{version:02d}" for version in range(2, 14)}


DEEPEST = 60


MOST_ELEMENTS = 2_000_000
"""Elements of one entry; a batch of 50,000 payments with all details has fewer."""


MAX_STANDSTILL = 1024 * 1024


IN_NOTIFICATION = 3
"""Elements above an entry: Document, BkToCstmrDbtCdtNtfctn and Ntfctn."""


NOT_ITS_OWN = frozenset({"Sts", "Avlbty", "NtryDtls", "NtryRef"})
"""Elements of an entry that may change when a bank sends it again, that are compared separately, or that only count."""


COUNTER = re.compile(r"[0-9]{1,6}")
"""An `NtryRef` that numbers the entries of its own file and says nothing of the entry."""


@dataclass(frozen=True, slots=True)
class Source:
    """Place of an entry in a message. Two pages of one message hold different entries."""

    message: str = ""
    page: str = ""
    """The file or notification, of a message in several."""
    account: str = ""
    named: str = ""


class _Watched:
    """A file that refuses a tag or text without an end. The parser keeps an unfinished one and reads it again with
    every piece, which takes quadratic time."""

    def __init__(self, handle: IO[bytes], name: str) -> None:
        self._handle, self._name = handle, name
        self.standstill = 0
        """Bytes read since the last element."""

    def read(self, size: int) -> bytes:
        piece = self._handle.read(size)
        self.standstill += len(piece)
        if self.standstill > MAX_STANDSTILL:
            raise Invalid(
                f"{self._name} has a text or a tag that is longer than any bank's. Ask the bank for the file again."
            )
        return piece


def entries_of(handle: IO[bytes], name: str) -> Iterator[tuple[Element, Source]]:
    """Entries one after the other, and where each stands; nothing of them is kept here."""
    above: list[Element] = []
    header, notification = dict[str, str](), dict[str, str]()
    watched, elements = _Watched(handle, name), 0
    for event, element in iterparse(watched, events=("start", "end"), forbid_dtd=True):
        watched.standstill = 0
        if event == "start":
            elements = elements + 1 if len(above) > IN_NOTIFICATION else 0
            if len(above) >= DEEPEST or elements > MOST_ELEMENTS:
                raise Invalid(
                    f"{name} has an entry that is larger or deeper than any bank's. Split the file."
                )
            if len(above) < 2:
                _require_camt054(above, element, name)
            above.append(element)
            continue
        above.pop()
        _, element.tag = _split(element)
        if len(above) > IN_NOTIFICATION:
            continue
        match (_split(above[-1])[1] if above else "", element.tag):
            case "GrpHdr", tag:
                header[tag] = text_of(element, "PgNb") or plain(element)
            case "Ntfctn", "Ntry":
                yield element, _source(header, notification)
            case "Ntfctn", "Acct":
                notification["Acct"] = text_of(element, "Id/IBAN") or text_of(element, "Id/Othr/Id")
            case "Ntfctn", tag:
                notification[tag] = text_of(element, "PgNb") or plain(element)
            case _, "Ntfctn":
                notification = {}
        if above:
            above[-1].remove(element)  # memory holds one entry, not the file


def _source(header: Mapping[str, str], notification: Mapping[str, str]) -> Source:
    """Return the place of an entry, by message and page.

    A transaction that one message and page give more than once is another payment each time. One that another message
    gives again may be the same payment. The pages of a message share its id, or that of the notification.
    """
    account, about = notification.get("Acct", ""), notification.get("Id", "")
    named = f"{header.get('MsgId', '')}/{about}"
    pages = header.get("MsgPgntn", ""), notification.get("NtfctnPgntn", "")
    if pages[1] and not pages[0]:
        return Source(hash_of("notification", about), pages[1][:40], account, named)
    made = "" if pages[0] else header.get("CreDtTm", "")
    message = real_reference(header.get("MsgId", ""))
    return Source(hash_of(message or about, made), hash_of(*pages, about), account, named)


def _split(element: Element) -> tuple[str, str]:
    """(namespace, local name)."""
    namespace, _, tag = element.tag.rpartition("}")
    return namespace.removeprefix("{"), tag


def _require_camt054(above: list[Element], element: Element, name: str) -> None:
    """Check the root, and the message in it where the root has no namespace: banks write that in several ways."""
    namespace, tag = _split(element)
    if above:
        if not _split(above[0])[0] and tag != MESSAGE:
            raise Invalid(f"{name} is not an ISO 20022 camt.054 file: it holds {tag[:80]!r}, not {MESSAGE}")
        return
    found = NAMESPACE.search(namespace)
    if (found and found[1] in VERSIONS) or (not namespace and tag == "Document"):
        return
    kind = namespace.rpartition(":")[2]
    if kind.startswith("camt.05"):
        raise Invalid(
            f"{name} is {kind}, which lists the same money again. Load a camt.054 credit notification "
            "(versions 02 to 13)."
        )
    raise Invalid(f"{name} is not an ISO 20022 camt.054 file: its root is {element.tag[:80]!r}")


def hash_of(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:40]
