"""A letter, an e-mail or a visit logged by hand: the effects of its code, and no call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.calls import CallEffects, CallReport, log_call
from app.actions.results.doubts import Unsure
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged, ContactLogged
from app.casework.cases.interactions import InteractionWay, interaction_of, received_on
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import Complaint
from app.casework.complaints.rules import ComplaintChannel
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import ReceivedAs
from app.casework.holds.models import CaseHold
from app.casework.results.rules import CallField, CallResult, ContactWay, Direction
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind
from app.outreach.gate.facts import gather_facts
from app.outreach.planning.in_writing.holds import hold_figures
from app.policy.composition import packs_for
from tests import builders

ON = date(2026, 3, 20)
NOW = builders.at(ON)
BEN = Actor.user("ben")
IN, OUT = Direction.IN, Direction.OUT
POST, EMAIL, VISIT = ContactWay.POST, ContactWay.EMAIL, ContactWay.VISIT


@pytest.fixture
def session(sqlite_engine: Engine) -> Iterator[Session]:
    with transaction(sqlite_engine) as session:
        yield session


def a_case(session: Session) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON)


def log(session: Session, case: CollectionsCase, report: CallReport, minutes: int = 0) -> CallEffects:
    return log_call(session, case, report, builders.catalog(), by=BEN, now=NOW + timedelta(minutes=minutes))


def counted(session: Session, case: CollectionsCase) -> list[tuple[Channel, bool]]:
    """(channel, from the customer) of the contacts that the gate knows of."""
    customer = session.get_one(Customer, case.customer_id)
    pack = packs_for(session.get_one(Portfolio, case.portfolio_id), customer)
    facts = gather_facts(session, [customer], pack, now=NOW + timedelta(hours=1))[id_of(customer)]
    return [(past.channel, past.inbound) for past in facts.history]


@pytest.mark.parametrize(
    ("days_ago", "hears_in"),
    [(0, 15), (7, 8), (14, 1), (15, 7), (90, 7)],
)
def test_a_dispute_by_letter_runs_from_the_day_on_which_it_came(
    session: Session, days_ago: int, hears_in: int
) -> None:
    """Logged today, received before: the answer is due as many days after the receipt, and no letter promises one for
    a day that is over."""
    case, came = a_case(session), ON - timedelta(days=days_ago)
    log(session, case, CallReport(CallResult.DISPUTES, "never bought it", direction=IN, way=POST, on=came))
    dispute = session.scalars(select(Dispute)).one()
    assert (dispute.received_on, dispute.received_as) == (came, ReceivedAs.WRITTEN)
    assert (dispute.answer_by, dispute.by_law) == (came + timedelta(days=15), True)
    hold = session.get_one(CaseHold, dispute.hold_id)
    figures = hold_figures(session, session.get_one(Portfolio, case.portfolio_id), hold)
    assert figures == {"received_on": came, "review_on": ON + timedelta(days=hears_in)}


def test_a_letter_of_the_customer_is_on_record_and_no_call(session: Session) -> None:
    case = a_case(session)
    case.callback_at = NOW - timedelta(hours=1)
    session.flush()
    words = {CallField.WORDS: "asks for a copy of the agreement"}
    came = CallReport(
        "correspondence_in", "three pages", way=POST, direction=IN, on=date(2026, 3, 18), texts=words
    )
    log(session, case, came)
    [event] = builders.events(session, ContactLogged.KIND)
    assert (event["way"], event["direction"], event["on"]) == ("post", "in", "2026-03-18")
    assert event["fields"] == {"words": "asks for a copy of the agreement"}
    assert builders.events(session, CallLogged.KIND) == []
    assert case.callback_at is not None, "no call was made: the callback stays"
    logged = session.scalars(select(Event).where(Event.kind == ContactLogged.KIND)).one()
    read = interaction_of(session, case.customer_id, id_of(logged), "UTC")
    assert (read.way, read.on) == (InteractionWay.POST, date(2026, 3, 18)), (
        "the day it came, not that of the log"
    )
    assert read.words == "asks for a copy of the agreement\nthree pages"
    other = builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON)
    with pytest.raises(NotFound):
        received_on(session, other.customer_id, id_of(logged), "UTC")
    assert all(inbound for _, inbound in counted(session, case))


def test_what_we_wrote_counts_on_its_channel_and_a_visit_on_none(session: Session) -> None:
    case = a_case(session)
    log(session, case, CallReport("correspondence_out", way=EMAIL))
    log(session, case, CallReport("correspondence_out", way=POST))
    log(session, case, CallReport(CallResult.NOBODY_MET, way=VISIT))
    assert counted(session, case) == [(Channel.EMAIL, False), (Channel.POST, False)]


def test_a_complaint_by_letter_runs_from_the_day_it_came(session: Session) -> None:
    case = a_case(session)
    texts = {CallField.CATEGORY: "fees", CallField.WORDS: "I complain about the fee."}
    came = date(2026, 3, 17)
    log(session, case, CallReport(CallResult.COMPLAINT, way=POST, direction=IN, on=came, texts=texts))
    complaint = session.scalars(select(Complaint)).one()
    assert (complaint.channel, complaint.received_on) == (ComplaintChannel.POST, came)


@pytest.mark.parametrize(
    ("result", "way", "begins"),
    [
        (CallResult.DISPUTES, POST, "In a letter: "),
        (CallResult.PAID, EMAIL, "By e-mail: says that it is paid"),
        (CallResult.BANKRUPTCY, VISIT, "On a visit: "),
        (CallResult.DISPUTES, ContactWay.CALL, "On the phone: "),
    ],
)
def test_the_reason_of_a_hold_says_how_they_told_us(
    session: Session, result: CallResult, way: ContactWay, begins: str
) -> None:
    case = a_case(session)
    log(session, case, CallReport(result, way=way, direction=IN))
    hold = session.scalars(select(CaseHold).where(CaseHold.kind != HoldKind.COMPLAINT)).one()
    assert hold.reason.startswith(begins)


@pytest.mark.parametrize(
    ("report", "field"),
    [
        (CallReport(CallResult.NO_ANSWER, way=POST), "result"),
        (CallReport(CallResult.WRONG_NUMBER, way=VISIT), "result"),
        (CallReport("correspondence_in", direction=IN), "result"),
        (CallReport(CallResult.DISPUTES, way=EMAIL, direction=OUT), "result"),
        (CallReport("correspondence_in", way=POST, direction=OUT), "result"),
        (CallReport("correspondence_in", way=POST, direction=IN, number="+8613800138000"), "number"),
        (CallReport("correspondence_in", way=POST, direction=IN, on=ON + timedelta(days=1)), "on"),
        (CallReport("correspondence_in", way=POST, direction=IN, on=ON - timedelta(days=367)), "on"),
        (CallReport(CallResult.BUSY, on=ON), "on"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(session: Session, report: CallReport, field: str) -> None:
    case = a_case(session)
    with pytest.raises(Invalid) as refused:
        log(session, case, report)
    assert refused.value.field == field
    assert builders.events(session, ContactLogged.KIND) == []


def test_the_same_letter_twice_is_asked_about_and_an_e_mail_beside_it_is_not(session: Session) -> None:
    case = a_case(session)
    log(session, case, CallReport("correspondence_in", way=POST, direction=IN))
    log(session, case, CallReport("correspondence_in", way=EMAIL, direction=IN))
    with pytest.raises(Unsure):
        log(session, case, CallReport("correspondence_in", way=POST, direction=IN), minutes=3)
