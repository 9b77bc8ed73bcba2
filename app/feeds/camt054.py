"""ISO 20022 camt.054 (bank to customer debit/credit notification): every booked credit is a payment.

A batch entry with details is as many payments as it has transactions. A booked debit that reverses or returns a
payment of ours takes that payment back. `line` in rejects is the number of the transaction in the file.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

import sqlalchemy as sa
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse
from sqlmodel import Session, col, select

from app.db import chunked, table_of
from app.errors import Conflict, DeskError, Invalid
from app.feeds.layouts import CONFLICT, BadCell, Layout, Reject, Row, Stored
from app.feeds.matching import SOURCE, description, keep_waiting, match_all, post_matched, settle_returned
from app.feeds.reading import Record
from app.feeds.rules import Incoming, Match, NoMatch, blotted, masked, payer_key
from app.feeds.understanding import Batch
from app.ledger.models import Entry, PayerAccount, Portfolio, UnmatchedPayment
from app.ledger.rules import EntryKind, UnmatchedStatus, holds_card_number
from app.ledger.service import MAX_REFERENCE, reverse_entry
from app.money import BadAmount, to_minor

BATCH = 2000
"""Transactions stored at once; the accounts of a portfolio are looked through once a batch."""

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.054.001."
VERSIONS = {f"{version:02d}" for version in range(2, 14)}

IN_NOTIFICATION = 3
"""Elements above an entry: Document, BkToCstmrDbtCdtNtfctn and Ntfctn."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A payment of ours the bank took back. `names` are references the payment may have been booked under."""

    reference: str
    booked_on: date
    amount_minor: int
    names: tuple[str, ...]
    payer_keys: tuple[str, ...]
    end_to_end: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Transaction:
    """The `at`-th transaction of an entry, whose `own` references are those the bank gave its transactions.
    `details` is None for an entry without."""

    number: int
    entry: Element
    details: Element | None
    at: int
    own: Sequence[str]
    message: str

    @property
    def part(self) -> Element:
        """Where the parties and references of the transaction are."""
        return self.entry if self.details is None else self.details


class _Refused(ValueError):
    """A transaction that is no payment; carries the element that says so."""

    def __init__(self, element: str, reason: str) -> None:
        super().__init__(reason)
        self.element = element


# --- reading ------------------------------------------------------------------------------------------------


def read(handle: IO[bytes], name: str, currency: str, secret: str) -> Iterator[Row | Reject]:
    """The transactions of a file in order: rows whose values have a `payment` (Incoming) or what was `returned`
    (Returned), and those that are neither, with the reason.

    `secret` keys the hash under which payers' bank accounts are known; without it they are not. Raises Invalid for
    a file that is no camt.054, DeskError where it breaks off.
    """
    number = 0
    try:
        for entry, message in _entries(handle, name):
            details = entry.findall("NtryDtls/TxDtls")
            own = [_text(part, "Refs/AcctSvcrRef") for part in details]
            for at, part in enumerate(details or [None]):
                number += 1
                yield _understood(_Transaction(number, entry, part, at, own, message), currency, secret)
    except (ParseError, EOFError, OSError, zlib.error) as error:
        if not number:
            raise Invalid(f"{name} is not XML: {error}") from None
        raise DeskError(
            f"{name} breaks off after {number} transactions ({error}); those are loaded, load the whole file "
            "again to finish"
        ) from None
    except DefusedXmlException:
        raise Invalid(
            f"{name} declares XML entities or a document type, which no bank's file needs"
        ) from None


def _entries(handle: IO[bytes], name: str) -> Iterator[tuple[Element, str]]:
    """(entry, message id and notification id) one after the other; nothing of them is kept here."""
    above: list[Element] = []
    message = notification = ""
    for event, element in iterparse(handle, events=("start", "end"), forbid_dtd=True):
        if event == "start":
            if not above:
                _require_camt054(*_split(element), name)
            above.append(element)
            continue
        above.pop()
        _, element.tag = _split(element)
        if len(above) > IN_NOTIFICATION:
            continue
        match (_split(above[-1])[1] if above else "", element.tag):
            case "GrpHdr", "MsgId":
                message = _plain(element)
            case "Ntfctn", "Id":
                notification = _plain(element)
            case "Ntfctn", "Ntry":
                yield element, f"{message}/{notification}"
            case _, "Ntfctn":
                notification = ""
        if above:
            above[-1].remove(element)  # memory holds one entry, not the file


def _split(element: Element) -> tuple[str, str]:
    """(namespace, local name)."""
    namespace, _, tag = element.tag.rpartition("}")
    return namespace.removeprefix("{"), tag


def _require_camt054(namespace: str, root: str, name: str) -> None:
    if namespace.startswith(NAMESPACE) and namespace.removeprefix(NAMESPACE)[:2] in VERSIONS:
        return
    kind = namespace.rpartition(":")[2]
    if kind.startswith("camt.05"):
        raise Invalid(
            f"{name} is {kind}; a camt.054 credit notification is needed (versions 02 to 13), because a "
            "statement or report lists the same money again"
        )
    raise Invalid(f"{name} is not an ISO 20022 camt.054 file: its root is {root[:80]!r}")


def _understood(transaction: _Transaction, currency: str, secret: str) -> Row | Reject:
    entry = transaction.entry
    try:
        reference = _reference(transaction)
        return Row(transaction.number, (reference,), _values(transaction, reference, currency, secret))
    except _Refused as refused:
        shown = [_text(entry, tag) for tag in ("AcctSvcrRef", "Amt", "CdtDbtInd", "AddtlNtryInf")]
        return Reject(transaction.number, refused.element, str(refused), [blotted(cell) for cell in shown])


def _values(transaction: _Transaction, reference: str, currency: str, secret: str) -> Mapping[str, Any]:
    entry, part = transaction.entry, transaction.part
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if status != "BOOK":
        raise _Refused("Sts", f"is not booked: {status[:20] or 'no status'}")
    direction = _text(part, "CdtDbtInd") or _text(entry, "CdtDbtInd")
    is_reversal = _text(entry, "RvslInd") in {"true", "1"}
    is_return = part.find("RtrInf") is not None
    amount, on = _amount(transaction, currency), _value_date(entry)
    if direction == "CRDT" and not is_reversal:
        return {"payment": _incoming(part, reference, on, amount, _obstacle(transaction, is_return), secret)}
    if direction == "DBIT" and (is_reversal or is_return):
        return {"returned": _returned(part, reference, on, amount, secret)}
    raise _Refused(
        "CdtDbtInd", "is no payment: " + ("a debit" if direction == "DBIT" else "a debit taken back")
    )


def _obstacle(transaction: _Transaction, is_return: bool) -> str:
    if is_return:
        return "a transfer of our own that came back"
    batch = _text(transaction.entry, "NtryDtls/Btch/NbOfTxs")
    if transaction.details is None and batch not in {"", "1"}:
        return f"the bank tells only the sum of a batch of {batch[:9]} payments"
    return ""


def _incoming(part: Element, reference: str, on: date, amount: int, obstacle: str, secret: str) -> Incoming:
    account = _account(part, "DbtrAcct")
    structured = [_plain(node) for node in part.findall("RmtInf/Strd/CdtrRefInf/Ref")]
    free = [_plain(node) for node in part.findall("RmtInf/Ustrd")]
    return Incoming(
        reference=reference,
        paid_on=on,
        amount_minor=amount,
        payer_name=blotted(_party(part, "Dbtr") or _party(part, "UltmtDbtr"))[:140],
        payer_account=masked(account),
        payer_key=payer_key(account, secret),
        structured=tuple(blotted(text) for text in structured if text),
        end_to_end=blotted(_end_to_end(part)),
        free=blotted(" ".join(text for text in free if text) or _text(part, "AddtlTxInf")),
        obstacle=obstacle,
    )


def _returned(part: Element, reference: str, on: date, amount: int, secret: str) -> Returned:
    names = [_text(part, f"Refs/{tag}") for tag in ("AcctSvcrRef", "TxId", "InstrId", "PmtInfId")]
    keys = [payer_key(_account(part, side), secret) for side in ("DbtrAcct", "CdtrAcct")]
    reason = _text(part, "RtrInf/Rsn/Cd") or _text(part, "RtrInf/Rsn/Prtry")
    return Returned(
        reference,
        on,
        amount,
        tuple(dict.fromkeys(_fitting(name) for name in names if name)),
        tuple(key for key in keys if key),
        blotted(_end_to_end(part)),
        blotted(reason)[:40],
    )


def _reference(transaction: _Transaction) -> str:
    """The bank's own reference of this one transaction; made from the message where it gives none."""
    entry, siblings = transaction.entry, transaction.own
    own = siblings[transaction.at] if siblings else ""
    if own and siblings.count(own) == 1:
        return _fitting(own)
    made = f"{_text(entry, 'NtryRef')}/{transaction.message}/{transaction.number}"
    whole = own or _text(entry, "AcctSvcrRef") or made
    return _fitting(f"{whole}/{transaction.at + 1}" if len(siblings) > 1 else whole)


def _fitting(reference: str) -> str:
    """A reference as the ledger can hold it: what is too long or might be a card number is known by its hash."""
    if len(reference) <= MAX_REFERENCE and not holds_card_number(reference):
        return reference
    return f"bank:{hashlib.sha256(reference.encode()).hexdigest()[:40]}"


def _amount(transaction: _Transaction, currency: str) -> int:
    """In minor units; of a transaction alone in its entry what was booked, whatever was instructed abroad."""
    node = transaction.entry.find("Amt")
    if len(transaction.own) > 1:
        own = transaction.part.find("Amt")
        node = own if own is not None else transaction.part.find("AmtDtls/TxAmt/Amt")
    if node is None:
        raise _Refused("Amt", "is missing")
    if node.get("Ccy") != currency:
        raise _Refused(
            "Amt", f"is in {(node.get('Ccy') or 'no currency')[:8]}, the portfolio's currency is {currency}"
        )
    try:
        amount = to_minor(node.text or "", currency)
    except BadAmount as error:
        raise _Refused("Amt", str(error)) from None
    if amount <= 0:
        raise _Refused("Amt", "of a payment must be positive")
    return amount


def _value_date(entry: Element) -> date:
    """When the money counts: the value date, else the booking date."""
    for tag in ("ValDt/Dt", "ValDt/DtTm", "BookgDt/Dt", "BookgDt/DtTm"):
        if text := _text(entry, tag):
            try:
                on = date.fromisoformat(text[:10])
            except ValueError:
                raise _Refused(tag, f"is not a date: {text[:20]!r}") from None
            if not 1950 <= on.year <= 2199:
                raise _Refused(tag, f"is not a date between 1950 and 2199: {text[:20]!r}")
            return on
    raise _Refused("ValDt", "is missing, and so is the booking date")


def _end_to_end(part: Element) -> str:
    text = _text(part, "Refs/EndToEndId")
    return "" if text == "NOTPROVIDED" else text[:80]


def _party(part: Element, side: str) -> str:
    return _text(part, f"RltdPties/{side}/Nm") or _text(part, f"RltdPties/{side}/Pty/Nm")


def _account(part: Element, side: str) -> str:
    return _text(part, f"RltdPties/{side}/Id/IBAN") or _text(part, f"RltdPties/{side}/Id/Othr/Id")


def _text(element: Element, path: str) -> str:
    node: Element | None = element
    for tag in path.split("/"):
        node = node.find(tag) if node is not None else None
    return _plain(node)


def _plain(node: Element | None) -> str:
    return " ".join((node.text or "").split()) if node is not None else ""


def batches(path: Path, name: str, portfolio: Portfolio, secret: str, skip: int = 0) -> Iterator[Batch]:
    """The transactions of a file, plain or gzip, as the loader stores them, but for the first `skip`."""
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        handle: IO[bytes] = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]
        for items in _by_batch(islice(read(handle, name, portfolio.currency, secret), skip, None)):
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


# --- storing ------------------------------------------------------------------------------------------------


def store(session: Session, portfolio: Portfolio, rows: list[Row], now: datetime) -> Stored:
    """Post what can be matched, keep the rest waiting, take back what was returned. Known by the bank's reference:
    the same payment again is unchanged, with another amount or date it is a conflict."""
    portfolio_id = portfolio.id or 0
    stored = Stored()
    known = _known(
        session, portfolio_id, [row.values["payment"].reference for row in rows if "payment" in row.values]
    )
    fresh: list[Incoming] = []
    for row in rows:
        payment = row.values.get("payment")
        if payment is None:
            continue
        content = (payment.amount_minor, payment.paid_on)
        other = known.get(payment.reference)
        if other is None:
            known[payment.reference] = content
            fresh.append(payment)
        elif other == content:
            stored.unchanged += 1
        else:
            differing = "amount" if other[0] != content[0] else "date"
            reason = f"{CONFLICT}this bank reference is already loaded with another {differing}"
            stored.rejects.append(Reject(row.line, "AcctSvcrRef", reason, row.cells))
    found = list(zip(fresh, match_all(session, portfolio_id, fresh), strict=True))
    matched = [(payment, answer) for payment, answer in found if isinstance(answer, Match)]
    waiting = [(payment, answer) for payment, answer in found if isinstance(answer, NoMatch)]
    post_matched(session, portfolio_id, matched, by=SOURCE, now=now)
    keep_waiting(session, portfolio_id, waiting, by=SOURCE, now=now)
    stored.loaded += len(fresh)
    for row in rows:
        if "returned" in row.values:
            _take_back(session, portfolio_id, row, stored, now)
    return stored


def _known(session: Session, portfolio_id: int, references: Sequence[str]) -> dict[str, tuple[int, date]]:
    """reference -> (amount, day) of payments the ledger or the list of waiting ones has."""
    entry, unmatched = table_of(Entry), table_of(UnmatchedPayment)
    found: dict[str, tuple[int, date]] = {}
    for names in chunked(references, 5000):
        for columns in (
            (unmatched.c.reference, unmatched.c.amount_minor, unmatched.c.paid_on),
            (entry.c.reference, -entry.c.amount_minor, entry.c.effective_on),
        ):
            table = columns[0].table
            query = sa.select(*columns).where(table.c.portfolio_id == portfolio_id, columns[0].in_(names))
            found.update({ref: (amount, on) for ref, amount, on in session.connection().execute(query)})
    return found


def _take_back(session: Session, portfolio_id: int, row: Row, stored: Stored, now: datetime) -> None:
    returned: Returned = row.values["returned"]
    reason = f"returned by the bank: {returned.reference} {returned.reason}".strip()
    unmatched = session.scalars(
        select(UnmatchedPayment).where(
            UnmatchedPayment.portfolio_id == portfolio_id,
            col(UnmatchedPayment.reference).in_(returned.names),
            col(UnmatchedPayment.entry_id).is_(None),
        )
    ).first()
    if unmatched is not None:
        if unmatched.status is UnmatchedStatus.WAITING:
            settle_returned(session, unmatched, reason, by=SOURCE, now=now)
            stored.loaded += 1
        else:
            stored.unchanged += 1
        return
    candidates = _originals(session, portfolio_id, returned)
    mirrors = _mirrors(session, [entry.id or 0 for entry in candidates])
    if reason in mirrors.values():
        stored.unchanged += 1
        return
    standing = [entry for entry in candidates if entry.id not in mirrors]
    if len(standing) != 1:
        how_many = "no payment" if not standing else f"{len(standing)} payments"
        why = f"takes back a payment, and {how_many} of this amount could be meant; reverse it by hand"
        stored.rejects.append(Reject(row.line, "RtrInf", why, row.cells))
        return
    (original,) = standing
    try:
        reverse_entry(
            session,
            original,
            reason=reason,
            posted_on=max(returned.booked_on, original.effective_on),
            by=SOURCE,
            now=now,
        )
        stored.loaded += 1
    except Conflict as error:
        stored.rejects.append(Reject(row.line, "RtrInf", f"cannot be taken back: {error.message}", row.cells))


def _originals(session: Session, portfolio_id: int, returned: Returned) -> Sequence[Entry]:
    """Payments of this amount that may be meant: booked under a reference the return names, else of accounts this
    bank account has paid for or whose reference it names; the end-to-end id decides between several."""
    paid = select(Entry).where(
        Entry.portfolio_id == portfolio_id,
        col(Entry.kind).in_((EntryKind.PAYMENT, EntryKind.RECOVERY)),
        Entry.amount_minor == -returned.amount_minor,
    )
    if found := session.scalars(paid.where(col(Entry.reference).in_(returned.names))).all():
        return found
    payers = select(PayerAccount.account_id).where(
        PayerAccount.portfolio_id == portfolio_id, col(PayerAccount.payer_key).in_(returned.payer_keys)
    )
    named = match_all(session, portfolio_id, [_as_payment(returned)])
    accounts = {*session.scalars(payers), *(m.account.account_id for m in named if isinstance(m, Match))}
    found = session.scalars(
        paid.where(col(Entry.account_id).in_(accounts), Entry.effective_on <= returned.booked_on)
    ).all()
    told = [entry for entry in found if entry.description == description(returned.end_to_end)]
    return told if returned.end_to_end and told else found


def _as_payment(returned: Returned) -> Incoming:
    return Incoming(
        returned.reference, returned.booked_on, returned.amount_minor, end_to_end=returned.end_to_end
    )


def _mirrors(session: Session, entry_ids: Iterable[int]) -> dict[int, str]:
    """entry id -> why it was reversed, of those that were."""
    query = select(Entry.reverses_id, Entry.description).where(col(Entry.reverses_id).in_(list(entry_ids)))
    return {reverses_id or 0: why for reverses_id, why in session.execute(query)}


def _has_no_columns(_row: Mapping[str, str], _portfolio: Portfolio) -> dict[str, Any]:
    raise BadCell("", "camt.054 is XML and has no columns")


CAMT054 = Layout((), (), _has_no_columns, store)
