"""Words that may be a request for help, a need or a dispute: asked, taken up by the form of a room, or denied."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.assignment import add_note
from app.actions.calls import CallReport, log_call
from app.actions.disputes.opening import open_dispute
from app.actions.hardship.requests import take_request
from app.actions.people.retention import forget_hardship
from app.actions.people.support_needs import record_need
from app.actions.questions.answering import answer_question
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import Complaint
from app.casework.disputes.rules import Disputed, DisputeKind, ReceivedAs
from app.casework.hardship.events import HardshipForgotten
from app.casework.hardship.models import HardshipRequest
from app.casework.hardship.rules import HardshipStatus, HardshipWay
from app.casework.hardship.service import NewRequest
from app.casework.questions.events import WordsDenied
from app.casework.questions.models import CaseQuestion
from app.casework.questions.rules import QuestionSource
from app.casework.recognition.cues import Subject
from app.casework.results.rules import ContactWay, Direction
from app.casework.support_needs.rules import Basis, ToldBy
from app.casework.support_needs.service import NewNeed
from app.core.actor import CUSTOMER, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from app.outreach.planning.in_writing.hardship import hardship_figures
from tests import builders

ON = date(2026, 6, 1)
NOW = builders.at(ON)
BEN = Actor.user("ben")
HARDSHIP, NEED, DISPUTE, COMPLAINT = (
    Subject.HARDSHIP,
    Subject.SUPPORT_NEED,
    Subject.DISPUTE,
    Subject.COMPLAINT,
)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


@pytest.fixture
def case(session: Session) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=ON - timedelta(days=40), on=ON)


def log(session: Session, case: CollectionsCase, report: CallReport) -> None:
    log_call(session, case, report, builders.catalog(), is_sure=True, by=BEN, now=NOW)


def asked(session: Session) -> list[CaseQuestion]:
    return list(session.scalars(select(CaseQuestion).order_by(col(CaseQuestion.id))))


def test_a_letter_about_lost_work_is_a_request_received_on_the_day_it_came(
    session: Session, case: CollectionsCase
) -> None:
    came = ON - timedelta(days=9)
    letter = CallReport(
        "correspondence_in", "Lost her job, asks for smaller payments", way=ContactWay.POST,
        direction=Direction.IN, on=came,
    )  # fmt: skip
    log(session, case, letter)
    [question] = asked(session)
    assert (question.about, question.source, question.received_on) == (HARDSHIP, QuestionSource.POST, came)
    new = NewRequest(HardshipWay.LETTER, ["work_lost"], question.received_on)
    taken = take_request(
        session, case, new, builders.catalog(), question_id=question.id, by=BEN, now=NOW
    ).request
    assert taken.received_on == came
    assert taken.answer_by == came + timedelta(days=14), "from the day on which it came, not from the log"
    assert (question.is_so, question.hardship_id) == (True, taken.id)
    add_note(session, case, "Still no work, cannot afford the instalment", by=BEN, now=NOW)
    assert len(asked(session)) == 1, "what is said now belongs to the open request"


def test_a_letter_that_lay_for_weeks_is_late_and_no_letter_of_ours_promises_a_day_that_is_over(
    session: Session, case: CollectionsCase
) -> None:
    came = ON - timedelta(days=30)
    new = NewRequest(HardshipWay.LETTER, ["work_lost"], came)
    row = take_request(session, case, new, builders.catalog(), by=BEN, now=NOW).request
    assert row.answer_by == came + timedelta(days=14), "the day is over, and the page says so"
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    assert hardship_figures(session, portfolio, row, ON)["review_on"] == ON + timedelta(days=1)


def test_the_code_of_hardship_asks_without_a_cue_and_other_codes_by_their_notes(
    session: Session, case: CollectionsCase
) -> None:
    log(session, case, CallReport("hardship", "talked a while"))
    log(session, case, CallReport("right_party", "Never bought this, and needs large print"))
    assert [(each.about, each.source) for each in asked(session)] == [
        (HARDSHIP, QuestionSource.CALL), (NEED, QuestionSource.CALL), (DISPUTE, QuestionSource.CALL),
    ]  # fmt: skip
    assert asked(session)[0].cues, "what it was known by"


def test_a_need_and_a_dispute_are_taken_up_by_their_own_forms_alone(
    session: Session, case: CollectionsCase
) -> None:
    add_note(session, case, "Hard of hearing. Says the card was stolen", by=BEN, now=NOW)
    need, dispute = asked(session)
    with pytest.raises(Conflict, match="its form"):
        answer_question(session, id_of(need), builders.catalog(), is_so=True, by=BEN, now=NOW)
    new = NewNeed("large_print", Basis.CONSENT, ToldBy.CUSTOMER)
    with pytest.raises(Invalid, match="something else"):
        record_need(session, case, new, builders.catalog(), question_id=dispute.id, by=BEN, now=NOW)
    other = builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON)
    with pytest.raises(NotFound):
        record_need(session, other, new, builders.catalog(), question_id=need.id, by=BEN, now=NOW)
    record_need(session, case, new, builders.catalog(), question_id=need.id, by=BEN, now=NOW)
    assert need.is_so
    opened = open_dispute(
        session, case, Disputed(DisputeKind.WHOLE_DEBT), dispute.words, builders.catalog(), received_on=ON,
        received_as=ReceivedAs.ORAL, question_id=dispute.id, by=BEN, now=NOW,
    ).dispute  # fmt: skip
    assert dispute.dispute_id == opened.id
    with pytest.raises(Conflict, match="answered already"):
        answer_question(session, id_of(dispute), builders.catalog(), is_so=False, by=BEN, now=NOW)


def test_a_no_is_on_record_and_tells_nothing_of_a_need(session: Session, case: CollectionsCase) -> None:
    add_note(session, case, "Hard of hearing. Lost his job", by=BEN, now=NOW)
    for each in asked(session):
        answer_question(session, id_of(each), builders.catalog(), is_so=False, by=BEN, now=NOW)
    hardship, need = builders.events(session, WordsDenied.KIND)
    assert hardship["about"] == "hardship"
    assert "about" not in need
    assert WordsDenied(1).is_restricted(), "not for the legal team"


def test_a_complaint_in_a_letter_was_received_with_the_letter(
    session: Session, case: CollectionsCase
) -> None:
    came = ON - timedelta(days=5)
    letter = CallReport(
        "correspondence_in", "I want to complain about your calls", way=ContactWay.POST,
        direction=Direction.IN, on=came,
    )  # fmt: skip
    log(session, case, letter)
    [question] = asked(session)
    answer_question(session, id_of(question), builders.catalog(), is_so=True, by=BEN, now=NOW)
    complaint = session.scalars(select(Complaint)).one()
    assert (complaint.channel, complaint.received_on) == ("post", came)


def test_a_message_is_asked_about_as_it_was_read(session: Session, case: CollectionsCase) -> None:
    customer = session.get_one(Customer, case.customer_id)
    customer.mobile = "+12025550123"
    session.flush()
    arrived = Arrived("SM1", customer.mobile, "+12025550199", "I lost my job and cannot pay, please help")
    message = receive(session, arrived, shipped_phrases(), builders.catalog(), now=NOW)
    assert message is not None
    found = {each.about: each for each in asked(session)}
    assert found[HARDSHIP].source is QuestionSource.MESSAGE
    assert (found[HARDSHIP].message_id, found[HARDSHIP].by) == (message.id, CUSTOMER)


def test_the_words_go_with_the_request_when_its_retention_ends(
    session: Session, case: CollectionsCase
) -> None:
    add_note(session, case, "Lost her job", by=BEN, now=NOW)
    [question] = asked(session)
    new = NewRequest(HardshipWay.CALL, ["work_lost"], ON)
    row = take_request(
        session, case, new, builders.catalog(), question_id=question.id, by=BEN, now=NOW
    ).request
    row.status = HardshipStatus.REFUSED
    session.flush()
    later = builders.at(date(2070, 6, 1))
    forget_hardship(session, by=BEN, now=later)
    assert session.scalars(select(HardshipRequest)).all() == []
    assert asked(session) == []
    [told] = builders.events(session, HardshipForgotten.KIND)
    assert (told["requests"], told["questions"]) == (1, 1)


def test_the_hold_of_a_clear_dispute_asks_nothing_more(session: Session, case: CollectionsCase) -> None:
    log(session, case, CallReport("disputes", "Never bought this"))
    assert DISPUTE not in {each.about for each in asked(session)}
