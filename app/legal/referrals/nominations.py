"""Nightly nominations: cases that the strategy's legal step reaches and that the law lets go to court."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, select

from app.book.delinquency.days import days_past_due
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE
from app.core.actor import SYSTEM
from app.core.clock import local_instant
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.text import counted
from app.core.timeline.service import about_customer, record_many
from app.core.types import Rows
from app.core.vocabulary import Purpose
from app.legal.referrals.events import ReferralNominated
from app.legal.referrals.models import Referral
from app.outreach.gate.explain import suits_barred
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import TO_CUSTOMERS, OutboxStatus
from app.outreach.strategy.facts import gather_case_facts
from app.outreach.strategy.ladders import Ladders, load_ladders
from app.outreach.strategy.rules import Situation, legal_due


def nominate_cases(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Nominate the cases that the strategy's legal step reaches: late enough, enough past due and owed, written to
    before, no hold, no live plan, not referred before, and nothing in the law of their place that forbids a suit. A
    nomination moves nothing by itself: a person has to approve it."""
    live = load_ladders(session, portfolio)
    legal_day = live.legal_day
    if legal_day is None:
        return 0
    case, hold = table_of(CollectionsCase), table_of(CaseHold)
    plan, referral = table_of(Plan), table_of(Referral)
    query = (
        sa.select(case)
        .where(
            case.c.portfolio_id == portfolio.id,
            case.c.status == CaseStatus.OPEN,
            case.c.oldest_due_on <= on - timedelta(days=max(legal_day, portfolio.legal_after_days)),
            # The part of it that is owed: an account on which nothing is owed counts neither here nor above.
            case.c.past_due_minor >= max(1, portfolio.legal_min_minor),
            case.c.balance_minor > 0,
            ~sa.exists().where(hold.c.customer_id == case.c.customer_id, hold.c.ended_at.is_(None)),
            ~sa.exists().where(plan.c.case_id == case.c.id, plan.c.status.in_(LIVE)),
            ~sa.exists().where(referral.c.case_id == case.c.id),
            _written_to(portfolio, on),
        )
        .order_by(case.c.id)
    )
    events = []
    reached = _reached(session, portfolio, live, session.connection().execute(query).all(), on)
    for row in _lawful(session, portfolio, reached, now=now):
        late = days_past_due(row.oldest_due_on, on)
        reason = f"{counted(late, 'day')} past due"
        session.add(
            Referral(
                portfolio_id=row.portfolio_id,
                case_id=row.id,
                reason=reason,
                nominated_by="system",
                nominated_at=now,
            )
        )
        events.append(about_customer(row.customer_id, ReferralNominated(reason), case_id=row.id))
    session.flush()
    record_many(session, events, by=SYSTEM, now=now)
    return len(events)


def _written_to(portfolio: Portfolio, on: date) -> sa.ColumnElement[bool]:
    """A letter about the amount past due now really left, and they had the portfolio's days to answer it."""
    case, message = table_of(CollectionsCase), table_of(OutboxMessage)
    answered_by = local_instant(
        on - timedelta(days=portfolio.legal_letter_days - 1), 0, 0, portfolio.timezone
    )
    return sa.exists().where(
        message.c.case_id == case.c.id,
        message.c.destination.in_(TO_CUSTOMERS),
        message.c.status.in_((OutboxStatus.SENT, OutboxStatus.DELIVERED)),
        message.c.purpose != Purpose.CONFIRMATION,
        message.c.console_only.is_(False),
        message.c.business_date > case.c.oldest_due_on,  # before, it spoke of another debt
        message.c.sent_at < answered_by,
    )


def _lawful(session: Session, portfolio: Portfolio, rows: Rows, *, now: datetime) -> Rows:
    """Cases whose debt may go to court: notices given and their periods over, not time-barred."""
    if not rows:
        return []
    query = select(Customer).where(among(session, table_of(Customer).c.id, [row.customer_id for row in rows]))
    barred = suits_barred(session, portfolio, session.scalars(query).all(), at=now)
    return [row for row in rows if row.customer_id not in barred]


def _reached(session: Session, portfolio: Portfolio, live: Ladders, rows: Rows, on: date) -> Rows:
    """Cases among these whose own ladder has its legal step by now."""
    facts = gather_case_facts(session, portfolio, live, [row.id for row in rows], on=on)
    return [
        row
        for row in rows
        if legal_due(
            live.of(row.customer_id, facts[row.id]).ladder,
            Situation(days_past_due(row.oldest_due_on, on), row.step_day, False, facts=facts[row.id]),
            on,
        )
    ]
