"""The Dutch demand for collection costs: only those that the letter before it named."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.ledger.service import post_mirror
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.core.errors import Invalid
from app.core.vocabulary import Channel
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import RESTATED, OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.on_demand import word_on_demand, write_on_demand
from app.outreach.strategy.models import StrategyTask
from app.policy.answers import Answer, Clearance, Refusals
from tests import builders
from tests.outreach.planning.test_event_letters import ON, by_hand, dutch

LATER = ON + timedelta(days=30)


def demand(engine: Engine, case: CollectionsCase) -> str:
    with transaction(engine) as session:
        case = session.get_one(CollectionsCase, case.id)
        book = session.get_one(Portfolio, case.portfolio_id)
        return word_on_demand(
            session, book, case, "collection_costs_demand", Channel.POST, builders.catalog(),
            now=builders.at(LATER, 12),
        ).text  # fmt: skip


def test_the_demand_asks_for_the_costs_that_the_letter_before_named(engine: Engine) -> None:
    """BW 6:96(6): 15 % of what was announced, at least 40 euros, and nothing of what fell due since."""
    with transaction(engine) as session:
        case = dutch(session)
    with pytest.raises(Invalid, match="fourteen-day letter that names these costs has not left"):
        demand(engine, case)
    with transaction(engine) as session:
        by_hand(session, session.get_one(CollectionsCase, case.id), "fourteen_day_letter")
    with pytest.raises(Invalid, match="has not left"):
        demand(engine, case)
    builders.deliver(engine, builders.at(ON, 17))
    text = demand(engine, case)
    assert (
        "U moet nu ook incassokosten betalen. Die kosten zijn €\u00a045,00. Samen is dat €\u00a0345,00."
        in text
    )
    with transaction(engine) as session:
        [row] = session.scalars(select(OutboxMessage))
        row.past_due_minor = 20_000
    assert "Die kosten zijn €\u00a040,00. Samen is dat €\u00a0340,00." in demand(engine, case), (
        "not of what came since"
    )


def announced(engine: Engine) -> CollectionsCase:
    """A case of 300.00 past due, all of which the fourteen-day letter named; it has left."""
    with transaction(engine) as session:
        case = dutch(session)
        by_hand(session, case, "fourteen_day_letter")
    builders.deliver(engine, builders.at(ON, 17))
    return case


def paid(engine: Engine, amount: int, on: date) -> None:
    with transaction(engine) as session:
        builders.payment(session, session.scalars(select(Account)).one(), amount, on)


def fell_due(engine: Engine, amount: int) -> None:
    """A new payment that fell due ten days after the letter, which never named it; a reminder of it has left."""
    with transaction(engine) as session:
        on = ON + timedelta(days=12)
        builders.queued_message(
            session, session.scalars(select(CollectionsCase)).one(), on=on, channel=Channel.EMAIL,
            letter="first_reminder", status=OutboxStatus.SENT, sent_at=builders.at(on, 12),
        )  # fmt: skip
        card = session.scalars(select(Account)).one()
        builders.statement(session, card, ON + timedelta(days=5), ON + timedelta(days=10), amount)


def ask(engine: Engine, case: CollectionsCase) -> Answer:
    """The demand on paper, asked for in the morning of `LATER`."""
    with transaction(engine) as session:
        [answer] = write_on_demand(
            session, session.get_one(Portfolio, case.portfolio_id), session.get_one(CollectionsCase, case.id),
            "collection_costs_demand", [Channel.POST], builders.catalog(), on=LATER, by=Actor.user("ann"),
            now=builders.at(LATER),
        )  # fmt: skip
        return answer


def tasks(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return [task.text for task in session.scalars(select(StrategyTask))]


def demands(engine: Engine) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if row.letter == "collection_costs_demand"]


def test_no_costs_of_a_debt_that_fell_due_after_the_letter(engine: Engine) -> None:
    """What the letter named was paid on the third day; 200.00 that it never named are past due."""
    case = announced(engine)
    paid(engine, 30_000, ON + timedelta(days=3))
    fell_due(engine, 20_000)
    assert isinstance(ask(engine, case), Refusals)
    assert demands(engine) == []
    [task] = tasks(engine)
    assert "Nothing is unpaid of what the fourteen-day letter named" in task


def test_costs_only_of_what_is_unpaid_of_the_letters_sum(engine: Engine) -> None:
    """300.00 named, 20.00 paid, 200.00 fell due since: 15 % of 280.00, where 300.00 would bring 45.00."""
    case = announced(engine)
    paid(engine, 2_000, ON + timedelta(days=3))
    fell_due(engine, 20_000)
    text = demand(engine, case)
    assert "Die kosten zijn €\u00a042,00. Samen is dat €\u00a0522,00." in text
    assert isinstance(ask(engine, case), Clearance)
    assert [each.letter for each in builders.deliver(engine, builders.at(LATER, 17)).sent] == [
        "collection_costs_demand"
    ]


def test_a_payment_that_came_back_does_not_lower_the_costs(engine: Engine) -> None:
    case = announced(engine)
    paid(engine, 30_000, ON + timedelta(days=3))
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        entry = session.scalars(select(Entry).where(Entry.kind == EntryKind.PAYMENT)).one()
        post_mirror(
            session, card, entry, "no funds", ON + timedelta(days=5), by=Actor.user("ann"),
            now=builders.at(ON + timedelta(days=5)),
        )  # fmt: skip
    assert "Die kosten zijn €\u00a045,00." in demand(engine, case)


@pytest.mark.parametrize(("came", "again"), [(2_000, True), (30_000, False)])
def test_a_demand_that_waits_leaves_with_the_costs_of_the_moment(
    engine: Engine, came: int, *, again: bool
) -> None:
    """Paid between the words and their leaving, while as much falls due: the sum past due does not change."""
    case = announced(engine)
    assert isinstance(ask(engine, case), Clearance)
    fell_due(engine, came)
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, came, LATER, now=builders.at(LATER, 16))
    late = builders.at(LATER, 17)
    assert builders.deliver(engine, late).sent == []
    [row] = demands(engine)
    assert (row.status, row.error) == (OutboxStatus.WITHHELD, RESTATED)
    assert fall_back_due(engine, builders.catalog(), clock=FixedClock(late)) == again
    sent = builders.deliver(engine, late + timedelta(minutes=5)).sent
    assert ["Die kosten zijn €\u00a042,00." in each.text for each in sent] == [True] * again
    assert ["Nothing is unpaid" in text for text in tasks(engine)] == [True] * (not again)
