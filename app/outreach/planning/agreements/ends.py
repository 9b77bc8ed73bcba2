"""Ends of agreements that are told to nobody yet: no letter of the end left or is to leave, no confirmation names the
agreement as the one that it replaces, the adviser was not written to in the customer's place, and no person has it as
a task."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.restoration.models import PlanRestoration
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.assessing import NOTHING_OWED
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.agreements.known import agreements_of, replaced_plan
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import MAY_HAVE_LEFT, Occasion, PartyLetterStatus
from app.outreach.planning.in_writing.told import ON_ITS_WAY
from app.outreach.planning.models import DeferredLetter
from app.outreach.strategy.models import StrategyTask

TELLS = (DeskStep.BROKEN_PLAN, DeskStep.OVER_PLAN, DeskStep.CANCELLED_PLAN, DeskStep.RESTORED_PLAN)
"""Steps whose letters tell what became of an agreement that ended."""
BY_A_PERSON = (
    *TELLS, DeskStep.CLOSED, DeskStep.UNTOLD_END, DeskStep.IN_TIME_WITH_LEGAL, DeskStep.SETTLED_IN_PART,
)  # fmt: skip
"""Steps of the tasks by which a person tells it."""
LOOKED_BACK = timedelta(days=66)
"""Days after its end for which an agreement is looked at. Breathing space makes letters wait for 60."""

PLAN, CONTACT, MESSAGE = table_of(Plan), table_of(PlannedContact), table_of(OutboxMessage)
WAITS = table_of(DeferredLetter)
IS_ON_ITS_WAY = sa.or_(MESSAGE.c.status.in_(ON_ITS_WAY), MESSAGE.c.fallback_at.is_not(None))


def untold_ends(session: Session, portfolio: Portfolio, on: date) -> list[Plan]:
    """Agreements that ended up to `on` and whose end is told to nobody. A plan that did not break is told to those
    alone who may have its confirmation; one that was paid as agreed is no news, but for a settlement, which waives the
    rest."""
    status = PLAN.c.status
    # What is written of a break that was taken back is decided with that (`restored_letters`).
    was_restored = sa.exists().where(col(PlanRestoration.plan_id) == PLAN.c.id)
    is_cancelled = sa.and_(status == PlanStatus.CANCELLED, ~was_restored)
    is_pointless = sa.and_(status == PlanStatus.KEPT, PLAN.c.why == NOTHING_OWED, was_sold())
    in_writing = _letter_of([DeskStep.CONFIRMATION], MESSAGE.c.status.in_(MAY_HAVE_LEFT))
    is_complete = sa.and_(
        status == PlanStatus.KEPT, PLAN.c.kind == PlanKind.SETTLEMENT, PLAN.c.why == "", ~_is_case_told()
    )
    told = _letter_of(TELLS, sa.and_(IS_ON_ITS_WAY, MESSAGE.c.business_date >= PLAN.c.ended_on))
    waits = sa.exists().where(WAITS.c.plan_id == PLAN.c.id, WAITS.c.step.in_([*TELLS, DeskStep.CLOSED]))
    query = select(Plan).where(
        PLAN.c.portfolio_id == portfolio.id,
        status.in_((PlanStatus.BROKEN, PlanStatus.CANCELLED, PlanStatus.KEPT)),
        PLAN.c.ended_on.between(on - LOOKED_BACK, on),
        PLAN.c.accepted_on.is_not(None),
        sa.or_(
            status == PlanStatus.BROKEN,
            is_complete,
            sa.and_(sa.or_(is_cancelled, is_pointless), in_writing),
        ),
        ~told,
        ~waits,
    )
    session.flush()
    plans = session.scalars(query.order_by(PLAN.c.id)).all()
    if not plans:
        return []
    known = _named_by_the_next(session, plans) | _with_a_person(session, portfolio, plans)
    known |= _left_to_their_adviser(session, plans)
    return [plan for plan in plans if plan.id not in known]


def was_sold() -> sa.ColumnElement[bool]:
    """An account of the customer was sold since the agreement was made. Another that was kept for nothing may run on
    once a payment of it comes back."""
    return sa.exists().where(
        col(Account.customer_id) == PLAN.c.customer_id,
        col(Account.status) == AccountStatus.SOLD,
        col(Account.ended_on) >= PLAN.c.accepted_on,
    )


def _letter_of(steps: Collection[DeskStep], also: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """A message of one of these steps about the plan, for which `also` holds. The case is named for an index."""
    return sa.exists().where(
        CONTACT.c.plan_id == PLAN.c.id,
        CONTACT.c.instalment.is_(None),
        CONTACT.c.step.in_(list(steps)),
        MESSAGE.c.contact_id == CONTACT.c.id,
        MESSAGE.c.case_id == PLAN.c.case_id,
        also,
    )


def _is_case_told() -> sa.ColumnElement[bool]:
    """The letter that it is complete is on its way, or that of the end of its case, which tells of those before it
    too."""
    return sa.exists().where(
        MESSAGE.c.case_id == PLAN.c.case_id,
        MESSAGE.c.contact_id == CONTACT.c.id,
        CONTACT.c.step == DeskStep.CLOSED,
        sa.or_(CONTACT.c.plan_id.is_(None), CONTACT.c.plan_id >= PLAN.c.id),
        MESSAGE.c.business_date >= PLAN.c.ended_on,
        IS_ON_ITS_WAY,
    )


def _named_by_the_next(session: Session, plans: Sequence[Plan]) -> set[int]:
    """Those of these agreements that the confirmation of the next one names (`replaced_plan`), if it is on its way."""
    beside = agreements_of(session, {plan.case_id for plan in plans})
    named: dict[int, int] = {}
    for theirs in beside.values():
        for each in theirs:
            if (old := replaced_plan(each, theirs)) is not None:
                named[id_of(each)] = id_of(old)
    confirms = sa.select(PLAN.c.id).where(
        among(session, PLAN.c.id, named), _letter_of([DeskStep.CONFIRMATION], IS_ON_ITS_WAY)
    )
    return {named[plan_id] for plan_id in session.scalars(confirms)}


def _with_a_person(session: Session, portfolio: Portfolio, plans: Sequence[Plan]) -> set[int]:
    """Those of these agreements of whose end a person has, or had, a task since, and those that ended for a settlement
    whose first payment came back, of which a person has one too."""
    task, ended = table_of(StrategyTask), {id_of(plan): plan.ended_on for plan in plans}
    replaced = {
        new: old
        for new, old in session.execute(
            sa.select(PLAN.c.id, PLAN.c.supersedes_id).where(among(session, PLAN.c.supersedes_id, ended))
        )
    }
    about = [*ended, *replaced]
    query = sa.select(task.c.plan_id, task.c.step, task.c.created_at).where(
        among(session, task.c.plan_id, about),
        task.c.step.in_([*BY_A_PERSON, DeskStep.TAKE_UP_RETURNED]),
        task.c.done_by != str(SYSTEM),
    )
    found = set()
    for plan_id, step, created_at in session.execute(query):
        is_of_next = step == DeskStep.TAKE_UP_RETURNED
        known_on = ended.get(replaced.get(plan_id, 0) if is_of_next else plan_id)
        if known_on is not None and local_date(created_at, portfolio.timezone) >= known_on:
            found.add(replaced[plan_id] if is_of_next else plan_id)
    return found


def _left_to_their_adviser(session: Session, plans: Sequence[Plan]) -> set[int]:
    """Those of these broken agreements whose adviser has it in the customer's place, or waits for it."""
    broken = {id_of(plan): plan.ended_on for plan in plans if plan.status is PlanStatus.BROKEN}
    letter = table_of(PartyLetter)
    query = (
        sa.select(letter.c.plan_id, letter.c.occurrence, letter.c.status, MESSAGE.c.context)
        .outerjoin(MESSAGE, sa.and_(MESSAGE.c.party_letter_id == letter.c.id, IS_ON_ITS_WAY))
        .where(among(session, letter.c.plan_id, broken), letter.c.occasion == Occasion.BROKEN)
    )
    found = set()
    for plan_id, day, status, context in session.execute(query):
        ended_on = broken[plan_id]
        is_instead = context is not None and not json.loads(context).get("client_hears")
        if (
            ended_on is not None
            and day == ended_on.toordinal()
            and (is_instead or status == PartyLetterStatus.WAITS)
        ):
            found.add(plan_id)
    return found
