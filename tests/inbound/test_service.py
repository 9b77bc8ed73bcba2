"""A message from a customer, from its arrival to the person who looks at it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.events import CallTaskCreated
from app.casework.cases.models import (
    CallTask,
    CollectionsCase,
)
from app.casework.cases.service import record_call
from app.casework.contacts.models import PlannedContact
from app.casework.correspondence.events import MessageReceived
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.casework.holds.models import CaseHold
from app.casework.results.rules import CallResult
from app.core.actor import Actor
from app.core.card_numbers import luhn
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind
from app.inbound.events import MessageReviewed
from app.inbound.interpretation import interpret_due
from app.inbound.phrases.rules import Phrasebook
from app.inbound.queries import waiting_counts
from app.inbound.reception import (
    attach,
    receive,
    receive_from_page,
)
from app.inbound.rules import (
    Arrived,
    Intent,
)
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import ConsentChanged, ContactCleared, ContactRefused
from app.outreach.gate.preferences import open_preferences
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LINK_GONE
from app.outreach.strategy.conditions import MOMENTS, Moment
from app.outreach.strategy.facts import _Gathering
from app.policy.facts import PreferenceKind
from tests import builders
from tests.inbound.correspondence import (
    NOW,
    ON,
    a_customer,
    consents,
    decide,
    permitted,
    the_job,
    told,
    writes,
)  # fmt: skip

LETTERS = builders.catalog()
EVERY = [Channel.SMS, Channel.EMAIL, Channel.POST, Channel.CALL]


def test_please_stop_texting_me_ends_sms_for_that_person_and_nothing_else(engine: Engine) -> None:
    anna, bo = a_customer(engine), a_customer(engine, "+8613933334444")
    message = writes(engine, "please stop texting me")
    assert message is not None
    # Before any job has run: in the transaction that put it on record.
    assert permitted(engine, anna) == [c for c in EVERY if c is not Channel.SMS]
    assert permitted(engine, bo) == EVERY
    assert consents(engine, anna) == {Channel.SMS: False}
    assert the_job(engine) == {"read": 1, "for_a_person": 1}
    assert the_job(engine) == {}
    with transaction(engine) as session:
        assert builders.count(engine, CaseHold) == 0
        assert open_preferences(session, id_of(anna)) == []
    [received, changed] = told(engine, anna, MessageReceived.KIND, ConsentChanged.KIND)
    assert (received["text"], received["means"], received["by"]) == (
        "please stop texting me",
        ["stop"],
        "customer",
    )
    assert (changed["allowed"], changed["source"]) == (False, "SMS reply: stop texting")


def test_a_queued_reminder_does_not_leave_any_more(engine: Engine) -> None:
    anna = a_customer(engine)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        builders.queued_message(session, case, on=ON)
    writes(engine, "STOP")
    assert builders.deliver(engine, NOW + timedelta(days=1)).sent == []
    [row] = builders.messages(engine)
    assert (row.status.value, row.customer_id) == ("withheld", anna.id)


def test_the_same_message_twice_is_one(engine: Engine) -> None:
    anna = a_customer(engine)
    assert writes(engine, "Stop", sid="SM7") is not None
    assert writes(engine, "Stop", sid="SM7") is None
    assert the_job(engine) == {"read": 1, "for_a_person": 0}
    assert len(told(engine, anna, MessageReceived.KIND)) == 1
    assert len(told(engine, anna, ConsentChanged.KIND)) == 1
    # A keyword alone needs nobody.
    with transaction(engine) as session:
        [message] = session.scalars(select(InboundMessage))
        assert (message.outcome, message.reviewed_by) == (ReviewOutcome.AUTOMATIC, "system")


def test_start_takes_back_the_sms_opt_out_and_nothing_else(engine: Engine) -> None:
    anna = a_customer(engine)
    with transaction(engine) as session:
        for channel in (Channel.SMS, Channel.EMAIL):
            set_consent(session, anna, channel, allowed=False, source="call", by=Actor.user("ben"), now=NOW)
    writes(engine, "START")
    assert consents(engine, anna)[Channel.SMS] is False, "only the job lets something through again"
    the_job(engine)
    assert consents(engine, anna) == {Channel.SMS: True, Channel.EMAIL: False}


def test_start_gives_no_consent_that_nobody_took_away(engine: Engine) -> None:
    anna = a_customer(engine)
    writes(engine, "START")
    assert the_job(engine) == {"read": 1, "for_a_person": 0}
    assert consents(engine, anna) == {}


def test_a_number_of_several_customers_stops_for_all_of_them_and_starts_for_none(engine: Engine) -> None:
    anna, bo = a_customer(engine), a_customer(engine)
    writes(engine, "STOP")
    assert [consents(engine, who) for who in (anna, bo)] == [{Channel.SMS: False}] * 2
    the_job(engine)
    writes(engine, "START", sid="SM2")
    assert the_job(engine) == {"read": 1, "for_a_person": 1}
    assert [consents(engine, who) for who in (anna, bo)] == [{Channel.SMS: False}] * 2


def test_what_may_be_a_refusal_keeps_sms_back_until_a_person_has_looked(engine: Engine) -> None:
    anna = a_customer(engine)
    writes(engine, "leave me alone")
    the_job(engine)
    assert permitted(engine, anna) == [c for c in EVERY if c is not Channel.SMS]
    assert consents(engine, anna) == {}
    decide(engine, ReviewOutcome.LIFTED)
    assert permitted(engine, anna) == EVERY
    writes(engine, "leave me alone!", sid="SM2")
    decide(engine, ReviewOutcome.STOPPED)
    assert consents(engine, anna) == {Channel.SMS: False}
    with transaction(engine) as session:
        assert open_preferences(session, id_of(anna)) == []
    outcomes = [event["outcome"] for event in told(engine, anna, MessageReviewed.KIND)]
    assert outcomes == ["lifted", "stopped"]
    with pytest.raises(Conflict, match="already"):
        decide(engine, ReviewOutcome.STOPPED)


def test_a_dispute_holds_reminders_and_a_wrong_number_rests_until_reviewed(engine: Engine) -> None:
    anna = a_customer(engine)
    writes(engine, "I dispute this")
    the_job(engine)
    with transaction(engine) as session:
        [hold] = session.scalars(select(CaseHold))
        assert (hold.kind, hold.by, hold.until) == (HoldKind.DISPUTE, "customer", ON + timedelta(days=30))
    assert permitted(engine, anna) == []
    with pytest.raises(Conflict, match="does not fit the message"):
        decide(engine, ReviewOutcome.DONE)
    decide(engine, ReviewOutcome.LIFTED)
    assert permitted(engine, anna) == EVERY

    writes(engine, "wrong number", sid="SM2")
    assert permitted(engine, anna) == [Channel.EMAIL, Channel.POST], "neither texts nor calls to that number"
    the_job(engine)
    decide(engine, ReviewOutcome.STANDS)
    with transaction(engine) as session:
        [told_us] = open_preferences(session, id_of(anna))
        assert (told_us.kind, told_us.address) == (PreferenceKind.PLACE, "+8613911112222")


def test_who_disputes_and_wants_no_contact_gets_both_holds_and_one_decision_lifts_both(
    engine: Engine,
) -> None:
    anna = a_customer(engine)
    writes(engine, "I dispute this debt. Do not contact me again!")
    the_job(engine)
    with transaction(engine) as session:
        held = {hold.kind: hold for hold in session.scalars(select(CaseHold))}
        assert held.keys() == {HoldKind.CEASE_CONTACT, HoldKind.DISPUTE}
    decide(engine, ReviewOutcome.LIFTED)
    with transaction(engine) as session:
        assert all(hold.ended_at for hold in session.scalars(select(CaseHold)))
    assert permitted(engine, anna) == [c for c in EVERY if c is not Channel.SMS], (
        "an opt-out is the customer's"
    )


def test_who_writes_that_they_are_not_the_customer_rests_the_number(sqlite_engine: Engine) -> None:
    anna = a_customer(sqlite_engine)
    with transaction(sqlite_engine) as session:
        name = session.get_one(Customer, anna.id).full_name
    writes(sqlite_engine, f"I am not {name.split()[0]}!")
    assert permitted(sqlite_engine, anna) == [Channel.EMAIL, Channel.POST]


def test_a_personal_link_that_comes_back_in_a_reply_stays_out_of_the_record(sqlite_engine: Engine) -> None:
    anna = a_customer(sqlite_engine)
    link = "https://desk.example/u/1.sms.0w356." + "a" * 24
    writes(sqlite_engine, f"what is {link} ?")
    [received] = told(sqlite_engine, anna, MessageReceived.KIND)
    assert received["text"] == f"what is {LINK_GONE} ?"


def test_a_number_that_passes_for_a_card_number_can_be_the_wrong_one(sqlite_engine: Engine) -> None:
    mobile = "+8613911112227"
    assert luhn(mobile[1:])
    anna = a_customer(sqlite_engine, mobile)
    assert writes(sqlite_engine, "wrong number", mobile) is not None
    assert Channel.SMS not in permitted(sqlite_engine, anna)


def test_help_is_answered_through_the_outbox_once_a_day(engine: Engine) -> None:
    anna = a_customer(engine)
    for n in range(2):
        writes(engine, "HELP", sid=f"SM{n}")
        assert the_job(engine) == {"read": 1, "for_a_person": 0}
    sent = builders.deliver(engine, NOW).sent
    assert [dispatch.letter for dispatch in sent] == ["help_answer"]
    assert "+86 10 5550 0100" in sent[0].text
    assert "due" not in sent[0].text, "nothing about a debt to whoever holds the phone"
    [cleared] = told(engine, anna, ContactCleared.KIND)
    assert cleared["letter"] == "help_answer"


def test_help_is_for_a_person_where_the_gate_says_no_and_for_nobody_where_the_provider_answered(
    engine: Engine,
) -> None:
    anna = a_customer(engine)
    writes(engine, "info", opt_out_type="HELP")
    assert the_job(engine) == {"read": 1, "for_a_person": 0}
    writes(engine, "STOP", sid="SM2")
    writes(engine, "HELP", sid="SM3")
    assert the_job(engine) == {"read": 2, "for_a_person": 1}
    assert builders.count(engine, OutboxMessage) == 0
    [refused] = told(engine, anna, ContactRefused.KIND)
    assert refused["letter"] == "help_answer"


def test_a_number_nobody_has_is_kept_apart_until_a_person_says_whose_it_is(engine: Engine) -> None:
    anna = a_customer(engine)
    message = writes(engine, "please stop texting me", sender="+8613900000000")
    assert message is not None
    assert the_job(engine) == {"read": 1, "for_a_person": 1}
    assert told(engine, anna, MessageReceived.KIND) == []
    with transaction(engine) as session:
        row = session.get_one(InboundMessage, message.id)
        attach(session, row, anna, LETTERS, by=Actor.user("ben"), now=NOW + timedelta(hours=1))
    assert consents(engine, anna) == {Channel.SMS: False}
    [received] = told(engine, anna, MessageReceived.KIND)
    assert (received["by"], received["at"]) == ("user:ben", NOW)
    with transaction(engine) as session, pytest.raises(Conflict):
        attach(
            session,
            session.get_one(InboundMessage, message.id),
            anna,
            builders.catalog(),
            by=Actor.user("ben"),
            now=NOW,
        )


def test_hostile_text_and_card_numbers_are_kept_harmless(engine: Engine) -> None:
    a_customer(engine)
    writes(engine, "my card\0 4111 1111 1111 1111 <b>" + "x" * 9000)
    with transaction(engine) as session:
        [message] = session.scalars(select(InboundMessage))
        assert message.body.startswith("my card **** **** **** 1111 <b>xxx")
        assert (message.masked, len(message.body)) == (True, 4000)
        everywhere = [str(row) for row in session.execute(sa.text("SELECT data FROM timeline_event"))]
        assert not any("4111" in text for text in everywhere)


def test_an_answer_is_what_a_strategy_waits_for(engine: Engine) -> None:
    a_customer(engine)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        builders.queued_message(session, case, on=ON, created_at=NOW - timedelta(days=1))
    writes(engine, "I will pay on Friday")
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        asked = _Gathering(session, book, frozenset({MOMENTS}), [id_of(case)], ON)
        assert asked.facts()[id_of(case)].moments["friendly-sms", Moment.REPLIED] == ON


def test_what_is_asked_for_on_the_page_is_for_a_person_too(engine: Engine) -> None:
    anna = a_customer(engine)
    for _ in range(2):
        with transaction(engine) as session:
            receive_from_page(
                session,
                anna,
                Channel.EMAIL,
                Intent.WRONG_NUMBER,
                "",
                "form-1",
                builders.catalog(),
                now=NOW,
            )
    assert permitted(engine, anna) == [Channel.SMS, Channel.POST, Channel.CALL]
    assert builders.count(engine, InboundMatch) == 1
    with transaction(engine) as session:
        receive_from_page(
            session,
            anna,
            Channel.EMAIL,
            Intent.DISPUTE,
            "not my card",
            "form-2",
            builders.catalog(),
            now=NOW,
        )
    assert permitted(engine, anna) == []


def call_tasks(engine: Engine) -> list[tuple[str, date]]:
    with transaction(engine) as session:
        return [
            (session.get_one(PlannedContact, task.contact_id).step, task.due_on)
            for task in session.scalars(select(CallTask))
        ]


def test_please_call_me_puts_a_call_on_the_worklist_once(engine: Engine) -> None:
    """By SMS on a Friday evening after hours, then on the page, with the form sent twice."""
    anna = a_customer(engine)
    evening = NOW + timedelta(hours=10)
    writes(engine, "Please call me, 5pm is best")
    interpret_due(engine, builders.catalog(), FixedClock(evening))
    assert call_tasks(engine) == [("call-me", ON + timedelta(days=1))]
    [message] = told(engine, anna, CallTaskCreated.KIND)
    assert (message["by"], message["channel"]) == ("customer", Channel.CALL)
    with transaction(engine) as session:
        assert has_waiting(session) == 1, "they named a time: a person reads it"
    for _ in range(2):
        with transaction(engine) as session:
            receive_from_page(
                session, anna, Channel.EMAIL, Intent.CALL_ME, "", "form-1", LETTERS, now=evening
            )
    assert len(call_tasks(engine)) == 1
    with transaction(engine) as session:
        assert has_waiting(session) == 1, "the page's request is on the worklist, and says nothing else"
        case = session.scalars(select(CollectionsCase)).one()
        record_call(session, case, CallResult.NO_ANSWER, "", by=Actor.user("ben"), now=evening)
        assert session.scalars(select(CallTask)).one().done_at is None, "they still want to be called"
        record_call(session, case, CallResult.RIGHT_PARTY, "", by=Actor.user("ben"), now=evening)
        assert session.scalars(select(CallTask)).one().result == "right_party"


def test_who_may_not_be_called_gets_no_call_task(sqlite_engine: Engine) -> None:
    anna = a_customer(sqlite_engine)
    with transaction(sqlite_engine) as session:
        set_consent(
            session, anna, Channel.CALL, allowed=False, source="letter", by=Actor.user("ben"), now=NOW
        )
    with transaction(sqlite_engine) as session:
        receive_from_page(session, anna, Channel.EMAIL, Intent.CALL_ME, "", "form-1", LETTERS, now=NOW)
        assert has_waiting(session) == 1, "a person finds another way"
    assert call_tasks(sqlite_engine) == []
    [refused] = told(sqlite_engine, anna, ContactRefused.KIND)
    assert (refused["step"], refused["channel"]) == ("call-me", Channel.CALL)


def test_a_call_asked_for_from_a_shared_number_is_left_to_a_person(sqlite_engine: Engine) -> None:
    a_customer(sqlite_engine), a_customer(sqlite_engine)
    writes(sqlite_engine, "call me")
    assert the_job(sqlite_engine) == {"read": 1, "for_a_person": 1}
    assert call_tasks(sqlite_engine) == []


def has_waiting(session: Session) -> int:
    return waiting_counts(session)[False]


# --- what breaks the desk -------------------------------------------------------------------------------------


def test_words_that_break_the_reading_are_on_record_and_sms_rests_until_a_person_decides(
    engine: Engine,
) -> None:
    """Otherwise the provider would be told to send them again, and would."""
    anna = a_customer(engine)
    broken = Phrasebook((None,))  # type: ignore[arg-type]
    with transaction(engine) as session:
        arrived = Arrived("SM1", "+8613911112222", "+8621555000", "no more")
        assert receive(session, arrived, broken, LETTERS, now=NOW) is not None
    assert Channel.SMS not in permitted(engine, anna)
    assert the_job(engine) == {"read": 1, "for_a_person": 1}


def test_a_message_that_cannot_be_acted_on_is_a_persons_and_stands_before_nobody(engine: Engine) -> None:
    a_customer(engine)
    writes(engine, "HELP", sid="SM1")
    writes(engine, "please stop texting me", sid="SM2")
    nothing_to_say = replace(builders.catalog(), letters={})
    for _ in range(2):
        interpret_due(engine, nothing_to_say, FixedClock(NOW), at_most=1)
    with transaction(engine) as session:
        rows = session.scalars(select(InboundMessage).order_by(InboundMessage.id)).all()  # type: ignore[arg-type]
        assert [row.interpreted_at is not None for row in rows] == [True, True]
        assert [row.reviewed_at for row in rows] == [None, None]


def test_a_request_on_the_page_whose_answer_breaks_is_on_record_all_the_same(engine: Engine) -> None:
    anna = a_customer(engine)
    with transaction(engine) as session:
        customer = session.get_one(type(anna), anna.id)
        nothing_to_say = replace(builders.catalog(), letters={})
        page = receive_from_page(
            session, customer, Channel.SMS, Intent.DISPUTE, "not mine", "r\0\ud8001", nothing_to_say, now=NOW
        )
        assert page is not None
        assert (page.reviewed_at, page.provider_ref) == (None, "page:r?1")
    assert builders.count(engine, CaseHold) == 1


def test_a_card_number_in_a_quoted_refusal_is_kept_nowhere(engine: Engine) -> None:
    """What is quoted is named as the reason of a hold; it once refused the hold, and the message with it."""
    a_customer(engine)
    message = writes(engine, "Liked “stop 4111 1111 1111 1111”\nI dispute this debt")
    assert message is not None
    with transaction(engine) as session:
        row = session.get_one(InboundMessage, message.id)
        kept = (row.body, row.matched, *session.scalars(select(CaseHold.reason)))
        assert "4111 1111 1111" not in " ".join(kept)


def test_what_no_database_takes_costs_no_message(engine: Engine) -> None:
    a_customer(engine)
    message = writes(engine, "please stop\0 texting me", sid="SM\0\ud8001", opt_out_type="ST\0OP")
    assert message is not None
    assert (message.provider_ref, message.provider_said) == ("SM?1", "STOP")


# --- a time, and a channel alone --------------------------------------------------------------------------------


def test_dont_call_before_ten_is_kept_and_a_person_reads_it(engine: Engine) -> None:
    customer = a_customer(engine)
    writes(engine, "Please don't call before 10")
    assert the_job(engine) == {"read": 1, "for_a_person": 1}
    with transaction(engine) as session:
        [told] = open_preferences(session, id_of(customer))
        assert (told.kind, told.channel, told.start_minute, told.end_minute) == (
            PreferenceKind.TIME, Channel.CALL, 0, 600,
        )  # fmt: skip
        assert told.source.startswith("SMS reply")
        assert session.scalar(select(CaseHold)) is None
    assert consents(engine, customer) == {}, "it refuses no channel"
    writes(engine, "Please don't call before 10")
    with transaction(engine) as session:
        assert len(open_preferences(session, id_of(customer))) == 1, "the same message twice"


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("Only contact me by email", {Channel.SMS, Channel.CALL}),
        ("please contact me by e-mail only", {Channel.SMS, Channel.CALL}),
        ("Only text me please", {Channel.CALL, Channel.EMAIL}),
        ("only in writing", {Channel.CALL}),
        ("By post only", {Channel.SMS, Channel.CALL, Channel.EMAIL}),
    ],
)
def test_a_wish_for_one_channel_ends_the_others(engine: Engine, text: str, refused: set[Channel]) -> None:
    customer = a_customer(engine)
    writes(engine, text)
    assert the_job(engine) == {"read": 1, "for_a_person": 1}
    assert consents(engine, customer) == dict.fromkeys(refused, False)


def test_a_time_that_does_not_suit_is_kept_once(engine: Engine) -> None:
    anna = a_customer(engine)
    writes(engine, "Please do not call me after 20:00", sid="SM1")
    writes(engine, "Please do not call me after 20:00", sid="SM2")
    writes(engine, "Please do not call me after 19:00", sid="SM3")
    with transaction(engine) as session:
        rows = open_preferences(session, id_of(anna))
        spans = [(row.kind, row.channel, row.start_minute, row.end_minute) for row in rows]
        assert spans == [(PreferenceKind.TIME, Channel.CALL, minute, 1440) for minute in (1200, 1140)]
