"""A request for help with payments: reminders rest until it is decided, and the decision says what it changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.hardship.requests import (
    ask_for_document,
    decide_request,
    note_document,
    take_request,
    withdraw_request,
)
from app.actions.holds import end_hold, place_hold
from app.actions.people.household import record_statement
from app.actions.people.retention import forget_hardship, forget_statements
from app.book.delinquency.models import Pause
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.hardship.events import HardshipDecided, HardshipForgotten, HardshipRequested
from app.casework.hardship.models import HardshipDocument, HardshipRequest
from app.casework.hardship.rules import DocumentState, HardshipStatus, HardshipWay, RefusalReason
from app.casework.hardship.service import NewRequest
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import open_holds_of
from app.casework.holds.service import close_hold, end_due_holds
from app.casework.negotiation.household.rules import Figure, Household
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import HoldKind
from app.outreach.outbox.models import OutboxMessage
from app.outreach.strategy.models import StrategyTask
from app.policy.sections.hardship import HOUSE, HardshipClock, strictest_hardship
from tests import builders

ON = date(2026, 6, 1)
BEN, MEI = Actor.user("ben"), Actor.user("mei")
GRANT, PARTLY, REFUSE = HardshipStatus.GRANTED, HardshipStatus.PARTLY, HardshipStatus.REFUSED
CAN_PAY, NO_INFORMATION = RefusalReason.CAN_PAY, RefusalReason.NO_INFORMATION
CATALOG = builders.catalog


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


@pytest.fixture
def case(session: Session) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)


def at(days: int = 0) -> Any:
    return builders.at(ON + timedelta(days=days))


def taken(session: Session, case: CollectionsCase, days: int = 0, **changes: Any) -> HardshipRequest:
    given = {"way": HardshipWay.CALL, "reasons": ["income_fell"], "received_on": ON + timedelta(days=days)}
    new = NewRequest(**{**given, **changes})
    return take_request(session, case, new, CATALOG(), by=BEN, now=at(days)).request


def decide(
    session: Session, case: CollectionsCase, row: HardshipRequest, what: HardshipStatus, **changes: Any
) -> None:
    days = changes.pop("days", 2)
    given = {"by": MEI, "role": Role.MANAGER, "now": at(days)}
    decide_request(session, case, id_of(row), what, CATALOG(), **{**given, **changes})


def letters(session: Session) -> list[str]:
    return list(session.scalars(select(OutboxMessage.letter).order_by(col(OutboxMessage.id))))


def the_hold(session: Session, case: CollectionsCase) -> CaseHold:
    [hold] = open_holds_of(session, case.customer_id)
    return hold


# --- taken down ---------------------------------------------------------------------------------------------------


def test_a_request_is_acknowledged_and_waits_for_us(session: Session, case: CollectionsCase) -> None:
    row = taken(session, case, reasons=["separation", "income_fell"])
    assert (row.reasons, row.answer_by) == ("income_fell,separation", ON + timedelta(days=14))
    hold = the_hold(session, case)
    assert (hold.kind, hold.for_good, hold.until) == (HoldKind.HARDSHIP, True, row.answer_by)
    assert letters(session) == ["hardship_acknowledged"]
    text = session.scalars(select(OutboxMessage.text)).one()
    assert "by 15 June 2026" in text
    [told] = builders.events(session, HardshipRequested.KIND)
    assert told["reasons"] == ["income_fell", "separation"]
    book = session.get_one(Portfolio, case.portfolio_id)
    assert end_due_holds(session, book, ON + timedelta(days=90), now=at(90)) == 0, (
        "a late answer reminds nobody"
    )
    with pytest.raises(Conflict):
        taken(session, case, 3)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reasons": []}, "reasons"),
        ({"reasons": ["measles"]}, "reasons"),
        ({"received_on": ON + timedelta(days=1)}, "received_on"),
        ({"received_on": ON - timedelta(days=93)}, "received_on"),
        ({"note": "x" * 301}, "note"),
    ],
)
def test_what_is_refused_beside_its_field(
    session: Session, case: CollectionsCase, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused, session.begin_nested():
        taken(session, case, **changes)
    assert refused.value.field == field
    assert open_holds_of(session, case.customer_id) == []


def test_the_hold_of_a_call_becomes_that_of_the_request(session: Session, case: CollectionsCase) -> None:
    until = ON + timedelta(days=30)
    placed = place_hold(session, case, HoldKind.HARDSHIP, "cannot pay", until, CATALOG(), by=BEN, now=at())
    row = taken(session, case)
    assert (row.hold_id, placed.hold.for_good, placed.hold.until) == (placed.hold.id, True, row.answer_by)


# --- the clock ----------------------------------------------------------------------------------------------------

AU = HardshipClock(21, 21, 28, 21, 14, "law", "NCC s 72", "memory", False)


@pytest.mark.parametrize(
    ("asked", "informed", "days"), [(None, None, 21), (5, None, 33), (5, 10, 31), (0, 0, 21), (21, 42, 63)]
)
def test_days_for_an_answer_in_australia(asked: int | None, informed: int | None, days: int) -> None:
    """National Credit Code s 72: 21 days; 28 from the request for information; 21 from its arrival."""

    def day(n: int | None) -> date | None:
        return None if n is None else ON + timedelta(days=n)

    assert AU.answer_by(ON, day(asked), day(informed)) == day(days)


def test_of_two_clocks_the_stricter_counts() -> None:
    both = strictest_hardship([AU, HOUSE])
    assert both is not None
    assert (both.answer_days, both.unanswered_days, both.after_refusal_days) == (14, 21, 14)
    assert strictest_hardship([]) is None


def test_what_is_asked_for_moves_the_day_of_the_answer(session: Session, case: CollectionsCase) -> None:
    session.get_one(Portfolio, case.portfolio_id).pack = "au"
    session.get_one(Customer, case.customer_id).country = "AU"
    row = taken(session, case)
    assert row.answer_by == ON + timedelta(days=21)
    asked = ask_for_document(session, case, id_of(row), "three payslips", by=BEN, now=at(5))
    more = ask_for_document(session, case, id_of(row), "the lease", by=BEN, now=at(6))
    assert (row.answer_by, the_hold(session, case).until) == (ON + timedelta(days=34),) * 2
    short = {"lacking": "the last month is missing", "by": BEN, "now": at(8)}
    note_document(session, case, id_of(row), id_of(asked), DocumentState.INSUFFICIENT, **short)
    assert row.answer_by == ON + timedelta(days=34), "not all of it came"
    for each, days in ((asked, 9), (more, 10)):
        note_document(session, case, id_of(row), id_of(each), DocumentState.RECEIVED, by=BEN, now=at(days))
    assert row.answer_by == ON + timedelta(days=31)
    with pytest.raises(Invalid) as late:
        ask_for_document(session, case, id_of(row), "a fourth payslip", by=BEN, now=at(22))
    assert late.value.field == "what"


# --- the decision -------------------------------------------------------------------------------------------------


def test_help_that_is_granted(session: Session, case: CollectionsCase) -> None:
    row, until = taken(session, case), ON + timedelta(days=60)
    decide(session, case, row, GRANT, until=until, by=BEN, role=Role.AGENT)
    hold = the_hold(session, case)
    assert (row.status, row.until, hold.for_good, hold.until) == (
        GRANT,
        until,
        False,
        until + timedelta(days=1),
    )
    assert letters(session) == ["hardship_acknowledged", "hardship_granted"]
    text = session.scalars(select(OutboxMessage.text).order_by(col(OutboxMessage.id).desc())).first() or ""
    assert "Up to and including 31 July 2026" in text
    assert "not with all" not in text
    [task] = session.scalars(select(StrategyTask).where(StrategyTask.case_id == case.id)).all()
    assert task.due_on == until - timedelta(days=7)
    book = session.get_one(Portfolio, case.portfolio_id)
    assert end_due_holds(session, book, until, now=at(61)) == 1, "it ends by itself, and the case comes back"


@pytest.mark.parametrize(
    ("what", "changes", "field"),
    [
        (REFUSE, {"words": "Call us."}, "refusals"),
        (REFUSE, {"refusals": [CAN_PAY]}, "words"),
        (REFUSE, {"refusals": [NO_INFORMATION], "words": "Send it."}, "refusals"),
        (REFUSE, {"refusals": [CAN_PAY], "words": "Call us.", "until": ON + timedelta(days=9)}, "until"),
        (PARTLY, {"until": ON + timedelta(days=9), "words": "Call us."}, "refusals"),
        (GRANT, {}, "until"),
        (GRANT, {"until": ON}, "until"),
        (GRANT, {"until": ON + timedelta(days=9), "refusals": [CAN_PAY]}, "refusals"),
        (GRANT, {"until": ON + timedelta(days=9), "plan_id": 999}, "plan_id"),
        (HardshipStatus.WITHDRAWN, {}, "decision"),
    ],
)
def test_a_decision_says_why_and_until_when(
    session: Session, case: CollectionsCase, what: HardshipStatus, changes: dict[str, Any], field: str
) -> None:
    row = taken(session, case)
    with pytest.raises(Invalid) as refused, session.begin_nested():
        decide(session, case, row, what, **changes)
    assert refused.value.field == field
    assert row.status is HardshipStatus.OPEN
    assert letters(session) == ["hardship_acknowledged"], "nothing half done"


@pytest.mark.parametrize(
    ("what", "who", "role", "days", "may"),
    [
        (GRANT, BEN, Role.AGENT, 94, True),
        (GRANT, BEN, Role.AGENT, 95, False),
        (GRANT, BEN, Role.MANAGER, 300, True),
        (PARTLY, MEI, Role.MANAGER, 30, True),
        (PARTLY, Actor.user("eva"), Role.AGENT, 30, False),
        (PARTLY, BEN, Role.MANAGER, 30, False),
    ],
)
def test_who_may_decide(
    session: Session,
    case: CollectionsCase,
    what: HardshipStatus,
    who: Actor,
    role: Role,
    days: int,
    may: bool,
) -> None:
    """Ben took it down; decided on the third day, so that 92 days are over on the 95th."""
    row, why = taken(session, case), [] if what is GRANT else [CAN_PAY]
    given = {
        "until": ON + timedelta(days=days),
        "refusals": why,
        "words": "Call us.",
        "by": who,
        "role": role,
    }
    if may:
        decide(session, case, row, what, **given)
        assert row.status is what
        return
    with pytest.raises(Forbidden):
        decide(session, case, row, what, **given)


def test_help_that_is_refused(session: Session, case: CollectionsCase) -> None:
    row = taken(session, case)
    ask_for_document(session, case, id_of(row), "three payslips", by=BEN, now=at(1))
    words = "Send us the payslips, and we look again."
    decide(session, case, row, REFUSE, refusals=[NO_INFORMATION, CAN_PAY], words=words, days=23)
    hold = the_hold(session, case)
    assert (hold.for_good, hold.until) == (False, ON + timedelta(days=38)), "two weeks of quiet"
    text = session.scalars(select(OutboxMessage.text).order_by(col(OutboxMessage.id).desc())).first() or ""
    for said in (
        "did not receive what we had asked",
        "can pay as agreed",
        words,
        "Before 9 July 2026",
        "complain",
    ):
        assert said in text, said
    [told] = builders.events(session, HardshipDecided.KIND)
    assert (told["decision"], told["refusals"]) == ("refused", ["can_pay", "no_information"])
    with pytest.raises(Conflict):
        decide(session, case, row, GRANT, until=ON + timedelta(days=60), days=24)
    taken(session, case, 25)
    assert the_hold(session, case).for_good, "a new request is open again"


@pytest.mark.parametrize(("days", "gave", "may"), [(22, False, False), (23, False, True), (30, True, False)])
def test_no_information_is_said_once_the_time_to_send_it_is_over(
    session: Session, case: CollectionsCase, days: int, gave: bool, may: bool
) -> None:
    """Asked on the first day, with three weeks to send it; what does not show enough did come."""
    row = taken(session, case)
    asked = ask_for_document(session, case, id_of(row), "three payslips", by=BEN, now=at(1))
    if gave:
        short: Any = {"lacking": "the last month", "by": BEN, "now": at(8)}
        note_document(session, case, id_of(row), id_of(asked), DocumentState.INSUFFICIENT, **short)
    said: Any = {"refusals": [NO_INFORMATION], "words": "Send them.", "days": days}
    if may:
        decide(session, case, row, REFUSE, **said)
        return
    with pytest.raises(Invalid) as refused:
        decide(session, case, row, REFUSE, **said)
    assert refused.value.field == "refusals"


def test_the_hold_of_an_open_request_is_ended_by_its_decision_alone(
    session: Session, case: CollectionsCase
) -> None:
    row = taken(session, case)
    with pytest.raises(Conflict, match="Decide it"):
        end_hold(session, the_hold(session, case), "a slip", "Mei", by=MEI, now=at(1))
    decide(session, case, row, GRANT, until=ON + timedelta(days=60))
    end_hold(session, the_hold(session, case), "paid all", "Mei", by=MEI, now=at(3))
    assert open_holds_of(session, case.customer_id) == []


@pytest.mark.parametrize("what", [GRANT, REFUSE])
def test_a_decision_protects_though_the_hold_has_ended(
    session: Session, case: CollectionsCase, what: HardshipStatus
) -> None:
    row = taken(session, case)
    close_hold(session, the_hold(session, case), "before holds were kept", "Mei", by=MEI, now=at(1))
    until = ON + timedelta(days=60)
    said: Any = {"until": until} if what is GRANT else {"refusals": [CAN_PAY], "words": "Call us."}
    decide(session, case, row, what, **said)
    hold = the_hold(session, case)
    assert (hold.id, hold.kind, hold.for_good) == (row.hold_id, HoldKind.HARDSHIP, False)
    assert hold.until == (until + timedelta(days=1) if what is GRANT else ON + timedelta(days=17))


FREE, RUNS = "In this time we charge no interest and no fees", "Interest and fees go on"


@pytest.mark.parametrize(
    ("accrues", "pauses", "told", "rests"),
    [
        (True, True, FREE, True),
        (True, False, RUNS, False),
        (False, True, RUNS, True),
        (False, False, RUNS, False),
    ],
)
def test_what_help_stops_is_the_portfolios_choice_and_the_letter_says_what_is_true(
    session: Session, case: CollectionsCase, accrues: bool, pauses: bool, told: str, rests: bool
) -> None:
    """Where the creditor charges, days past due may stand still, and no letter of ours says that nothing is charged."""
    book = session.get_one(Portfolio, case.portfolio_id)
    book.accrues, book.hardship_pauses = accrues, pauses
    session.flush()
    until = ON + timedelta(days=60)
    decide(session, case, taken(session, case), GRANT, until=until)
    granted = session.scalars(
        select(OutboxMessage.text).where(OutboxMessage.letter == "hardship_granted")
    ).one()
    assert told in granted
    found = [(each.from_on, each.to_on) for each in session.scalars(select(Pause))]
    assert found == ([(ON + timedelta(days=2), until + timedelta(days=1))] if rests else [])
    end_hold(session, the_hold(session, case), "found work", by=MEI, now=at(20))
    if rests:
        [pause] = session.scalars(select(Pause)).all()
        assert pause.to_on == ON + timedelta(days=20), "what rests with the hold ends with it"


def test_the_longest_help_is_the_portfolios_and_the_places(session: Session, case: CollectionsCase) -> None:
    row, book = taken(session, case), session.get_one(Portfolio, case.portfolio_id)
    book.hardship_days, book.hardship_agent_days = 120, 30
    session.flush()
    agent: dict[str, Any] = {"by": BEN, "role": Role.AGENT}
    with pytest.raises(Forbidden, match="2026-07-03"):
        decide(session, case, row, GRANT, until=ON + timedelta(days=33), **agent)
    with pytest.raises(Invalid, match="2026-10-01"):
        decide(session, case, row, GRANT, until=ON + timedelta(days=123))
    decide(session, case, row, GRANT, until=ON + timedelta(days=32), **agent)


def test_the_shortest_length_and_any_rest_of_several_places_hold() -> None:
    short, free = replace(AU, longest_days=90), replace(HOUSE, charges_rest=True)
    both = strictest_hardship([short, free, AU])
    assert both is not None
    assert (both.longest_days, both.charges_rest) == (90, True)
    assert (HOUSE.longest_days, HOUSE.charges_rest) == (None, False)


def test_a_request_that_is_taken_back(session: Session, case: CollectionsCase) -> None:
    row = taken(session, case)
    withdraw_request(session, case, id_of(row), "found work", by=BEN, now=at(3))
    hold = the_hold(session, case)
    assert (row.status, hold.until) == (HardshipStatus.WITHDRAWN, ON + timedelta(days=4))
    assert letters(session) == ["hardship_acknowledged"]


# --- forgotten ----------------------------------------------------------------------------------------------------


def test_a_decided_request_is_forgotten_with_what_was_asked_and_an_open_one_stays(
    session: Session, case: CollectionsCase
) -> None:
    row = taken(session, case)
    ask_for_document(session, case, id_of(row), "payslips", by=BEN, now=at())
    late = at(365 * 40)
    assert forget_hardship(session, by=MEI, now=late) == 0, "nobody has decided"
    decide(session, case, row, GRANT, until=ON + timedelta(days=60))
    assert forget_hardship(session, by=MEI, now=at(30)) == 0, "it is needed still"
    assert forget_hardship(session, by=MEI, now=late) == 1
    assert session.scalars(select(HardshipRequest)).all() == session.scalars(select(HardshipDocument)).all()
    [told] = builders.events(session, HardshipForgotten.KIND)
    assert told["requests"] == 1


def test_a_household_statement_that_a_request_names_is_forgotten_all_the_same(
    session: Session, case: CollectionsCase
) -> None:
    """The request stays open; its foreign key stopped all forgetting."""
    told = Household(ON, "cn", "CNY", figures=(Figure("rent", 5),))
    record_statement(session, case, told, by=BEN, now=at())
    row = taken(session, case)
    assert row.statement_id is not None
    assert forget_statements(session, by=MEI, now=at(365 * 40)) == 1
    session.refresh(row)
    assert row.statement_id is None
