"""The Dutch demand for collection costs: only those that the letter before it named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.vocabulary import Channel
from app.outreach.outbox.models import OutboxMessage
from app.outreach.planning.on_demand import word_on_demand
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
