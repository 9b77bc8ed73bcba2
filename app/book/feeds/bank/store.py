"""Store each bank transaction once: post payments or leave them waiting, and reverse returned ones.

A bank's reference identifies a transaction only where the bank keeps it unique, and many do not. So each transaction
is also identified by all that the bank says of it: the same content twice in one message is two payments, in another
message it is the same payment again. `BankTransaction` records each place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.feeds.bank.identities import Identities, Seen
from app.book.feeds.bank.matching import (
    SOURCE,
    FindInstalments,
    keep_waiting,
    match_all,
    no_instalments,
    post_matched,
    settle_returned,
)
from app.book.feeds.bank.rules import Incoming, Match, NoMatch
from app.book.feeds.cells import CONFLICT, Reject, Row, Stored
from app.book.feeds.models import BankTransaction, PayerAccount, UnmatchedPayment
from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind, UnmatchedStatus
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict
from app.core.ids import id_of


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


class TakeBack(Protocol):
    """Reverse a payment that the bank took back, with what it had brought about elsewhere (agreements, the case): a
    verb of a layer above, given by the caller."""

    def __call__(
        self, session: Session, entry: Entry, *, reason: str, posted_on: date, by: Actor, now: datetime
    ) -> Entry: ...


def store(
    session: Session,
    portfolio: Portfolio,
    rows: list[Row],
    take_back: TakeBack,
    now: datetime,
    find_instalments: FindInstalments = no_instalments,
) -> Stored:
    """Post what can be matched, keep the rest waiting, take back what was returned. The same transaction again is
    unchanged; a bank reference that comes with other content in another message is a conflict."""
    portfolio_id = id_of(portfolio)
    stored = Stored()
    identities = Identities(session, portfolio_id, rows)
    fresh: list[Incoming] = []
    for row in rows:
        if "payment" in row.values:
            payment = _new_payment(row, identities, stored)
            fresh += [payment] if payment else []
    found = list(zip(fresh, match_all(session, portfolio_id, fresh, find_instalments), strict=True))
    matched = [(payment, answer) for payment, answer in found if isinstance(answer, Match)]
    waiting = [(payment, answer) for payment, answer in found if isinstance(answer, NoMatch)]
    post_matched(session, portfolio_id, matched, by=SOURCE, now=now)
    keep_waiting(session, portfolio_id, waiting, by=SOURCE, now=now)
    stored.loaded += len(fresh)
    identities.flush(session, now)
    for row in rows:
        if "returned" in row.values:
            _take_back(session, portfolio_id, row, identities, stored, take_back, now)
    identities.flush(session, now)
    return stored


def _new_payment(row: Row, identities: Identities, stored: Stored) -> Incoming | None:
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


# --- what the bank took back ----------------------------------------------------------------------------------


def _take_back(
    session: Session,
    portfolio_id: int,
    row: Row,
    identities: Identities,
    stored: Stored,
    take_back: TakeBack,
    now: datetime,
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
        _reverse(session, standing[0], returned, take_back, now)
    except Conflict as error:
        stored.rejects.append(Reject(row.line, "RtrInf", f"cannot be taken back: {error.message}", row.cells))
        return
    identities.note_return(name, seen)
    stored.loaded += 1


def _reverse(
    session: Session, original: Entry, returned: Returned, take_back: TakeBack, now: datetime
) -> None:
    """Reverse a returned payment. Its charges are told, not posted: a person decides who bears them."""
    take_back(
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
        # The parts of one that was split are payments of their own: a person takes the split back.
        col(UnmatchedPayment.status) != UnmatchedStatus.SPLIT,
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
    """Map the id of each reversed entry to the reason of its reversal."""
    entry = table_of(Entry)
    query = sa.select(entry.c.reverses_id, entry.c.description).where(
        entry.c.reverses_id.in_(list(entry_ids))
    )
    return {reverses_id: why for reverses_id, why in session.execute(query)}
