"""A payment that was made in time is posted after its agreement broke: what the customer was told of it is taken back,
once, and what has not left is withheld."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.accounts.reversals import reverse_entry
from app.actions.agreements import agree, cancel_agreement
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.agreements.event_figures import figures_now
from app.outreach.planning.agreements.truth import NOT_WHOLE
from app.outreach.planning.fallback import fall_back_due
from tests import builders
from tests.actions.test_agreements import AS_MANAGER, DAY, LETTERS, MEI, ON, PLAN

DUE = ON + 6 * DAY
PROMISE = AgreementTerms(PlanKind.PROMISE, 5_000, DUE)
BROKEN = DUE + 4 * DAY
"""The night after the grace days."""
LATER = BROKEN + 3 * DAY


def agreed(engine: Engine, terms: AgreementTerms = PROMISE) -> int:
    """An agreement whose first payment does not come by its last day: it is found broken."""
    with transaction(engine) as session:
        book = builders.portfolio(session, remind_days=0, remind_today=False, remind_grace_days=0)
        builders.late_customer(session, book, due_on=ON - 10 * DAY)
    builders.close_day(engine, ON - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        plan = agree(session, case, terms, LETTERS, **AS_MANAGER).plan
        assert plan.grace_days == 3
        plan_id = id_of(plan)
    builders.deliver(engine, builders.at(ON, 13))
    close(engine, ON, BROKEN)
    with transaction(engine) as session:
        assert session.get_one(Plan, plan_id).status is PlanStatus.BROKEN
    return plan_id


def close(engine: Engine, first: date, last: date) -> None:
    day = first
    while day <= last:
        builders.close_day(engine, day)
        day += DAY


def pay(engine: Engine, amount: int, on: date, known: date, closed: date = BROKEN) -> None:
    """A payment of `on` that is posted on `known`; the days after `closed` are closed up to `known`."""
    close(engine, closed + DAY, known - DAY)
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, amount, on, posted_on=known, now=builders.at(known, 11))
    close(engine, known, known)


def letters(engine: Engine, step: DeskStep) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if builders.step_of(engine, row).step == step]


@pytest.mark.parametrize("terms", [PROMISE, PLAN], ids=["promise", "plan"])
def test_who_was_told_that_it_is_broken_is_told_that_it_was_not(
    engine: Engine, terms: AgreementTerms
) -> None:
    plan_id = agreed(engine, terms)
    [told] = letters(engine, DeskStep.BROKEN_PLAN)
    builders.deliver(engine, builders.at(BROKEN + DAY, 9))
    pay(engine, 10_000 if terms is PLAN else 5_000, DUE, LATER)
    [letter] = letters(engine, DeskStep.RESTORED_PLAN)
    with transaction(engine) as session:
        plan = session.get_one(Plan, plan_id)
        runs = plan.status is PlanStatus.ACTIVE
        assert (plan.status, runs) == (
            (PlanStatus.ACTIVE if terms is PLAN else PlanStatus.KEPT),
            terms is PLAN,
        )
    assert (letter.letter, letter.purpose.value) == ("plan_restored", "confirmation")
    assert f"On 30 March 2026 we wrote to you that our agreement P-{plan_id:06d} had ended" in letter.text
    amount = "CN¥100.00" if terms is PLAN else "CN¥50.00"
    assert f"You made your payment of {amount} in time, on 26 March 2026." in letter.text
    goes_on = "The agreement goes on as we made it. Next, CN¥100.00 is due by 27 April 2026."
    assert (goes_on in letter.text, "You need not do anything" in letter.text) == (runs, not runs)
    assert ("so you have kept the agreement." in letter.text) is not runs
    sent = builders.deliver(engine, builders.at(LATER + DAY, 9)).sent
    assert [each.letter for each in sent if each.letter.startswith("plan_")] == ["plan_restored"]
    close(engine, LATER + DAY, LATER + 3 * DAY)
    assert len(letters(engine, DeskStep.RESTORED_PLAN)) == 1
    assert [row.id for row in letters(engine, DeskStep.BROKEN_PLAN)] == [told.id]


def test_a_broken_letter_that_has_not_left_is_withheld_and_nothing_is_taken_back(engine: Engine) -> None:
    agreed(engine)
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, 5_000, DUE, posted_on=BROKEN + DAY)
    builders.deliver(engine, builders.at(BROKEN + DAY, 12))
    [told] = letters(engine, DeskStep.BROKEN_PLAN)
    assert told.status is OutboxStatus.WITHHELD
    close(engine, BROKEN + DAY, BROKEN + 3 * DAY)
    assert letters(engine, DeskStep.RESTORED_PLAN) == []


def test_a_broken_letter_is_false_before_the_night_restores_the_agreement(sqlite_engine: Engine) -> None:
    """The plan asks for less than is past due: the debt alone would not withhold it."""
    agreed(sqlite_engine, PLAN)
    with transaction(sqlite_engine) as session:
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, 10_000, DUE, posted_on=BROKEN + DAY)
        builders.statement(session, card, ON - 20 * DAY, ON + 2 * DAY, 60_000)
    builders.deliver(sqlite_engine, builders.at(BROKEN + DAY, 12))
    [told] = letters(sqlite_engine, DeskStep.BROKEN_PLAN)
    assert (told.status, told.error) == (
        OutboxStatus.WITHHELD,
        "the payment that it says is missing came in time",
    )


def test_new_dates_are_told_though_no_letter_said_that_it_is_broken(engine: Engine) -> None:
    """The broken letter was withheld; a second payment fell due meanwhile and its grace days are over."""
    weekly = AgreementTerms(PlanKind.INSTALMENTS, 30_000, DUE, payments=3, cadence=Cadence.WEEKLY)
    agreed(engine, weekly)
    with transaction(engine) as session:
        for row in session.scalars(select(OutboxMessage).where(OutboxMessage.letter == "plan_broken")):
            row.status = OutboxStatus.WITHHELD
    restored = DUE + 12 * DAY
    pay(engine, 10_000, DUE, restored)
    [letter] = letters(engine, DeskStep.RESTORED_PLAN)
    assert "We had treated our agreement" in letter.text
    changed = "payments that were to be made meanwhile have changed: CN¥200.00 is now due by 21 April 2026."
    assert changed in letter.text
    assert "You need not do anything" not in letter.text


def test_a_second_break_is_told_as_the_first_was(engine: Engine) -> None:
    plan_id = agreed(engine, PLAN)
    builders.deliver(engine, builders.at(BROKEN + DAY, 9))
    pay(engine, 10_000, DUE, LATER)
    builders.deliver(engine, builders.at(LATER + DAY, 9))
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        builders.statement(session, card, ON, date(2026, 4, 20), 20_000)
        due = instalments_of(session, [plan_id])[plan_id][1].due_on
    again = due + 4 * DAY
    close(engine, LATER + DAY, again)
    with transaction(engine) as session:
        plan = session.get_one(Plan, plan_id)
        assert (plan.status, plan.broken_instalment) == (PlanStatus.BROKEN, 2)
    first, second = letters(engine, DeskStep.BROKEN_PLAN)
    assert [builders.step_of(engine, row).occurrence for row in (first, second)] == [1, 2]
    assert f"by {due.day} April 2026" in second.text
    builders.deliver(engine, builders.at(again + DAY, 9))
    pay(engine, 10_000, due, again + 2 * DAY, again)
    assert len(letters(engine, DeskStep.RESTORED_PLAN)) == 2


def test_a_letter_that_has_not_left_does_not_say_that_a_cancelled_agreement_goes_on(
    sqlite_engine: Engine,
) -> None:
    plan_id = agreed(sqlite_engine, PLAN)
    builders.deliver(sqlite_engine, builders.at(BROKEN + DAY, 9))
    pay(sqlite_engine, 10_000, DUE, LATER)
    now = builders.at(LATER + DAY, 8)
    with transaction(sqlite_engine) as session:
        plan = session.get_one(Plan, plan_id)
        cancel_agreement(session, plan, "they cannot pay", LETTERS, by=MEI, now=now)
    builders.deliver(sqlite_engine, builders.at(LATER + DAY, 9))
    fall_back_due(sqlite_engine, LETTERS, clock=FixedClock(builders.at(LATER + DAY, 10)))
    runs, over = letters(sqlite_engine, DeskStep.RESTORED_PLAN)
    assert runs.status is OutboxStatus.WITHHELD
    assert "The agreement goes on" not in over.text
    assert "The agreement does not count as broken." in over.text


def test_a_letter_that_takes_back_is_withheld_once_its_payment_came_back(engine: Engine) -> None:
    agreed(engine, PLAN)
    builders.deliver(engine, builders.at(BROKEN + DAY, 9))
    pay(engine, 10_000, DUE, LATER)
    with transaction(engine) as session:
        entry = session.scalars(select(Entry).where(Entry.kind == EntryKind.PAYMENT)).one()
        reverse_entry(
            session, entry, reason="no funds", posted_on=LATER + DAY, by=MEI, now=builders.at(LATER + DAY, 8)
        )
    sent = builders.deliver(engine, builders.at(LATER + DAY, 10)).sent
    assert "plan_restored" not in [each.letter for each in sent]
    [letter] = letters(engine, DeskStep.RESTORED_PLAN)
    assert (letter.status, letter.error) == (OutboxStatus.WITHHELD, NOT_WHOLE)


@pytest.mark.parametrize(
    ("payments", "said"),
    [
        ([(10_000, DUE), (2_000, LATER)], "CN¥100.00 in time, on 26 March 2026"),
        ([(7_000, DUE), (3_000, DUE - DAY)], "CN¥100.00 in time, on 26 March 2026"),
        ([(10_000, DUE - DAY), (5_000, DUE)], "CN¥100.00 in time, on 25 March 2026"),
    ],
    ids=["a later one besides", "in two parts", "more than was missed"],
)
def test_it_names_the_payments_that_made_the_missed_one_whole(
    engine: Engine, payments: list[tuple[int, date]], said: str
) -> None:
    agreed(engine, PLAN)
    builders.deliver(engine, builders.at(BROKEN + DAY, 9))
    close(engine, BROKEN + DAY, LATER - DAY)
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        for hour, (amount, on) in enumerate(payments, 11):
            builders.payment(session, card, amount, on, posted_on=LATER, now=builders.at(LATER, hour))
    close(engine, LATER, LATER)
    [letter] = letters(engine, DeskStep.RESTORED_PLAN)
    assert f"You made your payment of {said}." in letter.text


WEEKLY = AgreementTerms(PlanKind.INSTALMENTS, 30_000, DUE, payments=3, cadence=Cadence.WEEKLY)


def test_restored_on_the_last_day_of_grace_there_is_time_to_be_told_and_to_pay(engine: Engine) -> None:
    """The second payment was due a week after the first, and its grace ends on the day of the restoration."""
    plan_id = agreed(engine, WEEKLY)
    builders.deliver(engine, builders.at(BROKEN + DAY, 9))
    last_day = DUE + 10 * DAY
    pay(engine, 10_000, DUE, last_day)
    [letter] = letters(engine, DeskStep.RESTORED_PLAN)
    assert "CN¥200.00 is now due by 19 April 2026." in letter.text
    builders.deliver(engine, builders.at(last_day + DAY, 9))
    close(engine, last_day + DAY, last_day + 10 * DAY)
    with transaction(engine) as session:
        assert session.get_one(Plan, plan_id).status is PlanStatus.ACTIVE


def test_a_letter_that_leaves_late_says_what_is_open_on_its_day(sqlite_engine: Engine) -> None:
    agreed(sqlite_engine, WEEKLY)
    builders.deliver(sqlite_engine, builders.at(BROKEN + DAY, 9))
    restored = DUE + 10 * DAY
    pay(sqlite_engine, 10_000, DUE, restored)
    new_date, open_ = restored + 14 * DAY, {"missing": 20_000, "due_on": restored + 14 * DAY}
    [letter] = letters(sqlite_engine, DeskStep.RESTORED_PLAN)
    step = builders.step_of(sqlite_engine, letter)
    with transaction(sqlite_engine) as session:
        on_its_day = figures_now(session, step, new_date, {})
        in_grace = figures_now(session, step, new_date + DAY, {})
    assert on_its_day.items() >= {**open_, "extended_to": new_date}.items()
    assert in_grace.items() >= {**open_, "grace_until": new_date + 3 * DAY}.items()
    assert "extended_to" not in in_grace


def test_who_paid_what_fell_due_meanwhile_is_asked_for_nothing(sqlite_engine: Engine) -> None:
    agreed(sqlite_engine, WEEKLY)
    builders.deliver(sqlite_engine, builders.at(BROKEN + DAY, 9))
    close(sqlite_engine, BROKEN + DAY, LATER - DAY)
    with transaction(sqlite_engine) as session:
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, 20_000, LATER, posted_on=LATER, now=builders.at(LATER, 11))
        builders.payment(session, card, 10_000, DUE, posted_on=LATER, now=builders.at(LATER, 12))
    close(sqlite_engine, LATER, LATER)
    [letter] = letters(sqlite_engine, DeskStep.RESTORED_PLAN)
    assert "so you have kept the agreement." in letter.text


def test_an_agreement_that_ended_as_its_case_closed_is_not_said_to_go_on(engine: Engine) -> None:
    """The arrears were paid after the break, so the case closed; then the first payment turned up."""
    agreed(engine, PLAN)
    builders.deliver(engine, builders.at(BROKEN + DAY, 9))
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        past_due = session.scalars(select(CollectionsCase)).one().past_due_minor
        builders.payment(session, card, past_due, BROKEN + DAY)
    close(engine, BROKEN + DAY, BROKEN + 2 * DAY)
    closed = BROKEN + 2 * DAY
    with transaction(engine) as session:
        assert session.scalars(select(CollectionsCase)).one().closed_on is not None
    pay(engine, 10_000, DUE, LATER, closed)
    [letter] = letters(engine, DeskStep.RESTORED_PLAN)
    assert "That reason was wrong, and we are sorry." in letter.text
    assert "That was not so" not in letter.text
    assert "It ended on 31 March 2026, because nothing was past due any more." in letter.text
    assert "You need not do anything" not in letter.text
