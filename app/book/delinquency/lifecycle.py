"""Pauses, re-ages, charge-off and dormancy: changes of delinquency by hand and by the night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.events import AccountReAged, PauseEnded, PauseSet, ReAgeUndone
from app.book.delinquency.models import AccountState, Pause, ReAge
from app.book.delinquency.queries import disputed_minor, owed_minor
from app.book.delinquency.re_age import ReAgeFacts, ReAgeRefusal, review_re_age
from app.book.delinquency.service import fold_accounts, standing_on
from app.book.ledger.balances import balance_of
from app.book.ledger.ends.after_reversal import last_end
from app.book.ledger.ends.status import set_status
from app.book.ledger.models import Account, Entry, Statement
from app.book.ledger.rules import COLLECTABLE, ENDED, AccountStatus, EntryKind
from app.book.ledger.service import lock_account, mark_changed, record_on_account
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.core.actor import SYSTEM, Actor
from app.core.database.bulk import chunked
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT, Role
from app.core.text import clean_reason, counted
from app.core.timeline.service import lock_customers
from app.policy.sections.pauses import PauseKind
from app.policy.sections.re_age import ReAgeRule

MAX_REASON = 300

# --- pauses ---------------------------------------------------------------------------------------------------


def set_pause(
    session: Session,
    account: Account,
    kind: PauseKind,
    from_on: date,
    to_on: date | None,
    reason: str,
    *,
    hold_id: int | None = None,
    by: Actor,
    now: datetime,
) -> Pause:
    """Days [from_on, to_on) that do not count; no `to_on` = until ended. May lie in the past and overlap others.
    `hold_id`: the hold that it comes with."""
    reason = clean_reason(reason, at_most=MAX_REASON)
    if to_on is not None and to_on <= from_on:
        raise Invalid("The pause ends before it begins. Choose a later last day.", "to_on")
    if from_on < account.opened_on:
        raise Invalid(
            f"Account {account.reference} was opened on {account.opened_on}, after this day. Choose a later one.",
            "from_on",
        )
    if (to_on or from_on).year > 2199:
        raise Invalid("The date is out of range. Choose one before 2200.", "to_on" if to_on else "from_on")
    lock_customers(session, [account.customer_id])
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    pause = Pause(
        portfolio_id=account.portfolio_id,
        account_id=id_of(account),
        kind=kind,
        from_on=from_on,
        to_on=to_on,
        reason=reason,
        hold_id=hold_id,
        by=by,
        posted_on=business_date(session, portfolio, now),
        created_at=now,
    )
    session.add(pause)
    session.flush()
    mark_changed(session, account.portfolio_id, {pause.account_id: from_on})
    told = PauseSet(id_of(pause), kind, from_on, to_on, reason)
    record_on_account(session, account, told, by=by, now=now)
    return pause


def end_pause(session: Session, pause: Pause, on: date, *, by: Actor, now: datetime) -> None:
    """Let days count again from `on`. If `on` is the pause's first day or earlier, the pause never was."""
    account = session.get_one(Account, pause.account_id)
    lock_customers(session, [account.customer_id])
    pause = session.get_one(Pause, pause.id, populate_existing=True)
    if pause.to_on is not None and pause.to_on <= on:
        raise Conflict(f"This pause ended on {pause.to_on} already. There is nothing to end.")
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    ended = PauseEnded(
        id_of(pause),
        pause.kind,
        pause.from_on,
        on,
        until=pause.to_on,
        set_on=pause.posted_on,
        posted_on=business_date(session, portfolio, now),
    )
    if on <= pause.from_on:
        session.delete(pause)
    else:
        pause.to_on, pause.ended_by = on, by
    session.flush()
    mark_changed(session, account.portfolio_id, {id_of(account): max(on, pause.from_on)})
    record_on_account(session, account, ended, by=by, now=now)


# --- re-age ---------------------------------------------------------------------------------------------------


class ReAgeRefused(Conflict):
    """An account may not be re-aged; `refusals` are all the reasons."""

    def __init__(self, refusals: Sequence[ReAgeRefusal]) -> None:
        super().__init__("; ".join(refusal.detail for refusal in refusals))
        self.refusals = list(refusals)


def re_age(
    session: Session,
    account: Account,
    rule: ReAgeRule | None,
    reason: str,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> ReAge:
    """Bring an account current at the end of the open business day, under the pack's rule. Managers only;
    ReAgeRefused with every reason why not."""
    if role not in MANAGEMENT:
        raise Forbidden("Your role may not re-age accounts. Ask a manager.")
    return re_age_as_agreed(session, account, rule, reason, by=by, now=now)


def re_age_as_agreed(
    session: Session, account: Account, rule: ReAgeRule | None, reason: str, *, by: Actor, now: datetime
) -> ReAge:
    """`re_age` for an agreement that a manager granted, now that it is kept."""
    reason = clean_reason(reason, at_most=MAX_REASON)
    account = lock_account(session, account)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    on = business_date(session, portfolio, now)
    facts = re_age_facts(session, account, rule, on)
    if refusals := review_re_age(facts, rule, on):
        raise ReAgeRefused(refusals)
    assert rule is not None
    made = ReAge(
        portfolio_id=account.portfolio_id,
        account_id=id_of(account),
        on=on,
        past_due_minor=facts.past_due_minor,
        rule=f"{rule.pack} {rule.id}".strip(),
        reason=reason,
        by=by,
        posted_on=on,
        created_at=now,
    )
    session.add(made)
    session.flush()
    mark_changed(session, account.portfolio_id, {made.account_id: on})
    told = AccountReAged(on, made.past_due_minor, made.rule, reason)
    record_on_account(session, account, told, by=by, now=now)
    return made


def undo_re_age(session: Session, made: ReAge, reason: str, *, by: Actor, now: datetime) -> None:
    """Take a re-age back as if it had never been: what it had brought current is past due since its own due dates. The
    caller holds the customer's lock."""
    account, portfolio = (
        session.get_one(Account, made.account_id),
        session.get_one(Portfolio, made.portfolio_id),
    )
    undone = ReAgeUndone(
        made.on,
        made.past_due_minor,
        made.posted_on,
        business_date(session, portfolio, now),
        reason[:MAX_REASON],
    )
    session.delete(made)
    session.flush()
    mark_changed(session, account.portfolio_id, {id_of(account): made.on})
    record_on_account(session, account, undone, by=by, now=now)


def re_age_facts(session: Session, account: Account, rule: ReAgeRule | None, on: date) -> ReAgeFacts:
    """Gather the facts for `review_re_age`; `on` must not lie before the last folded day."""
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    account_id = id_of(account)
    stands = standing_on(session, portfolio, [account_id], on)[account_id]
    statements = session.scalars(
        select(Statement)
        .where(Statement.account_id == account_id, col(Statement.due_on) <= on)
        .order_by(col(Statement.closing_on).desc(), col(Statement.id).desc())
        .limit(rule.min_payments if rule else 0)
    ).all()
    paid = 0
    if statements:
        reversal = table_of(Entry).alias("reversal")
        query = select(sa.func.coalesce(-sa.func.sum(Entry.amount_minor), 0)).where(
            Entry.account_id == account_id,
            Entry.kind == EntryKind.PAYMENT,
            col(Entry.effective_on) > statements[-1].closing_on,
            col(Entry.effective_on) <= on,
            ~sa.exists().where(reversal.c.reverses_id == Entry.id),
        )
        paid = int(session.scalar(query) or 0)
    before = session.scalars(sa.select(col(ReAge.on)).where(col(ReAge.account_id) == account_id)).all()
    return ReAgeFacts(
        opened_on=account.opened_on,
        past_due_minor=stands.past_due,
        is_open=account.status not in ENDED,
        minimums=[statement.minimum_due_minor for statement in reversed(statements)],
        paid_minor=paid,
        re_aged_on=before,
    )


# --- the night ------------------------------------------------------------------------------------------------


def accounts_to_charge_off(session: Session, portfolio: Portfolio, on: date) -> list[int]:
    """Accounts whose days past due reach the portfolio's at the end of `on`, with more than a small debt. A collector
    charges nothing off."""
    if portfolio.charge_off_days == 0 or portfolio.collector is not CollectorKind.FIRST_PARTY:
        return []
    state, account = table_of(AccountState), table_of(Account)
    query = (
        sa.select(state.c.account_id)
        .join(account, account.c.id == state.c.account_id)
        .where(
            state.c.portfolio_id == portfolio.id,
            state.c.oldest_due_on <= on - timedelta(days=portfolio.charge_off_days),
            owed_minor() >= max(1, portfolio.small_debt_minor),
            disputed_minor() == 0,  # none while a part of it is disputed: a person decides about that first
            account.c.status.in_(COLLECTABLE),
            account.c.ended_on.is_(None),
        )
        .order_by(state.c.account_id)
    )
    return list(session.scalars(query))


def charge_off(
    session: Session, portfolio: Portfolio, account_ids: Sequence[int], on: date, *, now: datetime
) -> int:
    """Charge these accounts off at the end of `on`, and fold them again so that the day's figures include it."""
    query = select(Account).where(col(Account.id).in_(account_ids)).order_by(col(Account.id))
    lock_customers(session, [account.customer_id for account in session.scalars(query)])
    again = session.scalars(query.execution_options(populate_existing=True))
    accounts = [a for a in again if a.status in COLLECTABLE and a.ended_on is None]
    states = session.execute(
        sa.select(col(AccountState.account_id), col(AccountState.balance_minor)).where(
            col(AccountState.account_id).in_(account_ids)
        )
    )
    balances = {account_id: int(balance) for account_id, balance in states}
    reason = f"{counted(portfolio.charge_off_days, 'day')} past due"
    for account in accounts:
        set_status(
            session,
            account,
            AccountStatus.CHARGED_OFF,
            on,
            balances[id_of(account)],
            reason,
            by=SYSTEM,
            now=now,
        )
    fold_accounts(session, portfolio, account_ids, through=on)
    return len(accounts)


def fall_dormant(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Make accounts dormant that owe nothing and had no entry for as long as the portfolio says."""
    if portfolio.dormant_after_days == 0:
        return 0
    state, account, entry = table_of(AccountState), table_of(Account), table_of(Entry)
    since = on - timedelta(days=portfolio.dormant_after_days)
    owes = sa.exists().where(state.c.account_id == account.c.id, state.c.balance_minor != 0)
    moved = sa.exists().where(entry.c.account_id == account.c.id, entry.c.posted_on > since)
    quiet = sa.select(account.c.id).where(
        account.c.portfolio_id == portfolio.id,
        account.c.status == AccountStatus.ACTIVE,
        account.c.opened_on <= since,
        ~owes,
        ~moved,
    )
    reason = f"nothing owed and no entry for {counted(portfolio.dormant_after_days, 'day')}"
    return _turn_all(session, quiet, AccountStatus.DORMANT, on, reason, now)


def wake(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Make dormant accounts active again for which an entry was posted on `on`."""
    account, entry = table_of(Account), table_of(Entry)
    moved = sa.exists().where(entry.c.account_id == account.c.id, entry.c.posted_on == on)
    woken = sa.select(account.c.id).where(
        account.c.portfolio_id == portfolio.id, account.c.status == AccountStatus.DORMANT, moved
    )
    return _turn_all(session, woken, AccountStatus.ACTIVE, on, "an entry was posted", now)


def reopen_paid(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give accounts that were paid off, and owe again at the end of `on`, the status they had before.

    Something was charged to them since. Returns how many.
    """
    state, account = table_of(AccountState), table_of(Account)
    query = sa.select(account.c.id).join(state, state.c.account_id == account.c.id).where(
        account.c.portfolio_id == portfolio.id,
        account.c.status == AccountStatus.PAID,
        account.c.ended_on.is_not(None),
        state.c.balance_minor > 0,
    )  # fmt: skip
    reopened = 0
    for some in chunked(session.connection().execute(query).scalars().all(), 500):
        accounts = session.scalars(select(Account).where(col(Account.id).in_(some))).all()
        lock_customers(session, [account.customer_id for account in accounts])
        for each in accounts:
            before = last_end(session, each).before
            owed = balance_of(session, id_of(each), on)
            reason = "something was charged after it was paid off"
            set_status(session, each, before, on, owed, reason, by=SYSTEM, now=now)
        fold_accounts(session, portfolio, [id_of(each) for each in accounts], through=on)
        reopened += len(accounts)
    return reopened


def _turn_all(session: Session, ids: Query, to: AccountStatus, on: date, reason: str, now: datetime) -> int:
    turned = 0
    for some in chunked(session.connection().execute(ids).scalars().all(), 500):
        accounts = session.scalars(select(Account).where(col(Account.id).in_(some))).all()
        lock_customers(session, [account.customer_id for account in accounts])
        for account in accounts:
            set_status(session, account, to, on, 0, reason, by=SYSTEM, now=now)
        turned += len(accounts)
    return turned


# --- overpaid -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreditBalance:
    """An account that is overpaid, as of its last fold."""

    account_id: int
    reference: str
    customer_id: int
    overpaid_minor: int
    """Positive."""


def credit_balances(session: Session, portfolio_id: int, *, limit: int = 200) -> list[CreditBalance]:
    """Overpaid accounts, the largest sum first."""
    state, account = table_of(AccountState), table_of(Account)
    query = (
        sa.select(account.c.id, account.c.reference, account.c.customer_id, -state.c.balance_minor)
        .join(account, account.c.id == state.c.account_id)
        .where(state.c.portfolio_id == portfolio_id, state.c.balance_minor < 0)
        .order_by(state.c.balance_minor, account.c.id)
        .limit(limit)
    )
    return [CreditBalance(*row) for row in session.connection().execute(query)]
