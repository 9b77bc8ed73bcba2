"""Figures over time, and the rows behind a figure, for the manager's pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.delinquency.days import CURRENT, bucket_labels
from app.book.delinquency.facts import MovementKind
from app.book.delinquency.models import Movement, Spell
from app.book.delinquency.queries import late_on
from app.book.delinquency.rules import owed_of
from app.book.delinquency.service import edges_of
from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.rules import Figure
from app.reporting.kpis.standing import counted_on


@dataclass(frozen=True, slots=True)
class Point:
    """A key figure of one closed day: as it is known now, and as it was known that night."""

    on: date
    current: Figure
    first: Figure
    version: int
    definition: str
    computed_at: datetime
    restatement_id: int | None = None
    """What brought the last version."""

    @property
    def restated(self) -> bool:
        """Check whether a reader sees another figure than on the night; hundredths of a percent are shown."""
        return _shown(self.current) != _shown(self.first)


def _shown(figure: Figure) -> str:
    return "" if figure.value is None else f"{figure.value:.4f}"


def series(session: Session, portfolio_id: int, first_on: date, last_on: date) -> list[Point]:
    """Every figure of these days with both its versions, by date and name."""
    query = (
        sa.select(
            col(KpiSnapshot.business_date),
            col(KpiSnapshot.kpi),
            col(KpiSnapshot.numerator),
            col(KpiSnapshot.denominator),
            col(KpiSnapshot.version),
            col(KpiSnapshot.definition),
            col(KpiSnapshot.computed_at),
            col(KpiSnapshot.restatement_id),
        )
        .where(
            col(KpiSnapshot.portfolio_id) == portfolio_id,
            col(KpiSnapshot.business_date).between(first_on, last_on),
            col(KpiSnapshot.dimension) == "",
        )
        .order_by(col(KpiSnapshot.business_date), col(KpiSnapshot.kpi), col(KpiSnapshot.version))
    )
    points: dict[tuple[date, str], Point] = {}
    for row in session.execute(query):
        figure = Figure(row.kpi, row.numerator, row.denominator)
        earlier = points.get((row.business_date, row.kpi))
        points[row.business_date, row.kpi] = Point(
            on=row.business_date,
            current=figure,
            first=earlier.first if earlier else figure,
            version=row.version,
            definition=row.definition,
            computed_at=row.computed_at,
            restatement_id=row.restatement_id,
        )
    return list(points.values())


def past_due_by_bucket(
    session: Session, portfolio: Portfolio, first_on: date, last_on: date
) -> dict[str, list[int]]:
    """Past-due amount of each bucket at the end of every day of the range, with everything known now.

    Spells are summed by the day they begin and the day they end; the running total is the amount of each day. Two
    grouped statements are enough for a range of any length.
    """
    days = (last_on - first_on).days + 1
    labels = [label for label in bucket_labels(edges_of(portfolio)) if label != CURRENT]
    change = {label: [0] * days for label in labels}
    touching = (
        col(Spell.portfolio_id) == portfolio.id,
        col(Spell.from_on) <= last_on,
        sa.or_(col(Spell.to_on).is_(None), col(Spell.to_on) > first_on),
    )
    for edge, sign in ((col(Spell.from_on), 1), (col(Spell.to_on), -1)):
        query = (
            sa.select(edge, col(Spell.bucket), sa.func.sum(Spell.past_due_minor))
            .where(*touching, edge.is_not(None), edge <= last_on)
            .group_by(edge, col(Spell.bucket))
        )
        for on, label, amount in session.execute(query):
            change.setdefault(label, [0] * days)[max(0, (on - first_on).days)] += sign * int(amount)
    return {label: list(accumulate(changes)) for label, changes in change.items()}


# --- the rows behind a figure -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountBehind:
    account_id: int
    customer_id: int
    reference: str
    name: str
    bucket: str
    days_past_due: int
    past_due_minor: int
    balance_minor: int

    @property
    def not_owed_minor(self) -> int:
        """Past due beyond the balance."""
        return self.past_due_minor - owed_of(self.past_due_minor, self.balance_minor)


def overdue_accounts(
    session: Session,
    portfolio_id: int,
    on: date,
    days: int,
    *,
    after: Sequence[int] | None = None,
    limit: int | None = None,
) -> list[AccountBehind]:
    """The accounts that an overdue rate counts at the end of `on`, largest balance first.

    `after` = (balance, account id) of the last row seen.
    """
    late = late_on(portfolio_id, on)
    query = (
        sa.select(
            col(Account.id),
            col(Account.customer_id),
            col(Account.reference),
            col(Customer.full_name),
            late.c.bucket,
            late.c.oldest_due_on,
            late.c.past_due_minor,
            late.c.balance_minor,
        )
        .select_from(late)
        .join(Account, col(Account.id) == late.c.account_id)
        .join(Customer, col(Customer.id) == Account.customer_id)
        .where(late.c.oldest_due_on <= on - timedelta(days=days), counted_on(on))
        .order_by(late.c.balance_minor.desc(), col(Account.id))
        .limit(limit)
    )
    if after is not None:
        balance, account_id = after
        query = query.where(
            sa.or_(
                late.c.balance_minor < balance,
                sa.and_(late.c.balance_minor == balance, col(Account.id) > account_id),
            )
        )
    return [
        AccountBehind(id_, holder, ref, name, bucket, (on - oldest).days, int(late), int(balance))
        for id_, holder, ref, name, bucket, oldest, late, balance in session.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class MovementBehind:
    movement_id: int
    on: date
    customer_id: int
    reference: str
    name: str
    amount_minor: int


def movements(
    session: Session,
    portfolio_id: int,
    kind: MovementKind,
    first_on: date,
    last_on: date,
    *,
    after: tuple[date, int] | None = None,
    limit: int | None = None,
) -> list[MovementBehind]:
    """The lines of the roll-forward that make up one of its sums, newest day first; `after` = day and id of the last
    one seen. A refolded account's lines get new ids, so that ids alone tell nothing."""
    query = (
        sa.select(
            col(Movement.id),
            col(Movement.on),
            col(Account.customer_id),
            col(Account.reference),
            col(Customer.full_name),
            col(Movement.amount_minor),
        )
        .join(Account, col(Account.id) == Movement.account_id)
        .join(Customer, col(Customer.id) == Account.customer_id)
        .where(*_of_kind(portfolio_id, kind, first_on, last_on))
        .order_by(col(Movement.on).desc(), col(Movement.id).desc())
        .limit(limit)
    )
    if after is not None:
        on, movement_id = after
        earlier_that_day = sa.and_(col(Movement.on) == on, col(Movement.id) < movement_id)
        query = query.where(sa.or_(col(Movement.on) < on, earlier_that_day))
    return [MovementBehind(*row) for row in session.execute(query)]


def movement_total(
    session: Session, portfolio_id: int, kind: MovementKind, first_on: date, last_on: date
) -> tuple[int, int]:
    """(how many, minor units) of what `movements` lists."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Movement.amount_minor), 0)).where(
        *_of_kind(portfolio_id, kind, first_on, last_on)
    )
    count, amount = session.execute(query).one()
    return int(count), int(amount)


def _of_kind(
    portfolio_id: int, kind: MovementKind, first_on: date, last_on: date
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Movement.portfolio_id) == portfolio_id,
        col(Movement.kind) == kind,
        col(Movement.on).between(first_on, last_on),
    )


def latest_cases(session: Session, customer_ids: Sequence[int]) -> dict[int, int]:
    """Map customer id -> the id of their latest case, for links; a customer without a case is left out."""
    query = (
        sa.select(col(CollectionsCase.customer_id), sa.func.max(CollectionsCase.id))
        .where(col(CollectionsCase.customer_id).in_(set(customer_ids)))
        .group_by(col(CollectionsCase.customer_id))
    )
    return {customer_id: int(case_id) for customer_id, case_id in session.execute(query)}
