"""Military service: debts of before it bear at most 6 %, from its first day (50 USC 3937)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.holds import end_hold, place_hold, review_hold
from app.book.charges.models import ProtectedRate
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.vocabulary import HoldKind
from app.operations.invariants.checks import thorough
from app.outreach.strategy.models import StrategyTask
from tests import builders

DUE = date(2026, 3, 10)
DAY = timedelta(days=1)
UNTIL = DUE + 40 * DAY
ANN = Actor.user("ann")


def in_service(
    session: Session, on: date, *, since: date | None, kind: HoldKind = HoldKind.MILITARY
) -> CaseHold:
    case = session.scalars(select(CollectionsCase)).one()
    return place_hold(
        session, case, kind, "orders of the Army", UNTIL, builders.catalog(), since=since, by=ANN,
        now=builders.at(on),
    ).hold  # fmt: skip


def a_card(engine: Engine, *, accrues: bool = True, country: str = "US") -> None:
    """1,000.00 at 18 %: 49 or 50 cents a day; at 6 % it is 16 or 17."""
    with transaction(engine) as session:
        given = {"accrues": True, "late_fee_minor": 2_500} if accrues else {}
        book = builders.portfolio(session, pack="us-first-party", currency="USD", **given)
        card = builders.late_customer(session, book, due_on=DUE, country=country)
        builders.statement(session, card, DUE - 55 * DAY, DUE - 30 * DAY, 5_000)
    for n in (-3, -2, -1, 0, 1):
        builders.close_day(engine, DUE + n * DAY)


def interest(session: Session, since: date) -> list[int]:
    query = select(Entry).where(
        Entry.kind == EntryKind.INTEREST, Entry.source == "system", Entry.effective_on >= since
    )
    return [entry.amount_minor for entry in session.scalars(query.order_by(col(Entry.effective_on)))]


def test_the_rate_is_capped_from_the_first_day_of_the_service_until_the_hold_ends(engine: Engine) -> None:
    a_card(engine)
    with transaction(engine) as session:
        [late_fee] = session.scalars(
            select(Entry).where(Entry.kind == EntryKind.FEE, col(Entry.effective_on) >= DUE)
        )
        in_service(session, DUE + 2 * DAY, since=DUE - DAY)
    builders.close_day(engine, DUE + 2 * DAY)
    with transaction(engine) as session:
        assert interest(session, DUE + 2 * DAY)[0] in (16, 17)
        back = session.scalars(select(Entry).where(Entry.reverses_id == late_fee.id)).one()
        assert back.amount_minor == -2_500, "a late fee is interest too"
        # Three days (9, 10 and 11 March) at 12 % of 1,000.00 less, and a day's interest of the fee.
        corrected = session.scalars(select(Entry).where(Entry.kind == EntryKind.ADJUSTMENT)).one()
        assert -102 <= corrected.amount_minor <= -97
        hold = session.scalars(select(CaseHold)).one()
        end_hold(session, hold, "he is back", by=ANN, now=builders.at(DUE + 4 * DAY))
    for n in (3, 4):
        builders.close_day(engine, DUE + n * DAY)
    with transaction(engine) as session:
        capped, own = interest(session, DUE + 3 * DAY)
        assert (capped in (16, 17), own in (49, 50)) == (True, True)
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


@pytest.mark.parametrize("moved", [UNTIL - 10 * DAY, UNTIL + 10 * DAY])
def test_the_cap_moves_with_the_end_of_the_hold(engine: Engine, moved: date) -> None:
    a_card(engine)
    with transaction(engine) as session:
        hold = in_service(session, DUE + 2 * DAY, since=None)
        review_hold(session, hold, "new orders", moved, by=ANN, now=builders.at(DUE + 3 * DAY))
        rows = session.scalars(select(ProtectedRate).order_by(col(ProtectedRate.from_on))).all()
        assert (rows[0].from_on, rows[-1].to_on) == (DUE + 2 * DAY, moved)
        assert all(first.to_on == then.from_on for first, then in zip(rows, rows[1:], strict=False))


def test_a_hold_that_was_kept_longer_and_ends_earlier_caps_no_day_after_it(engine: Engine) -> None:
    a_card(engine)
    with transaction(engine) as session:
        hold = in_service(session, DUE + 2 * DAY, since=None)
        for until in (UNTIL + 10 * DAY, UNTIL - 10 * DAY):
            review_hold(session, hold, "new orders", until, by=ANN, now=builders.at(DUE + 3 * DAY))
        rows = session.scalars(select(ProtectedRate)).all()
        assert max(row.to_on for row in rows) == UNTIL - 10 * DAY


@pytest.mark.parametrize("days", [0, 1])
def test_a_debt_that_is_not_of_before_and_another_hold_are_not_capped(engine: Engine, days: int) -> None:
    """A debt of the first day of the service is none of before it."""
    a_card(engine)
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        in_service(session, DUE + 2 * DAY, since=card.opened_on - days * DAY)
        assert session.scalars(select(ProtectedRate)).all() == []
        in_service(session, DUE + 2 * DAY, since=None, kind=HoldKind.VULNERABLE)
        assert session.scalars(select(ProtectedRate)).all() == []


def test_a_day_ahead_and_a_day_that_protects_nothing_are_refused(engine: Engine) -> None:
    a_card(engine)
    with transaction(engine) as session:
        with pytest.raises(Invalid, match="a day that has begun"):
            in_service(session, DUE, since=DUE + DAY)
        with pytest.raises(Invalid, match="no pack here protects"):
            in_service(session, DUE, since=DUE - DAY, kind=HoldKind.HARDSHIP)
        assert session.scalars(select(CaseHold)).all() == []


def test_where_the_creditor_charges_a_person_has_it_lowered(engine: Engine) -> None:
    a_card(engine, accrues=False)
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        in_service(session, DUE + 2 * DAY, since=DUE - 5 * DAY)
        [task] = [each for each in session.scalars(select(StrategyTask)) if each.step == "rate-to-lower"]
        assert f"at most 6% a year, fees included, from {DUE - 5 * DAY} on" in task.text
        assert card.reference in task.text
    builders.close_day(engine, DUE + 2 * DAY)
    with transaction(engine) as session:
        assert interest(session, DUE) == []
