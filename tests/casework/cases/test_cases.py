"""Who comes first, what people may do with a case, and that each deed is on record with its author."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.delinquency.models import AccountState
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.service import get_portfolio
from app.casework.cases.events import CallLogged, CaseClosed, NoteAdded
from app.casework.cases.models import (
    CallTask,
    CollectionsCase,
)
from app.casework.cases.nightly import (
    open_cases,
    review_cases,
)
from app.casework.cases.queries import get_case
from app.casework.cases.rules import (
    CaseOutcome,
    CaseStatus,
    WorkFacts,
    outcome_of,
    priority,
)
from app.casework.cases.service import (
    add_note,
    assign,
    record_call,
    set_callback,
)
from app.casework.holds.events import HoldEnded, HoldPlaced
from app.casework.holds.models import CaseHold
from app.casework.holds.service import (
    close_hold,
    end_due_holds,
    start_hold,
)
from app.casework.results.rules import CallResult
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.vocabulary import HoldKind
from tests import builders

TODAY = date(2026, 3, 20)
NOW = builders.at(TODAY)
TOLD = {"by": "user:ann", "now": NOW}


def a_case(session: Session, **changes: object) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=TODAY - timedelta(days=10), on=TODAY, **changes)


def facts(amount: int = 10_000, days: int = 10, broken: int = 0, task: bool = False) -> WorkFacts:
    return WorkFacts(amount, days, broken, None, task)


def test_more_money_more_age_more_broken_promises_come_first() -> None:
    base = priority(facts(), typical_minor=10_000)
    assert priority(facts(amount=20_000), typical_minor=10_000) > base
    assert priority(facts(days=40), typical_minor=10_000) > base
    assert priority(facts(broken=1), typical_minor=10_000) > base
    assert priority(facts(task=True), typical_minor=10_000) > base
    huge = priority(facts(amount=10**12), typical_minor=10_000)
    old = priority(facts(days=300, broken=9, task=True), typical_minor=10_000)
    assert huge < old, "one large debt does not bury the others"


@pytest.mark.parametrize(
    ("balance", "outcome"), [(1, CaseOutcome.CURED), (0, CaseOutcome.PAID), (-1, CaseOutcome.PAID)]
)
def test_how_a_case_ended(balance: int, outcome: CaseOutcome) -> None:
    assert outcome_of(balance) is outcome


def test_a_call_is_on_record_and_does_its_task(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, callback_at=NOW - timedelta(hours=1))
        builders.call_task(session, case, due_on=TODAY)
        record_call(session, case, CallResult.RIGHT_PARTY, "asks for time", **TOLD)
        task = session.scalars(select(CallTask)).one()
        assert (task.done_at, task.result) == (NOW, "right_party")
        assert case.callback_at is None, "the callback that was due is made"
        [event] = builders.events(session, CallLogged.KIND)
        assert (event["by"], event["result"], event["note"]) == ("user:ann", "right_party", "asks for time")
        assert event["number"].startswith("+86138")


def test_a_hold_has_an_end_returns_by_itself_and_wakes_the_case(engine: Engine) -> None:
    until = TODAY + timedelta(days=5)
    with transaction(engine) as session:
        case = a_case(session, next_contact_on=None)
        start_hold(session, case, HoldKind.HARDSHIP, "lost her job", until, today=TODAY, **TOLD)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        assert end_due_holds(session, book, until - timedelta(days=2), now=NOW) == 0
        night_before = until - timedelta(days=1)
        assert end_due_holds(session, book, night_before, now=NOW + timedelta(days=5)) == 1
        assert end_due_holds(session, book, night_before, now=NOW + timedelta(days=5)) == 0
        hold = session.scalars(select(CaseHold)).one()
        assert hold.ended_by == "system"
        assert get_case(session, hold.case_id).next_contact_on is not None
        with pytest.raises(Conflict):
            close_hold(session, hold, **TOLD)
        assert [e["kind"] for e in builders.events(session, HoldPlaced.KIND, HoldEnded.KIND)] == [
            HoldPlaced.KIND,
            HoldEnded.KIND,
        ]


@pytest.mark.parametrize(
    ("days", "allowed"), [(-1, False), (0, False), (1, True), (3660, True), (3661, False)]
)
def test_no_hold_without_a_date_in_reach(sqlite_engine: Engine, days: int, allowed: bool) -> None:
    with transaction(sqlite_engine) as session:
        case, until = a_case(session), TODAY + timedelta(days=days)
        if allowed:
            assert start_hold(session, case, HoldKind.MANUAL, "why", until, today=TODAY, **TOLD).id
        else:
            with pytest.raises(Invalid):
                start_hold(session, case, HoldKind.MANUAL, "why", until, today=TODAY, **TOLD)


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001, "her card is 4111 1111 1111 1111"])
def test_notes_nobody_should_keep(sqlite_engine: Engine, text: str) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        with pytest.raises(Invalid) as refused:
            add_note(session, case, text, **TOLD)
        assert "4111" not in refused.value.message
        assert builders.events(session, NoteAdded.KIND) == []


def test_work_on_a_closed_case_is_refused(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session, status=CaseStatus.CLOSED, closed_on=TODAY)
        with pytest.raises(Conflict, match="closed"):
            assign(session, case, "bob", **TOLD)
        with pytest.raises(Conflict, match="closed"):
            set_callback(session, case, NOW + timedelta(hours=1), **TOLD)
        with pytest.raises(NotFound):
            get_case(session, 999_999)


def test_a_callback_lies_ahead(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        with pytest.raises(Invalid):
            set_callback(session, case, NOW - timedelta(seconds=1), **TOLD)
        set_callback(session, case, NOW + timedelta(hours=2), **TOLD)
        assert case.callback_at == NOW + timedelta(hours=2)


def test_a_case_with_nothing_past_due_closes_and_nobody_calls_about_it(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        book = get_portfolio(session, builders.BOOK)
        builders.call_task(session, case, due_on=TODAY)
        assert review_cases(session, book, TODAY, keep_open=[], now=NOW) == 0, "something is past due"
        session.execute(sa.update(AccountState).values(past_due_minor=0, oldest_due_on=None))
        assert review_cases(session, book, TODAY, keep_open=[id_of(case)], now=NOW) == 0, "a plan is live"
        assert review_cases(session, book, TODAY, keep_open=[], now=NOW) == 1
    with transaction(engine) as session:
        assert get_case(session, id_of(case)).status is CaseStatus.CLOSED
        task = session.scalars(select(CallTask)).one()
        assert (task.done_at, task.result) == (NOW, "case_closed")
        [event] = builders.events(session, CaseClosed.KIND)
        assert event["outcome"] == "cured"


def test_a_sold_account_opens_no_case(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        book = get_portfolio(session, builders.BOOK)
        session.delete(case)
        session.flush()
        session.execute(sa.update(Account).values(status=AccountStatus.SOLD))
        assert open_cases(session, book, TODAY, now=NOW) == 0
        session.execute(sa.update(Account).values(status=AccountStatus.ACTIVE))
        assert open_cases(session, book, TODAY, now=NOW) == 1
