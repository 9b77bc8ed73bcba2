"""Buckets as a closed day left them, kept that night, so that the dashboard adds up no million accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.delinquency.days import CURRENT, DAY, bucket_labels
from app.book.delinquency.facts import MovementKind
from app.book.delinquency.models import AccountState
from app.book.delinquency.queries import (
    BucketTotal,
    RollForward,
    movement_sums,
    owed_by_statements_minor,
    past_due_total,
)
from app.book.delinquency.service import edges_of
from app.book.portfolios.models import Portfolio
from app.core.database.bulk import insert_rows
from app.core.dates import month_start
from app.core.ids import id_of
from app.reporting.kpis.history import past_due_by_bucket
from app.reporting.kpis.models import KpiSnapshot

DIMENSION = "bucket"
ACCOUNTS, PAST_DUE = "bucket_accounts", "bucket_past_due"
"""Accounts over balance, and past due over what is owed of it."""
Pairs = dict[tuple[date, str, str], tuple[int, int]]
"""Day, figure and bucket -> numerator and denominator."""


def keep_buckets(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> None:
    """Store the buckets as the states are now, at the end of the night of `on`."""
    pairs: Pairs = {}
    for label, total in buckets_now(session, portfolio).items():
        pairs[on, ACCOUNTS, label] = (total.accounts, total.balance)
        pairs[on, PAST_DUE, label] = (total.past_due, total.owed)
    _keep(session, portfolio, pairs, on, on, now)
    month = _month_now(session, portfolio, on)
    figures = ((month.start, month.fell_past_due), (month.paid, month.adjusted))
    months: Pairs = {(on, kpi, ""): figure for kpi, figure in zip(_MONTH, figures, strict=True)}
    _keep(session, portfolio, months, on, on, now, MONTH)


def restate_buckets(
    session: Session, portfolio: Portfolio, since: date, before: date, *, now: datetime
) -> None:
    """Store the past-due amounts of the closed days in [since, before) that late entries changed."""
    kept = _rows(session, portfolio, since, before - DAY)
    if not kept:
        return
    amounts = past_due_by_bucket(session, portfolio, since, before - DAY)
    pairs = {
        (row.business_date, PAST_DUE, row.member): (
            amounts[row.member][(row.business_date - since).days],
            row.denominator,
        )
        for row in kept
        if row.kpi == PAST_DUE and row.member in amounts
    }
    _keep(session, portfolio, pairs, since, before - DAY, now)


def _keep(
    session: Session,
    portfolio: Portfolio,
    pairs: Pairs,
    first_on: date,
    last_on: date,
    now: datetime,
    dimension: str = DIMENSION,
) -> None:
    kept = {
        (row.business_date, row.kpi, row.member): row
        for row in _rows(session, portfolio, first_on, last_on, dimension)
    }
    rows = []
    for key, (numerator, denominator) in pairs.items():
        known = kept.get(key)
        if known and (known.numerator, known.denominator) == (numerator, denominator):
            continue
        on, kpi, label = key
        rows.append(
            {
                "portfolio_id": id_of(portfolio),
                "business_date": on,
                "kpi": kpi,
                "dimension": dimension,
                "member": label,
                "definition": "1",
                "version": known.version + 1 if known else 1,
                "numerator": numerator,
                "denominator": denominator,
                "computed_at": now,
            }
        )
    insert_rows(session, KpiSnapshot, rows)


def past_due_at_close(session: Session, portfolio: Portfolio, days: Sequence[date]) -> dict[str, list[int]]:
    """Past-due amount of each bucket at the end of each of these closed days; as the spells are now, where a day has
    none on record."""
    kept = {
        (row.business_date, row.member): row.numerator
        for row in _rows(session, portfolio, days[0], days[-1])
        if row.kpi == PAST_DUE
    }
    labels = [label for label in bucket_labels(edges_of(portfolio)) if label != CURRENT]
    if any((day, label) not in kept for day in days for label in labels):
        amounts = past_due_by_bucket(session, portfolio, days[0], days[-1])
        return {label: [amount[(day - days[0]).days] for day in days] for label, amount in amounts.items()}
    return {label: [kept[day, label] for day in days] for label in labels}


def month_at_close(session: Session, portfolio: Portfolio, on: date) -> RollForward:
    """Roll-forward of the month to date as the night of `on` left it; as it is now, where none is on record."""
    rows = {row.kpi: row for row in _rows(session, portfolio, on, on, MONTH)}
    if len(rows) < len(_MONTH):
        return _month_now(session, portfolio, on)
    begun, moved = (rows[kpi] for kpi in _MONTH)
    start, fell, paid, adjusted = begun.numerator, begun.denominator, moved.numerator, moved.denominator
    return RollForward(start, fell, paid, adjusted, start + fell - paid - adjusted)


def _month_now(session: Session, portfolio: Portfolio, on: date) -> RollForward:
    """Its start is on record from the night before; the movements lead to its end, which the nightly invariants compare
    with the spells."""
    first_on = month_start(on)
    kept = [
        row.numerator
        for row in _rows(session, portfolio, first_on - DAY, first_on - DAY)
        if row.kpi == PAST_DUE
    ]
    start = sum(kept) if kept else past_due_total(session, id_of(portfolio), first_on - DAY)
    sums = movement_sums(session, id_of(portfolio), first_on, on)
    fell, paid, adjusted = (sums.get(kind, 0) for kind in _LINES)
    return RollForward(start, fell, paid, adjusted, start + fell - paid - adjusted)


MONTH = "month"
_MONTH = ("month_start_and_fell", "month_paid_and_adjusted")
_LINES = (MovementKind.FELL_PAST_DUE, MovementKind.PAID, MovementKind.ADJUSTED)


def buckets_at_close(session: Session, portfolio: Portfolio, on: date) -> dict[str, BucketTotal]:
    """Buckets as the night of `on` left them; as the states are now, where other buckets were in use that night."""
    rows = {(row.kpi, row.member): row for row in _rows(session, portfolio, on, on)}
    labels = bucket_labels(edges_of(portfolio))
    if {member for _, member in rows} != set(labels):
        return buckets_now(session, portfolio)
    return {
        label: BucketTotal(
            rows[ACCOUNTS, label].numerator,
            rows[ACCOUNTS, label].denominator,
            rows[PAST_DUE, label].numerator,
            rows[PAST_DUE, label].denominator,
        )
        for label in labels
    }


class _Row(NamedTuple):
    business_date: date
    kpi: str
    member: str
    numerator: int
    denominator: int
    version: int


def _rows(
    session: Session, portfolio: Portfolio, first_on: date, last_on: date, dimension: str = DIMENSION
) -> list[_Row]:
    """The last version of each row of these days."""
    query = sa.select(
        col(KpiSnapshot.business_date),
        col(KpiSnapshot.kpi),
        col(KpiSnapshot.member),
        col(KpiSnapshot.numerator),
        col(KpiSnapshot.denominator),
        col(KpiSnapshot.version),
    ).where(
        col(KpiSnapshot.portfolio_id) == id_of(portfolio),
        col(KpiSnapshot.business_date).between(first_on, last_on),
        col(KpiSnapshot.dimension) == dimension,
    )
    rows = map(_Row._make, session.execute(query.order_by(col(KpiSnapshot.version))))
    return list({(row.business_date, row.kpi, row.member): row for row in rows}.values())


def buckets_now(session: Session, portfolio: Portfolio) -> dict[str, BucketTotal]:
    """Buckets from the states: one pass, no ledger."""
    totals = {label: BucketTotal() for label in bucket_labels(edges_of(portfolio))}
    query = (
        sa.select(
            col(AccountState.bucket),
            sa.func.count(),
            sa.func.sum(AccountState.balance_minor),
            sa.func.sum(AccountState.past_due_minor),
            sa.func.sum(owed_by_statements_minor()),
        )
        .where(col(AccountState.portfolio_id) == portfolio.id)
        .group_by(col(AccountState.bucket))
    )
    for label, accounts, balance, past_due, owed in session.execute(query):
        totals[label] = BucketTotal(accounts, int(balance), int(past_due), int(owed))
    return totals
