"""One of our people answers a customer's SMS in their own words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.holds import place_hold
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.vocabulary import HoldKind, Purpose
from app.inbound.answers import LONGEST_ANSWER, answer_sms
from app.outreach.gate.events import ContactCleared, ContactRefused, ContactWaiting
from app.outreach.outbox.rules import OutboxStatus
from app.policy.answers import Answer, Clearance
from tests import builders
from tests.inbound.correspondence import NOW, ON, a_customer, the_job, told, writes

DAY = timedelta(days=1)


def answers(engine: Engine, text: str, *, after: timedelta = timedelta(0)) -> Answer | None:
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        book = session.get_one(Portfolio, case.portfolio_id)
        on = (NOW + after).date()
        return answer_sms(
            session, book, case, text, builders.catalog(), on=on, by=Actor.user("ben"), now=NOW + after
        )


def outcomes(engine: Engine) -> list[ReviewOutcome | None]:
    with transaction(engine) as session:
        return list(session.scalars(select(InboundMessage.outcome).order_by(InboundMessage.id)))  # type: ignore[arg-type]


def disputes(engine: Engine) -> None:
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        until = ON + 30 * DAY
        place_hold(
            session,
            case,
            HoldKind.DISPUTE,
            "says it is not theirs",
            until,
            builders.catalog(),
            acknowledge=False,
            by=Actor.user("ben"),
            now=NOW,
        )


def test_a_conversation_is_not_bound_by_the_caps_on_reminders(engine: Engine) -> None:
    """A reminder left this morning. Anna asks, Ben answers the same day, and his browser sends the form twice."""
    anna = a_customer(engine)
    with transaction(engine) as session:
        builders.queued_message(session, session.scalars(select(CollectionsCase)).one(), on=ON - DAY)
    builders.deliver(engine, NOW - timedelta(hours=1))
    writes(engine, "Can I pay half on Friday?")
    the_job(engine)
    said = "Yes, that is fine, {{ creditor }}.\nPlease pay the rest by the 30th."
    assert isinstance(answers(engine, said), Clearance)
    assert answers(engine, said) is None
    sent = builders.deliver(engine, NOW + timedelta(minutes=1)).sent
    assert [dispatch.text for dispatch in sent] == [
        "Harbour Bank: Yes, that is fine, {{ creditor }}. Please pay the rest by the 30th. "
        "Reply STOP to stop texts."
    ]
    assert outcomes(engine) == [ReviewOutcome.DONE], "it waited for nothing else"
    *_, cleared = told(engine, anna, ContactCleared.KIND)
    assert (cleared["letter"], cleared["by"], cleared["purpose"]) == (
        "sms_answer",
        "user:ben",
        "confirmation",
    )


def test_a_refusal_stands_whatever_is_to_be_said(engine: Engine) -> None:
    anna = a_customer(engine)
    writes(engine, "please stop texting me")
    the_job(engine)
    answer = answers(engine, "We will.")
    assert answer is not None
    assert not isinstance(answer, Clearance)
    assert builders.messages(engine) == []
    assert outcomes(engine) == [None], "a person still has to read it"
    [refused] = told(engine, anna, ContactRefused.KIND)
    assert "sms" in refused["reasons"][0]["detail"].lower()  # type: ignore[index]


def test_free_words_to_somebody_who_disputes_count_as_a_reminder(sqlite_engine: Engine) -> None:
    anna = a_customer(sqlite_engine)
    writes(sqlite_engine, "When do you open?")
    assert isinstance(answers(sqlite_engine, "At nine. Please pay today."), Clearance)
    disputes(sqlite_engine)
    answer = answers(sqlite_engine, "Please pay anyway.")
    assert answer is not None
    assert not isinstance(answer, Clearance)
    assert [
        each["purpose"] for each in told(sqlite_engine, anna, ContactRefused.KIND, ContactWaiting.KIND)
    ] == [Purpose.REMINDER]
    # What was queued before does not leave either.
    assert builders.deliver(sqlite_engine, NOW + timedelta(minutes=1)).sent == []
    [row] = builders.messages(sqlite_engine)
    assert (row.status, row.error.startswith("whether they dispute")) == (OutboxStatus.WITHHELD, True)


def test_at_night_an_answer_waits_for_the_morning(sqlite_engine: Engine) -> None:
    a_customer(sqlite_engine)
    writes(sqlite_engine, "Are you there?")
    night = timedelta(hours=11)
    assert isinstance(answers(sqlite_engine, "Yes.", after=night), Clearance)
    assert builders.deliver(sqlite_engine, NOW + night).sent == []
    assert len(builders.deliver(sqlite_engine, NOW + timedelta(hours=22)).sent) == 1


def test_without_their_own_message_there_is_nothing_to_answer(sqlite_engine: Engine) -> None:
    anna = a_customer(sqlite_engine)
    with pytest.raises(Conflict, match="has not written by SMS"):
        answers(sqlite_engine, "Hello")
    writes(sqlite_engine, "Hi", sid="SM1")
    with pytest.raises(Conflict, match="has not written by SMS"):
        answers(sqlite_engine, "Hello", after=8 * DAY)
    with transaction(sqlite_engine) as session:
        session.get_one(Customer, anna.id).mobile = "+8613900009999"
    with pytest.raises(Conflict, match="has not written by SMS"):
        answers(sqlite_engine, "Hello")


def test_whoever_does_not_react_is_not_talked_at(sqlite_engine: Engine) -> None:
    a_customer(sqlite_engine)
    writes(sqlite_engine, "Hi", sid="SM1")
    for words in ("Hello", "Are you there?", "Please call us"):
        assert isinstance(answers(sqlite_engine, words), Clearance)
    with pytest.raises(Conflict, match="3 answers went"):
        answers(sqlite_engine, "Well?")
    writes(sqlite_engine, "Here I am", sid="SM2")
    assert isinstance(answers(sqlite_engine, "Well?"), Clearance)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (" \n ", "Write what"),
        ("x" * (LONGEST_ANSWER + 1), "longer than 400 characters"),
        ("Your card 4111 1111 1111 1111 is blocked", "card number"),
    ],
)
def test_what_cannot_be_said(sqlite_engine: Engine, text: str, why: str) -> None:
    a_customer(sqlite_engine)
    writes(sqlite_engine, "Hi")
    with pytest.raises(Invalid, match=why):
        answers(sqlite_engine, text)
    assert builders.messages(sqlite_engine) == []
