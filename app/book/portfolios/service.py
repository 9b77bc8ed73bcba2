"""Open a portfolio and change its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from app.book.portfolios.events import PortfolioAdded, PortfolioSet
from app.book.portfolios.models import DailyRun, Portfolio
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.settings import (
    SETTINGS,
    Changeable,
    PortfolioSetting,
    parse_setting,
    require_together,
    spelt,
)
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.money import BadAmount, exponent
from app.core.timeline.service import about_portfolio, record
from app.policy.zones import ZONES


def add_portfolio(
    session: Session,
    code: str,
    *,
    creditor: str,
    currency: str,
    timezone: str,
    pack: str,
    collector: CollectorKind,
    by: Actor,
    now: datetime,
    **options: Any,
) -> Portfolio:
    """Open a portfolio. Invalid names the field that is wrong; Conflict if the code is taken."""
    try:
        exponent(currency)
    except BadAmount as error:
        raise Invalid(str(error), "currency") from None
    if timezone not in ZONES:
        raise Invalid(f"There is no time zone {timezone!r}. Name one such as Europe/London.", "timezone")
    if not code or not all(char.isalnum() or char in "-_" for char in code):
        raise Invalid("The code of a portfolio has only letters, digits, - and _.", "code")
    if session.scalar(select(Portfolio.id).where(Portfolio.code == code)):
        raise Conflict(f"Portfolio {code} exists already. Choose another code.")
    if collector is CollectorKind.THIRD_PARTY and options.setdefault("charge_off_days", 0):
        raise Invalid("A collector charges nothing off: the creditor has done that.", "charge_off_days")
    portfolio = Portfolio.model_validate(
        {
            "code": code,
            "creditor": creditor,
            "currency": currency,
            "timezone": timezone,
            "pack": pack,
            "collector": collector,
            "created_at": now,
            **options,
        }
    )
    session.add(portfolio)
    session.flush()
    added = PortfolioAdded(code, currency, pack, collector)
    record(session, about_portfolio(id_of(portfolio), added), by=by, now=now)
    return portfolio


def set_portfolio(
    session: Session,
    portfolio: Portfolio,
    given: Mapping[str, str],
    *,
    refold: Callable[[Session, Portfolio], None],
    by: Actor,
    now: datetime,
) -> dict[str, str]:
    """Change settings of a portfolio, all or none: `given` is name to text as people type it (`SETTINGS`). Returns
    the settings that did change, and records them with the old values. Agreements and closed days stay as they are.

    `refold` has every account folded again after a change of how payments count: `ledger.service.mark_all_changed`.
    It is a parameter because a portfolio knows nothing of its accounts. Invalid names the setting; Conflict where it
    cannot be changed any more.
    """
    parsed = [parse_setting(name, text, portfolio.currency) for name, text in given.items()]
    changes = [(each, value) for each, value in parsed if value != getattr(portfolio, each.column)]
    for setting, _ in changes:
        _require_changeable(session, portfolio, setting)
    values = {each.column: getattr(portfolio, each.column) for each in SETTINGS}
    require_together(values | {setting.column: value for setting, value in changes})
    was = {each.name: spelt(each, getattr(portfolio, each.column), portfolio.currency) for each, _ in changes}
    portfolio.sqlmodel_update({setting.column: value for setting, value in changes})
    if any(setting.column == "prepayments_count" for setting, _ in changes):
        refold(session, portfolio)
    became = {setting.name: spelt(setting, value, portfolio.currency) for setting, value in changes}
    if became:
        record(session, about_portfolio(id_of(portfolio), PortfolioSet(was, became)), by=by, now=now)
    return became


def _require_changeable(session: Session, portfolio: Portfolio, setting: PortfolioSetting) -> None:
    if setting.change is Changeable.NEVER:
        raise Conflict(
            f"{setting.name} of portfolio {portfolio.code} is fixed when it is opened. Open another portfolio."
        )
    if setting.change is Changeable.BEFORE_FIRST_DAY and session.scalar(
        select(DailyRun.id).where(DailyRun.portfolio_id == portfolio.id).limit(1)
    ):
        raise Conflict(
            f"{setting.name} of portfolio {portfolio.code} cannot be changed: days were closed with it. "
            "Open another portfolio."
        )


def settings_of(portfolio: Portfolio) -> dict[str, str]:
    """Every setting of a portfolio as people type it, in the order of `SETTINGS`."""
    return {each.name: spelt(each, getattr(portfolio, each.column), portfolio.currency) for each in SETTINGS}


def get_portfolio(session: Session, code: str) -> Portfolio:
    portfolio = session.scalar(select(Portfolio).where(Portfolio.code == code))
    if portfolio is None:
        raise NotFound(f"There is no portfolio {code!r}. Open one with: desk portfolio add")
    return portfolio
