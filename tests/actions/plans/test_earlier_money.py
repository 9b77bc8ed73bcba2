"""Which money takes up or pays an agreement: what was paid since its offer. Earlier money that is posted later pays
nothing of it, and a person looks at the agreement."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.reversals import move_payment
from app.actions.agreements import agree, offer
from app.actions.plans.earlier_money import earlier_money
from app.book.ledger.models import Account, Customer, Entry
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.plans.limits import Grantor
from app.casework.plans.models import InstalmentPayment, Plan
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.casework.plans.tracking.payments import payments_of, progress_of
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.strategy.models import StrategyTask
from tests import builders

ON = date(2026, 3, 17)
NOW = builders.at(ON)
DAY = timedelta(days=1)
MEI = Actor.user("mei")
LETTERS = builders.catalog()
MANAGER = Grantor(MEI, Role.MANAGER)
PLAN = AgreementTerms(PlanKind.INSTALMENTS, 60_000, ON + 10 * DAY, payments=6, cadence=Cadence.MONTHLY)
SETTLEMENT = AgreementTerms(PlanKind.SETTLEMENT, 60_000, ON + 10 * DAY)


def a_case(session: Session) -> CollectionsCase:
    """1,000.00 owed, half of it past due; a second card of the customer owes nothing."""
    case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON, minimum=50_000)
    builders.account(session, session.get_one(Customer, case.customer_id))
    return case


def cards(session: Session) -> list[Account]:
    return list(session.scalars(select(Account).order_by(Account.id)))


def the_plan(session: Session) -> Plan:
    return session.scalars(select(Plan).order_by(Plan.id.desc())).first()  # type: ignore[union-attr, return-value]


def tasks(session: Session) -> list[str]:
    query = select(StrategyTask.text).where(StrategyTask.step == DeskStep.EARLIER_MONEY)
    return list(session.scalars(query))


def pay(session: Session, amount: int, on: date, posted: date, card: int = 0) -> Entry:
    about = {"posted_on": max(on, posted), "now": builders.at(posted, 14)}
    return builders.payment(session, cards(session)[card], amount, on, **about)


def move(session: Session, entry: Entry, card: int, on: date) -> Entry:
    target = cards(session)[card]
    return move_payment(
        session, entry, target, "wrong card", by=MEI, role=Role.MANAGER, now=builders.at(on, 15)
    )


def paid(session: Session, on: date) -> int:
    plan = the_plan(session)
    return sum(each.amount for each in payments_of(session, [id_of(plan)], on).get(id_of(plan), []))


@pytest.mark.parametrize("terms", [PLAN, SETTLEMENT], ids=["plan", "settlement"])
def test_money_of_the_day_before_that_is_posted_later_pays_nothing_and_a_person_looks_once(
    engine: Engine, terms: AgreementTerms
) -> None:
    with transaction(engine) as session:
        agree(session, a_case(session), terms, LETTERS, grantor=MANAGER, now=NOW)
        pay(session, 10_000, ON - DAY, ON + DAY)
        assert paid(session, ON + DAY) == 0
        assert earlier_money(session, [id_of(the_plan(session))]) == {id_of(the_plan(session)): 10_000}
    for days in range(4):
        builders.close_day(engine, ON + days * DAY)
        with transaction(engine) as session:
            pay(session, 1_000, ON - DAY, ON + (days + 1) * DAY)
    with transaction(engine) as session:
        plan = the_plan(session)
        assert tasks(session) == [
            f"100.00 CNY was paid before {plan.reference} was offered on 2026-03-17, and posted after that. It does "
            "not count toward the agreement, and the debt is lower by it. Look whether the agreement still asks for "
            "the right amount; renegotiate it if not."
        ]
        assert plan.status is PlanStatus.ACTIVE


def test_who_paid_before_an_offer_to_settle_has_not_taken_it_up(engine: Engine) -> None:
    with transaction(engine) as session:
        offer(session, a_case(session), SETTLEMENT, LETTERS, grantor=MANAGER, now=NOW)
        pay(session, 60_000, ON - DAY, ON + DAY)
    builders.close_day(engine, ON + DAY)
    with transaction(engine) as session:
        assert the_plan(session).status is PlanStatus.OFFERED
        assert len(tasks(session)) == 1
        pay(session, 60_000, ON + 2 * DAY, ON + 2 * DAY)
    builders.close_day(engine, ON + 2 * DAY)
    with transaction(engine) as session:
        assert the_plan(session).status is PlanStatus.KEPT


@pytest.mark.parametrize(("paid_at", "counts"), [(9, 0), (14, 60_000)])
def test_a_payment_that_was_moved_to_the_settled_card_is_as_new_as_it_was(
    engine: Engine, paid_at: int, counts: int
) -> None:
    """Both payments are of the day of the offer: one came before it, one after."""
    with transaction(engine) as session:
        case = a_case(session)
        wrong = cards(session)[1]
        entry = builders.payment(session, wrong, 60_000, ON, now=builders.at(ON, paid_at))
        offer(session, case, SETTLEMENT, LETTERS, grantor=MANAGER, now=NOW)
        move(session, entry, 0, ON + DAY)
    builders.close_day(engine, ON + DAY)
    with transaction(engine) as session:
        plan = the_plan(session)
        assert plan.status is (PlanStatus.KEPT if counts else PlanStatus.OFFERED)
        assert len(tasks(session)) == (0 if counts else 1), "the card owes less, and it does not count"


def test_money_that_is_moved_to_and_fro_is_not_new(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        entry = builders.payment(session, cards(session)[0], 10_000, ON, now=builders.at(ON, 9))
        agree(session, case, PLAN, LETTERS, grantor=MANAGER, now=NOW)
        entry = move(session, entry, 1, ON + DAY)
        move(session, entry, 0, ON + 2 * DAY)
        assert paid(session, ON + 3 * DAY) == 0
    builders.close_day(engine, ON + 2 * DAY)
    with transaction(engine) as session:
        assert tasks(session) == [], "the debt is as it was"


def test_a_moved_payment_pays_the_instalment_that_it_named(engine: Engine) -> None:
    with transaction(engine) as session:
        agree(session, a_case(session), PLAN, LETTERS, grantor=MANAGER, now=NOW)
        entry = pay(session, 10_000, ON + DAY, ON + DAY, card=1)
        session.add(InstalmentPayment(entry_id=id_of(entry), plan_id=id_of(the_plan(session)), n=2))
        session.flush()
        move(session, entry, 0, ON + 2 * DAY)
        shown = progress_of(session, the_plan(session), ON + 2 * DAY)
        assert [(line.n, line.paid) for line in shown.instalments if line.paid] == [(2, 10_000)]


def test_a_payment_of_a_stranger_that_comes_to_its_owner_counts_from_its_own_day(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        book = session.get_one(CollectionsCase, case.id).portfolio_id
        stranger = builders.account(
            session,
            builders.customer(session, session.get_one(Customer, case.customer_id), portfolio_id=book),
        )
        agree(session, case, PLAN, LETTERS, grantor=MANAGER, now=NOW)
        early = builders.payment(session, stranger, 5_000, ON - DAY, now=builders.at(ON - DAY))
        later = builders.payment(session, stranger, 7_000, ON + DAY, now=builders.at(ON + DAY))
        for each in (early, later):
            move(session, each, 0, ON + 2 * DAY)
        assert paid(session, ON + 2 * DAY) == 7_000
        assert earlier_money(session, [id_of(the_plan(session))]) == {id_of(the_plan(session)): 5_000}
