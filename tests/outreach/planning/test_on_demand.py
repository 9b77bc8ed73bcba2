"""A letter sent by hand: through the same gate, once a day, and the ladder stays where it is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine

from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.holds.service import start_hold
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, DeskError, Invalid
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind
from app.outreach.gate.events import ContactCleared, ContactRefused, ContactWaiting
from app.outreach.outbox.models import OutboxMessage
from app.outreach.planning.on_demand import write_on_demand
from app.policy.answers import Clearance
from tests import builders
from tests.agreements import promise_to_pay

ON = date(2026, 3, 20)


def send(
    engine: Engine, case: CollectionsCase, *channels: Channel, letter: str = "first_reminder", days: int = 0
) -> list[bool]:
    """Whether each was queued."""
    with transaction(engine) as session:
        answers = write_on_demand(
            session,
            get_portfolio(session, builders.BOOK),
            session.get_one(CollectionsCase, case.id),
            letter,
            channels or (Channel.POST,),
            builders.catalog(),
            on=ON + timedelta(days=days),
            by=Actor.user("ann"),
            now=builders.at(ON + timedelta(days=days)),
        )
    return [isinstance(answer, Clearance) for answer in answers]


def a_case(engine: Engine, **changes: object) -> CollectionsCase:
    with transaction(engine) as session:
        return builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON, step_day=3, **changes)


def test_a_letter_is_queued_as_a_step_of_its_own_by_whoever_sent_it(engine: Engine) -> None:
    case = a_case(engine)
    assert send(engine, case) == [True]
    [row] = builders.messages(engine)
    assert builders.step_of(engine, row) == CaseStep(id_of(case), DeskStep.MANUAL)
    assert (row.letter, row.not_before) == ("first_reminder", builders.at(ON)), "it may leave at once"
    with transaction(engine) as session:
        [cleared] = builders.events(session, ContactCleared.KIND)
        assert (cleared["by"], cleared["message"]) == ("user:ann", row.id)
        after = session.get_one(CollectionsCase, case.id)
        assert (after.step_day, after.next_contact_on) == (3, ON), "the ladder stays where it is"
    assert len(builders.deliver(engine, builders.at(ON, 13)).sent) == 1


def test_the_same_letter_goes_out_once_a_day(engine: Engine) -> None:
    case = a_case(engine)
    send(engine, case)
    with pytest.raises(Conflict, match="today already"):
        send(engine, case)
    builders.deliver(engine, builders.at(ON, 13))
    assert send(engine, case, days=2) == [True]
    assert builders.count(engine, OutboxMessage) == 2


def test_the_gate_says_no_to_a_person_too_and_that_is_on_record(engine: Engine) -> None:
    case = a_case(engine)
    with transaction(engine) as session:
        session.get_one(Customer, case.customer_id).email = ""
        start_hold(
            session, case, HoldKind.DISPUTE, "not hers", ON + timedelta(days=9), by=Actor.user("ann"), today=ON,
            now=builders.at(ON),
        )  # fmt: skip
    assert send(engine, case, Channel.POST, Channel.EMAIL) == [False, False]
    assert builders.messages(engine) == []
    with transaction(engine) as session:
        found = builders.events(session, ContactRefused.KIND, ContactWaiting.KIND)
        assert {each["by"] for each in found} == {"user:ann"}
        assert len(found) == 2


def test_what_makes_no_sense_is_refused_before_the_gate_is_asked(engine: Engine) -> None:
    case = a_case(engine)
    with pytest.raises(Invalid, match="Choose one of the list"):
        send(engine, case, letter="promise_confirmation")
    with pytest.raises(Invalid, match="no form for call"):
        send(engine, case, Channel.CALL)
    with transaction(engine) as session:
        found = session.get_one(CollectionsCase, case.id)
        promise_to_pay(
            session, found, 5_000, ON + timedelta(days=5), by=Actor.user("ann"), today=ON, now=builders.at(ON)
        )
    with pytest.raises(Conflict, match="being kept"):
        send(engine, case)
    owing_nothing = a_case(engine, minimum=0)
    with pytest.raises(Conflict, match="owes nothing"):
        send(engine, owing_nothing)
    closed = a_case(engine, status="closed")
    with pytest.raises(DeskError, match="closed"):
        send(engine, closed)
    with transaction(engine) as session:
        assert builders.events(session, ContactCleared.KIND, ContactRefused.KIND) == []
