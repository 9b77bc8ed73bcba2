"""Agreements while a hold stands that forbids to enforce the debt: nothing is missed, nothing is charged again, and
afterwards the customer is told the new dates in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import agree, cancel_agreement
from app.actions.holds import end_hold, place_hold
from app.book.charges.models import Concession
from app.book.delinquency.lifecycle import set_pause
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.rests.service import end_rests
from app.casework.plans.rules import Cadence, PlanStatus
from app.casework.plans.tracking.changes import move_instalment
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import HoldKind, holds_with
from app.policy.sections.pauses import PauseKind
from tests import builders
from tests.actions.test_agreements import (
    AS_MANAGER,
    DAY,
    HARDSHIP,
    LETTERS,
    MEI,
    ON,
    PLAN,
    a_case,
    assess,
    balance,
    the_card,
)
from tests.outreach.planning.test_restored import BROKEN, close, letters

UNTIL = BROKEN + 30 * DAY


def held(session: Session, case: CollectionsCase, kind: HoldKind, on: date = ON + DAY) -> CaseHold:
    return place_hold(session, case, kind, "we heard", UNTIL, LETTERS, by=MEI, now=builders.at(on)).hold


def released(session: Session, hold: CaseHold, on: date) -> None:
    end_hold(session, hold, "it is over", "Mei", by=MEI, now=builders.at(on))


@pytest.mark.parametrize("kind", HoldKind)
def test_no_agreement_is_broken_while_such_a_hold_stands(sqlite_engine: Engine, kind: HoldKind) -> None:
    rests = kind in {
        HoldKind.DECEASED, HoldKind.BANKRUPTCY, HoldKind.FRAUD, HoldKind.DISPUTE, HoldKind.BREATHING_SPACE,
        HoldKind.MILITARY,
    }  # fmt: skip
    assert (kind in holds_with(lambda traits: traits.rests_agreements)) is rests
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        held(session, case, kind)
        assert assess(session, case, BROKEN)["broken"] == (0 if rests else 1)
        assert (plan.status is PlanStatus.ACTIVE, case.broken_promises) == (rests, 0 if rests else 1)
        [concession] = session.scalars(select(Concession)).all()
        assert (concession.to_on is None) is rests
        assert balance(session, BROKEN + DAY) == (97_000 if rests else 100_000)


@pytest.mark.parametrize("kind", [HoldKind.DECEASED, HoldKind.BREATHING_SPACE])
def test_who_ends_an_agreement_during_the_hold_charges_nothing_again(engine: Engine, kind: HoldKind) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        hold = held(session, case, kind)
        now = builders.at(ON + 2 * DAY)
        cancel_agreement(session, plan, "the estate is asked", LETTERS, by=MEI, now=now)
        assert balance(session, ON + 2 * DAY) == 97_000, "the fees stay waived"
        portfolio = session.get_one(Portfolio, case.portfolio_id)
        [concession] = session.scalars(select(Concession)).all()
        end_rests(session, portfolio, ON + 3 * DAY, now=builders.night_after(ON + 3 * DAY))
        assert concession.to_on is None, "the rate does not rise"
        over = ON + 10 * DAY
        released(session, hold, over)
        end_rests(session, portfolio, over, now=builders.night_after(over))
        assert concession.to_on == over + DAY
        assert balance(session, over) == 97_000


def test_fees_are_not_charged_again_to_a_paused_account(sqlite_engine: Engine) -> None:
    """A hardship hold pauses the accounts by this pack: nothing is charged, whatever becomes of the agreement."""
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        set_pause(
            session,
            the_card(session),
            PauseKind.HARDSHIP,
            ON,
            UNTIL,
            "they cannot pay",
            by=MEI,
            now=builders.at(ON),
        )
        assess(session, case, BROKEN)
        assert (plan.status, balance(session, BROKEN + DAY)) == (PlanStatus.BROKEN, 97_000)


def a_rest(engine: Engine) -> tuple[int, date]:
    """A monthly plan whose first payment falls due while the debt is disputed; a person ends the dispute."""
    with transaction(engine) as session:
        book = builders.portfolio(session, remind_days=0, remind_today=False, remind_grace_days=0)
        builders.late_customer(session, book, due_on=ON - 10 * DAY)
    builders.close_day(engine, ON - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        plan_id = id_of(agree(session, case, PLAN, LETTERS, **AS_MANAGER).plan)
        held(session, case, HoldKind.DISPUTE, ON)
    builders.deliver(engine, builders.at(ON, 13))
    close(engine, ON, BROKEN)
    over = BROKEN + DAY
    with transaction(engine) as session:
        released(session, session.scalars(select(CaseHold)).one(), over)
    close(engine, over, over)
    return plan_id, over


def test_after_the_rest_the_customer_has_new_dates_and_is_told_them(engine: Engine) -> None:
    plan_id, over = a_rest(engine)
    with transaction(engine) as session:
        plan = session.get_one(Plan, plan_id)
        assert plan.status is PlanStatus.ACTIVE
        days = [part.due_on for part in instalments_of(session, [plan_id])[plan_id]]
        assert (days[0], days[-1]) == (date(2026, 4, 27), date(2026, 9, 28))
    assert letters(engine, DeskStep.BROKEN_PLAN) == []
    [letter] = letters(engine, DeskStep.RESUMED_PLAN)
    assert "has rested for a while: no payment of it could be missed in that time." in letter.text
    assert "Next, CN¥100.00 is due by 27 April 2026." in letter.text
    assert "the last on 28 September 2026." in letter.text
    sent = builders.deliver(engine, builders.at(over + DAY, 9)).sent
    assert [each.letter for each in sent] == ["plan_resumed"]
    close(engine, over + DAY, over + 3 * DAY)
    assert len(letters(engine, DeskStep.RESUMED_PLAN)) == 1
    with transaction(engine) as session:
        assert session.get_one(Plan, plan_id).status is PlanStatus.ACTIVE


def test_the_letter_is_withheld_where_the_agreement_rests_again(sqlite_engine: Engine) -> None:
    _, over = a_rest(sqlite_engine)
    with transaction(sqlite_engine) as session:
        held(session, session.scalars(select(CollectionsCase)).one(), HoldKind.BREATHING_SPACE, over + DAY)
    builders.deliver(sqlite_engine, builders.at(over + DAY, 12))
    [letter] = letters(sqlite_engine, DeskStep.RESUMED_PLAN)
    assert letter.error == "the agreement rests again"


def test_what_is_paid_during_the_rest_counts(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, PLAN, LETTERS, **AS_MANAGER).plan
        hold = held(session, case, HoldKind.FRAUD)
        assess(session, case, BROKEN)
        builders.payment(session, session.scalars(select(Account)).one(), 10_000, BROKEN)
        released(session, hold, BROKEN + DAY)
        portfolio = session.get_one(Portfolio, case.portfolio_id)
        now = builders.night_after(BROKEN + DAY)
        assert end_rests(session, portfolio, BROKEN + DAY, now=now) == 0, "the next one is weeks away"
        assess(session, case, BROKEN + DAY)
        assert plan.status is PlanStatus.ACTIVE


def test_an_agreement_of_after_the_hold_keeps_its_dates(engine: Engine) -> None:
    """It was made when nothing rested any more: its first payment, in six days, is the one that was agreed."""
    with transaction(engine) as session:
        case = a_case(session)
        released(session, held(session, case, HoldKind.DISPUTE, ON - DAY), ON)
        plan = agree(session, case, PLAN, LETTERS, **{**AS_MANAGER, "now": builders.at(ON, 15)}).plan
        portfolio = session.get_one(Portfolio, case.portfolio_id)
        for on in (ON, ON + DAY):
            assert end_rests(session, portfolio, on, now=builders.night_after(on)) == 0
        assert instalments_of(session, [id_of(plan)])[id_of(plan)][0].due_on == PLAN.first_due_on


def test_the_nights_after_do_not_give_time_again(engine: Engine) -> None:
    """Without grace days, the first payment falls due on the very last day of the time to be told."""
    with transaction(engine) as session:
        case = a_case(session, grace_days=0)
        weekly = replace(PLAN, cadence=Cadence.WEEKLY)
        agree(session, case, weekly, LETTERS, **AS_MANAGER)
        over = weekly.first_due_on
        released(session, held(session, case, HoldKind.DISPUTE), over)
        portfolio = session.get_one(Portfolio, case.portfolio_id)
        nights = [over + n * DAY for n in (0, 1, 2)]
        given = [end_rests(session, portfolio, on, now=builders.night_after(on)) for on in nights]
        assert given == [1, 0, 0]


def test_who_then_asks_for_an_earlier_day_keeps_it(sqlite_engine: Engine) -> None:
    plan_id, over = a_rest(sqlite_engine)
    with transaction(sqlite_engine) as session:
        plan = session.get_one(Plan, plan_id)
        session.get_one(Portfolio, plan.portfolio_id).move_days = 30
        today, now = over + DAY, builders.at(over + DAY)
        move_instalment(session, plan, 1, today + 5 * DAY, "payday", by=MEI, today=today, now=now)
    close(sqlite_engine, over + DAY, over + 2 * DAY)
    with transaction(sqlite_engine) as session:
        assert instalments_of(session, [plan_id])[plan_id][0].due_on == over + 6 * DAY
