"""The proof of agreements, complaints and costs finds what is wrong; a complaint is in time by the local day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Account, Entry
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import ComplaintAnswer
from app.casework.plans.models import Plan, PlanAccount
from app.casework.plans.rules import PlanKind, PlanStatus
from app.core.clock import local_date
from app.core.database.engine import reading, table_of, transaction
from app.core.ids import id_of
from app.reporting.kpis.definitions.service.complaints import COMPLAINTS_CLOSED
from app.reporting.kpis.family import Scope, clocks
from app.reporting.kpis.measuring import measured_figures
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.proof.casework import CHECKED
from app.reporting.kpis.proof.checking import check_day
from app.reporting.kpis.queries import latest_versions
from app.reporting.kpis.service import take_snapshot
from tests import builders
from tests.reporting.kpis.lived import FIRST, LAST, live_through


def test_every_day_is_proven_and_a_wrong_figure_is_found(engine: Engine) -> None:
    live_through(engine)
    with reading(engine) as session:
        scope = Scope(get_portfolio(session, builders.BOOK))
        assert [check_day(session, scope, on) for on in (FIRST, date(2026, 3, 5), LAST)] == [[], [], []]
    for kpi in CHECKED:
        with transaction(engine) as session:
            falsify(session, kpi, 1)
            scope = Scope(get_portfolio(session, builders.BOOK))
            assert kpi in {each.kpi for each in check_day(session, scope, LAST)}, kpi
            session.rollback()


def test_a_settlement_is_proven_from_the_ledger(engine: Engine) -> None:
    """Card b paid 60.00 on the 2nd and 40.00 on the 9th, on which day the settlement of the 2nd ended."""
    live_through(engine)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        paid = session.scalars(select(Entry).where(Entry.effective_on == date(2026, 3, 9))).one()
        owner = session.get_one(Account, paid.account_id).customer_id
        case = session.scalars(select(CollectionsCase).where(CollectionsCase.customer_id == owner)).first()
        assert case is not None
        plan = Plan(
            portfolio_id=id_of(book), case_id=id_of(case), customer_id=owner, kind=PlanKind.SETTLEMENT,
            status=PlanStatus.KEPT, total_minor=10_000, offered_at=builders.at(date(2026, 3, 2)),
            offered_by="user:mei", accepted_on=date(2026, 3, 2), ended_on=date(2026, 3, 9),
        )  # fmt: skip
        session.add(plan)
        session.flush()
        session.add(PlanAccount(plan_id=id_of(plan), account_id=paid.account_id))
        session.flush()
        take_snapshot(session, id_of(book), LAST, now=builders.night_after(LAST))
        assert latest_versions(session, id_of(book), LAST)["settlement_yield", "agent", "mei"][1:] == (
            10_000,
            10_000,
        )
        assert check_day(session, Scope(book), LAST) == []


def falsify(session: Session, kpi: str, by: int) -> None:
    kept = table_of(KpiSnapshot)
    its = (kept.c.kpi == kpi, kept.c.business_date == LAST, kept.c.dimension == "")
    session.execute(sa.update(kept).where(*its).values(numerator=kept.c.numerator + by))


@pytest.mark.parametrize(
    ("hour", "in_time"), [(23, 1), (31, 0)]
)  # of the day set for it; 07:00 of the next is late
def test_a_complaint_is_in_time_by_the_day_where_the_portfolio_is(
    engine: Engine, hour: int, in_time: int
) -> None:
    """07:00 in Shanghai is still the day before in UTC."""
    live_through(engine)
    until = date(2026, 3, 10)
    with transaction(engine) as session:
        answer = session.scalars(select(ComplaintAnswer).where(ComplaintAnswer.by == "user:mei")).one()
        answer.answered_at = builders.at(until, 0) + timedelta(hours=hour)
        answer.answered_on = local_date(answer.answered_at, builders.ZONE)
        session.flush()
        scope = Scope(get_portfolio(session, builders.BOOK))
        found = measured_figures(session, [COMPLAINTS_CLOSED], scope, LAST)
        assert found["complaints_on_time", "", ""].numerator == in_time


def test_the_moment_at_which_clocks_change() -> None:
    new_york = Portfolio(
        code="NY", creditor="B", currency="USD", timezone="America/New_York", policy_pack="x"
    )
    at, before, after = clocks(new_york, date(2026, 3, 20))
    assert (at.isoformat()[:16], before, after) == ("2026-03-08T07:00", "-300 minutes", "-240 minutes")
    assert clocks(new_york, date(2026, 7, 1))[1:] == ("-240 minutes", "-240 minutes")
