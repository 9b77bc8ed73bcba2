"""Fees that an agreement had waived and that are charged again: the customer is told in writing, once."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.reversals import reverse_entry
from app.actions.agreements import agree, cancel_agreement
from app.book.ledger.models import Entry
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.core.actor import SYSTEM
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.agreements.over import over_letters
from app.outreach.planning.event_letters import letters_of_night, write_event_letters
from app.outreach.planning.instalments.fees_again import fees_letters_of_night
from tests import builders
from tests.actions.test_agreements import (
    AS_MANAGER,
    DAY,
    HARDSHIP,
    LETTERS,
    MEI,
    NOW,
    ON,
    a_case,
    assess,
    balance,
    the_card,
)

LATER = ON + 40 * DAY


def night(session: Session, on: date) -> list[str]:
    """Write the letters of the night that closes `on`; returns the names of those that are new."""
    book, before = session.scalars(select(Portfolio)).one(), len(written(session))
    found = letters_of_night(session, book, on)
    found += over_letters(session, book, on, [each for some in found for each in some])
    ended = [each for some in found for each in some]
    for some in (*found, *fees_letters_of_night(session, book, on, ended)):
        write_event_letters(session, book, some, LETTERS, on=on, by=SYSTEM, now=builders.night_after(on))
    session.flush()
    return [row.letter for row in written(session)[before:]]


def written(session: Session) -> list[OutboxMessage]:
    return list(session.scalars(select(OutboxMessage).order_by(col(OutboxMessage.id))))


def a_broken_plan_with_a_payment(session: Session) -> tuple[Plan, int]:
    case = a_case(session)
    plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
    paid = builders.payment(session, the_card(session), 1_000, ON + DAY)
    assess(session, case, ON + 12 * DAY)
    assert plan.status is PlanStatus.BROKEN
    return plan, id_of(paid)


def test_who_is_charged_fees_again_after_the_end_is_told_so_once(engine: Engine) -> None:
    with transaction(engine) as session:
        plan, paid_id = a_broken_plan_with_a_payment(session)
        assert night(session, ON + 12 * DAY) == ["plan_broken"]
        assert "charged again" not in written(session)[-1].text, "a payment was made: they stay waived"
        for on in (ON + 13 * DAY, LATER - DAY):
            assert night(session, on) == []
        paid = session.get_one(Entry, paid_id)
        reverse_entry(session, paid, reason="no funds", posted_on=LATER, by=MEI, now=builders.at(LATER))
        assert balance(session, LATER) == 100_000
        assert night(session, LATER) == ["fees_charged_again"]
        letter = written(session)[-1]
        for said in (
            plan.reference,
            "CN¥30.00",
            "29 April 2026",
            "20 March 2026",
            "was returned or was for another account",
        ):
            assert said in letter.text, said
        assert letter.destination == "email"
        assert [night(session, LATER), night(session, LATER + DAY), night(session, LATER + 2 * DAY)] == [
            [],
            [],
            [],
        ]


def test_who_cancels_with_nothing_paid_is_told_of_the_fees(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        cancel_agreement(session, plan, "they changed their mind", LETTERS, by=MEI, now=NOW)
        assert balance(session) == 100_000
        assert night(session, ON) == ["fees_charged_again"]


@pytest.mark.parametrize("days", [0, 1])
def test_a_broken_plan_that_says_it_is_not_told_twice(sqlite_engine: Engine, days: int) -> None:
    """Its night charges the fees, on the day after (`days` 1); a payment that comes back by day charges them on that
    day (0)."""
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        if days:
            on = ON + 12 * DAY
            assess(session, case, on)
        else:
            on = LATER
            paid = builders.payment(session, the_card(session), plan.total_minor, ON + DAY)
            assess(session, case, ON + 2 * DAY)
            assert plan.status is PlanStatus.KEPT
            reverse_entry(session, paid, reason="no funds", posted_on=on, by=MEI, now=builders.at(on))
        assert plan.status is PlanStatus.BROKEN
        case.past_due_minor = 5_000
        session.flush()
        assert night(session, on) == ["plan_broken"]
        assert "CN¥30.00 that we waived are charged again" in written(session)[-1].text
        assert [night(session, on + n * DAY) for n in (1, 2)] == [[], []]


@pytest.mark.parametrize("status", [OutboxStatus.WITHHELD, OutboxStatus.FAILED])
@pytest.mark.parametrize("days", [1, 4])
def test_fees_are_told_after_all_where_the_letter_that_says_it_did_not_leave(
    engine: Engine, status: OutboxStatus, days: int
) -> None:
    """A payment came in before it left, or it waited for days until it was too old."""
    with transaction(engine) as session:
        case = a_case(session)
        agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER)
        on = ON + 12 * DAY
        assess(session, case, on)
        case.past_due_minor = 5_000
        session.flush()
        assert night(session, on) == ["plan_broken"]
        for n in range(1, days):
            assert night(session, on + n * DAY) == [], "it is still to leave"
        lost = written(session)[-1]
        lost.status, lost.finished_at = status, builders.at(on + days * DAY, 9)
        assert night(session, on + days * DAY) == ["plan_over"], "nobody was told of the end either"
        assert "The fees of CN¥30.00 that we waived are charged again." in written(session)[-1].text
        assert [night(session, on + (days + n) * DAY) for n in (1, 2)] == [[], []]
