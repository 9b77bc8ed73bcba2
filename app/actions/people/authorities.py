"""Tasks about the authority of those who stand in for customers: a paper that is missing, an end that has come."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.rules import DeskStep
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import SPEAKS, MayBeTold
from app.core.actor import SYSTEM, Actor
from app.core.ids import id_of
from app.core.labels import PARTY_LABELS, in_sentence
from app.core.timeline.service import lock_customers
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import NewTask, add_task, add_tasks


def ask_for_paper(
    session: Session, case: CollectionsCase, party: ThirdParty, *, today: date, by: Actor, now: datetime
) -> None:
    """Give the case's owner the task to ask an unproven representative for their paper. The caller holds the
    customer's lock."""
    if party.is_proven or case.status is not CaseStatus.OPEN:
        return
    text = f"Ask {party.full_name} for the paper that makes them {_noun(party)}, and put it on file"
    add_task(session, case, DeskStep.AUTHORITY, text, today, by=by, now=now)


def tell_of_ended_authorities(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give the owners of open cases the task to renew the authorities whose last day was `on`; how many. From the next
    day on the gate lets nobody be contacted on them. Done again, it gives no task twice."""
    due_on = on + timedelta(days=1)
    given = select(StrategyTask.case_id).where(
        StrategyTask.step == DeskStep.AUTHORITY, StrategyTask.due_on == due_on
    )
    ended = (
        select(ThirdParty, CollectionsCase)
        .join(CollectionsCase, col(CollectionsCase.customer_id) == ThirdParty.customer_id)
        .where(
            ThirdParty.authority_until == on,
            col(ThirdParty.ended_at).is_(None),
            col(ThirdParty.kind).in_(SPEAKS),
            ThirdParty.may_be_told != MayBeTold.NOTHING,
            CollectionsCase.portfolio_id == portfolio.id,
            CollectionsCase.status == CaseStatus.OPEN,
            col(CollectionsCase.id).not_in(given),
        )
        .order_by(col(CollectionsCase.id), col(ThirdParty.id))
    )
    found = {id_of(case): (case, party) for party, case in session.exec(ended).all()}
    lock_customers(session, sorted(case.customer_id for case, _ in found.values()))
    tasks = [
        NewTask(
            case, f"The authority of {party.full_name}, {_noun(party)}, has ended: ask for a new one", due_on
        )
        for case, party in found.values()
    ]
    return len(add_tasks(session, DeskStep.AUTHORITY, tasks, by=SYSTEM, now=now))


def _noun(party: ThirdParty) -> str:
    return in_sentence(PARTY_LABELS[party.kind])
