"""Reminders ahead of an instalment to the adviser who speaks for a customer, where the pack has the customer's own stop
for that (CONC 7.12.2R(4); RG 96 s 9)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.advisers.models import Adviser, AdviserClient
from app.casework.contacts.rules import DeskStep
from app.casework.holds.queries import at_rest
from app.casework.parties.models import ThirdParty
from app.casework.parties.queries import representative_of
from app.casework.parties.rules import PartyKind
from app.casework.plans.models import Plan, PlanChange, PlanInstalment
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import LIVE, InstalmentChange
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.outreach.agreements.rules import DueInstalment, reminder_due
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.outbox.rules import Occasion
from app.outreach.planning.instalments.reminders import LETTER, reminder_days
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.representatives.facts import WITHIN, is_written_instead
from app.outreach.planning.representatives.writing import decide_once
from app.policy.answers import Answer


def ahead_with_advisers(session: Session, portfolio: Portfolio, on: date) -> list[tuple[int, date]]:
    """(plan, due day) of the instalments of which an adviser who may speak for the customer is reminded on the day
    after `on`: as many days ahead as the customer would be, by the way on which the adviser is written to."""
    leaves_on, days = on + WITHIN, reminder_days(portfolio)
    advised = select(ThirdParty.customer_id).where(
        ThirdParty.kind == PartyKind.ADVISER, col(ThirdParty.ended_at).is_(None)
    )
    near = sa.exists().where(
        col(PlanInstalment.plan_id) == col(Plan.id),
        col(PlanInstalment.due_on).between(leaves_on, leaves_on + timedelta(days=days.longest_ahead)),
    )
    plans = select(Plan).where(
        Plan.portfolio_id == portfolio.id,
        col(Plan.status).in_(LIVE),
        col(Plan.customer_id).in_(advised),
        near,
    )
    found: dict[tuple[int, date], None] = {}
    running = session.scalars(plans.order_by(col(Plan.id))).all()
    rests = at_rest(session, {plan.customer_id for plan in running})
    for plan in (each for each in running if each.customer_id not in rests):
        by_post = _is_written_by_post(session, plan, on)
        for day, since in _known_days(session, plan, portfolio):
            due = DueInstalment(day, plan.grace_days, since)
            if reminder_due(due, days, leaves_on, by_post=by_post) is DeskStep.INSTALMENT_AHEAD:
                found[id_of(plan), day] = None
    return list(found)


def _is_written_by_post(session: Session, plan: Plan, on: date) -> bool:
    """True if the adviser who speaks for the customer has, or wants, letters alone."""
    party = representative_of(session, plan.customer_id, today=on)
    if party is None:
        return False
    wants = (
        select(Adviser.by_post)
        .join(AdviserClient, col(AdviserClient.adviser_id) == Adviser.id)
        .where(AdviserClient.party_id == party.id)
    )
    return not party.email or any(session.scalars(wants))


def _known_days(session: Session, plan: Plan, portfolio: Portfolio) -> list[tuple[date, date]]:
    """The due days of an agreement, and since when each is agreed."""
    changes = (
        select(PlanChange.n, sa.func.max(PlanChange.at))
        .where(PlanChange.plan_id == plan.id, PlanChange.change == InstalmentChange.MOVED)
        .group_by(col(PlanChange.n))
    )
    moved = {n: at for n, at in session.execute(changes)}
    agreed = plan.accepted_on or date.max
    return [
        (
            part.due_on,
            max(agreed, local_date(moved[part.n], portfolio.timezone)) if part.n in moved else agreed,
        )
        for part in instalments_of(session, [id_of(plan)])[id_of(plan)]
        if not part.is_skipped
    ]


def remind_adviser(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    due_on: date,
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> Answer | None:
    """Queue the reminder of what falls due on a day to the adviser who speaks for the customer, where the pack has the
    customer's own stop for that. None where it does not, nobody speaks for them, or this was decided before."""
    lock_customers(session, [plan.customer_id])
    session.refresh(plan)
    party = representative_of(session, plan.customer_id, today=on)
    if party is None or party.kind is not PartyKind.ADVISER:
        return None
    [contact_case] = load_contact_cases(session, portfolio, [plan.case_id], now=now, as_of=on)
    if not is_written_instead(contact_case, now, LETTER):
        return None
    due = due_on.toordinal()
    return decide_once(
        session, portfolio, plan, party, Occasion.AHEAD, due, catalog, on=on, by=SYSTEM, now=now
    )
