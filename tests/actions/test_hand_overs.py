"""Offers, hand-overs and abusive contact: what is said, what is sold, who has it, and what a supervisor hears."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.calls import CallReport, log_call
from app.actions.complaints.opening import open_complaint
from app.actions.hand_overs.conduct import record_conduct, warn_in_writing
from app.actions.hand_overs.desks import end_hand_over, hand_over, receive_hand_over
from app.actions.hand_overs.offers import answer_offer, offer_help
from app.actions.holds import place_hold
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.rules import ReceivedComplaint
from app.casework.hand_overs.events import (
    ConductRecorded,
    ConductWarned,
    HandedToDesk,
    HandOverMoved,
    HelpOffered,
)
from app.casework.hand_overs.queries import (
    HandOverFilter,
    conduct_of,
    count_hand_overs,
    hand_overs_of,
    list_query,
    offers_of,
)
from app.casework.hand_overs.rules import (
    ConductStep,
    HandOverKind,
    HandOverStatus,
    OfferAnswer,
    SaleStops,
    sale_refusal,
)
from app.casework.results.rules import CallField
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import HoldKind
from app.outreach.delivery.moves import cannot_arrive
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from tests import builders

ON = date(2026, 6, 1)
BEN, MEI = Actor.user("ben"), Actor.user("mei")
YES, NO, THINKS = OfferAnswer.ACCEPTED, OfferAnswer.DECLINED, OfferAnswer.THINKING


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


@pytest.fixture
def case(session: Session) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)


def ben(days: int = 0) -> Any:
    return {"by": BEN, "role": Role.AGENT, "now": builders.at(ON + timedelta(days=days), 12)}


def mei(days: int = 0) -> Any:
    return {**ben(days), "by": MEI, "role": Role.MANAGER}


def test_an_accepted_offer_goes_to_its_desk_and_comes_back_done(
    session: Session, case: CollectionsCase
) -> None:
    # On 1 June debt advice is offered; she thinks about it, and accepts two days later.
    row = offer_help(session, case, "debt_advice", THINKS, "prefers mornings", **ben())
    assert hand_overs_of(session, case.customer_id) == []
    answer_offer(session, case, id_of(row), YES, **ben(2))
    with pytest.raises(Conflict, match="The customer answered on"):
        answer_offer(session, case, id_of(row), NO, **ben(2))
    [handed] = hand_overs_of(session, case.customer_id)
    assert (handed.desk, handed.kind, handed.help_offer_id) == ("debt_advice", HandOverKind.HELP, row.id)
    assert (handed.words, handed.due_on) == (
        "Accepted: Free debt advice from a charity: prefers mornings",
        ON + timedelta(days=7),
    )

    # Nobody ends what nobody received. The charity has it, is late, and helps.
    number = id_of(handed)
    with pytest.raises(Conflict, match="Record the receipt first"):
        end_hand_over(session, number, HandOverStatus.DONE, "called her", **ben(3))
    receive_hand_over(session, number, "Joan of the charity", **ben(3))
    counts = count_hand_overs(session, case.portfolio_id, ON + timedelta(days=8))
    assert (counts.open, counts.overdue, counts.unreceived) == (1, 1, 0)
    late = list_query(case.portfolio_id, HandOverFilter(is_overdue=True), ON + timedelta(days=8))
    assert [found.id for found, _ in session.execute(late)] == [number]
    end_hand_over(session, number, HandOverStatus.DONE, "A budget was made.", **ben(8))
    assert count_hand_overs(session, case.portfolio_id, ON + timedelta(days=8)).open == 0
    assert [each["answer"] for each in builders.events(session, HelpOffered.KIND)] == ["thinking", "accepted"]
    assert len(builders.events(session, HandedToDesk.KIND)) == 1
    assert [each["status"] for each in builders.events(session, HandOverMoved.KIND)] == ["received", "done"]


def test_nothing_is_sold_while_something_stands(session: Session, case: CollectionsCase) -> None:
    until = ON + timedelta(days=20)
    place_hold(
        session, case, HoldKind.DISPUTE, "not hers", until, builders.catalog(), by=BEN, now=ben()["now"]
    )
    for act, field in (
        (lambda: offer_help(session, case, "card_protection", YES, **ben()), "offer"),
        (lambda: hand_over(session, case, "sales", HandOverKind.APPLICATION, "wants a card", **ben()), "desk"),
        (lambda: hand_over(session, case, "payments", HandOverKind.SALES_INTEREST, "a card", **ben()), "desk"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match="dispute hold stands") as refused:
            act()
        assert refused.value.field == field
    assert offers_of(session, case.customer_id) == []
    assert hand_overs_of(session, case.customer_id) == []
    # Help is offered all the same.
    offer_help(session, case, "budgeting", YES, **ben())


def test_a_product_that_was_thought_about_is_not_sold_after_a_complaint(
    session: Session, case: CollectionsCase
) -> None:
    row = offer_help(session, case, "card_protection", THINKS, **ben())
    open_complaint(
        session, case, ReceivedComplaint("You were rude."), builders.catalog(), by=BEN, now=ben(1)["now"]
    )
    with pytest.raises(Invalid, match="a complaint is open") as refused:
        answer_offer(session, case, id_of(row), YES, **ben(1))
    assert refused.value.field == "answer"
    answer_offer(session, case, id_of(row), NO, **ben(1))


@pytest.mark.parametrize(("days", "again"), [(179, False), (180, True)])
def test_a_no_is_heard_for_180_days(session: Session, case: CollectionsCase, days: int, again: bool) -> None:
    offer_help(session, case, "card_protection", NO, **ben())
    if again:
        offer_help(session, case, "card_protection", THINKS, **ben(days))
        return
    with pytest.raises(Invalid, match="It is not offered again before"):
        offer_help(session, case, "card_protection", THINKS, **ben(days))
    offer_help(session, case, "card_protection", YES, **ben(days))


def test_what_a_reader_may_not_see_is_not_hinted_at() -> None:
    assert sale_refusal(SaleStops()) == ""
    assert "Ask a manager" in sale_refusal(SaleStops(hidden=True))
    assert "need" not in sale_refusal(SaleStops(hidden=True)).split("Ask")[0]
    assert "support need" in sale_refusal(SaleStops(need=True))


@pytest.mark.parametrize(
    ("desk", "kind", "words", "days", "field"),
    [
        ("nowhere", HandOverKind.HELP, "help", 1, "desk"),
        ("payments", HandOverKind.CONDUCT, "help", 1, "kind"),
        ("payments", HandOverKind.HELP, "  ", 1, "words"),
        ("payments", HandOverKind.HELP, "help", -1, "due_on"),
        ("payments", HandOverKind.HELP, "help", 93, "due_on"),
    ],
)
def test_bad_hand_overs_are_refused_beside_their_field(
    session: Session, case: CollectionsCase, desk: str, kind: HandOverKind, words: str, days: int, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        hand_over(session, case, desk, kind, words, ON + timedelta(days=days), **ben())
    assert refused.value.field == field


def test_warned_then_ended_then_a_supervisor(session: Session, case: CollectionsCase) -> None:
    # The first time he is warned; nothing else follows.
    record_conduct(session, case, ConductStep.WARNED, "You pig.", by=BEN, now=ben()["now"])
    assert hand_overs_of(session, case.customer_id) == []
    # The second time the call ends, by its result code.
    call = CallReport("ended_abusive", texts={CallField.WORDS: "I will come for you."})
    log_call(session, case, call, builders.catalog(), by=BEN, now=ben(1)["now"])
    ended, warned = conduct_of(session, case.customer_id)
    assert (warned.step, warned.was_warned) == (ConductStep.WARNED, False)
    assert (ended.step, ended.was_warned, ended.words) == (
        ConductStep.ENDED,
        True,
        "I will come for you.",
    )
    [task] = hand_overs_of(session, case.customer_id)
    assert (task.id, task.desk, task.due_on) == (ended.hand_over_id, "supervisors", ON + timedelta(days=1))
    assert "after a warning" in task.words
    assert "offer ben a break" in task.words
    assert len(builders.events(session, ConductRecorded.KIND)) == 2
    # An agent does not end it; his rights stay open.
    with pytest.raises(Forbidden):
        receive_hand_over(session, id_of(task), "ben", **ben(1))
    receive_hand_over(session, id_of(task), "Mei", **mei(1))
    open_complaint(
        session, case, ReceivedComplaint("They hung up."), builders.catalog(), by=BEN, now=ben(2)["now"]
    )


def test_an_end_without_a_warning_is_on_record_as_that(session: Session, case: CollectionsCase) -> None:
    record_conduct(session, case, ConductStep.WARNED, "You pig.", by=BEN, now=ben()["now"])
    later = ben(183)["now"]
    record = record_conduct(session, case, ConductStep.ENDED, "You pig.", by=BEN, now=later)
    assert not record.was_warned
    assert "ask why" in hand_overs_of(session, case.customer_id)[0].words


def test_a_supervisor_warns_in_writing_once(session: Session, case: CollectionsCase) -> None:
    row = record_conduct(session, case, ConductStep.WARNED, "You pig.", by=BEN, now=ben()["now"])
    said = "You called our colleague a pig."

    def warns(words: str, **who: Any) -> None:
        warn_in_writing(session, case, id_of(row), words, builders.catalog(), **who)

    with pytest.raises(Forbidden, match="supervisor decides"):
        warns(said, **ben())
    with pytest.raises(Invalid) as empty:
        warns(" ", **mei())
    assert empty.value.field == "words"
    with pytest.raises(Invalid, match="500") as cut:
        warns("a" * 501, **mei())
    assert cut.value.field == "words"
    warns(said, **mei())
    assert (row.letter_words, row.letter_at) == (said, mei()["now"])
    assert [event["conduct"] for event in builders.events(session, ConductWarned.KIND)] == [row.id]
    [message] = session.scalars(select(OutboxMessage))
    assert (message.letter, message.destination) == ("conduct_warning", Destination.EMAIL)
    for words in (
        said,
        "On 1 June 2026 we took down what was said",
        "Your rights stay as they are.",
        "a colleague who was not involved",
    ):
        assert words in message.text, words
    for threat in ("court", "credit", "police", "must pay"):
        assert threat not in message.text.lower(), threat
    with pytest.raises(Conflict, match="written already"):
        warns(said, **mei(1))


def test_a_warning_that_bounces_goes_by_post_with_the_same_words(engine: Engine) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)
        row = record_conduct(session, case, ConductStep.WARNED, "You pig.", by=BEN, now=ben()["now"])
        warn_in_writing(session, case, id_of(row), "You insulted him.", builders.catalog(), **mei())
    builders.deliver(engine, mei()["now"])
    with transaction(engine) as session:
        [message] = session.scalars(select(OutboxMessage))
        cannot_arrive(message, OutboxStatus.BOUNCED, "550 no such user", now=mei()["now"])
    fall_back_due(engine, builders.catalog(), clock=FixedClock(mei()["now"]))
    with transaction(engine) as session:
        messages = session.scalars(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()
        assert [each.destination for each in messages] == [Destination.EMAIL, Destination.POST]
        assert "You insulted him." in messages[-1].text
