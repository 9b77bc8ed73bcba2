"""Change one instalment of a running agreement: move its date, or skip it as agreed. Pages and the API call these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.plans.limits import Grantor, authority_of
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.tracking import changes
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.outreach.outbox.rules import Occasion
from app.outreach.planning.instalments.confirmations import confirm_change
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.representatives.writing import write_to_adviser
from app.policy.answers import Answer


@dataclass(frozen=True, slots=True)
class ConfirmedChange:
    """A changed instalment, and the gate's answer for each channel that confirms it."""

    change: PlanChange
    confirmations: Mapping[Channel, Answer]


def move_instalment(
    session: Session,
    plan: Plan,
    n: int,
    to_on: date,
    letters: LetterCatalog,
    reason: str = "",
    *,
    by: Actor,
    now: datetime,
) -> ConfirmedChange:
    """Move the due date of instalment `n` to `to_on`, and confirm it in writing. The plan goes on, and its reminders
    follow the new day. Conflict where the plan does not run or its moves of this month are used; Invalid, for `due_on`,
    where the day cannot be."""
    plan, today = _locked(session, plan, now)
    change = changes.move_instalment(session, plan, n, to_on, reason, by=by, today=today, now=now)
    return _confirmed(session, plan, change, letters, by=by, today=today, now=now)


def skip_instalment(
    session: Session,
    plan: Plan,
    n: int,
    letters: LetterCatalog,
    reason: str = "",
    *,
    grantor: Grantor,
    now: datetime,
) -> ConfirmedChange:
    """Skip instalment `n`, and confirm it in writing. Its amount falls due with the last instalment.

    Beyond what the agreement says the grantor may grant so many skips a year alone; Forbidden, for `n`, where they
    are used: a manager is asked (`AskSkip`). Conflict where the portfolio permits no more, or two in a row would be
    skipped.
    """
    plan, today = _locked(session, plan, now)
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    authority = None if grantor.is_second else authority_of(portfolio, grantor.role)
    change = changes.skip_instalment(
        session, plan, n, reason, authority=authority, by=grantor.by, today=today, now=now
    )
    return _confirmed(session, plan, change, letters, by=grantor.by, today=today, now=now)


def _confirmed(
    session: Session,
    plan: Plan,
    change: PlanChange,
    letters: LetterCatalog,
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> ConfirmedChange:
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    answers = confirm_change(session, portfolio, plan, change, letters, on=today, by=by, now=now)
    write_to_adviser(session, portfolio, plan, Occasion.CHANGED, letters, on=today, by=by, now=now)
    return ConfirmedChange(change, answers)


def _locked(session: Session, plan: Plan, now: datetime) -> tuple[Plan, date]:
    lock_customers(session, [plan.customer_id])
    found = locked_row(session, Plan, id_of(plan))
    if found is None:
        raise NotFound(f"There is no agreement {plan.id} any more.")
    return found, local_date(now, session.get_one(Portfolio, found.portfolio_id).timezone)
