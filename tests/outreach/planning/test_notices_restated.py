"""Notices that were written and wait to leave: what they state must be past due then."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.ledger.models import Account
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.outreach.outbox.rules import RESTATED, OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from tests import builders
from tests.outreach.planning.test_event_letters import ON, by_hand, dutch

NOON = builders.at(ON, 17)  # ten o'clock in Amsterdam


def waiting_letter(engine: Engine, came: int) -> CollectionsCase:
    """A fourteen-day letter of 300.00 that waits to leave; `came` was paid since."""
    with transaction(engine) as session:
        case = dutch(session)
        by_hand(session, case, "fourteen_day_letter")
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        if came:
            builders.payment(session, card, came, ON, now=builders.at(ON, 16))
    return case


def test_a_notice_leaves_as_it_is_while_its_figures_hold(engine: Engine) -> None:
    waiting_letter(engine, 0)
    assert [each.letter for each in builders.deliver(engine, NOON).sent] == ["fourteen_day_letter"]


def test_a_notice_that_a_person_asked_for_is_written_again_with_the_figures_of_now(engine: Engine) -> None:
    waiting_letter(engine, 5_000)
    assert builders.deliver(engine, NOON).sent == []
    [row] = builders.messages(engine)
    assert (row.status, row.error) == (OutboxStatus.WITHHELD, RESTATED)
    assert fall_back_due(engine, builders.catalog(), clock=FixedClock(NOON)) == 1
    later = NOON + timedelta(minutes=5)
    [again] = builders.deliver(engine, later).sent
    assert again.letter == "fourteen_day_letter"
    assert "Die kosten zijn €\u00a040,00. U betaalt dan in totaal €\u00a0290,00." in again.text
    assert fall_back_due(engine, builders.catalog(), clock=FixedClock(later)) == 0


def test_a_notice_does_not_leave_where_nothing_is_past_due_any_more(engine: Engine) -> None:
    waiting_letter(engine, 30_000)
    assert builders.deliver(engine, NOON).sent == []
    [row] = builders.messages(engine)
    assert (row.status, row.error) == (OutboxStatus.WITHHELD, "nothing is past due and owed")
    assert fall_back_due(engine, builders.catalog(), clock=FixedClock(NOON)) == 0
    assert len(builders.messages(engine)) == 1


def test_a_notice_of_a_case_that_was_closed_does_not_leave(engine: Engine) -> None:
    case = waiting_letter(engine, 0)
    with transaction(engine) as session:
        session.get_one(CollectionsCase, case.id).status = CaseStatus.CLOSED
    assert builders.deliver(engine, NOON).sent == []
    [row] = builders.messages(engine)
    assert (row.status, row.error) == (OutboxStatus.WITHHELD, "the case was closed since it was written")
