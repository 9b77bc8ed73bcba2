"""The portfolios, and the packs that hold where their customers live."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import Field
from sqlmodel import Session, col, select

from app.api.deps import ApiCaseReader, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit, PortfolioCode, after, page_of
from app.api.managers.shapes import ContactRulesShape, CountryCoverShape, DutyShape, PortfolioShape
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now
from app.operations.doctor import findings_of
from app.outreach.duties.queries import owed_letters
from app.outreach.gate.places.coverage import adopt_pack, coverage

router = api_router("/portfolios", tags=["portfolios"])


@router.get("", summary="List portfolios")
def list_portfolios(
    _caller: ApiCaseReader,
    session: ReadSession,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PortfolioShape]:
    """Every portfolio, in the order in which they were opened."""
    query = select(Portfolio).where(col(Portfolio.id) > after(cursor))
    rows = session.scalars(query.order_by(col(Portfolio.id)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, lambda portfolio: id_of(portfolio))
    items = [PortfolioShape.of(portfolio, last_closed(session, portfolio)) for portfolio in shown]
    return Page(items=items, next_cursor=next_cursor)


@router.get("/{code}/contact-rules", summary="Show where a portfolio's customers are covered")
def get_contact_rules(
    code: PortfolioCode, _caller: ApiManager, session: ReadSession, now: Now
) -> ContactRulesShape:
    """The countries of its customers with the packs that hold there, those that no pack covers first; and what is wrong
    with its set-up."""
    return _contact_rules(session, code, now=now)


def _contact_rules(session: Session, code: str, *, now: datetime) -> ContactRulesShape:
    portfolio = get_portfolio(session, code)
    today = local_date(now, portfolio.timezone)
    return ContactRulesShape(
        portfolio=portfolio.code,
        policy_pack=portfolio.pack,
        countries=[CountryCoverShape.of(each) for each in coverage(session, portfolio)],
        findings=[each.sentence for each in findings_of(session, portfolio, today=today)],
    )


class AdoptedPack(Input):
    country: Annotated[Line, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.", examples=["AT"])]
    pack: Annotated[Line, Field(min_length=1, max_length=40, description="Code of a policy pack.")]
    reason: Annotated[
        Line, Field(min_length=1, max_length=300, description="Why this one, and who advised it.")
    ]


@router.post("/{code}/adopted-packs", status_code=201, summary="Adopt a pack for a country")
def post_adopted_pack(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: AdoptedPack
) -> ContactRulesShape:
    """Let a pack of another country hold where no pack covers the customers. Until then nothing is sent to them."""
    portfolio = get_portfolio(session, code)
    adopt_pack(session, portfolio, body.country, body.pack, body.reason, by=caller.by, now=now)
    return _contact_rules(session, code, now=now)


class AdoptedPackEnd(Input):
    reason: Annotated[Line, Field(min_length=1, max_length=300)]


@router.post("/{code}/adopted-packs/{country}/end", summary="Take an adopted pack back")
def post_adopted_pack_end(
    code: PortfolioCode,
    country: Annotated[str, Path(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")],
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: AdoptedPackEnd,
) -> ContactRulesShape:
    """Nothing is sent to the country any more."""
    portfolio = get_portfolio(session, code)
    adopt_pack(session, portfolio, country, "", body.reason, by=caller.by, now=now)
    return _contact_rules(session, code, now=now)


@router.get("/{code}/duties", summary="List letters that are owed")
def list_duties(code: PortfolioCode, _caller: ApiManager, session: ReadSession, now: Now) -> Page[DutyShape]:
    """Letters that the law wants within some days of an event and that have not left, the oldest due day first; at most
    200."""
    portfolio = get_portfolio(session, code)
    today = local_date(now, portfolio.timezone)
    rows = owed_letters(session, id_of(portfolio), limit=200)
    return Page(items=[DutyShape.of(row, today) for row in rows])
