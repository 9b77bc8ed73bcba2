"""An offer to settle is taken up by paying it: the night confirms it, and says that the plan before it is over."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.reversals import reverse_entry
from app.actions.agreements import agree, offer
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.operations.day import letters as letters_of_day
from app.operations.day import stages
from app.operations.day.work import Day
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.agreements.taken_up import taken_up_letters
from app.outreach.planning.agreements.truth import PAYMENT_RETURNED
from app.outreach.planning.event_letters import still_true, write_event_letters
from app.outreach.planning.fallback import fall_back_due
from app.outreach.strategy.models import StrategyTask
from tests import builders
from tests.outreach.advised import agreed as agreed_by_adviser
from tests.outreach.advised import deliver as deliver_to_adviser
from tests.outreach.advised import to_adviser
from tests.outreach.planning.test_replaced import AS_MANAGER, CATALOG, DAY, IN_WRITING, ON, PLAN
from tests.outreach.planning.test_restored import close

OFFERED = ON + 3 * DAY
PAID = ON + 5 * DAY
SETTLE = AgreementTerms(PlanKind.SETTLEMENT, 60_000, ON + 20 * DAY)
IN_TWO = AgreementTerms(PlanKind.SETTLEMENT, 60_000, ON + 20 * DAY, payments=2, cadence=Cadence.MONTHLY)


def a_late_case(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(
            session,
            pack="uk",
            remind_days=0,
            remind_today=False,
            remind_grace_days=0,
            max_discount_percent=60,
        )
        builders.late_customer(session, book, due_on=ON - 20 * DAY, country="GB")
    builders.close_day(engine, ON - DAY)


def settle_offered(engine: Engine, terms: AgreementTerms, replaces: bool = True) -> None:
    """Its letter left."""
    now = builders.at(OFFERED, 11)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        old = session.scalars(select(Plan)).one() if replaces else None
        offer(session, case, terms, CATALOG, replaces=old, grantor=AS_MANAGER, now=now)
    builders.deliver(engine, builders.at(OFFERED, 18))


def planned(engine: Engine) -> None:
    """A plan of 900.00 that the customer has in writing."""
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        agree(session, case, PLAN, CATALOG, IN_WRITING, grantor=AS_MANAGER, now=builders.at(ON, 11))
    builders.deliver(engine, builders.at(ON, 18))


def pay(engine: Engine, amount: int, on: date = PAID) -> None:
    close(engine, ON, on - DAY)
    with transaction(engine) as session:
        builders.payment(session, session.scalars(select(Account)).one(), amount, on, now=builders.at(on, 12))


def told(engine: Engine) -> list[tuple[str, str]]:
    names = ("settlement_confirmation", "plan_cancelled", "settlement_completed")
    return sorted(
        (row.letter, row.destination.value) for row in builders.messages(engine) if row.letter in names
    )


def statuses(session: Session) -> list[PlanStatus]:
    return list(session.scalars(select(Plan.status).order_by(col(Plan.id))))


def test_who_takes_up_a_settlement_by_paying_has_it_and_the_end_of_the_plan_in_writing(
    engine: Engine,
) -> None:
    a_late_case(engine)
    planned(engine)
    settle_offered(engine, IN_TWO)
    pay(engine, 30_000)
    close(engine, PAID, PAID)
    with transaction(engine) as session:
        assert statuses(session) == [PlanStatus.CANCELLED, PlanStatus.ACTIVE]
        [old, new] = session.scalars(select(Plan).order_by(col(Plan.id))).all()
        assert (old.ended_on, new.taken_up_on, new.accepted_on) == (PAID, PAID, PAID)
    expected = [("settlement_confirmation", "email"), ("settlement_confirmation", "sms")]
    assert told(engine) == expected
    for row in builders.messages(engine):
        if row.letter == "settlement_confirmation":
            assert "300.00" in row.text
            assert "replaces our agreement" in row.text
    [mail] = [
        row.text for row in builders.messages(engine) if (row.letter, row.destination.value) == expected[0]
    ]
    assert "We have received CN¥300.00 of it. CN¥300.00 is still to be paid." in mail
    assert "everything else agreed in it no longer apply" in mail
    sent = builders.deliver(engine, builders.at(PAID + DAY, 18)).sent
    assert [each.letter for each in sent if each.letter in dict(expected)] == ["settlement_confirmation"] * 2
    close(engine, PAID + DAY, PAID + 3 * DAY)
    assert told(engine) == expected


def test_what_is_settled_by_one_payment_has_one_letter(engine: Engine) -> None:
    a_late_case(engine)
    planned(engine)
    settle_offered(engine, SETTLE)
    pay(engine, 60_000)
    close(engine, PAID, PAID + 2 * DAY)
    with transaction(engine) as session:
        assert statuses(session) == [PlanStatus.CANCELLED, PlanStatus.KEPT]
    assert told(engine) == [("settlement_completed", "email")]


def test_without_a_plan_before_it_the_confirmation_alone_is_written(engine: Engine) -> None:
    a_late_case(engine)
    settle_offered(engine, IN_TWO, replaces=False)
    pay(engine, 30_000)
    close(engine, PAID, PAID + 2 * DAY)
    assert [name for name, _ in told(engine)] == ["settlement_confirmation"] * 2


@pytest.mark.parametrize("mails", [True, False])
def test_the_adviser_who_made_the_plan_is_told_that_it_is_over(engine: Engine, mails: bool) -> None:
    with transaction(engine) as session:
        plan = agreed_by_adviser(session)
        session.scalars(select(Portfolio)).one().pack = "uk"
        session.scalars(select(Customer)).one().country = "GB"
        case_id = plan.case_id
    if mails:
        deliver_to_adviser(engine)
    with transaction(engine) as session:
        case, old = session.get_one(CollectionsCase, case_id), session.scalars(select(Plan)).one()
        now = builders.at(OFFERED, 11)
        offer(session, case, IN_TWO, CATALOG, replaces=old, grantor=AS_MANAGER, now=now)
    pay(engine, 30_000)
    close(engine, PAID, PAID + DAY)
    ended = [row.letter for row in to_adviser(engine) if row.letter == "adviser_plan_ended"]
    assert ended == (["adviser_plan_ended"] if mails else [])
    fall_back_due(engine, CATALOG, clock=FixedClock(builders.at(PAID + 2 * DAY)))
    assert len([row for row in to_adviser(engine) if row.letter == "adviser_plan_ended"]) == len(ended)


def returned(engine: Engine, on: date) -> None:
    """The last payment comes back in the morning."""
    with transaction(engine) as session:
        paid = session.scalars(select(Entry).where(Entry.kind == EntryKind.PAYMENT)).all()[-1]
        now = builders.at(on, 8)
        reverse_entry(session, paid, reason="no funds", posted_on=on, by=Actor.user("mei"), now=now)


def decide_tasks(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        query = select(StrategyTask.text).where(StrategyTask.step == DeskStep.TAKE_UP_RETURNED)
        return list(session.scalars(query))


def test_an_adviser_is_not_told_of_an_end_for_a_payment_that_came_back(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = agreed_by_adviser(session)
        session.scalars(select(Portfolio)).one().pack = "uk"
        session.scalars(select(Customer)).one().country = "GB"
        case_id = plan.case_id
    deliver_to_adviser(engine)
    with transaction(engine) as session:
        case, old = session.get_one(CollectionsCase, case_id), session.scalars(select(Plan)).one()
        offer(session, case, IN_TWO, CATALOG, replaces=old, grantor=AS_MANAGER, now=builders.at(OFFERED, 11))
    pay(engine, 30_000)
    close(engine, PAID, PAID)
    returned(engine, PAID + DAY)
    deliver_to_adviser(engine, now=builders.at(PAID + DAY, 18))
    [ended] = [row for row in to_adviser(engine) if row.letter == "adviser_plan_ended"]
    assert (ended.status, ended.error) == (OutboxStatus.WITHHELD, PAYMENT_RETURNED)


def test_a_payment_that_comes_back_before_the_letters_leave_withholds_them_all_and_a_person_decides(
    engine: Engine,
) -> None:
    a_late_case(engine)
    planned(engine)
    settle_offered(engine, IN_TWO)
    pay(engine, 30_000)
    close(engine, PAID, PAID)
    returned(engine, PAID + DAY)
    for n in range(3):
        builders.deliver(engine, builders.at(PAID + DAY + n * DAY, 18))
        fall_back_due(engine, CATALOG, clock=FixedClock(builders.at(PAID + DAY + n * DAY, 19)))
        close(engine, PAID + DAY + n * DAY, PAID + DAY + n * DAY)
    names = ("settlement_confirmation", "plan_cancelled")
    rows = [row for row in builders.messages(engine) if row.letter in names]
    assert [(row.status, row.error) for row in rows] == [(OutboxStatus.WITHHELD, PAYMENT_RETURNED)] * 2
    [task] = decide_tasks(engine)
    assert task.startswith("The payment that took up settlement P-000002 came back.")


def test_a_payment_that_came_back_before_the_letters_are_written_leaves_them_unwritten(
    engine: Engine,
) -> None:
    a_late_case(engine)
    planned(engine)
    settle_offered(engine, IN_TWO)
    pay(engine, 30_000)
    now = builders.night_after(PAID)
    with reading(engine) as session:
        book = session.scalars(select(Portfolio)).one()
    stages.assess(Day(engine, book, PAID, now, builders.catalog(), now))  # the night is cut off here

    def letters() -> list[tuple[CaseStep, str]]:
        with reading(engine) as session:
            return [
                (each.step, each.letter)
                for some in taken_up_letters(session, book, PAID + DAY)
                for each in some
            ]

    due = letters()
    assert [letter for _, letter in due] == ["settlement_confirmation"]
    with reading(engine) as session:
        assert all(still_true(session, step, letter, PAID) for step, letter in due)
    returned(engine, PAID + DAY)
    assert letters() == []
    with reading(engine) as session:
        assert not any(still_true(session, step, letter, PAID + DAY) for step, letter in due)
    close(engine, PAID + DAY, PAID + DAY)
    assert told(engine) == []
    assert len(decide_tasks(engine)) == 1


def test_a_completed_settlement_that_the_release_before_wrote_is_not_told_again(engine: Engine) -> None:
    """That release kept no agreement with the end of a case."""
    a_late_case(engine)
    settle_offered(engine, SETTLE, replaces=False)
    pay(engine, 60_000)
    close(engine, PAID, PAID)
    with transaction(engine) as session:
        contact = session.scalars(select(PlannedContact).where(PlannedContact.step == DeskStep.CLOSED)).one()
        contact.plan_id = None
    with reading(engine) as session:
        book = session.scalars(select(Portfolio)).one()
    now = builders.night_after(PAID)
    letters_of_day.write_letters(Day(engine, book, PAID, now, builders.catalog(), now))
    assert told(engine) == [("settlement_completed", "email")]


def test_a_refused_letter_is_one_task_for_a_person(engine: Engine) -> None:
    """A settled account has no debt that a confirmation could show."""
    a_late_case(engine)
    settle_offered(engine, SETTLE, replaces=False)
    pay(engine, 60_000)
    close(engine, PAID, PAID)
    now = builders.night_after(PAID)
    with transaction(engine) as session:
        session.scalars(select(Plan)).one().status = PlanStatus.ACTIVE
        book = session.scalars(select(Portfolio)).one()
        for night in (PAID, PAID + DAY):
            for some in taken_up_letters(session, book, night):
                write_event_letters(session, book, some, CATALOG, on=night, by=Actor.user("mei"), now=now)
        of = StrategyTask.step == DeskStep.CONFIRMATION
        [text] = session.scalars(select(StrategyTask.text).where(of)).all()
    assert text.endswith("has no debt to show.")
