"""Letters about an agreement that ended or was taken up by paying, and those that take them back: whether one still
tells the truth."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.service import standing_on
from app.book.ledger.balances import balance_of
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import COLLECTABLE, AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.holds.queries import at_rest
from app.casework.plans.concessions import FeesAgain, fees_charged_again
from app.casework.plans.models import Plan, PlanAccount
from app.casework.plans.queries import live_plan
from app.casework.plans.restoration.made_whole import made_whole
from app.casework.plans.restoration.queries import last_restoration, times_restored
from app.casework.plans.restoration.service import was_paid_in_time
from app.casework.plans.rests.queries import times_rested
from app.casework.plans.rules import LIVE, PlanKind, PlanStatus
from app.casework.plans.tracking.assessing import NOTHING_OWED
from app.casework.plans.tracking.assessment import is_taken_up_for_nothing
from app.casework.plans.tracking.payments import accounts_of, missed_lines
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.outbox.rules import NOT_WHOLE

OWED_AGAIN = "something is owed again on what was settled"
PAYMENT_RETURNED = "the payment that took up the settlement came back"
POSTED_LATER = timedelta(days=1)
"""What a night charges after its day has the day after as its date."""


class WhyEnded(StrEnum):
    """Why an agreement ended without anybody's decision."""

    MISSED = "missed"
    RETURNED = "returned"
    """An earlier payment does not count any more: none that had fallen due by then is missing."""
    NOTHING_OWED = "nothing_owed"


def why_ended(session: Session, plan: Plan, on: date) -> WhyEnded | None:
    """Why an agreement ended, with all that is known at the end of `on`. None = it runs, was paid or ended by a person,
    nobody knows what was missed, or it is taken to be broken and was paid in time."""
    if plan.status in (PlanStatus.CANCELLED, PlanStatus.KEPT):
        return WhyEnded.NOTHING_OWED if plan.why == NOTHING_OWED else None
    if plan.status is not PlanStatus.BROKEN or plan.broken_instalment is None:
        return None
    if missed_lines(session, [plan], on):
        return WhyEnded.MISSED
    return None if was_paid_in_time(session, plan, on) else WhyEnded.RETURNED


def why_false(session: Session, step: CaseStep, on: date) -> str:
    """The reason that a letter of this step about an agreement would be false at the end of `on`; '' = it holds, and
    for a letter of another step."""
    match step.step:
        case DeskStep.BROKEN_PLAN:
            return _not_broken(session, step, on)
        case DeskStep.OVER_PLAN:
            return _not_over(session, step, on)
        case DeskStep.RESTORED_PLAN:
            return _not_restored(session, step, on)
        case DeskStep.RESUMED_PLAN:
            return _not_resumed(session, step)
        case DeskStep.FEES_AGAIN:
            return "" if charge_told(session, step, on) else "the fees are not charged again any more"
        case DeskStep.CONFIRMATION | DeskStep.CANCELLED_PLAN:
            return _not_taken_up(session, step, on)
        case DeskStep.CLOSED:
            return _not_settled(session, step, on) if step.plan_id is not None else ""
    return ""


def charge_told(session: Session, step: CaseStep, on: date) -> FeesAgain | None:
    """The charge of fees that a letter of this step tells, with all that is known at the end of `on`; None = it does
    not stand any more, or a payment of the agreement is on the account."""
    plan = session.get_one(Plan, step.plan_id)
    found = fees_charged_again(
        session, plan.portfolio_id, plan.ended_on or on, on + POSTED_LATER, plan_id=id_of(plan)
    )
    return next((each for each in found if each.occurrence == step.occurrence), None)


def _not_settled(session: Session, step: CaseStep, on: date) -> str:
    """A payment of the settlement, or one from before it, may have come back."""
    plan = session.get_one(Plan, step.plan_id)
    if plan.status is not PlanStatus.KEPT:
        return "the settlement that it calls complete is not any more"
    return OWED_AGAIN if owed_again(session, [id_of(plan)], on) else ""


def owed_again(session: Session, plan_ids: Collection[int], on: date) -> set[int]:
    """Those of these settlements on an account of which something is owed at the end of `on`: a payment came back, or
    the card was used again and that is not paid."""
    settles, account, entry = table_of(PlanAccount), table_of(Account), table_of(Entry)
    balance = (
        sa.select(sa.func.coalesce(sa.func.sum(entry.c.amount_minor), 0))
        .where(entry.c.account_id == account.c.id, entry.c.effective_on <= on)
        .scalar_subquery()
    )
    given_up = account.c.status.in_((AccountStatus.CHARGED_OFF, AccountStatus.SOLD))
    query = (
        sa.select(settles.c.plan_id)
        .join(account, account.c.id == settles.c.account_id)
        .where(among(session, settles.c.plan_id, plan_ids), sa.or_(given_up, balance > 0))
    )
    session.flush()
    return set(session.connection().execute(query).scalars())


def _not_taken_up(session: Session, step: CaseStep, on: date) -> str:
    """The payment that took up a settlement, or for which the plan before it ended, may have come back."""
    plan = session.get_one(Plan, step.plan_id)
    if step.step == DeskStep.CONFIRMATION:
        return PAYMENT_RETURNED if is_taken_up_for_nothing(session, plan, on) else ""
    ended_for = select(Plan).where(
        Plan.case_id == plan.case_id, Plan.supersedes_id == plan.id, Plan.taken_up_on == plan.ended_on
    )
    is_for_nothing = any(is_taken_up_for_nothing(session, each, on) for each in session.scalars(ended_for))
    return PAYMENT_RETURNED if is_for_nothing else ""


def break_number(session: Session, plan: Plan) -> int:
    """The occurrence of a step about the break of a plan: 1 for its first."""
    return 1 + times_restored(session, [id_of(plan)]).get(id_of(plan), 0)


def _not_broken(session: Session, step: CaseStep, on: date) -> str:
    plan = session.get_one(Plan, step.plan_id)
    if plan.status is not PlanStatus.BROKEN:
        return "the agreement that it calls broken is not"
    if step.occurrence != break_number(session, plan):
        return "the agreement was broken another time since it was written"
    if live_plan(session, plan.case_id) is not None:
        return "a promise or plan was made since it was written"
    return "" if missed_lines(session, [plan], on) else "the payment that it says is missing came in time"


def _not_over(session: Session, step: CaseStep, on: date) -> str:
    plan = session.get_one(Plan, step.plan_id)
    if step.occurrence != break_number(session, plan):
        return "the agreement was restored since it was written"
    why = why_ended(session, plan, on)
    if why is None and plan.status is not PlanStatus.BROKEN:
        return "the agreement that it says is over is not"
    if live_plan(session, plan.case_id) is not None:
        return "a promise or plan was made since it was written"
    if why is None:
        return "the payment that it says is missing came in time"
    is_owed = why is WhyEnded.NOTHING_OWED and _is_owed_again(session, plan, on)
    return "something is owed again that the agreement was about" if is_owed else ""


def _is_owed_again(session: Session, plan: Plan, on: date) -> bool:
    """True if something is owed of what an agreement was about that is said to be about nothing."""
    query = select(Account).where(
        Account.customer_id == plan.customer_id, Account.portfolio_id == plan.portfolio_id
    )
    accounts = session.scalars(query.order_by(col(Account.id))).all()
    if plan.kind is PlanKind.PROMISE:
        portfolio = session.get_one(Portfolio, plan.portfolio_id)
        standings = standing_on(session, portfolio, [id_of(account) for account in accounts], on)
        return any(standing.past_due for standing in standings.values())
    settles = set(session.scalars(accounts_of(id_of(plan)))) if plan.kind is PlanKind.SETTLEMENT else None
    return any(
        balance_of(session, id_of(account), on) > 0
        for account in accounts
        if account.status in COLLECTABLE and (settles is None or account.id in settles)
    )


def _not_restored(session: Session, step: CaseStep, on: date) -> str:
    plan = session.get_one(Plan, step.plan_id)
    if step.occurrence != times_restored(session, [id_of(plan)]).get(id_of(plan)):
        return "the agreement was restored another time since it was written"
    if plan.status is PlanStatus.BROKEN:
        return "the agreement was broken since it was written"
    return "" if is_restored(session, plan, on) else NOT_WHOLE


def _not_resumed(session: Session, step: CaseStep) -> str:
    plan = session.get_one(Plan, step.plan_id)
    if plan.status not in LIVE:
        return "the agreement has ended since it was written"
    if at_rest(session, [plan.customer_id]):
        return "the agreement rests again"
    is_last = step.occurrence == times_rested(session, [id_of(plan)]).get(id_of(plan))
    return "" if is_last else "the agreement got other dates since it was written"


def is_restored(session: Session, plan: Plan, on: date) -> bool:
    """True if the payments for which the last break of a plan was taken back count, as is known at the end of `on`."""
    made = last_restoration(session, id_of(plan))
    return made is not None and made_whole(session, plan, made, on) is not None


def state_of(plan: Plan) -> str:
    """A restored agreement as its letter tells it: `runs`, `kept`, or `over`."""
    if plan.status in LIVE:
        return "runs"
    return "kept" if plan.status is PlanStatus.KEPT else "over"
