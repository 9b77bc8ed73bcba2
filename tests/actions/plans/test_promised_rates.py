"""Rates that an agreement promises where the creditor charges the interest: refused unless it lowers them, and then the
work of a person."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.agreements import accept_offer, agree, cancel_agreement, offer
from app.actions.plans.promised_rates import tell_of_promised_rates
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.rules import DeskStep
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.offers import expire_offers, offers_that_stand
from app.casework.plans.rules import Acceptance, Agreed, Cadence, OfferEnd, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.casework.plans.tracking.changes import move_instalment
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.staff.rules import Role
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import finish_task
from tests import builders

ON, DAY = date(2026, 3, 16), timedelta(days=1)
TERMS = AgreementTerms(PlanKind.HARDSHIP, 100_000, ON + 20 * DAY, 3, Cadence.MONTHLY, apr_millionths=50_000)
MEI = Actor.user("mei")
AS_MANAGER = Grantor(MEI, Role.MANAGER)
STEPS = (DeskStep.RATE_TO_LOWER, DeskStep.RATE_TO_RAISE)


def a_case(session: Session, **changes: bool) -> CollectionsCase:
    builders.portfolio(session, pack="us-first-party", currency="USD", **changes)
    case = builders.delinquent_case(session, due_on=ON - 20 * DAY, on=ON)
    session.scalars(select(Account)).one().apr_millionths = 180_000
    return case


def agreed(session: Session, case: CollectionsCase) -> Plan:
    return agree(session, case, TERMS, builders.catalog(), grantor=AS_MANAGER, now=builders.at(ON)).plan


def told(session: Session, on: date) -> list[tuple[str, str]]:
    """The night's tasks: a second night brings none."""
    book, now = get_portfolio(session, builders.BOOK), builders.night_after(on)
    before = len(session.scalars(select(StrategyTask)).all())
    made = tell_of_promised_rates(session, book, on, now=now)
    assert tell_of_promised_rates(session, book, on, now=now) == 0
    tasks = session.scalars(select(StrategyTask).order_by(col(StrategyTask.id))).all()[before:]
    assert len(tasks) == made
    return [(task.step, task.text) for task in tasks if task.step in STEPS]


def test_a_rate_is_promised_where_the_creditor_lowers_it_and_a_person_has_the_work(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, creditor_lowers_rates=True)
        plan = agreed(session, case)
        card = session.scalars(select(Account)).one()
        last = ON + 20 * DAY
        [(step, text)] = told(session, ON)
        assert step == DeskStep.RATE_TO_LOWER
        assert text.startswith(
            f"{plan.reference} promises interest of 5% from {ON} until 2026-06-05. Have the creditor"
        )
        assert text.endswith(f"{card.reference} (18%)")
        move_instalment(
            session,
            plan,
            1,
            last + 3 * DAY,
            "",
            by=Actor.user("ann"),
            today=ON + DAY,
            now=builders.at(ON + DAY),
        )
        assert told(session, ON + DAY) == [], "the last payment stays where it is"
    letters = [
        row.text for row in builders.messages(engine) if row.letter == "plan_confirmation" and row.subject
    ]
    assert "interest is 5% a year instead of 18%" in letters[0]
    assert "late fee" not in letters[0], "the creditor's"


def test_a_later_end_and_an_early_one_are_told_too(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, creditor_lowers_rates=True)
        plan = agreed(session, case)
        assert len(told(session, ON)) == 1
        later = ON + 2 * DAY
        move_instalment(
            session, plan, 3, date(2026, 6, 9), "", by=Actor.user("ann"), today=later, now=builders.at(later)
        )
        [(step, text)] = told(session, later)
        assert (step, "until 2026-06-09" in text) == (DeskStep.RATE_TO_LOWER, True)
        cancel_agreement(
            session, plan, "other help", builders.catalog(), by=Actor.user("ann"), now=builders.at(later)
        )
        [(step, text)] = told(session, later + DAY)
        assert step == DeskStep.RATE_TO_RAISE
        assert text.startswith(
            f"{plan.reference} ended on {later}. Have the creditor end the lower rate of 5% after"
        )


def test_without_the_setting_it_is_refused_and_nobody_has_work(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        with pytest.raises(Invalid, match="creditor-lowers-rates=yes") as refused:
            agreed(session, case)
        assert refused.value.field == "apr"
        own = dataclasses.replace(TERMS, apr_millionths=None)
        agree(session, case, own, builders.catalog(), grantor=AS_MANAGER, now=builders.at(ON))
        assert told(session, ON) == []
    with transaction(engine) as session:
        session.scalars(select(Portfolio)).one().creditor_lowers_rates = True
        assert told(session, ON + DAY) == [], "it promises no rate"


def test_an_offer_of_a_lower_rate_ends_once_the_creditor_lowers_none(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, creditor_lowers_rates=True)
        made = offer(session, case, TERMS, builders.catalog(), grantor=AS_MANAGER, now=builders.at(ON)).plan
        book = get_portfolio(session, builders.BOOK)
        assert offers_that_stand(session, [made], ON) == [made]
        book.creditor_lowers_rates = False
        session.flush()
        assert offers_that_stand(session, [made], ON) == []
        with pytest.raises(Conflict, match="lowers it for nobody now"):
            accept_offer(
                session, made, builders.catalog(), Agreed(Acceptance.WRITING), by=MEI, now=builders.at(ON)
            )
        assert expire_offers(session, book, ON, now=builders.night_after(ON)) == 1
        assert (made.status, made.why) == (PlanStatus.CANCELLED, OfferEnd.RATE_NOT_LOWERED)


def test_a_rate_that_was_lowered_is_ended_though_the_case_would_close_and_the_setting_is_off(
    engine: Engine,
) -> None:
    """The agreement is cancelled and the arrears are paid on one day."""
    with transaction(engine) as session:
        builders.portfolio(session, pack="us-first-party", currency="USD", creditor_lowers_rates=True)
        card = builders.late_customer(session, get_portfolio(session, builders.BOOK), due_on=ON - 20 * DAY)
        card.apr_millionths = 180_000
    builders.close_day(engine, ON - DAY)
    with transaction(engine) as session:
        plan = agreed(session, session.scalars(select(CollectionsCase)).one())
    builders.close_day(engine, ON)
    over = ON + DAY
    with transaction(engine) as session:
        plan = session.scalars(select(Plan)).one()
        cancel_agreement(session, plan, "paid", builders.catalog(), by=MEI, now=builders.at(over))
        case = session.scalars(select(CollectionsCase)).one()
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, case.past_due_minor, over, now=builders.at(over))
        get_portfolio(session, builders.BOOK).creditor_lowers_rates = False
    builders.close_day(engine, over)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        tasks = select(StrategyTask).where(StrategyTask.step == DeskStep.RATE_TO_RAISE)
        task = session.scalars(tasks).one()
        assert (case.status, task.done_at) == (CaseStatus.OPEN, None)
        finish_task(session, task, case.customer_id, by=MEI, now=builders.at(over + DAY))
    builders.close_day(engine, over + DAY)
    with transaction(engine) as session:
        assert session.scalars(select(CollectionsCase)).one().status is CaseStatus.CLOSED
