"""What a call found out counts from that moment: on every channel, in the law's time, until a person ends it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.calls import (
    CallEffects,
    CallReport,
    log_call,
)
from app.actions.holds import end_hold, place_hold, review_hold
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallbackSet, CallLogged
from app.casework.cases.models import (
    CallTask,
    CollectionsCase,
)
from app.casework.holds.events import HoldReviewDue
from app.casework.holds.models import CaseHold
from app.casework.holds.rules import FOR_GOOD
from app.casework.holds.service import end_due_holds
from app.casework.plans.models import Plan
from app.casework.results.file import shipped_codes
from app.casework.results.rules import NO_CALLS, CallField, CallResult, ContactWay, ResultCode
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.inbound.reception import receive_from_page
from app.inbound.rules import Intent
from app.outreach.gate.decisions import ReviewRequest, read_request, request_text
from app.outreach.gate.explain import explain
from app.outreach.gate.models import ContactPreference
from app.outreach.outbox.models import OutboxMessage
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.composition import packs_for
from app.policy.facts import Contact, Facts, Hold
from tests import builders
from tests.inbound.correspondence import a_customer, the_job, writes

ON = date(2026, 3, 20)
NOW = builders.at(ON)
BEN = {"by": "user:ben", "now": NOW}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


CODES = [each for each in shipped_codes().codes if ContactWay.CALL in each.ways]
FILLED: dict[CallField, str] = {
    CallField.CATEGORY: "fees",
    CallField.WORDS: "too much",
    CallField.CONSENT: "yes",
    CallField.CHANNEL: "sms",
    CallField.REQUEST: "waive the fee of March",
}


def a_report(code: ResultCode, **more: object) -> CallReport:
    """The call with what its code requires, but for a promise and a callback."""
    texts = {name: FILLED[name] for name in code.requires if name in FILLED}
    paid = 2_000 if CallField.PAID_AMOUNT in code.requires else 0
    return CallReport(code.code, texts=texts, paid_minor=paid, **more)  # type: ignore[arg-type]


def a_case(session: Session, **changes: object) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON, **changes)


def call(session: Session, case: CollectionsCase, report: CallReport, now: datetime = NOW) -> CallEffects:
    return log_call(session, case, report, builders.catalog(), by=Actor.user("ben"), now=now)


def a_task(session: Session, case: CollectionsCase, due_on: date = ON) -> CallTask:
    return builders.call_task(session, case, due_on=due_on)


def answers(session: Session, case: CollectionsCase, at: datetime) -> dict[Channel, type]:
    """What the gate says to a reminder on each channel."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    customer = session.get_one(Customer, case.customer_id)
    return {
        channel: type(explain(session, portfolio, customer, channel, Purpose.REMINDER, at=at))
        for channel in Channel
    }


# --- numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "result", [CallResult.WRONG_NUMBER, CallResult.THIRD_PARTY, CallResult.OUT_OF_SERVICE]
)
def test_a_number_that_is_not_theirs_rests_on_every_channel_at_once(
    session: Session, result: CallResult
) -> None:
    case = a_case(session)
    assert call(session, case, CallReport(result)).number_rests
    tomorrow = answers(session, case, NOW + timedelta(days=1))
    assert (tomorrow[Channel.CALL], tomorrow[Channel.SMS]) == (Refusals, Refusals)
    assert tomorrow[Channel.EMAIL] is Clearance
    [rests] = session.scalars(select(ContactPreference))
    assert not {"debt", "owe", "arrears"} & set(rests.source.split())
    call(session, case, CallReport(result), NOW + timedelta(hours=3))
    assert len(session.scalars(select(ContactPreference)).all()) == 1, "found out twice, it rests once"


def test_links_that_went_to_a_wrong_number_only_stop_messages_from_then_on(session: Session) -> None:
    case = a_case(session)
    call(session, case, CallReport(CallResult.WRONG_NUMBER))
    assert session.get_one(Customer, case.customer_id).link_number == 1


# --- holds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [code for code in CODES if code.hold], ids=lambda code: code.code)
def test_what_they_say_holds_at_once(session: Session, code: ResultCode) -> None:
    case, kind = a_case(session), code.hold
    assert kind is not None
    placed = call(session, case, a_report(code, note="said so twice")).placed
    assert placed is not None
    hold = placed.hold
    assert (hold.kind, hold.by, hold.for_good) == (kind, "user:ben", kind in FOR_GOOD)
    assert "said so twice" in hold.reason
    later = answers(session, case, NOW + timedelta(hours=2))
    assert set(later.values()) == {Refusals if kind in FOR_GOOD else WaitUntil}
    again = call(session, case, a_report(code), NOW + timedelta(hours=3))
    assert again.placed is None, "such a hold stands already"


def test_a_dispute_on_the_phone_is_acknowledged_by_its_letter(session: Session) -> None:
    effects = call(session, a_case(session), CallReport(CallResult.DISPUTES))
    assert effects.placed is not None
    assert [type(answer) for answer in effects.placed.acknowledgement.values()] == [Clearance]
    [message] = session.scalars(select(OutboxMessage))
    assert message.letter == "dispute_acknowledged"


@pytest.mark.parametrize("kind", sorted(FOR_GOOD - {HoldKind.COMPLAINT}))
def test_no_date_ends_these_holds(session: Session, kind: HoldKind) -> None:
    """The review date raises work, once; the gate stays shut before, on and long after it."""
    case = a_case(session)
    review_on = ON + timedelta(days=30)
    hold = place_hold(session, case, kind, "said so", review_on, builders.catalog(), **BEN).hold
    for days in (1, 29, 30, 31, 400):
        at = NOW + timedelta(days=days)
        assert set(answers(session, case, at).values()) == {Refusals}, days
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    for night in (28, 29, 30, 31):
        on = ON + timedelta(days=night)
        assert end_due_holds(session, portfolio, on, now=builders.night_after(on)) == 0
    assert hold.ended_at is None
    [due] = builders.events(session, HoldReviewDue.KIND)
    assert (due["hold"], due["by"]) == (hold.id, "system")

    with pytest.raises(Forbidden):
        end_hold(session, hold, "its date", "the clock", by=SYSTEM, now=NOW)
    for reason, decided_by, missing in ((" ", "Ben Ode", "reason"), ("papers came", "", "decided_by")):
        with pytest.raises(Invalid) as refused:
            end_hold(session, hold, reason, decided_by, by=Actor.user("ben"), now=NOW)
        assert refused.value.field == missing
    later = ON + timedelta(days=60)
    review_hold(session, hold, "no papers yet", later, by=Actor.user("ben"), now=NOW)
    end_due_holds(session, portfolio, later, now=builders.night_after(later))
    assert len(builders.events(session, HoldReviewDue.KIND)) == 2, "each review date raises work"
    end_hold(session, hold, "papers came", "Ben Ode", by=Actor.user("ben"), now=NOW)
    assert (hold.ended_by, hold.end_reason) == ("user:ben", "papers came (decided by Ben Ode)")
    with pytest.raises(Conflict):
        review_hold(session, hold, "again", later, by=Actor.user("ben"), now=NOW)


@pytest.mark.parametrize("kind", sorted(set(HoldKind) - FOR_GOOD))
def test_the_others_keep_their_own_end(session: Session, kind: HoldKind) -> None:
    case = a_case(session)
    place_hold(session, case, kind, "said so", ON + timedelta(days=30), builders.catalog(), **BEN)
    assert answers(session, case, NOW + timedelta(days=29))[Channel.CALL] is WaitUntil
    assert answers(session, case, NOW + timedelta(days=31))[Channel.CALL] is Clearance


def test_the_verdict_says_when_somebody_looks_and_no_day_on_which_contact_begins(session: Session) -> None:
    case = a_case(session)
    until = ON + timedelta(days=30)
    place_hold(session, case, HoldKind.DECEASED, "daughter says", until, builders.catalog(), **BEN)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    customer = session.get_one(Customer, case.customer_id)
    answer = explain(session, portfolio, customer, Channel.CALL, Purpose.REMINDER, at=NOW)
    assert isinstance(answer, Refusals)
    [reason] = answer.reasons
    assert reason.detail == "deceased hold since 2026-03-20, until a person ends it; review by 2026-04-19"
    assert reason.until is None


def test_a_decision_made_when_such_holds_had_an_end_is_still_answered_as_then(session: Session) -> None:
    """The question on record says until when; asked again it waits until then, and a question of today does not."""
    case = a_case(session)
    pack = packs_for(
        session.get_one(Portfolio, case.portfolio_id), session.get_one(Customer, case.customer_id)
    )
    contact = Contact(Channel.EMAIL, Purpose.REMINDER, "anna@example.net")
    ends = NOW + timedelta(days=30)
    held = Hold(HoldKind.DISPUTE, NOW, ends)
    then = ReviewRequest(contact, Facts(("Asia/Shanghai",), holds=(held,)), NOW)
    text = request_text(then)
    assert "review_on" not in text
    answer = read_request(text).answer(pack)
    assert isinstance(answer, WaitUntil)
    assert answer.at == ends
    today = ReviewRequest(
        contact, Facts(("Asia/Shanghai",), holds=(Hold(HoldKind.DISPUTE, NOW, None, ON),)), NOW
    )
    assert isinstance(read_request(request_text(today)).answer(pack), Refusals)


# --- nobody was reached -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "result", [CallResult.NO_ANSWER, CallResult.VOICEMAIL, CallResult.MESSAGE_LEFT, CallResult.HUNG_UP]
)
def test_a_call_that_reached_nobody_is_tried_in_another_part_of_the_day(
    session: Session, result: CallResult
) -> None:
    """Noon in Shanghai, a Friday: again in the evening, then on Saturday; after the third try the task is done."""
    case = a_case(session, callback_at=NOW - timedelta(minutes=5))
    task = a_task(session, case)
    effects = call(session, case, CallReport(result))
    assert (effects.attempt, effects.attempts) == (1, 3)
    assert effects.retry_at == builders.at(ON, 17)
    assert (task.done_at, task.due_on, task.not_before) == (None, ON, effects.retry_at)
    assert case.callback_at == effects.retry_at, "the callback moves with it"
    evening = builders.at(ON, 17)
    late = call(session, case, CallReport(result), evening)
    assert late.retry_at is not None
    assert late.retry_at >= builders.at(ON + timedelta(days=1), 6), "the weekend is a part of its own"
    assert task.due_on == ON + timedelta(days=1)
    last = call(session, case, CallReport(result), builders.at(ON + timedelta(days=1), 10))
    assert (last.attempt, last.task_kept, last.retry_at) == (3, False, None)
    assert (task.result, case.callback_at) == (result.value, None)
    assert len(builders.events(session, CallLogged.KIND)) == 3


def test_a_busy_line_is_tried_again_soon(session: Session) -> None:
    case = a_case(session)
    a_task(session, case)
    effects = call(session, case, CallReport(CallResult.BUSY))
    assert effects.retry_at == NOW + timedelta(minutes=30)
    assert effects.attempts == 5


def test_without_anything_to_call_about_nothing_is_to_be_tried_again(session: Session) -> None:
    effects = call(session, a_case(session), CallReport(CallResult.NO_ANSWER))
    assert (effects.task_kept, effects.retry_at) == (False, None)


@pytest.mark.parametrize(
    "code",
    [each for each in CODES if each.conversation and each.code not in ("promised", "call_back")],
    ids=lambda code: code.code,
)
def test_a_conversation_does_the_task_and_the_callback(session: Session, code: ResultCode) -> None:
    case = a_case(session, callback_at=NOW - timedelta(minutes=5))
    task = a_task(session, case)
    call(session, case, a_report(code))
    assert (task.result, case.callback_at) == (code.code, None)


# --- what a result has to bring -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "field"),
    [
        (CallReport(CallResult.PROMISED), "amount"),
        (CallReport(CallResult.PROMISED, amount_minor=1_000), "due_on"),
        (CallReport(CallResult.PROMISED, due_on=ON), "amount"),
        (CallReport(CallResult.CALL_BACK), "callback_at"),
        (CallReport(CallResult.CALL_BACK, callback_at=NOW - timedelta(minutes=1)), "callback_at"),
        (CallReport(CallResult.CALL_BACK, callback_at=builders.at(ON + timedelta(days=1), 3)), "callback_at"),
        (CallReport(CallResult.CALL_BACK, callback_at=NOW + timedelta(days=90, seconds=1)), "callback_at"),
    ],
)
def test_half_a_result_is_refused_beside_its_field(session: Session, report: CallReport, field: str) -> None:
    case = a_case(session)
    with pytest.raises(Invalid) as refused:
        call(session, case, report)
    assert refused.value.field == field
    assert builders.events(session, CallLogged.KIND) == []


def test_a_promise_and_a_callback_come_with_their_call(session: Session) -> None:
    case = a_case(session)
    effects = call(
        session, case, CallReport(CallResult.PROMISED, amount_minor=1_000, due_on=ON + timedelta(days=3))
    )
    assert effects.plan is not None
    assert session.scalars(select(Plan)).one().total_minor == 1_000
    assert [type(answer) for answer in effects.confirmations.values()] == [Clearance, Clearance]
    later = NOW + timedelta(minutes=11)
    call(session, case, CallReport(CallResult.PROMISED), later)  # of the promise that runs
    at = builders.at(ON + timedelta(days=90), 11)
    call(session, case, CallReport(CallResult.CALL_BACK, callback_at=at))
    assert case.callback_at == at
    assert session.scalars(select(CaseHold)).all() == []


THREE_DAYS, TOMORROW = ON + timedelta(days=3), builders.at(ON + timedelta(days=1), 11)


@pytest.mark.parametrize("code", [code for code in CODES if not code.promises], ids=lambda code: code.code)
def test_who_did_not_promise_is_not_told_that_they_did(session: Session, code: ResultCode) -> None:
    case = a_case(session)
    with pytest.raises(Invalid, match="brings no promise") as refused:
        call(session, case, a_report(code, amount_minor=1_000, due_on=THREE_DAYS))
    assert refused.value.field == "result"
    assert builders.events(session, CallLogged.KIND) == []
    assert session.scalars(select(Plan)).all() == []


@pytest.mark.parametrize(
    "code",
    [code for code in CODES if code.rests_number or code.hold in NO_CALLS],
    ids=lambda code: code.code,
)
def test_nobody_is_called_back_who_cannot_or_may_not_be_called(session: Session, code: ResultCode) -> None:
    case = a_case(session)
    with pytest.raises(Invalid, match="brings no callback") as refused:
        call(session, case, a_report(code, callback_at=TOMORROW))
    assert refused.value.field == "result"


@pytest.mark.parametrize(
    "result", [CallResult.CEASE, CallResult.ATTORNEY, CallResult.BANKRUPTCY, CallResult.DECEASED]
)
def test_a_stop_ends_the_callback_and_lets_no_other_be_set(session: Session, result: CallResult) -> None:
    case = a_case(session)
    call(session, case, CallReport(CallResult.CALL_BACK, callback_at=TOMORROW))
    call(session, case, CallReport(result), now=NOW + timedelta(minutes=1))
    assert case.callback_at is None
    assert "hold" in builders.events(session, CallbackSet.KIND)[-1]["reason"]
    with pytest.raises(Invalid, match="No call is allowed while the .* hold stands"):
        call(
            session, case, CallReport(CallResult.CALL_BACK, callback_at=TOMORROW), NOW + timedelta(minutes=11)
        )


# --- what they write ----------------------------------------------------------------------------------------


def test_a_dispute_by_sms_is_acknowledged_and_holds_past_its_review_date(engine: Engine) -> None:
    anna = a_customer(engine)
    writes(engine, "I dispute this debt")
    the_job(engine)
    [letter] = builders.messages(engine)
    assert letter.letter == "dispute_acknowledged"
    with transaction(engine) as session:
        [hold] = session.scalars(select(CaseHold))
        assert (hold.kind, hold.customer_id, hold.until) == (
            HoldKind.DISPUTE,
            anna.id,
            ON + timedelta(days=30),
        )
        case = session.get_one(CollectionsCase, hold.case_id)
        assert set(answers(session, case, NOW + timedelta(days=60)).values()) == {Refusals}
    the_job(engine)
    assert len(builders.messages(engine)) == 1, "once"


def test_a_dispute_on_the_page_is_acknowledged_at_once(engine: Engine) -> None:
    anna = a_customer(engine)
    with transaction(engine) as session:
        receive_from_page(
            session,
            anna,
            Channel.EMAIL,
            Intent.DISPUTE,
            "not my card",
            "form-1",
            builders.catalog(),
            now=NOW,
        )
    assert [message.letter for message in builders.messages(engine)] == ["dispute_acknowledged"]


@pytest.mark.parametrize(
    ("words", "due_on", "not_before"),
    [
        ("please call me tomorrow at 3pm", ON + timedelta(days=1), builders.at(ON + timedelta(days=1), 15)),
        ("please call me, weekdays after 18:00", ON, builders.at(ON, 18)),
        ("please call me not before noon", ON, None),
    ],
)
def test_a_call_is_due_when_they_asked_for_it_and_keeps_their_words(
    engine: Engine, words: str, due_on: date, not_before: datetime | None
) -> None:
    """A Friday, 12:00 in Shanghai."""
    a_customer(engine)
    writes(engine, words)
    the_job(engine)
    with transaction(engine) as session:
        [task] = session.scalars(select(CallTask))
        assert (task.due_on, task.not_before, task.wish) == (due_on, not_before, words)
