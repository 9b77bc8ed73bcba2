"""Instalments for which money is still wanted: neither a paid one nor a skipped one is called about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Account
from app.book.portfolios.service import get_portfolio
from app.casework.cases.listing import PortfolioToday
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import PlanAccount, PlanInstalment
from app.casework.plans.rules import PlanKind
from app.casework.plans.tracking.open_instalments import has_payment_due, next_payments
from app.core.database.engine import table_of, transaction
from app.core.ids import id_of
from tests import builders
from tests.outreach.agreements.made import agreement

AGREED, TODAY = date(2026, 3, 10), date(2026, 4, 1)
PARTS = [(TODAY, 2_500), (date(2026, 5, 1), 2_500), (date(2026, 6, 1), 2_500)]


@dataclass(frozen=True)
class Told:
    about: str
    today: date
    is_due: bool
    """A payment is due within a week."""
    next: tuple[int, int]
    """Number of the next instalment, and what is missing of it."""
    paid: tuple[tuple[date, int], ...] = ()
    skipped: tuple[int, ...] = ()
    changes: dict[str, object] = field(default_factory=dict)


STORIES = [
    Told("nothing came", TODAY, True, (1, 2_500)),
    Told("a part came", TODAY, True, (1, 1_500), ((TODAY, 1_000),)),
    Told("it came this morning", TODAY, False, (2, 2_500), ((TODAY, 2_500),)),
    Told("two were paid ahead", date(2026, 4, 28), False, (3, 2_500), ((AGREED + timedelta(days=1), 5_000),)),
    Told("the first was skipped", TODAY, False, (2, 2_500), skipped=(1,)),
    Told("the last brings what was skipped", date(2026, 5, 28), True, (3, 2_500),
         ((TODAY, 2_500), (date(2026, 5, 1), 2_500)), (1,)),
    Told("short by what is tolerated", TODAY, False, (2, 2_500), ((TODAY, 2_450),), changes={"tolerance_minor": 50}),
    Told("in grace and the next to come", date(2026, 4, 28), True, (1, 2_500), changes={"grace_days": 40}),
    Told("paid before it was agreed", TODAY, True, (1, 2_500), ((AGREED - timedelta(days=1), 2_500),)),
    Told("on the account that it settles", TODAY, False, (2, 2_500), ((TODAY, 2_500),),
         changes={"kind": PlanKind.SETTLEMENT}),
]  # fmt: skip


@pytest.mark.parametrize("told", STORIES, ids=lambda told: told.about)
def test_only_what_is_open_is_due(engine: Engine, told: Told) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=AGREED)
        plan = agreement(session, case, PARTS, accepted_on=AGREED, **told.changes)  # type: ignore[arg-type]
        account = session.scalars(select(Account)).one()
        session.add(PlanAccount(plan_id=id_of(plan), account_id=id_of(account)))
        for n in told.skipped:
            session.get_one(PlanInstalment, (plan.id, n)).is_skipped = True
        for on, amount in told.paid:
            builders.payment(session, account, amount, on)
        session.flush()
        found = next_payments(session, [id_of(case)], told.today)[id_of(case)]
        assert (found.n, found.amount_minor) == told.next
        assert due_within(session, told.today, 7) is told.is_due


def due_within(session: Session, today: date, days: int) -> bool:
    portfolio = get_portfolio(session, builders.BOOK)
    book = PortfolioToday(
        id_of(portfolio), portfolio.code, portfolio.creditor, portfolio.currency, portfolio.timezone, (), today, today,
        builders.at(today, 23),
    )  # fmt: skip
    case = table_of(CollectionsCase)
    query = sa.select(case.c.id).where(has_payment_due([book], days))
    return session.execute(query).first() is not None
