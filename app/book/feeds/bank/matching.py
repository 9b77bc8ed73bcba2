"""Whose money is it: payments a bank credited to us, matched by reference, then by payer and amount, else by a person.

The rule is `rules.decide`; here are its facts, what is stored of its answer, and what a person decides in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.models import AccountState
from app.book.feeds.events import PaymentMatched, PaymentUnmatched
from app.book.feeds.rules import (
    Incoming,
    Known,
    Match,
    NoMatch,
    decide,
    keys_in,
    name_words,
    reference_key,
    reference_keys,
    shape_of,
)
from app.book.ledger.corrections import require_day
from app.book.ledger.lifecycle import reinstate_recoveries
from app.book.ledger.models import Account, Customer, Entry, PayerAccount, Statement, UnmatchedPayment
from app.book.ledger.rules import UnmatchedStatus, payment_kind, posting_date
from app.book.ledger.service import first_open_day, mark_changed, post_entry
from app.core.actor import Actor
from app.core.bulk import chunked, insert_rows, upsert
from app.core.db import table_of
from app.core.errors import Conflict, Invalid
from app.core.text import clean_text
from app.core.timeline.service import (
    NewEvent,
    about_customer,
    about_portfolio,
    lock_customers,
    record,
    record_many,
)

SOURCE = Actor("feed:camt054")
LONGEST_RETURN_NOTE = 300


# --- facts from the book ----------------------------------------------------------------------------------------


def match_all(session: Session, portfolio_id: int, payments: Sequence[Incoming]) -> list[Match | NoMatch]:
    """`decide` for each of these payments, with the facts of all of them read at once."""
    keys = {key for payment in payments for found, _ in reference_keys(payment) for key in found}
    by_key = _accounts_by_key(session, portfolio_id, keys)
    payers = {payment.payer_key for payment in payments if payment.payer_key}
    before = _paid_before(session, portfolio_id, payers)
    shapes = _shapes(session, portfolio_id) if payments else frozenset()
    return [decide(payment, by_key, before.get(payment.payer_key, []), shapes) for payment in payments]


def _shapes(session: Session, portfolio_id: int) -> frozenset[str]:
    """How references of this book are written, by the latest of them."""
    query = select(Account.reference).where(Account.portfolio_id == portfolio_id)
    latest = session.scalars(query.order_by(col(Account.id).desc()).limit(500))
    return frozenset(shape for name in latest if (shape := shape_of(reference_key(name))))


def _accounts_by_key(session: Session, portfolio_id: int, keys: Iterable[str]) -> dict[str, list[Known]]:
    account = table_of(Account)
    key: sa.ColumnElement[str] = account.c.reference  # as `rules.reference_key`
    for char in " -./":
        key = sa.func.replace(key, char, "")
    key = sa.func.upper(key)
    found: dict[str, list[Known]] = {}
    for some in chunked(sorted(keys), 20_000):
        query = sa.select(key, *_known_columns()).where(account.c.portfolio_id == portfolio_id, key.in_(some))
        for name, *rest in session.connection().execute(query):
            found.setdefault(name, []).append(_known_as(rest, {}))
    return found


def _known_columns() -> list[sa.Column[Any]]:
    account = table_of(Account)
    return [account.c[name] for name in ("id", "customer_id", "reference", "status", "ended_on", "opened_on")]


def _known_as(row: Sequence[Any], amounts: Mapping[int, str]) -> Known:
    """A row of `_known_columns` and the amounts that would be paid to the account."""
    account_id, customer_id, reference, status, ended_on, opened_on = row
    return Known(account_id, customer_id, reference, status, ended_on, amounts, opened_on)


def _paid_before(session: Session, portfolio_id: int, keys: Iterable[str]) -> dict[str, list[Known]]:
    """payer key -> accounts it has paid for, with the amounts they could be paid by."""
    payer = table_of(PayerAccount)
    account = table_of(Account)
    found: dict[str, list[Known]] = {}
    for some in chunked(sorted(keys), 5000):
        query = (
            sa.select(payer.c.payer_key, payer.c.last_amount_minor, *_known_columns())
            .join(account, account.c.id == payer.c.account_id)
            .where(payer.c.portfolio_id == portfolio_id, payer.c.payer_key.in_(some))
        )
        rows = session.connection().execute(query).all()
        owed = _amounts(session, [row.id for row in rows])
        for row in rows:
            amounts = {**owed.get(row.id, {}), row.last_amount_minor: "what it paid last"}
            known = _known_as(row[2:], amounts)
            found.setdefault(row.payer_key, []).append(known)
    return found


def _amounts(session: Session, account_ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """account id -> amounts that would be paid to it, and what each is."""
    state, statement = table_of(AccountState), table_of(Statement)
    latest = (
        sa.select(statement.c.account_id, sa.func.max(statement.c.closing_on).label("closing_on"))
        .where(statement.c.account_id.in_(account_ids))
        .group_by(statement.c.account_id)
        .subquery()
    )
    bills = sa.select(statement.c.account_id, statement.c.balance_minor, statement.c.minimum_due_minor).join(
        latest,
        sa.and_(latest.c.account_id == statement.c.account_id, latest.c.closing_on == statement.c.closing_on),
    )
    standing = sa.select(state.c.account_id, state.c.balance_minor, state.c.past_due_minor).where(
        state.c.account_id.in_(account_ids)
    )
    found: dict[int, dict[int, str]] = {}
    for query, whole, part in (
        (bills, "the balance of its last statement", "the minimum of its last statement"),
        (standing, "its balance", "its past-due amount"),
    ):
        for account_id, balance, due in session.connection().execute(query):
            found.setdefault(account_id, {}).update(
                {amount: what for amount, what in ((balance, whole), (due, part)) if amount > 0}
            )
    return found


# --- storing ----------------------------------------------------------------------------------------------------


def post_matched(
    session: Session,
    portfolio_id: int,
    matches: Sequence[tuple[Incoming, Match]],
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Post matched payments, remember their payers and put on record how each was matched."""
    if not matches:
        return
    open_on = first_open_day(session, portfolio_id)
    rows, events = [], []
    changed: dict[int, date] = {}
    for payment, match in matches:
        known = match.account
        rows.append(
            {
                "portfolio_id": portfolio_id,
                "account_id": known.account_id,
                "kind": payment_kind(known.status, known.ended_on, payment.paid_on),
                "amount_minor": -payment.amount_minor,
                "effective_on": payment.paid_on,
                "posted_on": posting_date(payment.paid_on, open_on),
                "reference": payment.reference,
                "source": SOURCE,
                "description": description(payment),
                "created_at": now,
            }
        )
        changed[known.account_id] = min(payment.paid_on, changed.get(known.account_id, payment.paid_on))
        how = f"{match.how}; {payment.note}" if payment.note else match.how
        events.append(_matched_event(payment.reference, payment.amount_minor, known, how))
    lock_customers(session, {match.account.customer_id for _, match in matches})
    insert_rows(session, Entry, rows)
    reinstate_recoveries(session, portfolio_id, sorted(changed), now=now)
    mark_changed(session, portfolio_id, changed)
    for payment, match in matches:
        _remember_payer(
            session,
            portfolio_id,
            payment.payer_key,
            match.account.account_id,
            payment.amount_minor,
            payment.paid_on,
        )
    record_many(session, events, by=by, now=now)


def description(payment: Incoming) -> str:
    """How a bank's credit is described in the ledger; a return is found again by the end-to-end id."""
    plain = f"bank credit {payment.end_to_end}".strip()
    return (f"{plain}; {payment.note}" if payment.note else plain)[:200]


def _matched_event(reference: str, amount_minor: int, known: Known, how: str) -> NewEvent:
    matched = PaymentMatched(reference, amount_minor, known.reference, how)
    return about_customer(known.customer_id, matched, account_id=known.account_id)


def _remember_payer(
    session: Session, portfolio_id: int, key: str, account_id: int, amount_minor: int, paid_on: date
) -> None:
    if not key:
        return
    table = table_of(PayerAccount)
    last = {"last_amount_minor": amount_minor, "last_paid_on": paid_on}
    insert = upsert(session, PayerAccount).values(
        portfolio_id=portfolio_id, payer_key=key, account_id=account_id, **last
    )
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["portfolio_id", "payer_key", "account_id"],
            set_=last,
            where=table.c.last_paid_on <= insert.excluded.last_paid_on,
        )
    )


def keep_waiting(
    session: Session,
    portfolio_id: int,
    payments: Sequence[tuple[Incoming, NoMatch]],
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Put payments nobody could be found for where a person sees them."""
    rows = [
        {
            "portfolio_id": portfolio_id,
            "reference": payment.reference,
            "paid_on": payment.paid_on,
            "amount_minor": payment.amount_minor,
            "payer_name": payment.payer_name[:140],
            "payer_account": payment.payer_account[:40],
            "payer_key": payment.payer_key,
            "remittance": payment.remittance,
            "why": _why(payment, no_match),
            "status": UnmatchedStatus.WAITING,
            "decided_by": "",
            "note": "",
            "received_at": now,
        }
        for payment, no_match in payments
    ]
    insert_rows(session, UnmatchedPayment, rows)
    events = [
        about_portfolio(
            portfolio_id, PaymentUnmatched(payment.reference, payment.amount_minor, _why(payment, no_match))
        )
        for payment, no_match in payments
    ]
    record_many(session, events, by=by, now=now)


def _why(payment: Incoming, no_match: NoMatch) -> str:
    return (f"{no_match.why}; {payment.note}" if payment.note else no_match.why)[:300]


# --- a person decides -------------------------------------------------------------------------------------------


def match_payment(
    session: Session, unmatched: UnmatchedPayment, account: Account, *, by: Actor, now: datetime
) -> Entry:
    """Post a waiting payment to an account and remember the payer's bank account for the next time.

    The row is locked first: of two people only one posts it, the other gets Conflict. To an account that was
    charged off before it was paid it is a recovery.
    """
    waiting_one = _locked(session, unmatched)
    if account.portfolio_id != waiting_one.portfolio_id:
        raise Invalid("this account belongs to another portfolio", "account")
    assert account.id is not None
    lock_customers(session, [account.customer_id])
    session.refresh(account)
    paid_on = waiting_one.paid_on
    require_day(session, account, paid_on, now)
    entry = post_entry(
        session,
        account,
        payment_kind(account.status, account.ended_on, paid_on),
        waiting_one.amount_minor,
        effective_on=paid_on,
        posted_on=posting_date(paid_on, first_open_day(session, account.portfolio_id)),
        reference=waiting_one.reference,
        description="bank credit, matched by hand",
        by=by,
        now=now,
    )
    reinstate_recoveries(session, account.portfolio_id, [account.id], now=now)
    _remember_payer(
        session, account.portfolio_id, waiting_one.payer_key, account.id, waiting_one.amount_minor, paid_on
    )
    waiting_one.entry_id = entry.id
    _settle(waiting_one, UnmatchedStatus.MATCHED, "", by, now)
    known = Known(account.id, account.customer_id, account.reference, account.status, account.ended_on)
    event = _matched_event(waiting_one.reference, waiting_one.amount_minor, known, "matched by hand")
    record(session, event, by=by, now=now)
    return entry


def return_payment(
    session: Session, unmatched: UnmatchedPayment, note: str, *, by: Actor, now: datetime
) -> None:
    """A waiting payment goes back to its payer, for the reason in `note`; nothing is posted."""
    empty = f"Say why it goes back, in at most {LONGEST_RETURN_NOTE} characters."
    note = clean_text(note, "note", at_most=LONGEST_RETURN_NOTE, one_line=True, empty=empty)
    settle_returned(session, unmatched, note, by=by, now=now)


def settle_returned(
    session: Session, unmatched: UnmatchedPayment, note: str, *, by: Actor, now: datetime
) -> None:
    """A waiting payment is not ours any more: a person sent it back, or the bank took it back."""
    waiting_one = _locked(session, unmatched)
    _settle(waiting_one, UnmatchedStatus.RETURNED, note, by, now)
    returned = PaymentUnmatched(
        waiting_one.reference, waiting_one.amount_minor, outcome=UnmatchedStatus.RETURNED, note=note
    )
    record(session, about_portfolio(waiting_one.portfolio_id, returned), by=by, now=now)


def _locked(session: Session, unmatched: UnmatchedPayment) -> UnmatchedPayment:
    query = (
        select(UnmatchedPayment)
        .where(UnmatchedPayment.id == unmatched.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalars(query).one()
    if found.status is not UnmatchedStatus.WAITING:
        raise Conflict(f"this payment is {found.status.value} already, by {found.decided_by}")
    return found


def _settle(
    unmatched: UnmatchedPayment, status: UnmatchedStatus, note: str, by: Actor, now: datetime
) -> None:
    unmatched.status = status
    unmatched.note = note
    unmatched.decided_by = by
    unmatched.decided_at = now


# --- reading ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaitingSummary:
    count: int
    amount_minor: int
    oldest_paid_on: date | None


def waiting(session: Session, portfolio_id: int, *, limit: int = 200) -> list[UnmatchedPayment]:
    """Payments that wait for a person, the oldest first."""
    query = (
        select(UnmatchedPayment)
        .where(
            UnmatchedPayment.portfolio_id == portfolio_id,
            UnmatchedPayment.status == UnmatchedStatus.WAITING,
        )
        .order_by(col(UnmatchedPayment.paid_on), col(UnmatchedPayment.id))
        .limit(limit)
    )
    return list(session.scalars(query))


def waiting_summary(session: Session, portfolio_id: int) -> WaitingSummary:
    """How many payments wait, how much money that is, and since when the oldest."""
    table = table_of(UnmatchedPayment)
    query = sa.select(
        sa.func.count(),
        sa.cast(sa.func.coalesce(sa.func.sum(table.c.amount_minor), 0), sa.BigInteger),
        sa.func.min(table.c.paid_on),
    ).where(table.c.portfolio_id == portfolio_id, table.c.status == UnmatchedStatus.WAITING)
    return WaitingSummary(*session.connection().execute(query).one())


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that a waiting payment may be for, and every reason to think so."""

    account_id: int
    reference: str
    full_name: str
    reasons: tuple[str, ...]


MAX_CANDIDATES = 10


def candidates(session: Session, unmatched: UnmatchedPayment) -> list[Candidate]:
    """Accounts a waiting payment may be for, those with the most reasons first; at most MAX_CANDIDATES."""
    portfolio_id, amount = unmatched.portfolio_id, unmatched.amount_minor
    reasons: dict[int, list[str]] = {}
    for known in _paid_before(session, portfolio_id, {unmatched.payer_key} - {""}).get(
        unmatched.payer_key, []
    ):
        reasons.setdefault(known.account_id, []).append("this bank account has paid for it before")
    keys = keys_in(unmatched.remittance)
    for named in _accounts_by_key(session, portfolio_id, keys).values():
        for known in named:
            reasons.setdefault(known.account_id, []).append(f"{known.reference} is named")
    for account_id, reference in _similar(session, portfolio_id, keys):
        reasons.setdefault(account_id, [f"{reference} is one character from what is named"])
    namesakes = _named_like(session, portfolio_id, unmatched.payer_name)
    for account_id in namesakes:
        reasons.setdefault(account_id, []).append("the payer has the cardholder's name")
    owing = {account_id: namesakes[account_id] for account_id in _owing(session, list(namesakes))}
    if len(set(owing.values())) == 1:
        for account_id in owing:
            reasons[account_id].append("no other customer with open debt has this name")
    for account_id in _past_due_by(session, portfolio_id, amount):
        reasons.setdefault(account_id, [])
    owed = _amounts(session, list(reasons))
    for account_id, why in reasons.items():
        if what := owed.get(account_id, {}).get(amount):
            why.append(f"the amount is {what}")
    best = sorted(reasons, key=lambda account_id: (-len(reasons[account_id]), account_id))[:MAX_CANDIDATES]
    query = (
        select(Account.id, Account.reference, Customer.full_name)
        .join(Customer, col(Customer.id) == Account.customer_id)
        .where(col(Account.id).in_(best))
    )
    rows = {account_id: (reference, name) for account_id, reference, name in session.execute(query)}
    return [Candidate(a, *rows[a], tuple(reasons[a])) for a in best]


def _similar(session: Session, portfolio_id: int, keys: Iterable[str]) -> list[tuple[int, str]]:
    """Accounts whose reference is one digit, or two swapped neighbours, from a key; looked up by index."""
    variants: dict[str, None] = {}
    for key in [key for key in keys if len(key) >= 5 and any(map(str.isdigit, key))][:8]:
        for at, char in enumerate(key):
            if char.isdigit():
                others = [d for d in "0123456789" if d != char]
                variants.update(dict.fromkeys(key[:at] + d + key[at + 1 :] for d in others))
                variants.setdefault(key[:at] + key[at + 1 :])
            if at:
                variants.setdefault(key[: at - 1] + char + key[at - 1] + key[at + 1 :])
        variants.update(
            dict.fromkeys(key[:at] + d + key[at:] for at in range(len(key) + 1) for d in "0123456789")
        )
        variants.pop(key, None)
    query = select(Account.id, Account.reference).where(
        Account.portfolio_id == portfolio_id, col(Account.reference).in_(list(variants)[:5000])
    )
    return [(account_id or 0, reference) for account_id, reference in session.execute(query.limit(20))]


def _named_like(session: Session, portfolio_id: int, name: str) -> dict[int, int]:
    """account id -> customer id, of customers with the payer's name. The database finds names that may be it, whatever
    their accents and case; `name_words` decides."""
    wanted = name_words(name)
    if not wanted or (len(wanted) == 1 and wanted[0].isascii()):
        return {}
    full_name = sa.func.lower(Customer.full_name)
    query = (
        select(Account.id, Customer.id, Customer.full_name)
        .join(Customer, col(Customer.id) == Account.customer_id)
        .where(
            Customer.portfolio_id == portfolio_id,
            *(full_name.like(f"%{_firm(word)}%") for word in wanted[:8]),
        )
    )
    rows = session.execute(query.limit(20_000))
    found = [(account, customer) for account, customer, other in rows if name_words(other) == wanted]
    return {account or 0: customer or 0 for account, customer in found[:20]}


def _firm(word: str) -> str:
    """A word as a pattern of LIKE: letters that never have an accent, or are no Latin ones, and anything between."""
    return re.sub(r"[^bfhjkmpqvwx0-9\u2e80-\uffff]+", "%", word)


def _owing(session: Session, account_ids: Sequence[int]) -> Sequence[int]:
    """Those of these accounts on which something is owed."""
    query = (
        select(Entry.account_id)
        .where(col(Entry.account_id).in_(account_ids))
        .group_by(col(Entry.account_id))
        .having(sa.func.sum(Entry.amount_minor) > 0)
    )
    return session.scalars(query).all()


def _past_due_by(session: Session, portfolio_id: int, amount_minor: int) -> Sequence[int]:
    """Accounts that are past due by exactly this amount; none where it is so common that it says nothing."""
    query = (
        select(AccountState.account_id)
        .where(AccountState.portfolio_id == portfolio_id, AccountState.past_due_minor == amount_minor)
        .limit(6)
    )
    found = session.scalars(query).all()
    return found if len(found) < 6 else []
