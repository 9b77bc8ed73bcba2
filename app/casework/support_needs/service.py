"""Verbs of support needs: row and event in the caller's transaction. People go through
`app.actions.people.support_needs`, which places what a need brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import about_case
from app.casework.holds.rules import is_asked_again
from app.casework.support_needs.catalog import diagnoses, need_named
from app.casework.support_needs.events import SupportNeedEnded, SupportNeedRecorded, SupportNeedReviewed
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.rules import Audience, Basis, ToldBy, check_basis, clean_note, review_day
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_reason
from app.core.timeline.models import Event
from app.core.timeline.service import lock_customers, record


@dataclass(frozen=True, slots=True)
class NewNeed:
    """A support need as it was told."""

    code: str
    basis: Basis
    told_by: ToldBy
    note: str = ""
    audience: Audience | None = None
    """None = as the list has it."""
    review_on: date | None = None
    """None = as the list has it."""


def start_need(
    session: Session, case: CollectionsCase, new: NewNeed, *, today: date, by: Actor, now: datetime
) -> SupportNeed:
    """Put a need on file. Invalid names the wrong field; Conflict where the customer has it already. The caller holds
    the customer's lock."""
    need = need_named(new.code)
    check_basis(new.basis, new.told_by)
    note = clean_note(new.note, diagnoses())
    review_on = review_day(need, new.basis, new.review_on, today)
    same = select(SupportNeed).where(
        SupportNeed.customer_id == case.customer_id,
        SupportNeed.code == need.code,
        col(SupportNeed.ended_at).is_(None),
    )
    if session.scalar(same) is not None:
        raise Conflict("This need is on file already. Review that one, or end it first.")
    row = SupportNeed(
        customer_id=case.customer_id, case_id=id_of(case), code=need.code, note=note, basis=new.basis,
        told_by=new.told_by, audience=new.audience or need.audience, review_on=review_on, created_at=now, by=by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(session, about_case(case, SupportNeedRecorded(id_of(row))), by=by, now=now)
    return row


def keep_need(
    session: Session,
    case: CollectionsCase,
    row: SupportNeed,
    *,
    basis: Basis | None = None,
    review_on: date | None = None,
    today: date,
    by: Actor,
    now: datetime,
) -> None:
    """Keep a need after a look at it. `basis`: the customer has said so now. Conflict where it has ended."""
    _require_open(row)
    if basis is Basis.UNCONFIRMED:
        raise Invalid("Say on what basis it is kept: the customer agrees, or it protects them.", "basis")
    row.review_on = review_day(need_named(row.code), basis or row.basis, review_on, today)
    row.basis = basis or row.basis
    record(session, about_case(case, SupportNeedReviewed(id_of(row), row.review_on)), by=by, now=now)


def close_need(
    session: Session, case: CollectionsCase, row: SupportNeed, reason: str, *, by: Actor, now: datetime
) -> None:
    """End a need. Invalid without a reason, or for one that names an illness; Conflict where it has ended."""
    reason = clean_reason(reason)
    clean_note(reason[:120], diagnoses(), "reason")
    _require_open(row)
    row.ended_at, row.ended_by, row.end_reason = now, by, reason
    record(session, about_case(case, SupportNeedEnded(id_of(row))), by=by, now=now)


@dataclass(frozen=True, slots=True)
class DueReview:
    need: SupportNeed
    case: CollectionsCase


def due_reviews(session: Session, portfolio: Portfolio, on: date) -> Sequence[DueReview]:
    """Open needs whose review day has come by the day after `on` and for which no work was raised lately, each with the
    open case of its customer; one without a case is looked at when the next opens. Locks the customers."""
    opens = on + timedelta(days=1)
    lock_customers(
        session, _with_due_need(session, portfolio, opens)
    )  # one that is reviewed at this moment is not due
    query = (
        sa.select(SupportNeed, CollectionsCase)
        .join(Customer, col(Customer.id) == SupportNeed.customer_id)
        .join(
            CollectionsCase,
            sa.and_(
                col(CollectionsCase.customer_id) == SupportNeed.customer_id,
                col(CollectionsCase.status) == CaseStatus.OPEN,
            ),
        )
        .where(
            col(Customer.portfolio_id) == portfolio.id,
            col(SupportNeed.ended_at).is_(None),
            col(SupportNeed.review_on) <= opens,
        )
        .order_by(col(SupportNeed.id))
        .execution_options(populate_existing=True)
    )
    found = [DueReview(need, case) for need, case in session.execute(query)]
    raised = [
        each for each in found if is_asked_again(each.need.review_on, each.need.review_raised_on, opens)
    ]
    for each in raised:
        each.need.review_raised_on = opens
    return raised


def _with_due_need(session: Session, portfolio: Portfolio, opens: date) -> Sequence[int]:
    need, customer = table_of(SupportNeed), table_of(Customer)
    query = (
        sa.select(need.c.customer_id)
        .join(customer, customer.c.id == need.c.customer_id)
        .where(customer.c.portfolio_id == portfolio.id, need.c.ended_at.is_(None), need.c.review_on <= opens)
    )
    return session.scalars(query.distinct()).all()


def forgettable(session: Session, portfolio_id: int, since: datetime) -> Sequence[int]:
    """The ids of needs that ended before `since`, of customers to whom nothing has happened since."""
    need, customer, event = table_of(SupportNeed), table_of(Customer), table_of(Event)
    theirs = sa.select(customer.c.id).where(customer.c.portfolio_id == portfolio_id)
    lately = sa.exists().where(event.c.customer_id == need.c.customer_id, event.c.at >= since)
    old = sa.select(need.c.id).where(need.c.ended_at < since, need.c.customer_id.in_(theirs), ~lately)
    return session.scalars(old).all()


def _require_open(row: SupportNeed) -> None:
    if row.ended_at is not None:
        raise Conflict(f"This need ended on {row.ended_at:%Y-%m-%d}. Record it again if it is needed.")
