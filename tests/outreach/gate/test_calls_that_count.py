"""Which calls caps count: one that rang at no number is an attempt and no call placed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.calls import CallReport, log_call
from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import set_callback
from app.casework.results.rules import CallResult, Counts, Direction
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.decisions import read_request, request_text
from app.outreach.gate.explain import explain
from app.outreach.gate.facts import past_contact
from app.policy.answers import Clearance
from app.policy.facts import Contact, ContactResult, Facts, PastContact
from app.policy.packfile import shipped_packs
from app.policy.review import review
from tests import builders

NOON = datetime(2026, 6, 8, 17, 0, tzinfo=UTC)


def logged(result: CallResult, counts: Counts = Counts.ATTEMPT, direction: Direction = Direction.OUT) -> str:
    return json.dumps({"result": result, "note": "", "number": "", "counts": counts, "direction": direction})


@pytest.mark.parametrize(
    ("result", "counts", "as_"),
    [
        (CallResult.BUSY, Counts.ATTEMPT, ContactResult.ATTEMPTED),
        (CallResult.OUT_OF_SERVICE, Counts.ATTEMPT, ContactResult.ATTEMPTED),
        (CallResult.NO_ANSWER, Counts.ATTEMPT, ContactResult.PLACED),
        (CallResult.VOICEMAIL, Counts.ATTEMPT, ContactResult.PLACED),  # connected: 12 CFR 1006.14(b)(3)(ii)
        (CallResult.WRONG_NUMBER, Counts.ANSWERED, ContactResult.PLACED),
        (CallResult.RIGHT_PARTY, Counts.CONVERSATION, ContactResult.ANSWERED),
    ],
)
def test_a_call_is_what_became_of_it(result: CallResult, counts: Counts, as_: ContactResult) -> None:
    assert past_contact(NOON, Channel.CALL, logged(result, counts)).result is as_


@pytest.mark.parametrize(
    ("result", "n", "passes"),
    [
        (CallResult.BUSY, 9, True),
        (CallResult.NO_ANSWER, 6, True),
        (CallResult.NO_ANSWER, 7, False),
    ],
)
def test_a_busy_line_does_not_count_towards_seven_calls_in_seven_days(
    result: CallResult, n: int, passes: bool
) -> None:
    """12 CFR 1006.14(b)(3)(ii) and its comment 14(b)(3)(ii)-1."""
    past = [past_contact(NOON - timedelta(hours=n), Channel.CALL, logged(result)) for n in range(n)]
    facts = Facts(("America/Chicago",), history=tuple(past))
    answer = review(
        Contact(Channel.CALL, Purpose.REMINDER, "+1"), facts, shipped_packs()["us-third-party"], NOON
    )
    assert isinstance(answer, Clearance) is passes


def test_places_that_count_attempts_count_a_busy_line() -> None:
    """D.C. Code 28-3814 and 6 RCNY 5-77 count attempts."""
    past = past_contact(NOON, Channel.CALL, logged(CallResult.BUSY))
    [cap] = [rule for rule in shipped_packs()["us-dc"].rules if rule.id == "us-dc.calls"]
    assert cap.counts == "attempted"  # type: ignore[attr-defined]
    assert past.result is ContactResult.ATTEMPTED


# --- asked for --------------------------------------------------------------------------------------------------

CHICAGO = ZoneInfo("America/Chicago")


def wall(day: int, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 6, day, hour, minute, tzinfo=CHICAGO).astimezone(UTC)


@pytest.mark.parametrize(
    ("spoke_on", "asked_for", "at", "passes"),
    [
        (1, (3, "15:00"), (3, "14:59"), False),  # before the time that they named
        (1, (3, "15:00"), (3, "15:00"), True),
        (1, (3, "15:00"), (3, "20:59"), True),
        (1, (3, "15:00"), (4, "15:00"), False),  # another day
        (1, (7, "15:00"), (7, "15:00"), True),  # day 7 of the consent
        (1, None, (7, "15:00"), False),
        (1, None, (8, "15:00"), True),  # the gap is over
    ],
)
def test_a_call_that_was_asked_for_in_a_conversation_passes(
    spoke_on: int, asked_for: tuple[int, str] | None, at: tuple[int, str], passes: bool
) -> None:
    """12 CFR 1006.14(b)(3)(i): seven days, the day of the consent being the first."""
    spoke = PastContact(wall(spoke_on, "10:00"), Channel.CALL, ContactResult.ANSWERED)
    facts = Facts(
        ("America/Chicago",), history=(spoke,), call_asked_for=wall(*asked_for) if asked_for else None
    )
    contact = Contact(Channel.CALL, Purpose.REMINDER, "+1")
    answer = review(contact, facts, shipped_packs()["us-third-party"], wall(*at))
    assert isinstance(answer, Clearance) is passes


@pytest.mark.parametrize(("spoke_on", "passes"), [(3, True), (1, False)])
def test_a_request_older_than_seven_days_does_not_lift_seven_calls_in_seven_days(
    spoke_on: int, passes: bool
) -> None:
    rang = [PastContact(wall(day, "11:00"), Channel.CALL, ContactResult.PLACED) for day in range(2, 9)]
    spoke = PastContact(wall(spoke_on, "10:00"), Channel.CALL, ContactResult.ANSWERED)
    facts = Facts(("America/Chicago",), history=(spoke, *rang), call_asked_for=wall(8, "15:00"))
    contact = Contact(Channel.CALL, Purpose.CONFIRMATION, "+1")
    answer = review(contact, facts, shipped_packs()["us-third-party"], wall(8, "15:00"))
    assert isinstance(answer, Clearance) is passes


def test_a_text_is_no_call_that_was_asked_for() -> None:
    past = [PastContact(wall(day, "11:00"), Channel.SMS, ContactResult.PLACED) for day in (1, 2, 3)]
    facts = Facts(("America/Chicago",), history=tuple(past), call_asked_for=wall(3, "12:00"))
    answer = review(
        Contact(Channel.SMS, Purpose.REMINDER, "+1"),
        facts,
        shipped_packs()["us-third-party"],
        wall(3, "15:00"),
    )
    assert not isinstance(answer, Clearance)


def a_chicagoan(session: Session) -> tuple[CollectionsCase, Customer]:
    builders.portfolio(
        session,
        pack="us-third-party",
        currency="USD",
        timezone="America/Chicago",
        contact_phone="+13125550100",
    )
    case = builders.delinquent_case(session, due_on=date(2026, 5, 20), on=date(2026, 6, 1))
    customer = session.get_one(Customer, case.customer_id)
    customer.country, customer.region, customer.postcode = "US", "IL", "60601"
    customer.timezone, customer.mobile = "America/Chicago", "+13125550111"
    session.flush()
    return case, customer


def log(
    session: Session, case: CollectionsCase, result: CallResult, at: datetime, back: datetime | None = None
) -> None:
    report = CallReport(result=result, callback_at=back)
    log_call(session, case, report, builders.catalog(), is_sure=True, by=Actor.user("ann"), now=at)


def may_call(session: Session, customer: Customer, at: datetime) -> bool:
    book = get_portfolio(session, builders.BOOK)
    answer = explain(session, book, customer, Channel.CALL, Purpose.REMINDER, at=at)
    return isinstance(answer, Clearance)


def test_only_the_customers_own_wish_is_a_call_that_was_asked_for(engine: Engine) -> None:
    """12 CFR 1006.14(b)(3)(i): the prior consent of the person, given directly."""
    asked, another = wall(3, "15:00"), wall(4, "15:00")
    with transaction(engine) as session:
        case, customer = a_chicagoan(session)
        log(session, case, CallResult.RIGHT_PARTY, wall(1, "10:00"))
        log(session, case, CallResult.THIRD_PARTY_CALLBACK, wall(2, "10:00"), back=asked)
        assert not may_call(session, customer, asked), "a third party arranged it"
        log(session, case, CallResult.CALL_BACK, wall(2, "11:00"), back=asked)
        assert may_call(session, customer, asked)
        set_callback(session, case, another, by=SYSTEM, now=wall(3, "15:05"))
        assert not may_call(session, customer, another), "the desk's own next attempt, on another day"
        set_callback(session, case, None, by=SYSTEM, now=wall(3, "15:05"))
        assert not may_call(session, customer, wall(3, "15:10")), "cancelled"


def test_a_later_conversation_without_a_wish_ends_the_one_before(engine: Engine) -> None:
    with transaction(engine) as session:
        case, customer = a_chicagoan(session)
        log(session, case, CallResult.CALL_BACK, wall(1, "10:00"), back=wall(3, "15:00"))
        log(session, case, CallResult.RIGHT_PARTY, wall(2, "10:00"))
        assert case.callback_at == wall(3, "15:00")
        assert not may_call(session, customer, wall(3, "15:00"))


def test_no_wish_is_known_of_a_closed_case(engine: Engine) -> None:
    with transaction(engine) as session:
        case, customer = a_chicagoan(session)
        log(session, case, CallResult.CALL_BACK, wall(1, "10:00"), back=wall(3, "15:00"))
        case.status = CaseStatus.CLOSED
        session.flush()
        assert not may_call(session, customer, wall(3, "15:00"))


def test_a_decision_of_before_is_made_again_by_the_callback_it_had() -> None:
    text = (
        '{"contact":{"channel":"call","purpose":"reminder","address":"+13125550111"},"facts":{"timezones":'
        '["America/Chicago"],"history":[{"at":"2026-06-01T15:00:00Z","channel":"call","result":"answered"}],'
        '"callback_at":"2026-06-03T20:00:00Z"},"at":"2026-06-03T20:00:00Z"}'
    )
    asked = read_request(text)
    assert isinstance(asked.answer(shipped_packs()["us-third-party"]), Clearance)
    assert '"callback_at"' in request_text(asked)
