"""A payment that is reversed restates exactly the days it touches, and the restatement names it."""

from __future__ import annotations

from datetime import date

from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.reporting.kpis.family import Scope
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.proof.checking import check_day
from app.reporting.kpis.proof.restatements import LateEntries, causes_of, late_entries_since
from tests import builders

START, PAID_ON, LAST = date(2026, 3, 2), date(2026, 3, 4), date(2026, 3, 6)


def test_a_reversed_payment_restates_the_days_it_touches(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        card = builders.late_customer(
            session, book, due_on=date(2026, 2, 20), minimum=10_000, balance=100_000
        )
        builders.late_customer(session, book, due_on=date(2026, 2, 20), minimum=10_000, balance=50_000)
        reference = card.reference
        paid = id_of(builders.payment(session, card, 10_000, PAID_ON))
    builders.close_day(engine, START)
    builders.close_day(engine, LAST)
    with transaction(engine) as session:
        reverse(session, paid)
    builders.close_day(engine, date(2026, 3, 7))
    with reading(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        again = session.scalars(
            select(KpiSnapshot).where(
                KpiSnapshot.version == 2,
                KpiSnapshot.kpi == "overdue_rate_accounts_1",
                KpiSnapshot.dimension == "",
            )
        ).all()
        assert sorted(row.business_date for row in again) == [PAID_ON, date(2026, 3, 5), LAST]
        assert {(row.numerator, row.denominator) for row in again} == {(2, 2)}
        sliced = session.scalars(
            select(KpiSnapshot.dimension).where(
                KpiSnapshot.version == 2, col(KpiSnapshot.business_date) == PAID_ON
            )
        ).all()
        assert {"bucket", "product", "agent", "placement"} <= set(sliced)
        [restatement] = {row.restatement_id for row in again}
        assert restatement is not None
        [cause] = causes_of(session, [restatement])[restatement]
        assert (cause.account_ref, cause.amount_minor, cause.effective_on) == (reference, -10_000, PAID_ON)
        assert cause.is_reversal
        late = late_entries_since(session, id_of(book), builders.night_after(LAST))
        assert late == [LateEntries(EntryKind.PAYMENT, 1, -10_000, PAID_ON)]
        assert late_entries_since(session, id_of(book), builders.night_after(date(2026, 3, 7))) == []
        for on in (PAID_ON, LAST, date(2026, 3, 7)):
            assert check_day(session, Scope(book), on) == []


def reverse(session: Session, entry_id: int) -> None:
    """As a person does at noon of the day after the last closed one."""
    on = date(2026, 3, 7)
    entry = session.get_one(Entry, entry_id)
    reverse_entry(
        session, entry, reason="it bounced", posted_on=on, by=Actor.user("mei"), now=builders.at(on)
    )
