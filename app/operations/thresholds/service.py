"""Set, change and end thresholds; judge those of a portfolio once each closed day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.text import Say
from app.core.timeline.service import about_portfolio, lock_streams, portfolio_stream, record
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import end_alert, raise_alert
from app.operations.thresholds.events import ThresholdChanged, ThresholdEnded, ThresholdSet
from app.operations.thresholds.models import Threshold
from app.operations.thresholds.rules import (
    DAYS_OF_A_CHANGE,
    Limit,
    Measured,
    ThresholdTest,
    is_crossed,
    limit_words,
    number_of,
    number_words,
    read_limit,
    require_judged,
)
from app.reporting.kpis.definitions.catalog import DEFINITIONS, figure_named
from app.reporting.kpis.queries import latest_versions

MOST = 200
"""Open thresholds of a portfolio."""


def thresholds_of(session: Session, portfolio_id: int, *, crossed: bool = False) -> Sequence[Threshold]:
    """The open thresholds of a portfolio, by figure; only those that are crossed now if asked for."""
    query = select(Threshold).where(Threshold.portfolio_id == portfolio_id, col(Threshold.ended_at).is_(None))
    if crossed:
        query = query.where(col(Threshold.crossed_on).is_not(None))
    return session.scalars(query.order_by(col(Threshold.kpi), col(Threshold.id))).all()


def figure_words(row: Threshold, say: Say = str) -> str:
    """The figure of a threshold, and its slice."""
    counted = "" if row.measured is Measured.VALUE else f" ({say(DEFINITIONS[row.kpi].counted)})"
    place = f", {say(row.dimension.replace('_', ' '))} {row.member or say('none')}" if row.dimension else ""
    return f"{say(DEFINITIONS[row.kpi].title)}{counted}{place}"


def words_of(row: Threshold, portfolio: Portfolio, say: Say = str) -> str:
    """The limit of a threshold in words."""
    return limit_words(row.limit, DEFINITIONS[row.kpi], portfolio.currency, say)


# --- set, change, end ---------------------------------------------------------------------------------------


def set_threshold(
    session: Session,
    portfolio: Portfolio,
    kpi: str,
    limit: str,
    *,
    test: ThresholdTest,
    measured: Measured = Measured.VALUE,
    dimension: str = "",
    member: str = "",
    by: Actor,
    now: datetime,
) -> Threshold:
    """Hold a figure of a portfolio, or one slice of it, against a limit from the next closed day on.

    `limit` as people type it. NotFound for a figure that does not exist; Invalid names the field that is wrong.
    """
    _, definition = figure_named(kpi)
    require_judged(definition, measured, dimension)
    _require_slice(session, portfolio, kpi, dimension, member)
    amount = read_limit(limit, definition, measured, portfolio.currency)
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    open_ones = thresholds_of(session, id_of(portfolio))
    if len(open_ones) >= MOST:
        raise Conflict(f"{portfolio.code} has {MOST} thresholds. End one that is needed no more.")
    row = Threshold(
        portfolio_id=id_of(portfolio), kpi=kpi, dimension=dimension, member=member if dimension else "",
        test=test, measured=measured, amount=amount, created_at=now, by=by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    told = ThresholdSet(id_of(row), figure_words(row), words_of(row, portfolio))
    record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
    return row


def change_threshold(
    session: Session,
    portfolio: Portfolio,
    threshold_id: int,
    limit: str,
    *,
    test: ThresholdTest,
    by: Actor,
    now: datetime,
) -> Threshold:
    """Give a threshold another limit. Its alert ends; the next closed day is judged by the new one."""
    row = _open(session, portfolio, threshold_id)
    definition = DEFINITIONS[row.kpi]
    changed = Limit(test, row.measured, read_limit(limit, definition, row.measured, portfolio.currency))
    if changed == row.limit:
        return row
    was = words_of(row, portfolio)
    row.test, row.amount, row.crossed_on = changed.test, changed.amount, None
    told = ThresholdChanged(threshold_id, figure_words(row), was, words_of(row, portfolio))
    record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
    end_alert(session, AlertKind.THRESHOLD, _subject(portfolio, row), now=now)
    return row


def end_threshold(
    session: Session, portfolio: Portfolio, threshold_id: int, *, by: Actor, now: datetime
) -> Threshold:
    """Judge a threshold no more; its alert ends."""
    row = _open(session, portfolio, threshold_id)
    row.ended_at, row.ended_by, row.crossed_on = now, by, None
    told = ThresholdEnded(threshold_id, figure_words(row), words_of(row, portfolio))
    record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
    end_alert(session, AlertKind.THRESHOLD, _subject(portfolio, row), now=now)
    return row


def _open(session: Session, portfolio: Portfolio, threshold_id: int) -> Threshold:
    """The row, locked. NotFound in another portfolio; Conflict once it has ended."""
    row = session.get(Threshold, threshold_id, with_for_update=True)
    if row is None or row.portfolio_id != portfolio.id:
        raise NotFound(f"Portfolio {portfolio.code} has no threshold {threshold_id}. Choose one of its list.")
    if row.ended_at is not None:
        raise Conflict("This threshold has ended. Set a new one.")
    return row


def _require_slice(session: Session, portfolio: Portfolio, kpi: str, dimension: str, member: str) -> None:
    """Invalid for a slice that the figure did not have on the last closed day; it names some that it had."""
    if not dimension:
        return
    on = last_closed(session, portfolio)
    stored = latest_versions(session, id_of(portfolio), on) if on else {}
    known = sorted(each for name, kind, each in stored if (name, kind) == (kpi, dimension))
    if member not in known:
        some = ", ".join(each or "none" for each in known[:8]) or "none yet"
        raise Invalid(f"There is no such slice by {dimension}. Known are: {some}.", "member")


# --- judging ------------------------------------------------------------------------------------------------


def judge(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Hold the figures of `on`, the day that is being closed, against the open thresholds; returns how many are
    crossed. Once a day: a day that is restated later is not judged again. A figure that has no value leaves its
    threshold as it was."""
    rows = thresholds_of(session, id_of(portfolio))
    if not rows:
        return 0
    figures = latest_versions(session, id_of(portfolio), on)
    before = latest_versions(session, id_of(portfolio), on - timedelta(days=DAYS_OF_A_CHANGE))
    for row in rows:
        if row.kpi not in DEFINITIONS or (row.judged_on is not None and row.judged_on >= on):
            continue
        row.judged_on = on
        key = (row.kpi, row.dimension, row.member)
        today, then = (stored[key][1:] if key in stored else None for stored in (figures, before))
        crossed = is_crossed(row.limit, today, then)
        if crossed:
            row.crossed_on = row.crossed_on or on
            detail = _detail(row, portfolio, on, today, then)
            raise_alert(session, AlertKind.THRESHOLD, _subject(portfolio, row), detail, now=now)
        elif crossed is not None and row.crossed_on is not None:
            row.crossed_on = None
            end_alert(session, AlertKind.THRESHOLD, _subject(portfolio, row), now=now)
    return sum(row.crossed_on is not None for row in rows)


def _subject(portfolio: Portfolio, row: Threshold) -> str:
    return f"{portfolio.code}, threshold {row.id}"


def _detail(
    row: Threshold,
    portfolio: Portfolio,
    on: date,
    today: tuple[int, int] | None,
    then: tuple[int, int] | None,
) -> str:
    definition = DEFINITIONS[row.kpi]

    def said(pair: tuple[int, int] | None) -> str:
        number = number_of(row.measured, pair)
        return "" if number is None else number_words(number, definition, row.measured, portfolio.currency)

    was = f", {said(then)} a week before" if row.test is ThresholdTest.CHANGED else ""
    return (
        f"{figure_words(row)} is {said(today)} at the end of {on}{was}. "
        f"The threshold: {words_of(row, portfolio)}."
    )
