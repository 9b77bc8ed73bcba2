"""Starts, keeps and ends holds: row and event together. People go through `app.actions.holds`, which does the rest."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import set_callback
from app.casework.holds.events import HoldEnded, HoldPlaced, HoldReviewDue, HoldReviewed
from app.casework.holds.models import CaseHold, no_date_ends
from app.casework.holds.rules import LONGEST_DAYS, EndsBy, hold_name, is_asked_again
from app.casework.results.rules import NO_CALLS
from app.core.actor import CUSTOMER, SYSTEM, Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.payload import Payload
from app.core.timeline.service import NewEvent, about_customer, lock_customers, record, record_many
from app.core.vocabulary import HoldKind

MAX_REASON = 500
MAX_END_REASON = 400
"""Leaves room for the name of the person who decided it."""


def start_hold(
    session: Session,
    case: CollectionsCase,
    kind: HoldKind,
    reason: str,
    until: date,
    *,
    by_person: bool = False,
    need_id: int | None = None,
    by: Actor,
    today: date,
    now: datetime,
) -> CaseHold:
    """Leave the customer alone until a day, or (`FOR_GOOD`, or `by_person`) until a person ends the hold; then the day
    is its review date."""
    reason = clean_text(reason, "reason", at_most=MAX_REASON)
    _require_date_ahead(until, today)
    hold = CaseHold(
        case_id=id_of(case),
        customer_id=case.customer_id,
        kind=kind,
        reason=reason,
        started_at=now,
        until=until,
        by=by,
        by_person=by_person,
        need_id=need_id,
    )
    session.add(hold)
    session.flush()
    record(session, _about(hold, HoldPlaced(id_of(hold), kind, reason, until, by_person)), by=by, now=now)
    if kind in NO_CALLS:
        _forget_callbacks(session, case.customer_id, kind, by=by, now=now)
    return hold


def _forget_callbacks(
    session: Session, customer_id: int, kind: HoldKind, *, by: Actor, now: datetime
) -> None:
    """A callback stands first on the worklist, and would lead an agent to call a customer who must not be called."""
    query = select(CollectionsCase).where(
        CollectionsCase.customer_id == customer_id,
        CollectionsCase.status == CaseStatus.OPEN,
        col(CollectionsCase.callback_at).is_not(None),
    )
    for case in session.scalars(query).all():
        set_callback(session, case, None, reason=f"{hold_name(kind)}", by=by, now=now)


def keep_hold(
    session: Session, hold: CaseHold, reason: str, until: date, *, by: Actor, today: date, now: datetime
) -> None:
    """Keep a hold after a review, with another end or review date."""
    reason = clean_text(reason, "reason", at_most=MAX_REASON)
    _require_open(hold)
    _require_date_ahead(until, today)
    hold.until = until
    record(session, _about(hold, HoldReviewed(id_of(hold), hold.kind, reason, until)), by=by, now=now)


def set_end(session: Session, hold: CaseHold, reason: str, until: date, *, by: Actor, now: datetime) -> None:
    """Give a hold that only a person ends (`by_person`) its end by date, because the event it hangs on has happened."""
    _require_open(hold)
    hold.until, hold.by_person = until, False
    record(session, _about(hold, HoldReviewed(id_of(hold), hold.kind, reason, until)), by=by, now=now)


def close_hold(
    session: Session,
    hold: CaseHold,
    reason: str = "",
    decided_by: str = "",
    *,
    because: EndsBy = EndsBy.DECISION,
    by: Actor,
    now: datetime,
) -> None:
    """End a hold; the strategy is asked again at the next day. A hold that no date ends (`FOR_GOOD`) needs a reason,
    and the name of the person who decided it or the event that ends it. Conflict where it has ended."""
    _require_open(hold)
    if hold.for_good and by in (SYSTEM, CUSTOMER):
        raise Forbidden(f"Only a member of staff ends a {hold_name(hold.kind)}, with a reason.")
    decided = because is EndsBy.DECISION
    reason = clean_text(reason, "reason", required=hold.for_good, at_most=MAX_END_REASON, empty="Say why.")
    decided_by = clean_text(
        decided_by,
        "decided_by",
        required=hold.for_good and decided,
        at_most=80,
        one_line=True,
        empty="Name who decided.",
    )
    reason = f"{reason} (decided by {decided_by})" if decided_by else reason
    hold.ended_at = now
    hold.ended_by = by
    hold.end_reason = reason
    record(session, _about(hold, HoldEnded(id_of(hold), hold.kind, reason, because)), by=by, now=now)
    session.execute(
        sa.update(CollectionsCase)
        .where(
            col(CollectionsCase.customer_id) == hold.customer_id,
            col(CollectionsCase.status) == CaseStatus.OPEN,
        )
        .values(next_contact_on=hold.started_at.date())
        .execution_options(synchronize_session="fetch")
    )


def end_due_holds(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """End the holds whose date is the day after `on`: their cases are back in the queue on that day. Raise work for
    those that no date ends, on the review date and again while nobody reviews them; of a complaint its own clock does
    (`app.actions.complaints.night`). Returns how many ended."""
    opens = on + timedelta(days=1)
    is_due = sa.and_(
        col(CaseHold.ended_at).is_(None),
        col(CaseHold.until) <= opens,
        col(CaseHold.kind) != HoldKind.COMPLAINT,
    )
    theirs = sa.select(col(CaseHold.customer_id)).join(Customer, col(Customer.id) == CaseHold.customer_id)
    concerned = session.scalars(
        theirs.where(is_due, col(Customer.portfolio_id) == portfolio.id).distinct()
    ).all()
    lock_customers(session, concerned)  # a hold that a person keeps at this moment is not due any more
    due = (
        select(CaseHold)
        .join(Customer, col(Customer.id) == CaseHold.customer_id)
        .where(is_due, Customer.portfolio_id == portfolio.id)
        .order_by(col(CaseHold.id))
        .execution_options(populate_existing=True)
    )
    stays = no_date_ends(table_of(CaseHold))
    ending = session.scalars(due.where(~stays)).all()
    for hold in ending:
        close_hold(session, hold, by=SYSTEM, now=now)
    raised = []
    for hold in session.scalars(due.where(stays)):
        if is_asked_again(hold.until, hold.review_raised_on, opens):
            hold.review_raised_on = opens
            raised.append(_about(hold, HoldReviewDue(id_of(hold), hold.kind, hold.until)))
    record_many(session, raised, by=SYSTEM, now=now)
    return len(ending)


def _require_open(hold: CaseHold) -> None:
    if hold.ended_at is not None:
        raise Conflict(
            f"This {hold_name(hold.kind)} ended on {hold.ended_at:%Y-%m-%d}. Place another one if it is needed."
        )


def _require_date_ahead(until: date, today: date) -> None:
    if until <= today:
        raise Invalid("The end or review date must lie in the future.", "until")
    if (until - today).days > LONGEST_DAYS:
        raise Invalid("The end or review date is more than ten years away.", "until")


def _about(hold: CaseHold, payload: Payload) -> NewEvent:
    return about_customer(hold.customer_id, payload, case_id=hold.case_id)
