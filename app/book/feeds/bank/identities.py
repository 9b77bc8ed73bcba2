"""Recognise a bank transaction that another message or page has told before."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.feeds.bank.matching import (
    description,
)
from app.book.feeds.bank.rules import Incoming
from app.book.feeds.cells import Row
from app.book.feeds.models import BankTransaction, UnmatchedPayment
from app.book.ledger.models import Entry
from app.book.ledger.service import MAX_REFERENCE
from app.core.card_numbers import holds_card_number
from app.core.database.bulk import chunked, insert_rows
from app.core.database.engine import table_of
from app.core.types import JsonObject


@dataclass(frozen=True, slots=True)
class Seen:
    """Place of a transaction in a message, and the identifiers it carries."""

    message: str
    page: str
    key: str
    """Hash of everything that the bank says about the transaction."""
    nth: int
    """Number of times this page has given the same transaction, this one included."""
    bank_reference: str
    """'' where the bank gives none of its own."""
    is_repeated: bool
    """True if the file has given this reference to another transaction before."""
    before: str
    """The reference that an earlier release gave it, where it had no other."""
    end_to_end: str = ""
    payer_key: str = ""
    told: str = ""
    """See `BankTransaction.told`."""


def fitting(reference: str) -> str:
    """Return a reference as the ledger can hold it: one that is too long or might be a card number becomes its
    hash."""
    if len(reference) <= MAX_REFERENCE and not holds_card_number(reference):
        return reference
    return f"bank:{hashlib.sha256(reference.encode()).hexdigest()[:40]}"


@dataclass(frozen=True, slots=True)
class KnownTransaction:
    """A payment that the ledger or the list of waiting ones has."""

    amount_minor: int
    paid_on: date
    told: str
    """The description it was stored with."""


@dataclass(frozen=True, slots=True)
class Told:
    """Details that may tell apart two transactions of one reference, amount and day; '' or zeros where none were
    given."""

    end_to_end: str
    payer_key: str
    told: str

    @classmethod
    def of(cls, seen: Seen) -> Told:
        return cls(seen.end_to_end, seen.payer_key, seen.told)

    def may_be(self, other: Told) -> bool:
        """Check whether both can be one payment. A bank says more of a payment the second time: the same end-to-end
        id and payer are enough, and where one of them differs it is another payment."""
        firm = [(self.end_to_end, other.end_to_end), (self.payer_key, other.payer_key)]
        both = [(one, two) for one, two in firm if one and two]
        if both:
            return all(one == two for one, two in both)
        said = [(self.told[:16], other.told[:16]), (self.told[16:], other.told[16:])]
        return all(one == two for one, two in said if one.strip("0") and two.strip("0"))


class Identities:
    """Known transactions of a batch, and references for its new ones."""

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
        self._told: dict[str, list[Told]] = defaultdict(list)
        """reference -> what any message said of it."""
        self._new: list[JsonObject] = []
        self._read(session, seen)
        names = {
            name for each in seen for name in (each.bank_reference, each.before, *self._made(each)) if name
        }
        self.known_transactions = known_transactions(session, portfolio_id, sorted(names))
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
                self._told[reference].append(Told(*told))

    def is_known(self, seen: Seen) -> bool:
        """Check whether this very place was read before, or another message gave the same transaction. The latter is
        recorded."""
        if (seen.message, seen.page, seen.key, seen.nth) in self._places:
            return True
        number = self._number(seen)
        if (name := self._names.get((seen.key, number))) is None:
            return False
        self._note(name, seen, number)
        return True

    def _number(self, seen: Seen) -> int:
        """Return the number of a payment among those that look alike: the first that its message has not given
        yet."""
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
        """Check whether an earlier release stored this payment under a name that other payments could share."""
        known = self.known_transactions.get(seen.before)
        if known is None or self._told[seen.before]:
            return False
        told = {description(payment), payment.remittance, "bank credit, matched by hand"}
        return (known.amount_minor, known.paid_on) == (
            payment.amount_minor,
            payment.paid_on,
        ) and known.told in told

    def conflict(self, name: str, seen: Seen, payment: Incoming) -> str:
        """Describe the difference from the payment that already has this name; '' = there is none."""
        known = self.known_transactions.get(name)
        if known is None:
            return ""
        if known.amount_minor != payment.amount_minor:
            return "already loaded with another amount"
        if known.paid_on != payment.paid_on:
            return "already loaded with another date"
        told = Told.of(seen)
        if self._told[name] and not any(other.may_be(told) for other in self._told[name]):
            return "already loaded for another payer or with another text"
        return ""

    def take(self, name: str, seen: Seen, payment: Incoming) -> bool:
        """Note the transaction under its name; False if the ledger has it already."""
        is_new = name not in self.known_transactions
        self.known_transactions[name] = KnownTransaction(
            payment.amount_minor, payment.paid_on, description(payment)
        )
        self._note(name, seen, self._number(seen))
        return is_new

    def note_return(self, name: str, seen: Seen) -> None:
        self._note(name, seen, self._number(seen))

    def _note(self, name: str, seen: Seen, number: int) -> None:
        self._places.add((seen.message, seen.page, seen.key, seen.nth))
        self._numbers[seen.message, seen.key].add(number)
        self._names[seen.key, number] = name
        self._told[name].append(Told.of(seen))
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


def known_transactions(
    session: Session, portfolio_id: int, references: Sequence[str]
) -> dict[str, KnownTransaction]:
    """reference -> the payment that the ledger or the list of waiting ones has under it."""
    entry, unmatched = table_of(Entry), table_of(UnmatchedPayment)
    found: dict[str, KnownTransaction] = {}
    for names in chunked(references, 5000):
        for columns in (
            (unmatched.c.reference, unmatched.c.amount_minor, unmatched.c.paid_on, unmatched.c.remittance),
            (entry.c.reference, -entry.c.amount_minor, entry.c.effective_on, entry.c.description),
        ):
            table = columns[0].table
            query = sa.select(*columns).where(table.c.portfolio_id == portfolio_id, columns[0].in_(names))
            found.update({ref: KnownTransaction(*rest) for ref, *rest in session.connection().execute(query)})
    return found
