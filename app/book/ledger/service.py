"""Opening portfolios, posting and reversing entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.book.ledger.events import EntryPosted, PortfolioAdded, PortfolioSet
from app.book.ledger.models import Account, DailyRun, Entry, LedgerChange, Portfolio
from app.book.ledger.references import normal_reference
from app.book.ledger.rules import (
    AccountStatus,
    CollectorKind,
    EntryKind,
    SignError,
    posting_date,
    signed,
)
from app.book.portfolios.settings import (
    SETTINGS,
    Changeable,
    PortfolioSetting,
    parse_setting,
    require_together,
    spelt,
)
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.bulk import chunked, upsert
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.money import BadAmount, exponent
from app.core.text import refuse_card_number
from app.core.timeline.payload import Payload
from app.core.timeline.service import (
    about_customer,
    about_portfolio,
    lock_customers,
    record,
)
from app.policy.zones import ZONES

MAX_REFERENCE = 80


def add_portfolio(
    session: Session,
    code: str,
    *,
    creditor: str,
    currency: str,
    timezone: str,
    pack: str,
    collector: CollectorKind,
    by: Actor,
    now: datetime,
    **options: Any,
) -> Portfolio:
    """Open a portfolio. Invalid names the field that is wrong; Conflict if the code is taken."""
    try:
        exponent(currency)
    except BadAmount as error:
        raise Invalid(str(error), "currency") from None
    if timezone not in ZONES:
        raise Invalid(f"unknown time zone {timezone!r}", "timezone")
    if not code or not all(char.isalnum() or char in "-_" for char in code):
        raise Invalid("a portfolio code is letters, digits, - and _", "code")
    if session.scalar(select(Portfolio.id).where(Portfolio.code == code)):
        raise Conflict(f"portfolio {code} exists already")
    if collector is CollectorKind.THIRD_PARTY and options.setdefault("charge_off_days", 0):
        raise Invalid("a collector charges nothing off: the creditor has done that", "charge_off_days")
    portfolio = Portfolio.model_validate(
        {
            "code": code,
            "creditor": creditor,
            "currency": currency,
            "timezone": timezone,
            "pack": pack,
            "collector": collector,
            "created_at": now,
            **options,
        }
    )
    session.add(portfolio)
    session.flush()
    added = PortfolioAdded(code, currency, pack, collector)
    record(session, about_portfolio(id_of(portfolio), added), by=by, now=now)
    return portfolio


def set_portfolio(
    session: Session, portfolio: Portfolio, given: Mapping[str, str], *, by: Actor, now: datetime
) -> dict[str, str]:
    """Change settings of a portfolio, all or none: `given` is name to text as people type it (`SETTINGS` of
    portfolio_settings). Returns what really changed, and records it with the old values. What was agreed or
    closed before stays as it is.

    Invalid names the setting; Conflict where it cannot be changed any more.
    """
    parsed = [parse_setting(name, text, portfolio.currency) for name, text in given.items()]
    changes = [(each, value) for each, value in parsed if value != getattr(portfolio, each.column)]
    for setting, _ in changes:
        _require_changeable(session, portfolio, setting)
    values = {each.column: getattr(portfolio, each.column) for each in SETTINGS}
    require_together(values | {setting.column: value for setting, value in changes})
    was = {each.name: spelt(each, getattr(portfolio, each.column), portfolio.currency) for each, _ in changes}
    portfolio.sqlmodel_update({setting.column: value for setting, value in changes})
    if any(setting.column == "prepayments_count" for setting, _ in changes):
        mark_all_changed(session, portfolio)
    became = {setting.name: spelt(setting, value, portfolio.currency) for setting, value in changes}
    if became:
        record(session, about_portfolio(id_of(portfolio), PortfolioSet(was, became)), by=by, now=now)
    return became


def _require_changeable(session: Session, portfolio: Portfolio, setting: PortfolioSetting) -> None:
    if setting.change is Changeable.NEVER:
        raise Conflict(
            f"{setting.name} of portfolio {portfolio.code} is fixed when it is opened. Open another portfolio."
        )
    if setting.change is Changeable.BEFORE_FIRST_DAY and session.scalar(
        select(DailyRun.id).where(DailyRun.portfolio_id == portfolio.id).limit(1)
    ):
        raise Conflict(
            f"{setting.name} of portfolio {portfolio.code} cannot be changed: days were closed with it. "
            "Open another portfolio."
        )


def settings_of(portfolio: Portfolio) -> dict[str, str]:
    """Every setting of a portfolio as people type it, in the order of `SETTINGS`."""
    return {each.name: spelt(each, getattr(portfolio, each.column), portfolio.currency) for each in SETTINGS}


def get_portfolio(session: Session, code: str) -> Portfolio:
    portfolio = session.scalar(select(Portfolio).where(Portfolio.code == code))
    if portfolio is None:
        raise NotFound(f"no portfolio {code!r}; `desk portfolio add` opens one")
    return portfolio


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
        raise Invalid("the reference is empty", "reference")
    assert account.id is not None
    try:
        amount = signed(kind, amount_minor)
    except SignError as error:
        raise Invalid(str(error), "amount") from None
    if amount == 0:
        raise Invalid("the amount is zero", "amount")
    if effective_on > posted_on:
        raise Invalid("the effective date is in the future", "effective_on")
    for name, text in (("description", description), ("reference", reference)):
        refuse_card_number(text, name)
    taken = select(Entry.id).where(Entry.portfolio_id == account.portfolio_id, Entry.reference == reference)
    if session.scalar(taken):
        raise Conflict(f"reference {reference} is already in the ledger")
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
    """The account as it is once nobody else is deciding about its customer, until this transaction ends."""
    lock_customers(session, [account.customer_id])
    return session.get_one(Account, account.id, populate_existing=True)


def reinstatement_references(entry: Entry) -> list[str]:
    """Names of what is set against a recovery; a later one where the account was reopened in between."""
    return [suffixed(entry, "again:" * n + "reinstated") for n in range(5)]


def fresh_reference(session: Session, account: Account, word: str, on: date) -> str:
    """A reference for an entry that came without one: what, which account, when, and a number. The caller holds
    the customer's lock, so nobody else takes it meanwhile."""
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
        # Found out by the unique keys only where two people do the same at the same moment.
        raise Conflict(f"{entry.reference} has just been entered by somebody else") from None
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


def first_open_day(session: Session, portfolio_id: int) -> date | None:
    """The day after the last one that was closed, into which what comes late is posted; None if none was."""
    query = sa.select(sa.func.max(DailyRun.business_date)).where(
        col(DailyRun.portfolio_id) == portfolio_id, col(DailyRun.finished_at).is_not(None)
    )
    last = session.scalar(query)
    return last + timedelta(days=1) if last else None


def business_date(session: Session, portfolio: Portfolio, now: datetime) -> date:
    """The day to which something done now belongs: today where the portfolio is, or the day that is open if
    today was closed already."""
    today = local_date(now, portfolio.timezone)
    return posting_date(today, first_open_day(session, id_of(portfolio)))


def mark_changed(session: Session, portfolio_id: int, earliest: Mapping[int, date]) -> None:
    """Note that these accounts have something unfolded from a date on (account id -> date)."""
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


def find_account(session: Session, portfolio_id: int, reference: str) -> Account | None:
    """The account of this reference, as `accounts_by_reference` finds it."""
    found = accounts_by_reference(session, portfolio_id, [reference])
    return session.get(Account, found[reference][0]) if reference in found else None


def accounts_by_reference(
    session: Session, portfolio_id: int, references: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """reference, spelt as it was asked for -> (account id, customer id) of those that exist. The exact spelling comes
    first, then the normal one, then another case where exactly one account has it."""
    wanted = {reference: normal_reference(reference) for reference in references}
    exact = _accounts_called(session, portfolio_id, {*wanted, *wanted.values()})
    found = {
        asked: exact.get(asked) or exact[normal]
        for asked, normal in wanted.items()
        if asked in exact or normal in exact
    }
    if missing := {asked: normal.upper() for asked, normal in wanted.items() if asked not in found}:
        by_case: dict[str, list[tuple[int, int]]] = {}
        for reference, ids in _accounts_called(
            session, portfolio_id, set(missing.values()), any_case=True
        ).items():
            by_case.setdefault(reference.upper(), []).append(ids)
        found.update(
            {asked: by_case[upper][0] for asked, upper in missing.items() if len(by_case.get(upper, ())) == 1}
        )
    return found


def _accounts_called(
    session: Session, portfolio_id: int, names: Iterable[str], *, any_case: bool = False
) -> dict[str, tuple[int, int]]:
    """reference -> (account id, customer id); of `any_case` the names are in capitals."""
    table = table_of(Account)
    reference = sa.func.upper(table.c.reference) if any_case else table.c.reference
    found: dict[str, tuple[int, int]] = {}
    for some in chunked(sorted(names), 5000):
        query = sa.select(table.c.reference, table.c.id, table.c.customer_id).where(
            table.c.portfolio_id == portfolio_id, reference.in_(some)
        )
        found.update({ref: (account, customer) for ref, account, customer in session.execute(query)})
    return found
