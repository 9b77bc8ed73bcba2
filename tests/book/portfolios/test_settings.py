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
from app.book.portfolios.settings import SETTINGS, parse_setting, spelt
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.timeline.models import Event
from tests import builders

TODAY = date(2026, 3, 10)
WHO = {"by": "user:grace", "now": builders.at(TODAY)}
ELSEWHERE = {"id", "code", "created_at", "tightening", "adopted_packs", "strategy"}
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


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("payee-iban", "nl91 abna 0417 1643 00", "NL91ABNA0417164300"),
        ("payee-iban", "", ""),
        ("payee-bic", "abnanl2a", "ABNANL2A"),
        ("payee", "Müller & Söhne", "Müller & Söhne"),
        ("remind-days", "0", "0"),
        ("remind-today", "no", "no"),
    ],
)
def test_the_account_that_is_paid_into_is_kept_as_banks_write_it(name: str, given: str, kept: str) -> None:
    setting, value = parse_setting(name, given, "EUR")
    assert spelt(setting, value, "EUR") == kept


@pytest.mark.parametrize(
    ("name", "given", "wants"),
    [
        ("payee-iban", "NL91ABNA0417164301", "an IBAN with the right check digits"),
        ("payee-iban", "4111111111111111", "an IBAN with the right check digits"),
        ("payee-bic", "ABN", "a BIC of 8 or 11 characters"),
        ("payee", "港灣銀行", "at most 70 Latin letters"),
        ("payee", "x" * 71, "at most 70 Latin letters"),
        ("remind-days", "31", "a whole number from 0 to 30"),
    ],
)
def test_an_account_that_no_bank_knows_is_refused(name: str, given: str, wants: str) -> None:
    with pytest.raises(Invalid, match=wants):
        parse_setting(name, given, "EUR")
