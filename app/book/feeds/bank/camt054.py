"""ISO 20022 camt.054 (bank to customer debit/credit notification): every booked credit is a payment.

An entry is as many payments as `camt_entry` finds in it; `bank_store` stores each of them once. `line` in rejects is
the number of the transaction in the file.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from app.book.feeds.bank.camt_entry import (
    Booked,
    Part,
    Refused,
    booked,
    charges_words,
    credits,
    everything,
    plain,
    returns,
    takes_back,
    text_of,
)
from app.book.feeds.bank.store import Returned, Seen, fitting, store
from app.book.feeds.layouts import BadCell, Layout, Reject, Row
from app.book.feeds.reading.files import Record
from app.book.feeds.reading.parsing import Batch
from app.book.feeds.rules import Incoming, blotted, masked, payer_key
from app.book.ledger.models import Portfolio
from app.book.ledger.references import normal_reference, real_reference
from app.core.errors import DeskError, Invalid

BATCH = 2000
"""Transactions stored at once; the accounts of a portfolio are looked through once a batch."""

MESSAGE = "BkToCstmrDbtCdtNtfctn"
NAMESPACE = re.compile(r"camt\.054\.001\.([0-9]{2})")
VERSIONS = {f"{version:02d}" for version in range(2, 14)}

DEEPEST = 60
MOST_ELEMENTS = 2_000_000
"""Of one entry; a batch of 50,000 payments with all details has fewer."""
MAX_STANDSTILL = 4 * 1024 * 1024

IN_NOTIFICATION = 3
"""Elements above an entry: Document, BkToCstmrDbtCdtNtfctn and Ntfctn."""

NOT_ITS_OWN = frozenset({"Sts", "Avlbty", "NtryDtls", "NtryRef"})
"""Of an entry what may change when a bank sends it again, what is looked at by itself, and what only counts."""

COUNTER = re.compile(r"[0-9]{1,6}")
"""An `NtryRef` that numbers the entries of its own file and says nothing of the entry."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Where in a message an entry stands: two pages of one message hold different entries."""

    message: str = ""
    page: str = ""
    """Of a message in several files or notifications, which of them."""
    account: str = ""
    named: str = ""


@dataclass(frozen=True, slots=True)
class _Transaction:
    """A part of an entry, and the references that the bank gave the entry's details: in their order, and how often
    each stands there."""

    entry: Element
    source: _Source
    booked: Booked
    part: Part
    own: tuple[str, ...]
    times: Mapping[str, int]
    number: int

    @property
    def element(self) -> Element:
        """Where the parties and references of the transaction are."""
        return self.entry if self.part.details is None else self.part.details


# --- reading ------------------------------------------------------------------------------------------------


def read(
    handle: IO[bytes], name: str, currency: str, secret: str, today: date | None = None
) -> Iterator[Row | Reject]:
    """The transactions of a file in order: rows whose values have a `payment` (Incoming) or what was `returned`
    (Returned), with where it was `seen`; and entries that are neither, with the reason.

    `secret` keys the hash under which payers' bank accounts are known; without it they are not. What is dated ahead of
    `today` is refused. Raises Invalid for a file that is no camt.054, DeskError where it breaks off.
    """
    number = 0
    file = _File(secret)
    try:
        for entry, source in _entries(handle, name):
            for row in _understood(entry, number + 1, source, currency, file, today):
                number += 1
                yield row
    except DefusedXmlException:  # a ValueError, so that it is asked first
        raise Invalid(
            f"{name} declares XML entities or a document type, which no bank's file needs"
        ) from None
    except (ParseError, EOFError, OSError, zlib.error, ValueError, LookupError) as error:
        if not number:
            raise Invalid(f"{name} is not XML: {error}") from None
        raise DeskError(
            f"{name} breaks off after {number} transactions ({error}); those are loaded, load the whole file "
            "again to finish"
        ) from None


class _Watched:
    """A file of which one tag or text does not go on for ever: the parser reads what is unfinished again with every
    piece, which takes quadratic time, and keeps it."""

    def __init__(self, handle: IO[bytes], name: str) -> None:
        self._handle, self._name = handle, name
        self.standstill = 0
        """Bytes read since the last element."""

    def read(self, size: int) -> bytes:
        piece = self._handle.read(size)
        self.standstill += len(piece)
        if self.standstill > MAX_STANDSTILL:
            raise Invalid(f"{self._name} has a text or a tag that is longer than any bank's")
        return piece


def _entries(handle: IO[bytes], name: str) -> Iterator[tuple[Element, _Source]]:
    """Entries one after the other, and where each stands; nothing of them is kept here."""
    above: list[Element] = []
    header, notification = dict[str, str](), dict[str, str]()
    watched, elements = _Watched(handle, name), 0
    for event, element in iterparse(watched, events=("start", "end"), forbid_dtd=True):
        watched.standstill = 0
        if event == "start":
            elements = elements + 1 if len(above) > IN_NOTIFICATION else 0
            if len(above) >= DEEPEST or elements > MOST_ELEMENTS:
                raise Invalid(f"{name} has an entry that is larger or deeper than any bank's; split the file")
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


def _source(header: Mapping[str, str], notification: Mapping[str, str]) -> _Source:
    """What is in one message and page more than once is there for another payment each time; what is in another message
    again may be the same one. The pages of a message have its id, or that of the notification, in common."""
    account, about = notification.get("Acct", ""), notification.get("Id", "")
    named = f"{header.get('MsgId', '')}/{about}"
    pages = header.get("MsgPgntn", ""), notification.get("NtfctnPgntn", "")
    if pages[1] and not pages[0]:
        return _Source(_hash("notification", about), pages[1][:40], account, named)
    made = "" if pages[0] else header.get("CreDtTm", "")
    message = real_reference(header.get("MsgId", ""))
    return _Source(_hash(message or about, made), _hash(*pages, about), account, named)


def _split(element: Element) -> tuple[str, str]:
    """(namespace, local name)."""
    namespace, _, tag = element.tag.rpartition("}")
    return namespace.removeprefix("{"), tag


def _require_camt054(above: list[Element], element: Element, name: str) -> None:
    """Of the root, and of the message in it where the root has no namespace: banks write that in several ways."""
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
            f"{name} is {kind}; a camt.054 credit notification is needed (versions 02 to 13), because a "
            "statement or report lists the same money again"
        )
    raise Invalid(f"{name} is not an ISO 20022 camt.054 file: its root is {element.tag[:80]!r}")


def _understood(
    entry: Element, number: int, source: _Source, currency: str, file: _File, today: date | None
) -> Iterator[Row | Reject]:
    """The transactions of an entry, numbered from `number` on; one refusal for an entry that is none."""
    try:
        what = booked(entry, currency, today)
        parts = _parts(entry, what, currency)
    except Refused as refused:
        yield _refused(entry, number, refused)
        return
    own = tuple(
        real_reference(text_of(each, "Refs/AcctSvcrRef")) for each in entry.findall("NtryDtls/TxDtls")
    )
    times = Counter(own)
    for at, part in enumerate(parts):
        transaction = _Transaction(entry, source, what, part, own, times, number + at)
        try:
            yield Row(number + at, _shown(entry), _values(transaction, currency, file))
        except Refused as refused:
            yield _refused(entry, number + at, refused)


def _parts(entry: Element, what: Booked, currency: str) -> list[Part]:
    """What was booked decides whether money came or went, whatever the details say of their direction."""
    if what.is_credit and what.is_reversal:
        raise Refused("CdtDbtInd", "is no payment: a debit taken back")
    if what.is_credit:
        return credits(entry, what.amount_minor, currency)
    if what.is_reversal or takes_back(entry) or any(map(takes_back, entry.findall("NtryDtls/TxDtls"))):
        return returns(entry, what.amount_minor, currency)
    raise Refused("CdtDbtInd", "is no payment: a debit")


def _refused(entry: Element, number: int, refused: Refused) -> Reject:
    return Reject(number, refused.element, str(refused), _shown(entry))


def _shown(entry: Element) -> list[str]:
    """What the rejects file shows of an entry."""
    shown = [text_of(entry, tag) for tag in ("AcctSvcrRef", "Amt", "CdtDbtInd", "AddtlNtryInf")]
    return [blotted(cell) for cell in shown]


def _values(transaction: _Transaction, currency: str, file: _File) -> Mapping[str, Any]:
    is_return = transaction.element.find("RtrInf") is not None
    if transaction.booked.is_credit:
        payment = _incoming(transaction, file, is_return)
        seen = file.seen(transaction, payment)
        return {"payment": replace(payment, reference=seen.bank_reference), "seen": seen}
    if not (
        transaction.booked.is_reversal or takes_back(transaction.entry) or takes_back(transaction.element)
    ):
        raise Refused("CdtDbtInd", "is no payment: a debit")
    seen = file.seen(transaction, None)
    return {"returned": _returned(transaction, currency, file, seen), "seen": seen}


def _incoming(transaction: _Transaction, file: _File, is_return: bool) -> Incoming:
    """A payment as the bank tells it; its reference is given later."""
    part, element = transaction.part, transaction.element
    account = _account(element, "DbtrAcct")
    structured = [plain(node) for node in element.findall("RmtInf/Strd/CdtrRefInf/Ref")]
    free = [plain(node) for node in element.findall("RmtInf/Ustrd")]
    told = text_of(element, "AddtlTxInf") or ("" if part.obstacle else text_of(element, "AddtlNtryInf"))
    return Incoming(
        reference="",
        paid_on=transaction.booked.on,
        amount_minor=part.amount_minor,
        payer_name=blotted(_party(element, "Dbtr") or _party(element, "UltmtDbtr"))[:140],
        payer_account=masked(account),
        payer_key=payer_key(account, file.secret),
        structured=tuple(blotted(text) for text in structured if text),
        end_to_end=blotted(_end_to_end(element)),
        free=blotted(" ".join(text for text in free if text) or told),
        obstacle="a transfer of our own that came back" if is_return else part.obstacle,
        note=part.note,
    )


def _returned(transaction: _Transaction, currency: str, file: _File, seen: Seen) -> Returned:
    element, part = transaction.element, transaction.part
    names = [text_of(element, f"Refs/{tag}") for tag in ("AcctSvcrRef", "TxId", "InstrId", "PmtInfId")]
    keys = [payer_key(_account(element, side), file.secret) for side in ("DbtrAcct", "CdtrAcct")]
    reason = text_of(element, "RtrInf/Rsn/Cd") or text_of(element, "RtrInf/Rsn/Prtry")
    return Returned(
        reference=seen.bank_reference,
        booked_on=transaction.booked.on,
        booked_minor=part.amount_minor,
        amounts=part.originals,
        names=tuple(dict.fromkeys(fitting(name) for name in map(real_reference, names) if name)),
        payer_keys=tuple(key for key in keys if key),
        end_to_end=seen.end_to_end,
        reason=blotted(reason)[:40],
        charges=charges_words(part.details, transaction.entry, currency),
    )


class _File:
    """What is counted over a whole file: how often it has said the same, or given the same reference."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self._again: Counter[tuple[str, ...]] = Counter()

    def seen(self, transaction: _Transaction, payment: Incoming | None) -> Seen:
        source, key = transaction.source, _content(transaction)
        reference = _bank_reference(transaction)
        place = (source.message, source.page, key)
        self._again.update([place, (reference,)])
        return Seen(
            message=source.message,
            page=source.page,
            key=key,
            nth=self._again[place],
            bank_reference=reference,
            is_repeated=self._again[reference,] > 1,
            before=_former_reference(transaction),
            end_to_end=blotted(_end_to_end(transaction.element)),
            payer_key=payment.payer_key if payment else "",
            told=_told(payment.payer_name) + _told(payment.remittance) if payment else "",
        )


def _content(transaction: _Transaction) -> str:
    """Hash of all that the bank says of a transaction, by which it is the same in another file."""
    entry, part = transaction.entry, transaction.part
    told = [*everything(entry, NOT_ITS_OWN)]
    number = real_reference(text_of(entry, "NtryRef"))
    told.append("" if COUNTER.fullmatch(number) else number)
    told += (
        everything(part.details, frozenset()) if part.details is not None else [f"rest {part.amount_minor}"]
    )
    return _hash(transaction.source.account, *map(blotted, told))


def _told(text: str) -> str:
    plain = normal_reference(text).casefold()
    return hashlib.sha256(plain.encode()).hexdigest()[:16] if plain else "0" * 16


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:40]


def _bank_reference(transaction: _Transaction) -> str:
    """The bank's own reference of this one transaction, or ''; unique only as far as the bank keeps it so."""
    part, siblings = transaction.part, transaction.own
    own = siblings[part.at] if part.details is not None else ""
    if own and transaction.times[own] == 1:
        return fitting(own)
    whole = own or real_reference(text_of(transaction.entry, "AcctSvcrRef"))
    if not whole:
        return ""
    if part.details is None:
        return fitting(f"{whole}/rest" if part.at else whole)
    return fitting(f"{whole}/{part.at + 1}" if len(siblings) > 1 else whole)


def _former_reference(transaction: _Transaction) -> str:
    """What a transaction without a reference of its own was called before placeholders were known for what they are."""
    entry, source = transaction.entry, transaction.source
    made = f"{text_of(entry, 'NtryRef')}/{source.named}/{transaction.number}"
    whole = text_of(transaction.element, "Refs/AcctSvcrRef") or text_of(entry, "AcctSvcrRef") or made
    return fitting(f"{whole}/{transaction.part.at + 1}" if len(transaction.own) > 1 else whole)


def _end_to_end(element: Element) -> str:
    return real_reference(text_of(element, "Refs/EndToEndId"))[:80]


def _party(element: Element, side: str) -> str:
    return text_of(element, f"RltdPties/{side}/Nm") or text_of(element, f"RltdPties/{side}/Pty/Nm")


def _account(element: Element, side: str) -> str:
    return text_of(element, f"RltdPties/{side}/Id/IBAN") or text_of(element, f"RltdPties/{side}/Id/Othr/Id")


def batches(
    path: Path, name: str, portfolio: Portfolio, secret: str, skip: int = 0, today: date | None = None
) -> Iterator[Batch]:
    """The transactions of a file, plain or gzip, as the loader stores them, but for the first `skip`."""
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        handle: IO[bytes] = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]
        for items in _by_batch(islice(read(handle, name, portfolio.currency, secret, today), skip, None)):
            yield Batch(
                len(items),
                file.tell(),
                rows=[item for item in items if isinstance(item, Row)],
                rejects=[item for item in items if isinstance(item, Reject)],
                items=[Record(item.line, ()) for item in items],
            )


def _by_batch(items: Iterator[Row | Reject]) -> Iterator[list[Row | Reject]]:
    """What came before the place where a file breaks off is given before the error."""
    batch: list[Row | Reject] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except DeskError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _has_no_columns(_row: Mapping[str, str], _portfolio: Portfolio) -> dict[str, Any]:
    raise BadCell("", "camt.054 is XML and has no columns")


CAMT054 = Layout((), (), _has_no_columns, store)
