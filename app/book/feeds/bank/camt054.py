"""ISO 20022 camt.054 (bank to customer debit/credit notification): every booked credit is a payment.

An entry is as many payments as `camt_entry` finds in it; `store` stores each of them once. `line` in rejects is
the number of the transaction in the file.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException

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
from app.book.feeds.bank.camt_file import COUNTER, NOT_ITS_OWN, Source, entries_of, hash_of
from app.book.feeds.bank.identities import Seen, fitting
from app.book.feeds.bank.rules import Incoming, blotted, masked, payer_key
from app.book.feeds.bank.store import Returned
from app.book.feeds.cells import BadCell, Layout, Reject, Row
from app.book.feeds.reading.lines import Record
from app.book.feeds.reading.parsing import Batch
from app.book.ledger.references import normal_reference, real_reference
from app.book.portfolios.models import Portfolio
from app.core.errors import DeskError, Invalid
from app.core.types import JsonObject, Values

BATCH = 2000
"""Transactions stored at once; the accounts of a portfolio are looked through once a batch."""


@dataclass(frozen=True, slots=True)
class _Transaction:
    """A part of an entry, and the references that the bank gave the entry's details: in their order, and how often
    each stands there."""

    entry: Element
    source: Source
    booked: Booked
    part: Part
    own: tuple[str, ...]
    times: Mapping[str, int]
    number: int

    @property
    def element(self) -> Element:
        """Return the element that holds the parties and references of the transaction."""
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
        for entry, source in entries_of(handle, name):
            for row in _understood(entry, number + 1, source, currency, file, today):
                number += 1
                yield row
    except DefusedXmlException:  # a ValueError, so that it is asked first
        raise Invalid(
            f"{name} declares XML entities or a document type, which no bank's file needs. "
            "Ask the bank for a plain file."
        ) from None
    except (ParseError, EOFError, OSError, zlib.error, ValueError, LookupError) as error:
        if not number:
            raise Invalid(f"{name} is not XML ({error}). Load the file as the bank sent it.") from None
        raise DeskError(
            f"{name} breaks off after {number} transactions ({error}). Those are loaded. Load the whole file "
            "again to finish."
        ) from None


def _understood(
    entry: Element, number: int, source: Source, currency: str, file: _File, today: date | None
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
    """Return the payments or returns of an entry. The booking decides whether money came or went; the direction that
    the details state does not."""
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
    """Return the cells that the rejects file shows of an entry."""
    shown = [text_of(entry, tag) for tag in ("AcctSvcrRef", "Amt", "CdtDbtInd", "AddtlNtryInf")]
    return [blotted(cell) for cell in shown]


def _values(transaction: _Transaction, currency: str, file: _File) -> Values:
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
    """Counts over a whole file: how often it has given the same transaction, or the same reference."""

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
    """Hash all that the bank says of a transaction; the same hash in another file is the same transaction."""
    entry, part = transaction.entry, transaction.part
    told = [*everything(entry, NOT_ITS_OWN)]
    number = real_reference(text_of(entry, "NtryRef"))
    told.append("" if COUNTER.fullmatch(number) else number)
    told += (
        everything(part.details, frozenset()) if part.details is not None else [f"rest {part.amount_minor}"]
    )
    return hash_of(transaction.source.account, *map(blotted, told))


def _told(text: str) -> str:
    plain = normal_reference(text).casefold()
    return hashlib.sha256(plain.encode()).hexdigest()[:16] if plain else "0" * 16


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
    """Return the reference that earlier releases gave a transaction without one of its own, before they knew
    placeholders."""
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
    """Yield the rows in batches. The rows before the place where a file breaks off come before the error."""
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


def _has_no_columns(_row: Mapping[str, str], _portfolio: Portfolio) -> JsonObject:
    raise BadCell("", "camt.054 is XML and has no columns")


CAMT054 = Layout((), (), _has_no_columns)
