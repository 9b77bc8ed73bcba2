"""Matching of payments that a bank credited to us: by reference, then by payer and amount, else by a person.

`rules.decide` is the rule. This file gathers its facts, stores its answer, and applies what a person decides in its
place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.feeds.bank.queries import accounts_by_key, paid_before
from app.book.feeds.bank.rules import (
    Incoming,
    Known,
    Match,
    NamedInstalment,
    NoMatch,
    creditor_references,
    decide,
    reference_key,
    reference_keys,
    shape_of,
)
from app.book.feeds.events import PaymentMatched, PaymentUnmatched
from app.book.feeds.models import PayerAccount, UnmatchedPayment
from app.book.ledger.corrections.entries import require_day
from app.book.ledger.ends.recoveries import reinstate_recoveries
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import UnmatchedStatus, payment_kind
from app.book.ledger.service import mark_changed, post_entry
from app.book.portfolios.days import first_open_day
from app.book.portfolios.rules import posting_date
from app.core.actor import Actor
from app.core.database.bulk import insert_rows, upsert
from app.core.database.engine import table_of
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


# --- facts from the ledger --------------------------------------------------------------------------------------


FindInstalments = Callable[[Session, int, Collection[str]], Mapping[str, NamedInstalment]]
"""Instalments of agreements in a portfolio, by what follows the check digits of their references: a read of a layer
above, given by the caller."""


def no_instalments(
    _session: Session, _portfolio_id: int, _bodies: Collection[str]
) -> Mapping[str, NamedInstalment]:
    return {}


def match_all(
    session: Session,
    portfolio_id: int,
    payments: Sequence[Incoming],
    find_instalments: FindInstalments = no_instalments,
) -> list[Match | NoMatch]:
    """Decide for each of these payments, with the facts of all of them read at once."""
    keys = {key for payment in payments for found, _ in reference_keys(payment) for key in found}
    by_key = accounts_by_key(session, portfolio_id, keys)
    payers = {payment.payer_key for payment in payments if payment.payer_key}
    before = paid_before(session, portfolio_id, payers)
    shapes = _shapes(session, portfolio_id) if payments else frozenset()
    texts = (text for each in payments for text in (*each.structured, each.end_to_end, each.free))
    bodies = {reference[4:] for text in texts for reference in creditor_references(text)}
    named = find_instalments(session, portfolio_id, bodies) if bodies else {}
    return [decide(payment, by_key, before.get(payment.payer_key, []), shapes, named) for payment in payments]


def _shapes(session: Session, portfolio_id: int) -> frozenset[str]:
    """Spelling of this portfolio's references, learnt from the latest ones."""
    query = select(Account.reference).where(Account.portfolio_id == portfolio_id)
    latest = session.scalars(query.order_by(col(Account.id).desc()).limit(500))
    return frozenset(shape for name in latest if (shape := shape_of(reference_key(name))))


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
                "description": description(payment, match.named),
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


def description(payment: Incoming, named: str = "") -> str:
    """Describe a bank's credit for the ledger; a return is found again by the end-to-end id, an instalment by its
    reference."""
    plain = f"bank credit {payment.end_to_end}".strip()
    return "; ".join(part for part in (plain, named, payment.note) if part)[:200]


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
    """Store payments without an account on the list that a person works."""
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
        raise Invalid(
            f"Account {account.reference} belongs to another portfolio. Choose one of this portfolio.",
            "account",
        )
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
        description=_by_hand(waiting_one),
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


def _by_hand(unmatched: UnmatchedPayment) -> str:
    """Describe it for the ledger, with the reference of the instalment that the payer named."""
    return "; ".join(["bank credit, matched by hand", *creditor_references(unmatched.remittance)[:1]])[:200]


def return_payment(
    session: Session, unmatched: UnmatchedPayment, note: str, *, by: Actor, now: datetime
) -> None:
    """Send a waiting payment back to its payer, for the reason in `note`; nothing is posted."""
    empty = f"Say why it goes back, in at most {LONGEST_RETURN_NOTE} characters."
    note = clean_text(note, "note", at_most=LONGEST_RETURN_NOTE, one_line=True, empty=empty)
    settle_returned(session, unmatched, note, by=by, now=now)


def settle_returned(
    session: Session, unmatched: UnmatchedPayment, note: str, *, by: Actor, now: datetime
) -> None:
    """Close a waiting payment that is not ours any more: a person sent it back, or the bank took it back."""
    waiting_one = _locked(session, unmatched)
    _settle(waiting_one, UnmatchedStatus.RETURNED, note, by, now)
    returned = PaymentUnmatched(
        waiting_one.reference, waiting_one.amount_minor, outcome=UnmatchedStatus.RETURNED, note=note
    )
    record(session, about_portfolio(waiting_one.portfolio_id, returned), by=by, now=now)


def settle_split(
    session: Session, unmatched: UnmatchedPayment, note: str, *, by: Actor, now: datetime
) -> None:
    """Close a waiting payment that was split over several accounts; its parts have references of their own."""
    waiting_one = _locked(session, unmatched)
    _settle(waiting_one, UnmatchedStatus.SPLIT, note, by, now)
    split = PaymentUnmatched(
        waiting_one.reference, waiting_one.amount_minor, outcome=UnmatchedStatus.SPLIT, note=note
    )
    record(session, about_portfolio(waiting_one.portfolio_id, split), by=by, now=now)


def wait_again(session: Session, unmatched: UnmatchedPayment, why: str, *, by: Actor, now: datetime) -> None:
    """Put a payment whose split was taken back on the list again, whole."""
    if unmatched.status is not UnmatchedStatus.SPLIT:
        raise Conflict(f"This payment is {unmatched.status.value}, not split.")
    unmatched.status, unmatched.note, unmatched.decided_by, unmatched.decided_at = (
        UnmatchedStatus.WAITING,
        "",
        "",
        None,
    )
    unmatched.why = f"its split was taken back: {why}"[:300]
    told = PaymentUnmatched(unmatched.reference, unmatched.amount_minor, unmatched.why)
    record(session, about_portfolio(unmatched.portfolio_id, told), by=by, now=now)


def _locked(session: Session, unmatched: UnmatchedPayment) -> UnmatchedPayment:
    query = (
        select(UnmatchedPayment)
        .where(UnmatchedPayment.id == unmatched.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalars(query).one()
    if found.status is not UnmatchedStatus.WAITING:
        raise Conflict(f"This payment is {found.status.value} already, by {found.decided_by}.")
    return found


def _settle(
    unmatched: UnmatchedPayment, status: UnmatchedStatus, note: str, by: Actor, now: datetime
) -> None:
    unmatched.status = status
    unmatched.note = note
    unmatched.decided_by = by
    unmatched.decided_at = now


# --- reading ----------------------------------------------------------------------------------------------------
