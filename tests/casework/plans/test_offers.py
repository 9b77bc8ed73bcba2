"""Offers end with the day of their first payment and with their case."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Account
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.plans.models import Plan
from app.casework.plans.offering import propose
from app.casework.plans.offers import offers_that_stand
from app.casework.plans.rules import OfferEnd, PlanKind, PlanStatus, offer_end
from app.casework.plans.service import accept
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.in_writing.agreements import offer_in_writing
from tests import builders
from tests.agreements import make_offer, monthly, offer_settlement

DUE, DAY = date(2026, 3, 10), timedelta(days=1)
T = DUE + 20 * DAY
FIRST = T + 9 * DAY
"""A working day in China: the 5th after T is a Saturday, and Qingming follows."""


def told(on: date) -> dict[str, Any]:
    return {"by": "user:ann", "today": on, "now": builders.at(on)}


@pytest.mark.parametrize(
    ("today", "is_open", "expected"),
    [
        (FIRST - DAY, True, None),
        (FIRST, True, None),
        (FIRST + DAY, True, OfferEnd.DAY_PASSED),
        (FIRST - DAY, False, OfferEnd.CASE_CLOSED),
    ],
)
def test_until_when_an_offer_stands(today: date, is_open: bool, expected: OfferEnd | None) -> None:
    assert offer_end(FIRST, today, is_open=is_open) is expected


def offered(engine: Engine) -> int:
    """An offer of three payments from `FIRST` on. The account's number."""
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE)
    builders.close_day(engine, T - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        plan = make_offer(session, case, monthly(6_000, 0, 3, FIRST), **told(T))
        book = get_portfolio(session, builders.BOOK)
        offer_in_writing(
            session, book, plan, builders.catalog(), on=T, by=Actor.user("ann"), now=builders.at(T)
        )
    return id_of(card)


def the_plan(session: Session) -> Plan:
    return session.scalars(select(Plan)).one()


def test_an_offer_ends_in_the_night_of_its_first_payment(engine: Engine) -> None:
    offered(engine)
    builders.close_day(engine, FIRST - DAY)
    with transaction(engine) as session:
        assert the_plan(session).status is PlanStatus.OFFERED
        assert offers_that_stand(session, [the_plan(session)], FIRST) != []
        # Live, before any night has seen it:
        assert offers_that_stand(session, [the_plan(session)], FIRST + DAY) == []
        with pytest.raises(Conflict, match=f"stood until {FIRST}. Make a new one"):
            accept(session, the_plan(session), **told(FIRST + DAY))
    [report] = builders.close_day(engine, FIRST)
    counts = {stage["name"]: stage["counts"] for stage in report.stages}
    assert counts["cases"]["offers_ended"] == 1
    with transaction(engine) as session:
        plan = the_plan(session)
        assert (plan.status, plan.why, plan.ended_on) == (
            PlanStatus.CANCELLED,
            OfferEnd.DAY_PASSED.value,
            FIRST,
        )


def test_an_offer_ends_with_its_case_and_is_not_written_any_more(engine: Engine) -> None:
    card_id = offered(engine)
    with transaction(engine) as session:
        builders.payment(session, session.get_one(Account, card_id), 100_000, T, now=builders.at(T))
    builders.close_day(engine, T)
    with transaction(engine) as session:
        assert session.scalars(select(CollectionsCase)).one().status is CaseStatus.CLOSED
        plan = the_plan(session)
        assert (plan.status, plan.why) == (PlanStatus.CANCELLED, OfferEnd.CASE_CLOSED.value)
    builders.deliver(engine, builders.at(T + DAY, 10))
    letters = {m.letter: m.status for m in builders.messages(engine)}
    assert letters["plan_offer"] is OutboxStatus.WITHHELD


@pytest.mark.parametrize(("rest", "ends"), [(50_000, PlanStatus.KEPT), (0, PlanStatus.CANCELLED)])
def test_a_part_payment_that_cures_the_account_does_not_take_back_a_settlement(
    engine: Engine, rest: int, ends: PlanStatus
) -> None:
    """Our letter says that 600.00 by the day is enough. The first 100.00 already bring the account up to date."""
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE)
        account_id = id_of(card)
    builders.close_day(engine, T - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        offer_settlement(session, case, 60_000, FIRST, **told(T))
        builders.payment(session, session.get_one(Account, account_id), 10_000, T)
    builders.close_day(engine, T)
    with transaction(engine) as session:
        assert the_plan(session).status is PlanStatus.OFFERED
        assert session.scalars(select(CollectionsCase)).one().status is CaseStatus.OPEN
        if rest:
            builders.payment(session, session.get_one(Account, account_id), rest, FIRST)
    for n in range((FIRST - T).days + 5):
        builders.close_day(engine, T + (n + 1) * DAY)
    with transaction(engine) as session:
        assert the_plan(session).status is ends
        assert session.scalars(select(CollectionsCase)).one().status is CaseStatus.CLOSED


def test_the_payment_after_a_down_payment_is_on_a_working_day(sqlite_engine: Engine) -> None:
    """A month after 1 April is Labour Day, and China rests until the 5th."""
    with transaction(sqlite_engine) as session:
        case = builders.delinquent_case(session, due_on=DUE, on=T)
        terms = AgreementTerms(PlanKind.INSTALMENTS, 3_000, T + 2 * DAY, down_payment_minor=1_000)
        parts = propose(session, case, terms, today=T).parts
    assert [part.due_on for part in parts] == [date(2026, 4, 1), date(2026, 5, 6)]
