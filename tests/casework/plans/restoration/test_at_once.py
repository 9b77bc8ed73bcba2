"""By day an agreement runs on as soon as a file brings its payment; a load that was cut off leaves it to the night."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import agree
from app.actions.feeds import loads
from app.actions.feeds.loads import load
from app.book.ledger.rules import FeedKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.casework.plans.restoration.service import restore_plans
from app.casework.plans.rules import PlanStatus
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from tests import builders
from tests.actions.test_agreements import AS_MANAGER, DAY, LETTERS, ON, PLAN, a_case, assess, the_card

DUE = ON + 6 * DAY
BROKEN = DUE + 4 * DAY
KNOWN = BROKEN + DAY


def broken(session: Session) -> tuple[int, str]:
    """Id of a plan that was found broken, and the reference of its customer's account."""
    case = a_case(session)
    plan = agree(session, case, PLAN, LETTERS, **AS_MANAGER).plan
    assess(session, case, BROKEN)
    assert plan.status is PlanStatus.BROKEN
    return id_of(plan), the_card(session).reference


def read(engine: Engine, account: str, folder: Path) -> None:
    path = folder / "payments.csv"
    header = "payment_ref,account_ref,paid_on,amount,method"
    path.write_text(builders.csv_text(header, ("P-1", account, DUE, "100.00", "transfer")), encoding="utf-8")
    load(
        engine, FeedKind.PAYMENTS, path, builders.BOOK, rejects_dir=folder / "rejects", by=Actor.user("ann"),
        now=builders.at(KNOWN, 10),
    )  # fmt: skip


def test_a_file_restores_what_it_pays(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        plan_id, account = broken(session)
    builders.close_day(engine, BROKEN)  # what arrives now belongs to the next day
    read(engine, account, tmp_path)
    with transaction(engine) as session:
        plan, case = session.get_one(Plan, plan_id), session.scalars(select(CollectionsCase)).one()
        assert (plan.status, case.broken_promises) == (PlanStatus.ACTIVE, 0)


def test_a_load_that_is_cut_off_before_leaves_it_to_the_night(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(engine) as session:
        plan_id, account = broken(session)
    builders.close_day(engine, BROKEN)

    def cut_off(*_: object, **__: object) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(loads, "restore_loaded", cut_off)
    with pytest.raises(SystemExit):
        read(engine, account, tmp_path)
    with transaction(engine) as session:
        assert session.get_one(Plan, plan_id).status is PlanStatus.BROKEN
        book = get_portfolio(session, builders.BOOK)
        assert restore_plans(session, book, KNOWN, now=builders.night_after(KNOWN)) == 1


def test_the_account_of_another_customer_restores_nothing(sqlite_engine: Engine, tmp_path: Path) -> None:
    with transaction(sqlite_engine) as session:
        plan_id, _ = broken(session)
        book = get_portfolio(session, builders.BOOK)
        stranger = builders.late_customer(session, book, due_on=ON).reference
    builders.close_day(sqlite_engine, BROKEN)
    read(sqlite_engine, stranger, tmp_path)
    with transaction(sqlite_engine) as session:
        assert session.get_one(Plan, plan_id).status is PlanStatus.BROKEN
