"""What a bank told of, stored once: payments posted or left waiting, and payments that it took back.

A bank's reference tells one transaction from another only where the bank keeps it unique, and many do not. So each
transaction is also known by all that the bank says of it: what one message says twice are two payments, what another
message says again is the same one. `BankTransaction` remembers where each was said.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.actions.reversals import reverse_entry
from app.book.feeds.bank.matching import (
    SOURCE,
    description,
    keep_waiting,
    match_all,
    post_matched,
    settle_returned,
)
from app.book.feeds.layouts import CONFLICT, Reject, Row, Stored
from app.book.feeds.rules import Incoming, Match, NoMatch
from app.book.ledger.models import BankTransaction, Entry, PayerAccount, Portfolio, UnmatchedPayment
from app.book.ledger.rules import EntryKind, UnmatchedStatus
from app.book.ledger.service import MAX_REFERENCE
from app.core.bulk import chunked, insert_rows
from app.core.card_numbers import holds_card_number
from app.core.db import table_of
from app.core.errors import Conflict
from app.core.ids import id_of


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a message says a transaction, and what it is known by."""

    message: str
    page: str
    key: str
    """Hash of all the bank says of it."""
    nth: int
    """How often this page has said the same by now."""
    bank_reference: str
    """'' where the bank gives none of its own."""
    is_repeated: bool
    """Whether the file has given this reference to another transaction before."""
    before: str
    """The reference it had in books of an earlier release, where it had no other."""
    end_to_end: str = ""
    payer_key: str = ""
    told: str = ""
    """See `BankTransaction.told`."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A payment of ours the bank took back. `names` are references the payment may have been booked under, `amounts`
    what it may have been, likeliest first, `charges` in words what the banks took besides."""

    reference: str
    booked_on: date
    booked_minor: int
    amounts: tuple[int, ...]
    names: tuple[str, ...]
    payer_keys: tuple[str, ...]
    end_to_end: str
    reason: str
    charges: str

    @property
    def why(self) -> str:
        return f"returned by the bank: {self.reference} {self.reason}".strip()

    @property
    def described(self) -> str:
        return f"{self.why}; the bank charged {self.charges} for it" if self.charges else self.why


def fitting(reference: str) -> str:
    """A reference as the ledger can hold it: what is too long or might be a card number is known by its hash."""
    if len(reference) <= MAX_REFERENCE and not holds_card_number(reference):
        return reference
    return f"bank:{hashlib.sha256(reference.encode()).hexdigest()[:40]}"


def store(session: Session, portfolio: Portfolio, rows: list[Row], now: datetime) -> Stored:
    """Post what can be matched, keep the rest waiting, take back what was returned. The same transaction again is
    unchanged; a bank reference that comes with other content in another message is a conflict."""
    portfolio_id = id_of(portfolio)
    stored = Stored()
    identities = _Identities(session, portfolio_id, rows)
    fresh: list[Incoming] = []
    for row in rows:
        if "payment" in row.values:
            payment = _new_payment(row, identities, stored)
            fresh += [payment] if payment else []
    found = list(zip(fresh, match_all(session, portfolio_id, fresh), strict=True))
    matched = [(payment, answer) for payment, answer in found if isinstance(answer, Match)]
    waiting = [(payment, answer) for payment, answer in found if isinstance(answer, NoMatch)]
    post_matched(session, portfolio_id, matched, by=SOURCE, now=now)
    keep_waiting(session, portfolio_id, waiting, by=SOURCE, now=now)
    stored.loaded += len(fresh)
    identities.flush(session, now)
    for row in rows:
        if "returned" in row.values:
            _take_back(session, portfolio_id, row, identities, stored, now)
    identities.flush(session, now)
    return stored


def _new_payment(row: Row, identities: _Identities, stored: Stored) -> Incoming | None:
    """The payment under the reference it gets, or None if it is known or in conflict with one that is."""
    seen: Seen = row.values["seen"]
    payment: Incoming = row.values["payment"]
    if identities.is_known(seen):
        stored.unchanged += 1
        return None
    name = identities.name_for(seen, payment)
    if why := identities.conflict(name, seen, payment):
        stored.rejects.append(
            Reject(row.line, "AcctSvcrRef", f"{CONFLICT}this bank reference is {why}", row.cells)
        )
        return None
    is_new = identities.take(name, seen, payment)
    stored.unchanged += not is_new
    return replace(payment, reference=name) if is_new else None


# --- what is known --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """A payment that the ledger or the list of waiting ones has."""

    amount_minor: int
    paid_on: date
    told: str
    """What it was described by when it was stored."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What may tell apart two transactions of one reference, amount and day; '' or zeros where nothing was said."""

    end_to_end: str
    payer_key: str
    told: str

    @classmethod
    def of(cls, seen: Seen) -> _Told:
        return cls(seen.end_to_end, seen.payer_key, seen.told)

    def may_be(self, other: _Told) -> bool:
        """Banks say more of a payment the second time: the same end-to-end id and payer are enough, and where one of
        them differs it is another payment."""
        firm = [(self.end_to_end, other.end_to_end), (self.payer_key, other.payer_key)]
        both = [(one, two) for one, two in firm if one and two]
        if both:
            return all(one == two for one, two in both)
        said = [(self.told[:16], other.told[:16]), (self.told[16:], other.told[16:])]
        return all(one == two for one, two in said if one.strip("0") and two.strip("0"))


class _Identities:
    """Which transactions of a batch are known, and what the others are called."""

    def __init__(self, session: Session, portfolio_id: int, rows: Sequence[Row]) -> None:
        self._portfolio_id = portfolio_id
        seen: list[Seen] = [row.values["seen"] for row in rows]
        self._given = Counter(each.bank_reference for each in seen if each.bank_reference)
        self._places: set[tuple[str, str, str, int]] = set()
        self._numbers: dict[tuple[str, str], set[int]] = defaultdict(set)
        """(message, key) -> which of the payments that look alike it has said already."""
        self._lowest: dict[tuple[str, str], int] = defaultdict(lambda: 1)
        """(message, key) -> no number below is free: a bank may say the same fifty thousand times."""
        self._names: dict[tuple[str, int], str] = {}
        """(key, number among those that look alike) -> reference."""
        self._told: dict[str, list[_Told]] = defaultdict(list)
        """reference -> what was said of it, wherever that was."""
        self._new: list[dict[str, Any]] = []
        self._read(session, seen)
        names = {
            name for each in seen for name in (each.bank_reference, each.before, *self._made(each)) if name
        }
        self._known = _known(session, portfolio_id, sorted(names))
        self._read_told(session, sorted(names))

    def _read(self, session: Session, seen: Sequence[Seen]) -> None:
        table = table_of(BankTransaction)
        for keys in chunked(sorted({each.key for each in seen}), 5000):
            query = sa.select(
                table.c.message, table.c.page, table.c.key, table.c.nth, table.c.number, table.c.reference
            ).where(table.c.portfolio_id == self._portfolio_id, table.c.key.in_(keys))
            for message, page, key, nth, number, reference in session.connection().execute(query):
                self._places.add((message, page, key, nth))
                self._numbers[message, key].add(number)
                self._names[key, number] = reference

    def _read_told(self, session: Session, names: Sequence[str]) -> None:
        table = table_of(BankTransaction)
        for some in chunked(names, 5000):
            query = sa.select(table.c.reference, table.c.end_to_end, table.c.payer_key, table.c.told).where(
                table.c.portfolio_id == self._portfolio_id, table.c.reference.in_(some)
            )
            for reference, *told in session.connection().execute(query):
                self._told[reference].append(_Told(*told))

    def is_known(self, seen: Seen) -> bool:
        """Whether this very place was read before, or another message said the same; noted if so."""
        if (seen.message, seen.page, seen.key, seen.nth) in self._places:
            return True
        number = self._number(seen)
        if (name := self._names.get((seen.key, number))) is None:
            return False
        self._note(name, seen, number)
        return True

    def _number(self, seen: Seen) -> int:
        """Which of the payments that look alike this is: the first that its message has not said yet."""
        place = (seen.message, seen.key)
        while self._lowest[place] in self._numbers[place]:
            self._lowest[place] += 1
        return self._lowest[place]

    def name_for(self, seen: Seen, payment: Incoming | None) -> str:
        """The bank's reference where it is one of its own, else one made of what the bank says."""
        if self._is_own(seen):
            return seen.bank_reference
        if payment is not None and self._was_stored(seen, payment):
            return seen.before
        return self._made(seen, self._number(seen))[0]

    def _is_own(self, seen: Seen) -> bool:
        is_once = self._given[seen.bank_reference] == 1 and not seen.is_repeated
        return bool(seen.bank_reference) and is_once and self._number(seen) == 1

    @staticmethod
    def _made(seen: Seen, number: int = 1) -> tuple[str]:
        again = f"/{number}" if number > 1 else ""
        if seen.bank_reference:
            return (fitting(f"{seen.bank_reference}/{seen.key[:12]}{again}"),)
        return (f"bank:{seen.key[:32]}{again}",)

    def _was_stored(self, seen: Seen, payment: Incoming) -> bool:
        """Whether an earlier release stored this payment under a name that it could not tell from others."""
        known = self._known.get(seen.before)
        if known is None or self._told[seen.before]:
            return False
        told = {description(payment), payment.remittance, "bank credit, matched by hand"}
        return (known.amount_minor, known.paid_on) == (
            payment.amount_minor,
            payment.paid_on,
        ) and known.told in told

    def conflict(self, name: str, seen: Seen, payment: Incoming) -> str:
        """What differs from the payment that has this name, in words, or ''."""
        known = self._known.get(name)
        if known is None:
            return ""
        if known.amount_minor != payment.amount_minor:
            return "already loaded with another amount"
        if known.paid_on != payment.paid_on:
            return "already loaded with another date"
        told = _Told.of(seen)
        if self._told[name] and not any(other.may_be(told) for other in self._told[name]):
            return "already loaded for another payer or with another text"
        return ""

    def take(self, name: str, seen: Seen, payment: Incoming) -> bool:
        """Note the transaction under its name; False if the ledger has it already."""
        is_new = name not in self._known
        self._known[name] = _Known(payment.amount_minor, payment.paid_on, description(payment))
        self._note(name, seen, self._number(seen))
        return is_new

    def note_return(self, name: str, seen: Seen) -> None:
        self._note(name, seen, self._number(seen))

    def _note(self, name: str, seen: Seen, number: int) -> None:
        self._places.add((seen.message, seen.page, seen.key, seen.nth))
        self._numbers[seen.message, seen.key].add(number)
        self._names[seen.key, number] = name
        self._told[name].append(_Told.of(seen))
        self._new.append(
            {
                "portfolio_id": self._portfolio_id,
                "message": seen.message,
                "page": seen.page,
                "key": seen.key,
                "nth": seen.nth,
                "number": number,
                "reference": name,
                "bank_reference": seen.bank_reference,
                "end_to_end": seen.end_to_end,
                "payer_key": seen.payer_key,
                "told": seen.told,
            }
        )

    def flush(self, session: Session, now: datetime) -> None:
        insert_rows(session, BankTransaction, [{**row, "read_at": now} for row in self._new])
        self._new = []


def _known(session: Session, portfolio_id: int, references: Sequence[str]) -> dict[str, _Known]:
    """reference -> the payment that the ledger or the list of waiting ones has under it."""
    entry, unmatched = table_of(Entry), table_of(UnmatchedPayment)
    found: dict[str, _Known] = {}
    for names in chunked(references, 5000):
        for columns in (
            (unmatched.c.reference, unmatched.c.amount_minor, unmatched.c.paid_on, unmatched.c.remittance),
            (entry.c.reference, -entry.c.amount_minor, entry.c.effective_on, entry.c.description),
        ):
            table = columns[0].table
            query = sa.select(*columns).where(table.c.portfolio_id == portfolio_id, columns[0].in_(names))
            found.update({ref: _Known(*rest) for ref, *rest in session.connection().execute(query)})
    return found


# --- what the bank took back ----------------------------------------------------------------------------------


def _take_back(
    session: Session, portfolio_id: int, row: Row, identities: _Identities, stored: Stored, now: datetime
) -> None:
    seen: Seen = row.values["seen"]
    if identities.is_known(seen):
        stored.unchanged += 1
        return
    name = identities.name_for(seen, None)
    returned: Returned = replace(row.values["returned"], reference=name)
    names = _names_of(session, portfolio_id, returned)
    if (what := _take_back_waiting(session, portfolio_id, returned, names, now)) is not None:
        stored.loaded += what
        stored.unchanged += not what
        identities.note_return(name, seen)
        return
    candidates = _originals(session, portfolio_id, returned, names)
    mirrors = _mirrors(session, [id_of(entry) for entry in candidates])
    if any(_tells(why, returned.why) for why in mirrors.values()):
        stored.unchanged += 1
        identities.note_return(name, seen)
        return
    standing = [entry for entry in candidates if entry.id not in mirrors]
    if len(standing) != 1:
        how_many = "no payment" if not standing else f"{len(standing)} payments"
        why = f"takes back a payment, and {how_many} of this amount could be meant; reverse it by hand"
        stored.rejects.append(Reject(row.line, "RtrInf", why, row.cells))
        return
    try:
        _reverse(session, standing[0], returned, now)
    except Conflict as error:
        stored.rejects.append(Reject(row.line, "RtrInf", f"cannot be taken back: {error.message}", row.cells))
        return
    identities.note_return(name, seen)
    stored.loaded += 1


def _reverse(session: Session, original: Entry, returned: Returned, now: datetime) -> None:
    """Charges are told, not posted: who bears them is for a person to say."""
    reverse_entry(
        session,
        original,
        reason=returned.described,
        posted_on=max(returned.booked_on, original.effective_on),
        by=SOURCE,
        now=now,
    )


def _tells(text: str, start: str) -> bool:
    return text == start or text.startswith(f"{start};")


def _names_of(session: Session, portfolio_id: int, returned: Returned) -> set[str]:
    """Our references of the transactions that the return names by the bank's."""
    table = table_of(BankTransaction)
    query = sa.select(table.c.reference).where(
        table.c.portfolio_id == portfolio_id, table.c.bank_reference.in_(returned.names)
    )
    return {*returned.names, *session.connection().execute(query).scalars()}


def _take_back_waiting(
    session: Session, portfolio_id: int, returned: Returned, names: Iterable[str], now: datetime
) -> bool | None:
    """Settle a payment that waits; False if it waits no more, None if the bank does not name one."""
    query = select(UnmatchedPayment).where(
        UnmatchedPayment.portfolio_id == portfolio_id,
        col(UnmatchedPayment.reference).in_(list(names)),
        col(UnmatchedPayment.amount_minor).in_(returned.amounts),
        col(UnmatchedPayment.entry_id).is_(None),
    )
    unmatched = session.scalars(query.order_by(col(UnmatchedPayment.id))).first()
    if unmatched is None:
        return None
    if unmatched.status is not UnmatchedStatus.WAITING:
        return False
    settle_returned(session, unmatched, returned.described[:300], by=SOURCE, now=now)
    return True


def _originals(
    session: Session, portfolio_id: int, returned: Returned, names: Iterable[str]
) -> Sequence[Entry]:
    """Payments that may be meant, of the likeliest amount that has some: booked under a reference that it names, else
    of accounts that its bank account has paid for or that it names; the end-to-end id tells several apart."""
    paid = select(Entry).where(
        Entry.portfolio_id == portfolio_id,
        col(Entry.kind).in_((EntryKind.PAYMENT, EntryKind.RECOVERY)),
    )
    accounts = _accounts_of(session, portfolio_id, returned)
    end_to_end = _names_by_end_to_end(session, portfolio_id, returned.end_to_end)
    for amount in returned.amounts:
        of_amount = paid.where(Entry.amount_minor == -amount)
        if found := session.scalars(of_amount.where(col(Entry.reference).in_(list(names)))).all():
            return found
        found = session.scalars(
            of_amount.where(
                sa.or_(col(Entry.account_id).in_(accounts), col(Entry.reference).in_(end_to_end)),
                Entry.effective_on <= returned.booked_on,
            )
        ).all()
        told = [each for each in found if each.reference in end_to_end or _is_described(each, returned)]
        if found:
            return told or found
    return []


def _is_described(entry: Entry, returned: Returned) -> bool:
    return bool(returned.end_to_end) and _tells(entry.description, f"bank credit {returned.end_to_end}")


def _accounts_of(session: Session, portfolio_id: int, returned: Returned) -> set[int]:
    payers = select(PayerAccount.account_id).where(
        PayerAccount.portfolio_id == portfolio_id, col(PayerAccount.payer_key).in_(returned.payer_keys)
    )
    as_payment = Incoming(
        returned.reference, returned.booked_on, returned.booked_minor, end_to_end=returned.end_to_end
    )
    named = match_all(session, portfolio_id, [as_payment])
    return {*session.scalars(payers), *(m.account.account_id for m in named if isinstance(m, Match))}


def _names_by_end_to_end(session: Session, portfolio_id: int, end_to_end: str) -> set[str]:
    if not end_to_end:
        return set()
    table = table_of(BankTransaction)
    query = sa.select(table.c.reference).where(
        table.c.portfolio_id == portfolio_id, table.c.end_to_end == end_to_end
    )
    return set(session.connection().execute(query).scalars())


def _mirrors(session: Session, entry_ids: Iterable[int]) -> Mapping[int, str]:
    """entry id -> why it was reversed, of those that were."""
    query = select(Entry.reverses_id, Entry.description).where(col(Entry.reverses_id).in_(list(entry_ids)))
    return {reverses_id or 0: why for reverses_id, why in session.execute(query)}
