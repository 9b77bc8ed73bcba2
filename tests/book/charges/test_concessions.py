"""Concessions: a lower rate and no late fees from one day to another, never for days before or after."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.agreements import agree, cancel_agreement
from app.book.charges.rules import LowerRate, accrue, interest_of_day, rate_on
from app.book.ledger.balances import balance_of
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.limits import Grantor
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.checks import thorough
from tests import builders

DUE = date(2026, 3, 10)
DAY = timedelta(days=1)
MEI = Actor.user("mei")


@pytest.mark.parametrize(
    ("on", "rate"),
    [(DUE - DAY, 180_000), (DUE, 50_000), (DUE + 9 * DAY, 50_000), (DUE + 10 * DAY, 180_000)],
)
def test_the_rate_of_a_day(on: date, rate: int) -> None:
    assert rate_on(on, 180_000, [LowerRate(DUE, DUE + 10 * DAY, 50_000)]) == rate


def test_an_agreed_rate_never_raises_the_own() -> None:
    assert rate_on(DUE, 30_000, [LowerRate(DUE, None, 50_000)]) == 30_000
    assert rate_on(DUE, 180_000, [LowerRate(DUE, None, 50_000), LowerRate(DUE, None, 0)]) == 0


def test_interest_of_a_stretch_changes_with_the_rate_of_each_day() -> None:
    found = accrue(
        [(DUE - DAY, 100_000)], first_on=DUE, through=DUE + 3 * DAY, apr_millionths=180_000, day_count=365,
        lower=[LowerRate(DUE + DAY, DUE + 3 * DAY, 36_500)],
    )  # fmt: skip
    balance, carry, expected = 100_000, 0, 0
    for rate in (180_000, 36_500, 36_500, 180_000):
        interest, carry = interest_of_day(balance + expected, rate, 365, carry)
        expected += interest
    assert found.before + found.last == expected


def interest_by_day(session: Session) -> list[int]:
    query = select(Entry).where(Entry.kind == EntryKind.INTEREST, Entry.source == "system")
    return [entry.amount_minor for entry in session.scalars(query.order_by(col(Entry.effective_on)))]


def late_fees(session: Session) -> list[str]:
    return [entry.reference for entry in session.scalars(select(Entry).where(Entry.kind == EntryKind.FEE))]


def test_a_night_charges_the_lower_rate_and_no_late_fee_until_the_plan_ends(engine: Engine) -> None:
    """1,000.00 at 18 %. On the 9th a plan at 3.65 % (10 cents a day on 1,000.00) is agreed, before the minimum of the
    10th lapses; on the 13th it is cancelled."""
    with transaction(engine) as session:
        book = builders.portfolio(session, accrues=True, late_fee_minor=2_500)
        card = builders.late_customer(session, book, due_on=DUE)
        builders.statement(session, card, DUE - 55 * DAY, DUE - 30 * DAY, 5_000)
    builders.close_day(engine, DUE - 3 * DAY)
    builders.close_day(engine, DUE - 2 * DAY)
    agreed = DUE - DAY
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        terms = AgreementTerms(
            PlanKind.HARDSHIP, 50_000, DUE + 20 * DAY, 6, Cadence.MONTHLY, apr_millionths=36_500
        )
        made = agree(
            session,
            case,
            terms,
            builders.catalog(),
            grantor=Grantor(MEI, Role.MANAGER),
            now=builders.at(agreed),
        )
        plan_id, earlier = id_of(made.plan), late_fees(session)
    for on in (agreed, DUE, DUE + DAY, DUE + 2 * DAY):
        builders.close_day(engine, on)
    ended = DUE + 3 * DAY
    with transaction(engine) as session:
        plan = session.get_one(type(made.plan), plan_id)
        cancel_agreement(session, plan, "pays at once", builders.catalog(), by=MEI, now=builders.at(ended))
    for on in (ended, ended + DAY):
        builders.close_day(engine, on)
    with transaction(engine) as session:
        amounts = interest_by_day(session)
        assert amounts[:2] == [49, 49], "before"
        assert set(amounts[2:7]) <= {10, 11}, "from the day it was agreed to the day it ended"
        assert amounts[7] in (49, 50), "the day after"
        assert late_fees(session) == earlier, "the minimum of the 10th lapsed under the plan"
        before = balance_of(session, id_of(session.scalars(select(Account)).one()), ended)
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []
        # A payment that comes late changes the interest of past days: each at the rate of its day.
        builders.payment(
            session, session.scalars(select(Account)).one(), 10_000, DUE, posted_on=ended + 2 * DAY
        )
    builders.close_day(engine, ended + 2 * DAY)
    with transaction(engine) as session:
        corrected = session.scalars(select(Entry).where(Entry.kind == EntryKind.ADJUSTMENT)).one()
        # 3 days at 3.65 % and 1 at 18 % on 100.00 less
        assert -9 <= corrected.amount_minor <= -7
        assert before > 0
