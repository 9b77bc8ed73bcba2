"""Reads of a portfolio's result codes."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.results.file import read_codes, shipped_codes, shipped_text
from app.casework.results.models import ResultCodeVersion
from app.casework.results.rules import ResultCode, ResultSet
from app.core.database.engine import table_of
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of


def codes_of(session: Session, portfolio: Portfolio) -> Sequence[ResultCode]:
    """The portfolio's result codes, in order."""
    return results_of(session, portfolio).codes


def results_of(session: Session, portfolio: Portfolio) -> ResultSet:
    """Codes and saved texts of the version in use; the shipped ones without a version."""
    table = table_of(ResultCodeVersion)
    query = sa.select(table.c.text).where(table.c.portfolio_id == portfolio.id)
    return results_in(session.execute(query.order_by(table.c.number.desc()).limit(1)).scalar())


def results_in(text: str | None) -> ResultSet:
    """The codes of the version with this text; None = as shipped."""
    return shipped_codes() if text is None else read_codes(text)


def result_named(session: Session, portfolio: Portfolio, code: str) -> ResultCode:
    """Invalid, naming the field `result`, where the portfolio has no such code."""
    found = results_of(session, portfolio)
    named = found.named(code)
    if named is None:
        known = ", ".join(each.code for each in found.codes)
        raise Invalid(f"This portfolio has no such call result. It has {known}.", "result")
    return named


def versions_of(session: Session, portfolio: Portfolio) -> Sequence[ResultCodeVersion]:
    """Newest first."""
    query = select(ResultCodeVersion).where(ResultCodeVersion.portfolio_id == portfolio.id)
    return session.scalars(query.order_by(col(ResultCodeVersion.number).desc())).all()


def text_of(session: Session, portfolio: Portfolio, number: int) -> str:
    """The text of a version; 0 = as shipped. NotFound if there is none."""
    if number == 0:
        return shipped_text()
    query = select(ResultCodeVersion.text).where(
        ResultCodeVersion.portfolio_id == id_of(portfolio), ResultCodeVersion.number == number
    )
    text = session.scalar(query)
    if text is None:
        raise NotFound(f"Portfolio {portfolio.code} has no version {number} of its result codes.")
    return text
