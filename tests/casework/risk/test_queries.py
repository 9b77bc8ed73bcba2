"""Break risk read from the database: what was known on the day of an agreement, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.risk.features import Standing
from app.casework.risk.queries import chance_for, outcomes_of, risk_model, standing_of
from app.casework.risk.rules import BaseRate
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from tests import builders

DUE = date(2026, 3, 10)
FIRST = date(2026, 3, 20)
"""The day of the first agreement."""
DAY = timedelta(days=1)


def agreement(
    session: Session,
    status: PlanStatus,
    accepted_on: date,
    due: Sequence[date],
    *,
    ended_on: date | None = None,
    broken: int | None = None,
    skipped: int | None = None,
) -> int:
    """A plan row of the only case, as its life would have left it."""
    case = session.scalars(select(CollectionsCase)).one()
    plan = Plan(
        portfolio_id=case.portfolio_id, case_id=id_of(case), customer_id=case.customer_id,
        kind=PlanKind.INSTALMENTS, status=status, total_minor=1_000 * len(due),
        offered_at=builders.at(accepted_on), offered_by="user:ann", accepted_on=accepted_on, ended_on=ended_on,
        broken_instalment=broken, cadence=Cadence.MONTHLY, grace_days=3,
    )  # fmt: skip
    session.add(plan)
    session.flush()
    session.add_all(
        PlanInstalment(plan_id=id_of(plan), n=n, due_on=on, amount_minor=1_000, is_skipped=n == skipped)
        for n, on in enumerate(due, start=1)
    )
    session.flush()
    return id_of(plan)


def lived(engine: Engine) -> tuple[int, int, int]:
    """One customer, late since DUE: a broken plan, then a cancelled one, then one that runs. Ids of the three."""
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE)
        builders.payment(session, card, 300, DUE - 60 * DAY)
        builders.payment(session, card, 700, FIRST + 5 * DAY)
    builders.close_day(engine, FIRST + 70 * DAY)
    with transaction(engine) as session:
        broken = agreement(
            session,
            PlanStatus.BROKEN,
            FIRST,
            [FIRST + 5 * DAY, FIRST + 15 * DAY],
            ended_on=FIRST + 19 * DAY,
            broken=2,
        )
        cancelled = agreement(
            session, PlanStatus.CANCELLED, FIRST + 20 * DAY, [FIRST + 25 * DAY, FIRST + 55 * DAY],
            ended_on=FIRST + 40 * DAY,
        )  # fmt: skip
        running = agreement(
            session, PlanStatus.ACTIVE, FIRST + 41 * DAY,
            [FIRST + (41 + n) * DAY for n in (5, 10, 15, 200)], skipped=2,
        )  # fmt: skip
    return broken, cancelled, running


def test_each_agreement_knows_what_was_known_on_its_day_and_no_later(engine: Engine) -> None:
    broken, cancelled, running = lived(engine)
    with reading(engine) as session:
        portfolio = session.scalars(select(Portfolio)).one()
        found = {each.plan_id: each for each in outcomes_of(session, portfolio, FIRST + 70 * DAY)}
        before = outcomes_of(session, portfolio, FIRST + 41 * DAY)
    late = (FIRST - DUE).days
    assert found[broken].standing == Standing(late, 0, 0, 300)
    assert found[cancelled].standing == Standing(late + 20, 1, 0, 1_000)
    assert found[running].standing == Standing(late + 41, 1, 0, 700)
    assert found[broken].broke == (False, True)
    assert found[cancelled].broke == (False,)
    assert found[running].broke == (False, False), "the skipped one is not at risk, the last is not due yet"
    assert [each.has_ended for each in found.values()] == [True, False, False]
    assert [len(each.broke) for each in before] == [2, 1, 0]


def test_a_standing_is_about_its_own_day(engine: Engine) -> None:
    lived(engine)
    with reading(engine) as session:
        customer_id = id_of(session.scalars(select(Customer)).one())
        assert standing_of(session, customer_id, DUE) == Standing(0, 0, 0, 300)
        assert standing_of(session, customer_id, FIRST + 70 * DAY).broken_before == 1


def test_without_a_model_every_instalment_has_the_prior(engine: Engine) -> None:
    lived(engine)
    with reading(engine) as session:
        account = session.scalars(select(Account)).one()
        portfolio = session.scalars(select(Portfolio)).one()
        assert risk_model(session, id_of(portfolio)).base == BaseRate()
        assert callable(chance_for(session, portfolio, account.customer_id, FIRST))
