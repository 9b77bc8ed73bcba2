"""Each effect of a call result: its row, its event, and what the gate says afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.corrections import post_by_hand
from app.actions.approvals.deciding import decide_approval
from app.actions.calls import CallEffects, CallReport, log_call
from app.actions.results.claims import settle_claims
from app.actions.results.doubts import Unsure
from app.book.ledger.models import Customer
from app.book.ledger.queries import accounts_of
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalKind
from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.casework.claims.events import ClaimFound, ClaimMade
from app.casework.claims.models import PaymentClaim
from app.casework.contacts.rules import DeskStep
from app.casework.holds.events import HoldEnded
from app.casework.holds.models import CaseHold
from app.casework.results.file import shipped_text
from app.casework.results.models import ResultCodeVersion
from app.casework.results.rules import CallField, CallResult, Direction
from app.casework.results.service import revert_codes, save_codes
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.outreach.gate.explain import explain
from app.outreach.strategy.models import StrategyTask
from app.policy.answers import Clearance, Refusals, WaitUntil
from tests import builders

ON = date(2026, 3, 20)
NOW = builders.at(ON)
BEN = Actor.user("ben")


@pytest.fixture
def session(sqlite_engine: Engine) -> Iterator[Session]:
    with transaction(sqlite_engine) as session:
        yield session


def a_case(session: Session) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON)


def call(
    session: Session, case: CollectionsCase, report: CallReport, minutes: int = 0, **more: object
) -> CallEffects:
    now = NOW + timedelta(minutes=minutes)
    return log_call(session, case, report, builders.catalog(), by=BEN, now=now, **more)  # type: ignore[arg-type]


def gate(session: Session, case: CollectionsCase, channel: Channel, days: int = 0, minutes: int = 0) -> type:
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    customer = session.get_one(Customer, case.customer_id)
    at = NOW + timedelta(days=days, minutes=minutes)
    return type(explain(session, portfolio, customer, channel, Purpose.REMINDER, at=at))


def tasks(session: Session) -> list[StrategyTask]:
    return list(session.scalars(select(StrategyTask).order_by(StrategyTask.id)))  # type: ignore[arg-type]


# --- who called ---------------------------------------------------------------------------------------------


def test_a_call_from_the_customer_counts_toward_no_cap(session: Session) -> None:
    """Three effective calls a day are the most in this pack, and six attempts; the customer may ring as they like."""
    ours, theirs = a_case(session), a_case(session)
    for n in range(6):
        call(session, ours, CallReport(CallResult.HUNG_UP), minutes=20 * n)
        from_them = CallReport(CallResult.HUNG_UP, direction=Direction.IN)
        call(session, theirs, from_them, minutes=20 * n)
    assert gate(session, ours, Channel.CALL, minutes=121) is WaitUntil
    assert gate(session, theirs, Channel.CALL, minutes=121) is Clearance
    logged = [each for each in builders.events(session, CallLogged.KIND) if each.get("direction") == "in"]
    assert len(logged) == 6
    assert {each["number"] for each in logged} == {""}, "from which number they rang is not known"


def test_no_answer_is_no_result_of_a_call_to_us(session: Session) -> None:
    with pytest.raises(Invalid, match="no result of a call to us"):
        call(session, a_case(session), CallReport(CallResult.NO_ANSWER, direction=Direction.IN))


# --- payment claimed ----------------------------------------------------------------------------------------


def claim(session: Session, case: CollectionsCase, amount: int = 5_000) -> CallEffects:
    report = CallReport(
        CallResult.PAID,
        paid_minor=amount,
        paid_on=ON - timedelta(days=2),
        texts={CallField.METHOD: "bank"},
    )
    return call(session, case, report)


def test_a_claimed_payment_pauses_reminders_for_ten_days_and_is_looked_for(session: Session) -> None:
    case = a_case(session)
    placed = claim(session, case).placed
    assert placed is not None
    assert (placed.hold.kind, placed.hold.until) == (HoldKind.PAYMENT_CLAIMED, ON + timedelta(days=10))
    assert gate(session, case, Channel.EMAIL, days=9) is WaitUntil
    assert gate(session, case, Channel.EMAIL, days=11) is Clearance
    [made] = builders.events(session, ClaimMade.KIND)
    assert (made["amount_minor"], made["paid_on"], made["method"]) == (5_000, "2026-03-18", "bank")
    [task] = tasks(session)
    assert (task.step, task.due_on, task.done_at) == (DeskStep.CLAIM, ON, None)
    assert "Mar 18" in task.text


@pytest.mark.parametrize(("paid", "found"), [(4_999, False), (5_000, True)])
def test_the_hold_ends_by_itself_once_the_payment_is_posted(session: Session, paid: int, found: bool) -> None:
    case = a_case(session)
    claim(session, case)
    [account] = accounts_of(session, case.customer_id)
    later = NOW + timedelta(hours=1)
    post_by_hand(
        session, account, EntryKind.PAYMENT, paid, ON, "", by=Actor.user("mei"), role=Role.MANAGER, now=later
    )
    [hold] = session.scalars(select(CaseHold))
    [row] = session.scalars(select(PaymentClaim))
    [task] = tasks(session)
    done = later if found else None
    assert (hold.ended_at, row.found_at, task.done_at) == (done, done, done)
    assert (
        len(builders.events(session, ClaimFound.KIND))
        == len(builders.events(session, HoldEnded.KIND))
        == found
    )
    assert settle_claims(session, [case.customer_id], by=BEN, now=later) == 0, "once"


# --- the other effects --------------------------------------------------------------------------------------


def test_a_wrong_number_is_bad_at_once_and_another_is_looked_for(session: Session) -> None:
    case = a_case(session)
    effects = call(session, case, CallReport(CallResult.WRONG_NUMBER))
    assert effects.number_rests.startswith("+86")
    assert (gate(session, case, Channel.CALL, days=1), gate(session, case, Channel.SMS, days=1)) == (
        Refusals,
        Refusals,
    )
    [task] = tasks(session)
    assert task.text.startswith("Look for another number: wrong number")


def test_an_opt_out_closes_its_channel(session: Session) -> None:
    case = a_case(session)
    call(session, case, CallReport(CallResult.OPT_OUT, texts={CallField.CHANNEL: "sms"}))
    assert (gate(session, case, Channel.SMS, days=1), gate(session, case, Channel.EMAIL, days=1)) == (
        Refusals,
        Clearance,
    )


def test_a_need_is_recorded_with_consent_only(session: Session) -> None:
    said = {CallField.SUPPORT_TYPE: "extra_time", CallField.WORDS: "chemotherapy"}
    case = a_case(session)
    with pytest.raises(Invalid) as refused:
        call(session, case, CallReport(CallResult.SUPPORT_NEED, texts=said))
    assert refused.value.field == "consent"
    told = CallReport(CallResult.SUPPORT_NEED, "is in hospital", texts={**said, CallField.CONSENT: "no"})
    placed = call(session, case, told).placed
    assert placed is not None
    assert placed.hold.kind is HoldKind.VULNERABLE
    [logged] = builders.events(session, CallLogged.KIND)
    assert (logged["note"], logged["fields"]) == ("", {"consent": "no"})
    assert "hospital" not in placed.hold.reason


def test_a_complaint_keeps_category_and_words(session: Session) -> None:
    texts = {CallField.CATEGORY: "fees", CallField.WORDS: "You charged me twice"}
    placed = call(session, a_case(session), CallReport(CallResult.COMPLAINT, texts=texts)).placed
    assert placed is not None
    assert "Fees or interest" in placed.hold.reason
    assert "You charged me twice" in placed.hold.reason


def test_what_is_above_ones_authority_waits_for_a_manager(session: Session) -> None:
    case = a_case(session)
    effects = call(
        session, case, CallReport(CallResult.ABOVE_AUTHORITY, texts={CallField.REQUEST: "60 % off"})
    )
    assert effects.request == "60 % off"
    [request] = session.scalars(select(ApprovalRequest))
    assert (request.kind, request.reason, request.asked_by) == (ApprovalKind.DECISION, "60 % off", "user:ben")
    assert request.past_due_minor == case.past_due_minor
    again = CallReport(CallResult.ABOVE_AUTHORITY, texts={CallField.REQUEST: "70 % off"})
    with pytest.raises(Invalid, match="has such a request already") as refused:
        call(session, case, again, minutes=11)
    assert refused.value.field == "request"
    answer = {"approve": False, "note": "No more than 20 %", "by": Actor.user("mei"), "role": Role.MANAGER}
    decide_approval(session, id_of(request), builders.catalog(), now=NOW + timedelta(hours=1), **answer)  # type: ignore[arg-type]
    [task] = tasks(session)
    assert (task.for_username, task.text) == ("ben", "Request “60 % off” declined: No more than 20 %")


# --- unusual reports ----------------------------------------------------------------------------------------


def test_the_same_result_twice_in_ten_minutes_is_asked_about(session: Session) -> None:
    case = a_case(session)
    call(session, case, CallReport(CallResult.BUSY))
    with pytest.raises(Unsure, match="You logged the same result at 04:00 UTC"):
        call(session, case, CallReport(CallResult.BUSY), minutes=9)
    call(session, case, CallReport(CallResult.NO_ANSWER), minutes=9)
    call(session, case, CallReport(CallResult.BUSY), minutes=9, is_sure=True)
    call(session, case, CallReport(CallResult.BUSY), minutes=20)
    assert len(builders.events(session, CallLogged.KIND)) == 4


def test_a_promise_of_far_more_than_is_past_due_is_asked_about(session: Session) -> None:
    case = a_case(session)
    promised = CallReport(
        CallResult.PROMISED, amount_minor=case.past_due_minor * 2, due_on=ON + timedelta(days=3)
    )
    with pytest.raises(Unsure, match="is promised and"):
        call(session, case, promised)
    assert call(session, case, promised, is_sure=True).plan is not None


# --- versions -----------------------------------------------------------------------------------------------


def test_a_version_is_in_use_at_once_and_can_be_taken_back(session: Session) -> None:
    case = a_case(session)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    text = shipped_text().replace('label = "Busy"', 'label = "Line busy"')
    told = {"by": Actor.user("mei"), "now": NOW}
    assert save_codes(session, portfolio, text, "our word", based_on=0, **told).number == 1  # type: ignore[arg-type]
    call(session, case, CallReport(CallResult.BUSY))
    assert builders.events(session, CallLogged.KIND)[0]["label"] == "Line busy"
    with pytest.raises(Conflict, match="Version 1 was saved meanwhile"):
        save_codes(session, portfolio, text + "\n", "again", based_on=0, **told)  # type: ignore[arg-type]
    back = revert_codes(session, portfolio, 0, "the old word", **told)  # type: ignore[arg-type]
    assert (back.number, back.reverts_to, back.text) == (2, 0, shipped_text().strip() + "\n")
    saved = builders.events(session, "result_codes.saved")
    assert [(each["version"], each["reason"], each["by"]) for each in saved] == [
        (1, "our word", "user:mei"),
        (2, "the old word", "user:mei"),
    ]
    assert len(session.scalars(select(ResultCodeVersion)).all()) == 2


def test_a_second_claim_keeps_the_hold_as_long_as_a_first(session: Session) -> None:
    """The customer paid again: the hold of the first claim would end while that payment is on its way."""
    case = a_case(session)
    claim(session, case)
    later = NOW + timedelta(days=8)
    report = CallReport(CallResult.PAID, paid_minor=9_000, paid_on=ON + timedelta(days=7))
    log_call(session, case, report, builders.catalog(), by=BEN, now=later)
    [hold] = session.scalars(select(CaseHold))
    assert hold.until == ON + timedelta(days=18)


def test_a_stop_that_a_program_reports_waits_for_no_question(session: Session) -> None:
    """A dialer drops what it is asked; the wish of the customer must not be dropped with it."""
    case, dialer = a_case(session), Actor.token("dialer")
    call(session, case, CallReport(CallResult.BUSY))
    with pytest.raises(Unsure):
        log_call(session, case, CallReport(CallResult.NO_ANSWER), builders.catalog(), by=dialer, now=NOW)
    for _ in range(2):
        log_call(session, case, CallReport(CallResult.CEASE), builders.catalog(), by=dialer, now=NOW)
    [hold] = session.scalars(select(CaseHold))
    assert hold.kind is HoldKind.CEASE_CONTACT
