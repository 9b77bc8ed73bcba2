"""From a due step to a queued message: cleared, waiting or refused, each with its reasons on record."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep
from app.casework.holds.models import CaseHold
from app.casework.holds.service import (
    close_hold,
    start_hold,
)
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind
from app.outreach.gate.events import ContactCleared, ContactRefused, ContactWaiting
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.service import plan_contacts
from app.outreach.strategy.due_steps import cases_to_contact
from tests import builders

ON = date(2026, 3, 20)


def a_case(session: Session, days_late: int, **changes: object) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=ON - timedelta(days=days_late), on=ON, **changes)


def plan(engine: Engine, on: date = ON) -> dict[str, int]:
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        found = cases_to_contact(session, id_of(book), on)
        return plan_contacts(session, book, found, builders.catalog(), on=on, now=builders.night_after(on))


def case_after(engine: Engine, case: CollectionsCase) -> CollectionsCase:
    with transaction(engine) as session:
        return session.get_one(CollectionsCase, case.id)


def test_a_cleared_step_is_in_the_outbox_with_its_window_words_and_clearance(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, 3)
    assert plan(engine)["cleared"] == 1
    [row] = builders.messages(engine)
    assert builders.step_of(engine, row) == CaseStep(id_of(case), "friendly-sms")
    assert (row.status, row.letter, row.language) == (OutboxStatus.QUEUED, "first_reminder", "en")
    assert row.not_before == builders.at(ON + timedelta(days=1), 8), "the night clears it for the morning"
    assert row.not_after == builders.at(ON + timedelta(days=1), 22)
    assert "50.00" in row.text
    assert row.template_version
    assert json.loads(row.clearance)["pack"].startswith("cn")
    with transaction(engine) as session:
        [cleared] = builders.events(session, ContactCleared.KIND)
        assert (cleared["step"], cleared["message"], cleared["decision"]) == ("friendly-sms", row.id, "clear")
        planned = session.get_one(PlannedContact, row.contact_id)
        assert (planned.channel, planned.letter, planned.decision_id) == (
            Channel.SMS,
            "first_reminder",
            session.scalars(select(Event.id).where(Event.kind == ContactCleared.KIND)).one(),
        )
    after = case_after(engine, case)
    assert (after.step_day, after.next_contact_on) == (3, ON + timedelta(days=6))


def test_asking_twice_plans_once(engine: Engine) -> None:
    with transaction(engine) as session:
        a_case(session, 3)
    plan(engine)
    assert not any(plan(engine).values())
    assert builders.count(engine, OutboxMessage) == 1


@pytest.mark.parametrize(("days_late", "sends"), [(2, 0), (3, 1), (4, 1), (8, 1)])
def test_below_at_and_above_the_step(engine: Engine, days_late: int, sends: int) -> None:
    with transaction(engine) as session:
        a_case(session, days_late)
    counts = plan(engine)
    assert counts["cleared"] == sends
    assert builders.count(engine, OutboxMessage) == sends


def test_somebody_who_comes_75_days_late_gets_one_step_not_the_whole_ladder(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, 75)
    plan(engine)
    [*messages] = builders.messages(engine)
    assert {(builders.step_of(engine, message).step, message.letter) for message in messages} == {
        ("late-letter", "first_reminder")
    }
    # The step's other channel waits for the cap: they are asked about it tomorrow, and not called before.
    assert case_after(engine, case).next_contact_on == ON + timedelta(days=1)


def test_who_cannot_be_reached_is_refused_on_record_and_the_ladder_goes_on(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, 3)
        session.get_one(Customer, case.customer_id).mobile = ""
    assert plan(engine)["refused"] == 1
    assert builders.count(engine, OutboxMessage) == 0
    with transaction(engine) as session:
        [refused] = builders.events(session, ContactRefused.KIND)
        assert refused["channel"] is Channel.SMS
        assert refused["reasons"][0]["detail"]
    assert case_after(engine, case).next_contact_on == ON + timedelta(days=6)


def test_under_a_hold_that_a_person_ends_it_waits_for_them_and_loses_no_step(engine: Engine) -> None:
    told = {"by": "user:ann", "now": builders.at(ON)}
    with transaction(engine) as session:
        case = a_case(session, 3)
        hold = start_hold(
            session, case, HoldKind.DISPUTE, "not hers", ON + timedelta(days=7), today=ON, **told
        )
    assert plan(engine)["refused"] == 1
    after = case_after(engine, case)
    assert (after.step_day, after.next_contact_on) == (0, None), "nobody asks until the hold ends"
    with transaction(engine) as session:
        close_hold(
            session, session.get_one(CaseHold, hold.id), reason="receipt sent", decided_by="Ann", **told
        )
    assert case_after(engine, case).next_contact_on == ON
    assert plan(engine)["cleared"] == 1
    assert case_after(engine, case).step_day == 3


def test_under_a_hold_it_waits_for_the_day_the_hold_ends_and_loses_no_step(engine: Engine) -> None:
    until = ON + timedelta(days=7)
    with transaction(engine) as session:
        case = a_case(session, 3)
        start_hold(
            session,
            case,
            HoldKind.VULNERABLE,
            "a death in the family",
            until,
            by=Actor.user("ann"),
            today=ON,
            now=builders.at(ON),
        )
    assert plan(engine)["waiting"] == 1
    after = case_after(engine, case)
    assert (after.step_day, after.next_contact_on) == (0, until - timedelta(days=1)), (
        "the night before that day"
    )
    assert builders.count(engine, OutboxMessage) == 0
    with transaction(engine) as session:
        [waiting] = builders.events(session, ContactWaiting.KIND)
        assert "house.holds" in [reason["rule"] for reason in waiting["reasons"]]


def test_steps_come_again_in_a_new_occurrence_after_the_oldest_due_was_paid(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, 3, step_day=25)
    plan(engine)
    after = case_after(engine, case)
    assert after.occurrence == 2
    assert builders.messages(engine) == [], (
        "she is back at day 3, and stands right there: no second SMS at once"
    )
    with transaction(engine) as session:
        session.get_one(CollectionsCase, case.id).next_contact_on = ON
    assert case_after(engine, case).step_day == 3


def test_a_letter_speaks_the_customers_language(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, 3)
        session.get_one(Customer, case.customer_id).language = "zh"
    plan(engine)
    [row] = builders.messages(engine)
    assert row.language == "zh-Hans"
    assert not row.text.isascii()
