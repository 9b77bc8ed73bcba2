"""Settings of a portfolio: changed with the old value on record, and not once days were counted with them."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import col, select

from app.book.ledger.service import mark_all_changed
from app.book.portfolios.events import PortfolioSet
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio, set_portfolio, settings_of
from app.book.portfolios.settings import SETTINGS
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.timeline.models import Event
from tests import builders

TODAY = date(2026, 3, 10)
WHO = {"by": "user:grace", "now": builders.at(TODAY)}
ELSEWHERE = {"id", "code", "created_at", "tightening", "strategy"}
"""Columns that are no settings: `portfolio tighten` and `strategy live` change the last two."""


def test_every_column_of_a_portfolio_is_a_setting() -> None:
    assert {each.column for each in SETTINGS} == set(Portfolio.__table__.columns.keys()) - ELSEWHERE  # type: ignore[attr-defined]


def test_a_change_is_on_record_with_the_value_before(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = builders.portfolio(session)
        before = settings_of(portfolio)
        given = {"grace-days": "7", "waive-limit": before["waive-limit"]}
        assert set_portfolio(session, portfolio, given, refold=mark_all_changed, **WHO) == {"grace-days": "7"}
        event = session.scalars(select(Event).where(col(Event.kind) == PortfolioSet.KIND)).one()
        assert json.loads(event.data) == {
            "was": {"grace-days": before["grace-days"]},
            "now": {"grace-days": "7"},
        }
        assert settings_of(portfolio) == before | {"grace-days": "7"}


def test_edges_and_zone_are_fixed_once_a_day_is_closed(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = builders.portfolio(session)
        set_portfolio(session, portfolio, {"bucket-edges": "1,31,61"}, refold=mark_all_changed, **WHO)
    builders.close_day(engine, TODAY)
    with transaction(engine) as session, pytest.raises(Conflict, match="days were closed with it"):
        set_portfolio(
            session,
            get_portfolio(session, builders.BOOK),
            {"timezone": "Europe/London"},
            refold=mark_all_changed,
            **WHO,
        )
