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
from app.actions.plans.instalments import move_instalment as move_and_confirm
from app.book.charges.models import Concession
from app.book.delinquency.lifecycle import set_pause
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.holds.models import CaseHold
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.rests.service import end_rests
from app.casework.plans.rules import Cadence, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.casework.plans.tracking.changes import move_instalment
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import HoldKind, holds_with
from app.operations.invariants.agreements import concessions_end_with_plans
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
        assert list(concessions_end_with_plans(session, portfolio)) == []
        over = ON + 10 * DAY
        released(session, hold, over)
        end_rests(session, portfolio, over, now=builders.night_after(over))
        assert concession.to_on == over + DAY
        assert list(concessions_end_with_plans(session, portfolio)) == []
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


def answered(engine: Engine, asked: date, over: date) -> None:
    """A dispute from one day to another, in the forenoon; the nights between are closed."""
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        reason, now = "not mine", builders.at(asked, 9)
        place_hold(session, case, HoldKind.DISPUTE, reason, asked + 60 * DAY, LETTERS, by=MEI, now=now)
    close(engine, asked, over - DAY)
    with transaction(engine) as session:
        hold = session.scalars(select(CaseHold)).one()
        end_hold(session, hold, "it was answered", "Mei", by=MEI, now=builders.at(over, 10))


def dates(engine: Engine, plan_id: int) -> list[date]:
    with transaction(engine) as session:
        return [part.due_on for part in instalments_of(session, [plan_id])[plan_id]]


def a_book(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.late_customer(session, builders.portfolio(session), due_on=ON - 10 * DAY)
    builders.close_day(engine, ON - DAY)


def agreed(engine: Engine, terms: AgreementTerms, on: date) -> int:
    grantor = Grantor(MEI, Role.MANAGER)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        return id_of(agree(session, case, terms, LETTERS, grantor=grantor, now=builders.at(on, 12)).plan)


def test_a_hold_that_stood_for_no_night_moves_nothing(sqlite_engine: Engine) -> None:
    a_book(sqlite_engine)
    plan_id = agreed(sqlite_engine, PLAN, ON)
    before = dates(sqlite_engine, plan_id)
    builders.close_day(sqlite_engine, ON)
    answered(sqlite_engine, ON + DAY, ON + DAY)
    close(sqlite_engine, ON + DAY, ON + 2 * DAY)
    assert dates(sqlite_engine, plan_id) == before
    assert letters(sqlite_engine, DeskStep.RESUMED_PLAN) == []


def test_a_date_after_a_rest_is_moved_as_any_other_and_stays_there(sqlite_engine: Engine) -> None:
    """The first day was agreed months ago, and is no day to count the bounds of a move from."""
    a_book(sqlite_engine)
    plan_id, over = agreed(sqlite_engine, PLAN, ON), ON + 40 * DAY
    builders.close_day(sqlite_engine, ON)
    answered(sqlite_engine, ON + DAY, over)
    builders.close_day(sqlite_engine, over)
    given = dates(sqlite_engine, plan_id)[0]
    asked = over + 2 * DAY
    with transaction(sqlite_engine) as session:
        plan = session.get_one(Plan, plan_id)
        with pytest.raises(Invalid, match=f"at most 14 days from {given.isoformat()}"):
            move_and_confirm(session, plan, 1, given + 15 * DAY, LETTERS, by=MEI, now=builders.at(asked, 7))
        move_and_confirm(session, plan, 1, given - 14 * DAY, LETTERS, by=MEI, now=builders.at(asked, 8))
    close(sqlite_engine, over + DAY, asked)
    assert dates(sqlite_engine, plan_id)[0] == given - 14 * DAY


def test_no_interest_is_asked_for_the_days_on_which_none_may_run(engine: Engine) -> None:
    """A breathing space of sixty days (SI 2020/1311 reg 7). The ledger charges none, and so the schedule has none."""
    with transaction(engine) as session:
        book = builders.portfolio(session, pack="uk", currency="GBP")
        book.accrues = True
        builders.late_customer(session, book, due_on=ON - 10 * DAY, country="GB", balance=60_000)
    builders.close_day(engine, ON - DAY)
    with transaction(engine) as session:
        case, owed = session.scalars(select(CollectionsCase)).one(), balance(session)
    terms = replace(HARDSHIP, total_minor=owed, payments=3, apr_millionths=100_000, waived_fees_minor=0)
    plan_id = agreed(engine, terms, ON)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        held(session, case, HoldKind.BREATHING_SPACE, ON)
        total = session.get_one(Plan, plan_id).total_minor
        until = session.scalars(select(CaseHold)).one().until
    close(engine, ON, until)
    with transaction(engine) as session:
        plan = session.get_one(Plan, plan_id)
        assert instalments_of(session, [plan_id])[plan_id][0].due_on >= until + 14 * DAY
        of_a_month = owed * 100_000 // 12_000_000
        assert plan.total_minor - total < 2 * of_a_month, (
            "the days to come bear it, not the two months of the rest"
        )
        assert balance(session, until) < owed + of_a_month


def test_what_is_paid_whole_during_the_rest_is_kept_that_night(engine: Engine) -> None:
    """The executor pays all that is owed: whoever it is told to need not wait for the end of the hold."""
    with transaction(engine) as session:
        case = a_case(session)
        plan = agree(session, case, PLAN, LETTERS, **AS_MANAGER).plan
        portfolio = session.get_one(Portfolio, case.portfolio_id)
        held(session, case, HoldKind.DECEASED)
        now = builders.night_after(BROKEN)
        end_rests(session, portfolio, BROKEN, now=now)
        assess(session, case, BROKEN)
        assert (plan.status, plan.assess_on) == (PlanStatus.ACTIVE, BROKEN), "every night looks at it"
        paid_on = BROKEN + DAY
        builders.payment(session, the_card(session), 60_000, paid_on)
        end_rests(session, portfolio, paid_on, now=builders.night_after(paid_on))
        assess(session, case, paid_on)
        assert (plan.status, plan.ended_on) == (PlanStatus.KEPT, paid_on)
