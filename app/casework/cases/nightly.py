"""Open, refresh, close and assign cases: the set-based part of the business day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.days import days_past_due
from app.book.delinquency.models import AccountState
from app.book.delinquency.queries import owed_minor
from app.book.ledger.models import Account
from app.book.ledger.queries import worked
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import (
    CustomerDebt,
    debts_as_folded,
)
from app.casework.cases.events import (
    CaseClosed,
    CaseOpened,
)
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.cases.rules import (
    CaseOutcome,
    CaseStatus,
    WorkFacts,
    outcome_of,
    priority,
)
from app.core.actor import SYSTEM
from app.core.database.bulk import chunked, insert_rows
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.timeline.service import about_customer, record_many


def open_cases(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Open a case for every customer who owes something that is past due (as much as the portfolio works) and has no
    open case. Returns how many."""
    assert portfolio.id is not None
    state, account, case = table_of(AccountState), table_of(Account), table_of(CollectionsCase)
    has_open = sa.exists().where(
        case.c.customer_id == account.c.customer_id, case.c.status == CaseStatus.OPEN
    )
    late = (
        sa.select(account.c.customer_id)
        .join(state, state.c.account_id == account.c.id)
        .where(
            state.c.portfolio_id == portfolio.id,
            state.c.oldest_due_on.is_not(None),  # by index: past-due accounts are few among all
            owed_minor() > 0,
            worked(),
            ~has_open,
        )
        .distinct()
    )
    least = max(1, portfolio.small_debt_minor)
    standings = debts_as_folded(session, session.scalars(late).all())
    found = {customer_id: owes for customer_id, owes in standings.items() if owes.past_due >= least}
    rows = [
        {
            "portfolio_id": portfolio.id,
            "customer_id": customer_id,
            "status": CaseStatus.OPEN,
            "owner": "",
            "opened_on": on,
            "past_due_minor": owes.past_due,
            "balance_minor": owes.balance,
            "oldest_due_on": owes.oldest,
            "now_past_due_minor": owes.past_due,
            "now_balance_minor": owes.balance,
            "now_oldest_due_on": owes.oldest,
            "priority": 0,
            "broken_promises": 0,
            "step_day": 0,
            "occurrence": 1,
            "next_contact_on": on,
        }
        for customer_id, owes in sorted(found.items())
    ]
    insert_rows(session, CollectionsCase, rows)
    for customers in chunked(sorted(found), 2000):
        query = select(CollectionsCase.id, CollectionsCase.customer_id).where(
            col(CollectionsCase.customer_id).in_(customers), CollectionsCase.status == CaseStatus.OPEN
        )
        events = [
            about_customer(
                customer_id,
                CaseOpened(on, found[customer_id].past_due, found[customer_id].oldest),
                case_id=case_id,
            )
            for case_id, customer_id in session.execute(query).all()
        ]
        record_many(session, events, by=SYSTEM, now=now)
    return len(rows)


def review_cases(
    session: Session, portfolio: Portfolio, on: date, *, keep_open: Sequence[int], now: datetime
) -> int:
    """Close open cases with nothing past due and owed any more, or less than the portfolio works, except `keep_open`
    (those with a live plan), and bring the others up to the end of `on`. Returns how many were closed."""
    assert portfolio.id is not None
    kept = set(keep_open)
    done: list[tuple[DbRow, CustomerDebt]] = []
    live: list[tuple[DbRow, CustomerDebt]] = []
    for case, owes in _open_cases(session, portfolio.id):
        is_done = owes.past_due < max(1, portfolio.small_debt_minor) and case.id not in kept
        (done if is_done else live).append((case, owes))
    _close(session, done, on, now=now)
    _refresh(session, live, on)
    return len(done)


def _open_cases(session: Session, portfolio_id: int) -> list[tuple[DbRow, CustomerDebt]]:
    """Open cases of a portfolio with whether a call waits (`call_task`), each with the debt of its customer now."""
    case, task = table_of(CollectionsCase), table_of(CallTask)
    waiting_call = sa.exists().where(task.c.case_id == case.c.id, task.c.done_at.is_(None))
    query = sa.select(case, waiting_call.label("call_task")).where(
        case.c.portfolio_id == portfolio_id, case.c.status == CaseStatus.OPEN
    )
    rows = session.connection().execute(query).all()
    standings = debts_as_folded(session, [row.customer_id for row in rows])
    return [(row, standings.get(row.customer_id, CustomerDebt())) for row in rows]


def _close(session: Session, done: Sequence[tuple[DbRow, CustomerDebt]], on: date, *, now: datetime) -> None:
    if not done:
        return
    case = table_of(CollectionsCase)
    close = (
        sa.update(case)
        .where(case.c.id == sa.bindparam("b_id"))
        .values(
            status=CaseStatus.CLOSED,
            outcome=sa.bindparam("b_outcome"),
            closed_on=on,
            past_due_minor=0,
            oldest_due_on=None,
            balance_minor=sa.bindparam("b_balance"),
            now_past_due_minor=0,
            now_oldest_due_on=None,
            now_balance_minor=sa.bindparam("b_balance"),
            next_contact_on=None,
            callback_at=None,
        )
    )
    outcomes = _outcomes(session, done)
    rows = [{"b_id": row.id, "b_outcome": outcomes[row.id], "b_balance": owes.balance} for row, owes in done]
    session.connection().execute(close, rows)
    _drop_call_tasks(session, [row.id for row, _ in done], now=now)
    events = [
        about_customer(row.customer_id, CaseClosed(on, outcomes[row.id]), case_id=row.id) for row, _ in done
    ]
    record_many(session, events, by=SYSTEM, now=now)


def _outcomes(session: Session, cases: Sequence[tuple[DbRow, CustomerDebt]]) -> dict[int, CaseOutcome]:
    """Tell how each of these cases ended: with its accounts, where they ended while it was open."""
    ended: dict[int, list[tuple[AccountStatus, date]]] = {}
    for customers in chunked([case.customer_id for case, _ in cases], 2000):
        query = sa.select(col(Account.customer_id), col(Account.status), col(Account.ended_on)).where(
            col(Account.customer_id).in_(customers), col(Account.ended_on).is_not(None)
        )
        for customer_id, status, ended_on in session.execute(query):
            ended.setdefault(customer_id, []).append((status, ended_on))
    return {
        case.id: outcome_of(
            owes.balance,
            {status for status, ended_on in ended.get(case.customer_id, ()) if ended_on >= case.opened_on},
        )
        for case, owes in cases
    }


def _drop_call_tasks(session: Session, case_ids: Sequence[int], *, now: datetime) -> None:
    """Remove the call tasks of closed cases."""
    task = table_of(CallTask)
    for ids in chunked(case_ids, 2000):
        waiting = sa.and_(task.c.case_id.in_(ids), task.c.done_at.is_(None))
        session.connection().execute(sa.update(task).where(waiting).values(done_at=now, result="case_closed"))


def _refresh(session: Session, found: Sequence[tuple[DbRow, CustomerDebt]], on: date) -> None:
    """Amounts, priority and the strategy's wake-up of open cases at the end of `on`."""
    case = table_of(CollectionsCase)
    typical = sum(owes.past_due for _, owes in found) // max(1, len(found))
    changes = []
    for row, owes in found:
        moved = (row.past_due_minor, row.oldest_due_on) != (owes.past_due, owes.oldest)
        facts = WorkFacts(
            owes.past_due,
            days_past_due(owes.oldest, on),
            row.broken_promises,
            row.callback_at,
            bool(row.call_task),
        )
        points = priority(facts, typical_minor=typical)
        shown = (row.now_past_due_minor, row.now_balance_minor, row.now_oldest_due_on)
        is_shown = shown == (owes.past_due, owes.balance, owes.oldest)
        if moved or points != row.priority or row.balance_minor != owes.balance or not is_shown:
            changes.append(
                {
                    "b_id": row.id,
                    "b_past_due": owes.past_due,
                    "b_balance": owes.balance,
                    "b_oldest": owes.oldest,
                    "b_priority": points,
                    "b_next": on if moved else row.next_contact_on,
                }
            )
    if changes:
        update = (
            sa.update(case)
            .where(case.c.id == sa.bindparam("b_id"))
            .values(
                past_due_minor=sa.bindparam("b_past_due"),
                balance_minor=sa.bindparam("b_balance"),
                oldest_due_on=sa.bindparam("b_oldest"),
                now_past_due_minor=sa.bindparam("b_past_due"),
                now_balance_minor=sa.bindparam("b_balance"),
                now_oldest_due_on=sa.bindparam("b_oldest"),
                priority=sa.bindparam("b_priority"),
                next_contact_on=sa.bindparam("b_next"),
            )
        )
        session.connection().execute(update, changes)
