"""Post and reverse entries, and mark accounts to be folded again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import count

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.book.ledger.events import EntryPosted
from app.book.ledger.models import Account, Entry, LedgerChange
from app.book.ledger.references import normal_reference
from app.book.ledger.rules import AccountStatus, EntryKind, SignError, signed
from app.book.portfolios.days import first_open_day
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import posting_date
from app.core.actor import Actor
from app.core.database.bulk import chunked, upsert
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid
from app.core.text import refuse_card_number
from app.core.timeline.payload import Payload
from app.core.timeline.service import about_customer, lock_customers, record

MAX_REFERENCE = 80


def post_entry(
    session: Session,
    account: Account,
    kind: EntryKind,
    amount_minor: int,
    *,
    effective_on: date,
    posted_on: date,
    reference: str,
    description: str = "",
    ended_as: AccountStatus | None = None,
    by: Actor,
    now: datetime,
) -> Entry:
    """Post one entry by hand; `amount_minor` as in a feed (positive, the kind gives the sign). `ended_as`: the end by
    which it takes the balance off the book."""
    reference = normal_reference(reference)
    if not reference:
        raise Invalid("The reference is empty. Enter one that is unique in the portfolio.", "reference")
    assert account.id is not None
    try:
        amount = signed(kind, amount_minor)
    except SignError as error:
        raise Invalid(str(error), "amount") from None
    if amount == 0:
        raise Invalid("The amount is zero. Enter another one.", "amount")
    if effective_on > posted_on:
        raise Invalid("The effective date is in the future. Choose today or an earlier day.", "effective_on")
    for name, text in (("description", description), ("reference", reference)):
        refuse_card_number(text, name)
    taken = select(Entry.id).where(Entry.portfolio_id == account.portfolio_id, Entry.reference == reference)
    if session.scalar(taken):
        raise Conflict(f"Reference {reference} is in the ledger already. Enter another one.")
    entry = Entry(
        portfolio_id=account.portfolio_id,
        account_id=account.id,
        kind=kind,
        amount_minor=amount,
        effective_on=effective_on,
        posted_on=posted_on,
        reference=reference,
        source=by,
        description=description,
        ended_as=ended_as,
        created_at=now,
    )
    _enter(session, account, entry, by=by, now=now)
    return entry


def standing_entries(session: Session, account_ids: Sequence[int], first_on: date) -> Sequence[Entry]:
    """Entries from a day on that are neither reversals nor reversed, in order."""
    reversal = table_of(Entry).alias("reversal")
    query = select(Entry).where(
        col(Entry.account_id).in_(account_ids),
        col(Entry.effective_on) >= first_on,
        col(Entry.kind) != EntryKind.REVERSAL,
        ~sa.exists().where(reversal.c.reverses_id == Entry.id),
    )
    return session.scalars(query.order_by(col(Entry.effective_on), col(Entry.id))).all()


def post_mirror(
    session: Session, account: Account, entry: Entry, reason: str, on: date, *, by: Actor, now: datetime
) -> Entry:
    """The mirror image of an entry, effective `on`. The caller holds the customer's lock and has made sure that
    it may be undone."""
    refuse_card_number(reason, "reason")
    mirror = Entry(
        portfolio_id=entry.portfolio_id,
        account_id=entry.account_id,
        kind=EntryKind.REVERSAL,
        amount_minor=-entry.amount_minor,
        effective_on=on,
        posted_on=posting_date(on, first_open_day(session, entry.portfolio_id)),
        reference=suffixed(entry, "reversal"),
        source=by,
        description=reason[:200],
        reverses_id=entry.id,
        created_at=now,
    )
    _enter(session, account, mirror, changed_from=min(entry.effective_on, on), by=by, now=now)
    return mirror


def lock_account(session: Session, account: Account) -> Account:
    """Lock the account's customer until this transaction ends, and return the account as it is then."""
    lock_customers(session, [account.customer_id])
    return session.get_one(Account, account.id, populate_existing=True)


REINSTATED = "reinstated"


def reinstatement_reference(entry: Entry, taken: Collection[str]) -> str:
    """Return the reference of an entry set against a recovery. A later one is for an account that was reopened in
    between, or for more of the same recovery; `taken` are the references of the account that hold `REINSTATED`."""
    names = (suffixed(entry, f"again:{n}:{REINSTATED}" if n else REINSTATED) for n in count())
    return next(name for name in names if name not in taken)


def fresh_reference(session: Session, account: Account, word: str, on: date) -> str:
    """Make a reference for an entry that came without one: word, account, day and a number. The caller holds the
    customer's lock, so the number is not taken meanwhile."""
    stem = f"{word}:{account.reference}:{on:%Y%m%d}:"
    if len(stem) > MAX_REFERENCE - 4:
        stem = f"{word}:#{account.id}:{on:%Y%m%d}:"
    query = select(sa.func.count()).where(
        Entry.account_id == account.id, col(Entry.reference).startswith(stem, autoescape=True)
    )
    return f"{stem}{(session.scalar(query) or 0) + 1}"


def suffixed(entry: Entry, what: str) -> str:
    """Reference of an entry that belongs to another: the other's and a word, where that fits."""
    reference = f"{entry.reference}:{what}"
    return reference if len(reference) <= MAX_REFERENCE else f"{what}:{entry.id}"


def _enter(
    session: Session,
    account: Account,
    entry: Entry,
    *,
    changed_from: date | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Store an entry, have its account folded from its day on, and put it on record."""
    try:
        with session.begin_nested():
            session.add(entry)
    except IntegrityError:
        # The unique keys are reached only where two people enter the same at the same moment.
        raise Conflict(
            f"Reference {entry.reference} has just been entered by another person. Enter another one."
        ) from None
    assert account.id is not None
    mark_changed(session, account.portfolio_id, {account.id: changed_from or entry.effective_on})
    _record_entry(session, account, entry, by=by, now=now)


def _record_entry(session: Session, account: Account, entry: Entry, *, by: Actor, now: datetime) -> None:
    posted = EntryPosted(
        entry.reference, entry.kind, entry.amount_minor, entry.effective_on, entry.description
    )
    record_on_account(session, account, posted, by=by, now=now)


def record_on_account(
    session: Session, account: Account, payload: Payload, *, by: Actor, now: datetime
) -> None:
    """Put something that was done to an account on its customer's record."""
    event = about_customer(account.customer_id, payload, account_id=account.id)
    record(session, event, by=by, now=now)


TOUCHED = "touched_accounts"
"""Where a session keeps the accounts that its transaction touched."""


def touch(session: Session, portfolio_id: int, account_ids: Iterable[int]) -> None:
    """Note that this transaction moves money, or days, of these accounts."""
    session.info.setdefault(TOUCHED, {}).setdefault(portfolio_id, set()).update(account_ids)


def touched_accounts(session: Session) -> Mapping[int, set[int]]:
    """Portfolio id -> accounts that this transaction touched since `take_touched` was last asked."""
    touched: dict[int, set[int]] = session.info.get(TOUCHED, {})
    return touched


def take_touched(session: Session) -> dict[int, set[int]]:
    """Portfolio id -> accounts that this transaction touched since it was last asked."""
    touched: dict[int, set[int]] = session.info.pop(TOUCHED, {})
    return touched


def mark_changed(session: Session, portfolio_id: int, earliest: Mapping[int, date]) -> None:
    """Note that these accounts have something unfolded from a date on (account id -> date)."""
    touch(session, portfolio_id, earliest)
    table = table_of(LedgerChange)
    for batch in chunked(sorted(earliest.items()), 2000):
        rows = [{"account_id": a, "portfolio_id": portfolio_id, "earliest_on": on} for a, on in batch]
        insert = upsert(session, LedgerChange)
        sooner = sa.case(
            (insert.excluded.earliest_on < table.c.earliest_on, insert.excluded.earliest_on),
            else_=table.c.earliest_on,
        )
        statement = insert.on_conflict_do_update(index_elements=["account_id"], set_={"earliest_on": sooner})
        session.connection().execute(statement, rows)


def mark_all_changed(session: Session, portfolio: Portfolio) -> None:
    """Have every account of a portfolio folded anew from its opening, because a rule of counting changed."""
    account, change = table_of(Account), table_of(LedgerChange)
    assert portfolio.id is not None
    theirs = sa.select(account.c.id, account.c.portfolio_id, account.c.opened_on)
    theirs = theirs.where(account.c.portfolio_id == portfolio.id)
    session.connection().execute(sa.delete(change).where(change.c.portfolio_id == portfolio.id))
    names = ["account_id", "portfolio_id", "earliest_on"]
    session.connection().execute(sa.insert(change).from_select(names, theirs))
