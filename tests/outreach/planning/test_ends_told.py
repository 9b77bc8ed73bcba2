"""Every agreement that ends is told in writing, once, to whoever should know it; where that is not possible, a person
has one task that says why."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.advisers.clients import NewAuthority, add_client
from app.actions.agreements import agree
from app.actions.holds import place_hold
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.parties.models import ThirdParty
from app.casework.parties.service import close_party
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.core.vocabulary import HoldKind
from app.outreach.delivery.cleanup import withhold_stale
from app.outreach.delivery.reports import note_status
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Occasion, OutboxStatus
from app.outreach.planning.agreements.ends import untold_ends
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.representatives.writing import write_to_adviser
from app.outreach.strategy.models import StrategyTask
from tests import builders
from tests.actions.test_agreements import AS_MANAGER, DAY, LETTERS, MEI, ON
from tests.outreach.advised import ANN, the_adviser
from tests.outreach.advised import deliver as deliver_to_adviser
from tests.outreach.planning.test_restored import BROKEN, DUE, close
from tests.outreach.planning.test_taken_up import PAID as SETTLED
from tests.outreach.planning.test_taken_up import SETTLE, a_late_case, planned, returned, settle_offered
from tests.outreach.planning.test_taken_up import pay as pay_to_settle

PROMISE = AgreementTerms(PlanKind.PROMISE, 5_000, DUE)
ENDS = ("plan_broken", "plan_over", "plan_cancelled", "adviser_plan_broken", "adviser_plan_ended")
FIRST, SECOND = BROKEN + DAY, BROKEN + 2 * DAY
"""The mornings after the night of the break."""


def a_customer(engine: Engine, pack: str = "cn", country: str = "CN", **changes: object) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session, pack=pack, remind_days=0, remind_today=False, remind_grace_days=0)
        builders.late_customer(session, book, due_on=ON - 10 * DAY, country=country, **changes)
    builders.close_day(engine, ON - DAY)


def promised(engine: Engine, on: date = ON, terms: AgreementTerms = PROMISE) -> None:
    given = {**AS_MANAGER, "now": builders.at(on)}
    with transaction(engine) as session:
        agree(session, the_case(session), terms, LETTERS, **given)  # type: ignore[arg-type]


def advised(engine: Engine, by_them: bool = False, **adviser: object) -> None:
    """An adviser acts for the customer; `by_them`: they made the agreement."""
    with transaction(engine) as session:
        new = NewAuthority(date(2026, 3, 1), None, "H-881")
        case = the_case(session)
        party = add_client(
            session, the_adviser(session, **adviser), case, new, LETTERS, by=ANN, now=builders.at(ON, 14)
        )
        if by_them:
            session.scalars(select(Plan)).one().agreed_with_id = party.id


def the_case(session: Session) -> CollectionsCase:
    return session.scalars(select(CollectionsCase)).one()


def pay(engine: Engine, amount: int, on: date) -> None:
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, amount, on, now=builders.at(on, 8))


def hold(engine: Engine, kind: HoldKind, on: date, until: date) -> None:
    with transaction(engine) as session:
        case = the_case(session)
        place_hold(session, case, kind, "they say so", until, LETTERS, by=ANN, now=builders.at(on, 14))


def morning(engine: Engine, on: date) -> list[str]:
    """What leaves on a day, and what is written in the place of what does not. Returns what left of an end."""
    sent = []
    for minute in (5, 50):  # day in London, Shanghai and Sydney
        sent += builders.deliver(engine, builders.at(on, 16, minute)).sent
        sent += deliver_to_adviser(engine, now=builders.at(on, 16, minute)).sent
        fall_back_due(engine, LETTERS, clock=FixedClock(builders.at(on, 16, minute + 5)))
    return [each.letter for each in sent if each.letter in ENDS]


def days(engine: Engine, first: date, last: date) -> list[str]:
    """Mornings and nights of these days; what left of an end."""
    left, day = [], first
    while day <= last:
        left += morning(engine, day)
        close(engine, day, day)
        day += DAY
    return left


def of_ends(engine: Engine) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if row.letter in ENDS]


def tasks(engine: Engine) -> list[str]:
    with reading(engine) as session:
        query = select(StrategyTask.text).where(StrategyTask.step == "end-not-told")
        return list(session.scalars(query.order_by(col(StrategyTask.id))))


# --- who acts for the customer ------------------------------------------------------------------------------


@pytest.mark.parametrize(("pack", "country"), [("uk", "GB"), ("au", "AU")])
def test_where_an_adviser_came_after_the_agreement_the_customer_is_told(
    engine: Engine, pack: str, country: str
) -> None:
    a_customer(engine, pack, country)
    promised(engine)
    advised(engine)
    assert days(engine, ON, BROKEN + 5 * DAY) == ["plan_over"]
    assert tasks(engine) == []


def test_where_the_adviser_leaves_on_the_morning_of_their_letter_the_customer_is_told(engine: Engine) -> None:
    a_customer(engine, "uk", "GB")
    promised(engine)
    advised(engine, by_them=True)
    assert days(engine, ON, BROKEN) == []
    assert [row.letter for row in of_ends(engine)] == ["adviser_plan_broken"]
    with transaction(engine) as session:
        party = session.scalars(select(ThirdParty)).one()
        close_party(session, the_case(session), party, "they say so", by=ANN, now=builders.at(FIRST, 8))
    assert days(engine, FIRST, BROKEN + 5 * DAY) == ["plan_over"]


def test_where_the_letter_to_the_adviser_comes_back_the_customer_is_told(engine: Engine) -> None:
    a_customer(engine, "uk", "GB")
    promised(engine)
    advised(engine, by_them=True)
    assert days(engine, ON, FIRST) == ["adviser_plan_broken"]
    come_back(engine, "adviser_plan_broken", SECOND)
    assert days(engine, SECOND, BROKEN + 6 * DAY) == ["plan_over"]


def test_what_an_adviser_has_in_the_customers_place_is_told(engine: Engine) -> None:
    a_customer(engine, "uk", "GB")
    promised(engine)
    advised(engine, by_them=True)
    assert days(engine, ON, BROKEN + 6 * DAY) == ["adviser_plan_broken"]
    assert tasks(engine) == []


def come_back(engine: Engine, letter: str, on: date) -> None:
    """The bank of mailboxes reports on a morning that the letter could not arrive."""
    [row] = [row for row in builders.messages(engine) if row.letter == letter]
    with transaction(engine) as session:
        ref, now = row.provider_ref, builders.at(on, 8)
        assert note_status(session, OutboxStatus.BOUNCED, "5.1.1", provider_ref=ref, now=now)


# --- holds and the legal team --------------------------------------------------------------------------------


@pytest.mark.parametrize(("pack", "country"), [("uk", "GB"), ("cn", "CN")])
def test_a_dispute_stops_what_asks_for_money_and_not_the_news(
    engine: Engine, pack: str, country: str
) -> None:
    a_customer(engine, pack, country)
    promised(engine)
    assert days(engine, ON, BROKEN) == []
    hold(engine, HoldKind.DISPUTE, FIRST, ON + 60 * DAY)  # before the letter of the night left
    assert days(engine, FIRST, BROKEN + 5 * DAY) == ["plan_over"]
    [asks, news] = of_ends(engine)
    assert (asks.letter, asks.status) == ("plan_broken", OutboxStatus.WITHHELD)
    assert "This letter asks for no payment." in news.text
    assert tasks(engine) == []


def test_where_the_law_forbids_any_letter_a_person_has_one_task_that_says_why(engine: Engine) -> None:
    a_customer(engine, "uk", "GB")
    promised(engine)
    hold(engine, HoldKind.CEASE_CONTACT, ON + DAY, ON + 60 * DAY)
    assert days(engine, ON, BROKEN + 8 * DAY) == []
    [task] = tasks(engine)
    assert task.startswith("P-000001 ended on 2026-03-30, and no letter says so: ")
    assert "cease contact hold" in task


def test_a_case_that_is_with_the_legal_team_is_told_or_left_to_a_person(engine: Engine) -> None:
    a_customer(engine)
    promised(engine)
    assert days(engine, ON, BROKEN - DAY) == []
    with transaction(engine) as session:
        the_case(session).with_legal_since = builders.at(BROKEN, 14)
    left = days(engine, BROKEN, BROKEN + 8 * DAY)
    assert (left, len(tasks(engine))) in ((["plan_over"], 0), ([], 1))


def test_what_waited_under_a_hold_until_the_debt_was_paid_is_told_then(engine: Engine) -> None:
    a_customer(engine)
    promised(engine)
    hold(engine, HoldKind.MANUAL, BROKEN - DAY, BROKEN + 20 * DAY)
    assert days(engine, ON, BROKEN + 5 * DAY) == []
    assert (of_ends(engine), tasks(engine)) == ([], []), "the letter waits"
    pay(engine, 5_000, BROKEN + 6 * DAY)
    assert days(engine, BROKEN + 6 * DAY, BROKEN + 25 * DAY) == ["plan_over"]
    assert tasks(engine) == []


# --- what is lost on the way ---------------------------------------------------------------------------------


def test_a_letter_that_comes_back_days_later_is_told_by_another_once(engine: Engine) -> None:
    a_customer(engine)
    promised(engine)
    assert days(engine, ON, FIRST) == ["plan_broken"]
    pay(engine, 5_000, SECOND)
    close(engine, SECOND, BROKEN + 6 * DAY)
    come_back(engine, "plan_broken", BROKEN + 7 * DAY)
    days(engine, BROKEN + 7 * DAY, BROKEN + 12 * DAY)
    rows = [row for row in of_ends(engine) if row.status is not OutboxStatus.BOUNCED]
    arrived = [row for row in rows if row.status is not OutboxStatus.WITHHELD]
    assert [(row.letter, row.destination.value) for row in arrived] == [("plan_over", "email")]
    assert tasks(engine) == []


def test_letters_of_an_outbox_that_stood_still_are_written_again_and_leave_once(engine: Engine) -> None:
    a_customer(engine)
    promised(engine)
    days(engine, ON, BROKEN - DAY)
    pay(engine, 4_000, BROKEN)
    pay(engine, 1_000, BROKEN)
    close(engine, BROKEN, BROKEN + 4 * DAY)
    assert [row.letter for row in of_ends(engine)] == ["plan_over"]
    back = BROKEN + 5 * DAY
    with transaction(engine) as session:
        assert withhold_stale(session, now=builders.at(back, 8)) > 0
    assert days(engine, back, back + 4 * DAY) == ["plan_over"]
    assert [row.status for row in of_ends(engine)] == [OutboxStatus.WITHHELD, OutboxStatus.SENT]


def test_an_outbox_that_goes_on_standing_still_is_a_persons_task_once(engine: Engine) -> None:
    a_customer(engine)
    promised(engine)
    days(engine, ON, BROKEN - DAY)
    pay(engine, 5_000, BROKEN)
    day = BROKEN
    while day < BROKEN + 30 * DAY:
        close(engine, day, day)
        day += DAY
        with transaction(engine) as session:
            withhold_stale(session, now=builders.at(day, 8))
        fall_back_due(engine, LETTERS, clock=FixedClock(builders.at(day, 10)))
    assert len(of_ends(engine)) <= 4
    with reading(engine) as session:
        query = select(StrategyTask.text).where(col(StrategyTask.plan_id).is_not(None))
        assert len(session.scalars(query).all()) == 1


# --- what comes after ----------------------------------------------------------------------------------------


def test_an_agreement_of_the_next_morning_names_the_one_that_broke(engine: Engine) -> None:
    a_customer(engine)
    promised(engine)
    days(engine, ON, BROKEN)
    with transaction(engine) as session:
        given = {**AS_MANAGER, "now": builders.at(FIRST, 8)}
        terms = AgreementTerms(PlanKind.PROMISE, 5_000, BROKEN + 20 * DAY)
        agree(session, the_case(session), terms, LETTERS, **given)  # type: ignore[arg-type]
    assert days(engine, FIRST, BROKEN + 5 * DAY) == []
    mails = [
        row.text
        for row in builders.messages(engine)
        if row.letter == "promise_confirmation" and row.destination.value == "email"
    ]
    assert "This replaces our agreement P-000001 of 20 March 2026" in mails[-1]
    assert tasks(engine) == []


def test_who_paid_a_part_before_the_debt_was_sold_is_told(engine: Engine) -> None:
    a_customer(engine)
    terms = AgreementTerms(PlanKind.INSTALMENTS, 60_000, DUE, payments=6, cadence=Cadence.MONTHLY)
    promised(engine, terms=terms)
    advised(engine, by_them=True)
    with transaction(engine) as session:
        plan = session.scalars(select(Plan)).one()
        book = session.get_one(Portfolio, plan.portfolio_id)
        how = {"on": ON, "by": ANN, "now": builders.at(ON, 15)}
        write_to_adviser(session, book, plan, Occasion.CONFIRMED, LETTERS, **how)  # type: ignore[arg-type]
    days(engine, ON, ON + DAY)
    pay(engine, 2_000, ON + 2 * DAY)
    days(engine, ON + 2 * DAY, ON + 2 * DAY)
    with transaction(engine) as session:
        card, now = session.scalars(select(Account)).one(), builders.at(ON + 3 * DAY, 14)
        change_status(session, card, AccountStatus.SOLD, ON + 3 * DAY, "sold", by=MEI, now=now)
    left = days(engine, ON + 3 * DAY, ON + 9 * DAY)
    with reading(engine) as session:
        assert session.scalars(select(Plan)).one().status is PlanStatus.KEPT
    assert sorted(left) == ["adviser_plan_ended", "plan_over"]
    assert tasks(engine) == []


def test_a_completed_settlement_whose_letter_is_withheld_is_a_persons_task_once(engine: Engine) -> None:
    """Its card was used again before the letter left."""
    a_late_case(engine)
    settle_offered(engine, SETTLE, replaces=False)
    pay_to_settle(engine, 60_000)
    close(engine, SETTLED, SETTLED)
    with transaction(engine) as session:
        card, on = session.scalars(select(Account)).one(), SETTLED + DAY
        builders.entry(session, card, EntryKind.PURCHASE, 2_000, on, now=builders.at(on, 8))
    days(engine, SETTLED + DAY, SETTLED + 6 * DAY)
    [row] = [row for row in builders.messages(engine) if row.letter == "settlement_completed"]
    assert row.status is OutboxStatus.WITHHELD
    [task] = tasks(engine)
    assert task.startswith("P-000001 ended on 2026-")
    assert "something is owed again on what was settled" in task


def test_a_plan_that_ended_for_a_settlement_that_was_undone_is_left_to_a_person_once(engine: Engine) -> None:
    a_late_case(engine)
    planned(engine)
    settle_offered(engine, SETTLE)
    pay_to_settle(engine, 60_000)
    close(engine, SETTLED, SETTLED + DAY)
    morning(engine, SETTLED + 2 * DAY)
    close(engine, SETTLED + 2 * DAY, SETTLED + 2 * DAY)
    returned(engine, SETTLED + 3 * DAY)
    days(engine, SETTLED + 3 * DAY, SETTLED + 7 * DAY)
    with reading(engine) as session:
        book = session.scalars(select(Portfolio)).one()
        assert untold_ends(session, book, SETTLED + 7 * DAY) == []
        about = select(StrategyTask).where(
            col(StrategyTask.plan_id).is_not(None), StrategyTask.done_by != "system"
        )
        assert len(session.scalars(about).all()) == 1
