"""A message that cannot arrive: the step goes on by the channel that the strategy names, cleared anew."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.holds.models import CaseHold
from app.casework.holds.service import (
    close_hold,
    start_hold,
)
from app.core.actor import SYSTEM, Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.outreach.delivery.reports import note_status
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import AddressSuppressed, ContactCleared, ContactRefused, ContactWaiting
from app.outreach.outbox.dispatch import Accepted, SendResult, Undeliverable
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.service import put_live, save_version
from tests import builders

ON = date(2026, 3, 13)
MORNING = builders.at(ON + timedelta(days=1), 9)
S = OutboxStatus
STRATEGY = """
name = "By SMS, else by e-mail, else by letter"

[[steps]]
id = "friendly-sms"
day = 3
action = "message"
letter = "first_reminder"
channels = ["sms"]
otherwise = ["email", "post"]
"""


@pytest.fixture
def case(engine: Engine) -> CollectionsCase:
    with transaction(engine) as session:
        made = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        book, letters = get_portfolio(session, builders.BOOK), builders.catalog().letters
        version = save_version(
            session, book, "mine", STRATEGY, letters, "why", by=Actor.user("mei"), now=MORNING
        )
        put_live(session, book, version, letters, by=Actor.user("mei"), now=MORNING)
        builders.queued_message(session, made, on=ON)
        return made


def deliver(engine: Engine, *answers: SendResult, hours: int = 0) -> builders.RecordingSender:
    return builders.deliver(engine, MORNING + timedelta(hours=hours), builders.RecordingSender(list(answers)))


def fall_back(engine: Engine, hours: int = 0) -> int:
    clock = FixedClock(MORNING + timedelta(hours=hours, minutes=1))
    return fall_back_due(engine, builders.catalog(), clock=clock)


def by_channel(engine: Engine) -> dict[str, OutboxStatus]:
    return {row.destination.value: row.status for row in builders.messages(engine)}


def test_a_dead_number_is_marked_and_the_step_goes_on_by_e_mail_and_then_by_letter(
    engine: Engine, case: CollectionsCase
) -> None:
    deliver(engine, Undeliverable("Twilio 21614: not a mobile number", no_such_address=True))
    assert fall_back(engine) == 1
    assert fall_back(engine) == 0, "once"
    sms, email = builders.messages(engine)
    assert builders.step_of(engine, email) == CaseStep(id_of(case), "friendly-sms")
    assert (email.destination, email.status, email.letter) == (Destination.EMAIL, S.QUEUED, "first_reminder")
    assert "50.00" in email.text
    with transaction(engine) as session:
        cleared = builders.events(session, ContactCleared.KIND)[-1]
        assert (cleared["instead_of"], cleared["strategy"]) == (sms.id, "mine@1")
        assert len(builders.events(session, AddressSuppressed.KIND)) == 1

    deliver(engine, Accepted("<id@desk>"), hours=1)
    with transaction(engine) as session:
        assert note_status(
            session, S.BOUNCED, "5.1.1", provider_ref="<id@desk>", now=MORNING + timedelta(hours=2)
        )
    assert fall_back(engine, hours=2) == 1
    assert by_channel(engine) == {"sms": S.UNDELIVERED, "email": S.BOUNCED, "post": S.QUEUED}
    deliver(engine, Undeliverable("a character no font has"), hours=30)
    assert fall_back(engine, hours=30) == 0, "there is no other way left"


def test_a_late_report_that_it_did_not_arrive_counts_as_well(engine: Engine, case: CollectionsCase) -> None:
    deliver(engine, Accepted("SM1"))
    with transaction(engine) as session:
        assert note_status(session, S.UNDELIVERED, "Twilio error 30005", provider_ref="SM1", now=MORNING)
    assert fall_back(engine) == 1


def _holds(session: Session, case: CollectionsCase) -> None:
    held = session.get_one(CollectionsCase, case.id)
    start_hold(
        session,
        held,
        HoldKind.DISPUTE,
        "not mine",
        ON + timedelta(days=30),
        by=Actor.user("ann"),
        today=ON,
        now=MORNING,
    )


def _opts_out(session: Session, case: CollectionsCase) -> None:
    holder = session.get_one(Customer, case.customer_id)
    for channel in (Channel.EMAIL, Channel.POST):
        set_consent(session, holder, channel, allowed=False, source="STOP", by=SYSTEM, now=MORNING)


@pytest.mark.parametrize("change", [_holds, _opts_out])
def test_the_gate_may_refuse_the_other_channels(
    engine: Engine, case: CollectionsCase, change: object
) -> None:
    deliver(engine, Undeliverable("no such number"))
    with transaction(engine) as session:
        change(session, case)  # type: ignore[operator]
    assert fall_back(engine) == 0
    assert len(builders.messages(engine)) == 1
    with transaction(engine) as session:
        assert len(builders.events(session, ContactRefused.KIND, ContactWaiting.KIND)) == 2, "each on record"


@pytest.mark.parametrize("other", [S.SENT, S.QUEUED, S.UNKNOWN])
def test_nothing_takes_the_place_while_another_message_of_the_step_is_on_its_way(
    engine: Engine, case: CollectionsCase, other: OutboxStatus
) -> None:
    deliver(engine, Undeliverable("no such number"))
    with transaction(engine) as session:
        fresh = session.get_one(CollectionsCase, case.id)
        builders.queued_message(session, fresh, on=ON, channel=Channel.POST, status=other)
    assert fall_back(engine) == 0
    assert len(builders.messages(engine)) == 2


def test_what_is_no_step_of_the_strategy_has_no_other_way(engine: Engine, case: CollectionsCase) -> None:
    with transaction(engine) as session:
        row = session.get_one(OutboxMessage, builders.messages(engine)[0].id)
        session.get_one(PlannedContact, row.contact_id).step = DeskStep.MANUAL
    deliver(engine, Undeliverable("no such number"))
    assert fall_back(engine) == 0
    assert len(builders.messages(engine)) == 1


def moves(engine: Engine, case: CollectionsCase, mobile: str) -> None:
    with transaction(engine) as session:
        session.get_one(Customer, case.customer_id).mobile = mobile


def test_who_moved_gets_the_letter_at_the_new_address_once(engine: Engine, case: CollectionsCase) -> None:
    moves(engine, case, "+8613999990001")
    assert deliver(engine).sent == []
    assert fall_back(engine) == 1
    assert fall_back(engine) == 0, "once"
    [first, second] = builders.messages(engine)
    assert (first.status, second.status, second.address) == (S.WITHHELD, S.QUEUED, "+8613999990001")
    assert (second.contact_id, second.instead_of_id) == (first.contact_id, first.id)
    # And once more before it leaves.
    moves(engine, case, "+8613999990002")
    assert deliver(engine, hours=1).sent == []
    assert fall_back(engine, hours=1) == 1
    assert [each.to for each in deliver(engine, hours=2).sent] == ["+8613999990002"]


def test_whose_number_is_gone_is_written_to_by_the_next_channel(
    engine: Engine, case: CollectionsCase
) -> None:
    moves(engine, case, "")
    deliver(engine)
    assert fall_back(engine) == 1
    assert by_channel(engine) == {"sms": S.WITHHELD, "email": S.QUEUED}


def test_a_notice_that_a_hold_kept_back_is_given_when_the_hold_ends(
    engine: Engine, case: CollectionsCase
) -> None:
    with transaction(engine) as session:
        row = session.scalars(select(OutboxMessage)).one()
        row.purpose = Purpose.NOTICE
        fresh = session.get_one(CollectionsCase, case.id)
        hold = start_hold(
            session, fresh, HoldKind.ATTORNEY, "by phone", ON + timedelta(days=30), by=Actor.user("mei"),
            today=ON, now=MORNING,
        )  # fmt: skip
    assert deliver(engine).sent == []
    told = builders.count(engine, Event)
    assert (fall_back(engine), fall_back(engine, hours=25)) == (0, 0)
    assert builders.count(engine, Event) == told, "nobody is asked each day"
    with transaction(engine) as session:
        fresh_hold = session.get_one(CaseHold, hold.id)
        close_hold(
            session, fresh_hold, by=Actor.user("mei"), now=MORNING, reason="no attorney", decided_by="Mei"
        )
    assert fall_back(engine, hours=50) == 1
    assert len(deliver(engine, hours=51).sent) == 1


def test_a_reminder_that_a_hold_kept_back_is_not_made_up_for(engine: Engine, case: CollectionsCase) -> None:
    with transaction(engine) as session:
        fresh = session.get_one(CollectionsCase, case.id)
        start_hold(
            session, fresh, HoldKind.ATTORNEY, "by phone", ON + timedelta(days=30), by=Actor.user("mei"),
            today=ON, now=MORNING,
        )  # fmt: skip
    deliver(engine)
    assert builders.messages(engine)[0].fallback_at is None


def test_what_was_no_step_is_left_to_a_person_when_its_reader_moved(
    engine: Engine, case: CollectionsCase
) -> None:
    with transaction(engine) as session:
        row = session.scalars(select(OutboxMessage)).one()
        session.get_one(PlannedContact, row.contact_id).step = DeskStep.MANUAL
    moves(engine, case, "+8613999990001")
    deliver(engine)
    assert fall_back(engine) == 0
    with transaction(engine) as session:
        [task] = session.scalars(select(StrategyTask))
        assert "address has changed" in task.text
