"""Referrals and bundles as the legal pages list them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import DailyRun, Portfolio
from app.casework.cases.debt import (
    CustomerDebt,
    debts_now,
)
from app.casework.cases.models import CollectionsCase, case_reference
from app.legal.bundle.models import Bundle
from app.legal.referrals.models import Referral, ReferralStatus


@dataclass(frozen=True, slots=True)
class Listed:
    """A referral with its case. `closed_on` is the portfolio's last closed business day, which days past due
    are counted to."""

    referral: Referral
    case: CollectionsCase
    customer_name: str
    portfolio: Portfolio
    closed_on: date | None
    owes: CustomerDebt | None = None
    """At the end of `closed_on`, with what was entered for it since, as the referral's own page and a bundle show it;
    None = as the night left the case."""

    @property
    def reference(self) -> str:
        return case_reference(self.referral.case_id)

    @property
    def past_due_minor(self) -> int:
        return self.owes.past_due if self.owes else self.case.past_due_minor

    @property
    def balance_minor(self) -> int:
        return self.owes.balance if self.owes else self.case.balance_minor

    @property
    def days_past_due(self) -> int:
        oldest = self.owes.oldest if self.owes else self.case.oldest_due_on
        if oldest is None or self.closed_on is None:
            return 0
        return max(0, (self.closed_on - oldest).days)


@dataclass(frozen=True, slots=True)
class SealedBundle:
    """A bundle without its bytes."""

    id: int
    reference: str
    as_of: date
    sha256: str
    size: int
    complete: bool
    incomplete_reason: str
    excuses: str
    supersedes: str
    built_by: str
    built_at: datetime
    receipt: str


def counts(session: Session) -> dict[ReferralStatus, int]:
    query = sa.select(col(Referral.status), sa.func.count()).group_by(col(Referral.status))
    return {status: n for status, n in session.execute(query)}


def referrals(
    session: Session, status: ReferralStatus, *, before: int | None = None, limit: int = 50
) -> list[Listed]:
    """Referrals of one status, newest first; `before` = the id of the last one seen."""
    query = _listed().where(col(Referral.status) == status).order_by(col(Referral.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(Referral.id) < before)
    return _with_figures(session, [Listed(*row) for row in session.execute(query)])


def _with_figures(session: Session, rows: Sequence[Listed]) -> list[Listed]:
    """The debts of the customers of some rows, read once for each portfolio."""
    owes: dict[int, CustomerDebt] = {}
    for portfolio, closed_on in {row.portfolio.id: (row.portfolio, row.closed_on) for row in rows}.values():
        if closed_on is not None:
            theirs = [row.case.customer_id for row in rows if row.portfolio.id == portfolio.id]
            owes |= debts_now(session, portfolio, theirs, closed_on)
    return [replace(row, owes=owes.get(row.case.customer_id)) for row in rows]


def all_referrals(session: Session, status: ReferralStatus) -> Iterator[Listed]:
    """The whole list, streamed: for an export."""
    query = _listed().where(col(Referral.status) == status).order_by(col(Referral.id).desc())
    for rows in session.execute(query.execution_options(yield_per=500)).partitions():
        yield from _with_figures(session, [Listed(*row) for row in rows])


def referral(session: Session, referral_id: int) -> Listed | None:
    row = session.execute(_listed().where(col(Referral.id) == referral_id)).one_or_none()
    return Listed(*row) if row else None


def _listed() -> sa.Select[Referral, CollectionsCase, str, Portfolio, date | None]:
    closed_on = (
        sa.select(sa.func.max(DailyRun.business_date))
        .where(col(DailyRun.portfolio_id) == Portfolio.id, col(DailyRun.finished_at).is_not(None))
        .correlate(Portfolio)
        .scalar_subquery()
    )
    return (
        sa.select(Referral, CollectionsCase, col(Customer.full_name), Portfolio, closed_on)
        .join(CollectionsCase, col(CollectionsCase.id) == Referral.case_id)
        .join(Customer, col(Customer.id) == CollectionsCase.customer_id)
        .join(Portfolio, col(Portfolio.id) == Referral.portfolio_id)
    )


def bundles(session: Session, case_id: int) -> list[SealedBundle]:
    """Newest first; the archives themselves stay in the database."""
    names = SealedBundle.__slots__
    query = (
        sa.select(*(getattr(Bundle, name) for name in names))
        .where(col(Bundle.case_id) == case_id)
        .order_by(col(Bundle.id).desc())
    )
    return [SealedBundle(*row) for row in session.execute(query)]


def bundle(session: Session, case_id: int, bundle_id: int) -> Bundle | None:
    """The bundle with its bytes, if it belongs to this case."""
    return session.scalar(select(Bundle).where(Bundle.id == bundle_id, Bundle.case_id == case_id))
