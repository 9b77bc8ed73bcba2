"""Reversing one payment of two months ago restates exactly the figures and days that it touches, in every slice.

Beside the portfolio stands a twin with the same customers, cards and agents, where the payment never came. What is past
due there is what the restated days must say; what they said before the reversal must stay as their first version. The
balance is another matter: it rises on the day of the reversal, so figures of balances keep what a day had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.delinquency.service import fold_accounts
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.staff.service import add_user
from app.reporting.kpis.definitions.catalog import FAMILIES
from app.reporting.kpis.definitions.flow import FLOW, REPAYMENT
from app.reporting.kpis.definitions.liquidation import PLACED
from app.reporting.kpis.definitions.outcomes.classes import CLASSES
from app.reporting.kpis.definitions.outcomes.cures import CURES
from app.reporting.kpis.definitions.overdue import OVERDUE
from app.reporting.kpis.definitions.recovery import MONTH, THIRTY_DAYS
from app.reporting.kpis.family import Scope
from app.reporting.kpis.measuring import measured_figures
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.proof.checking import check_day
from app.reporting.kpis.proof.restatements import causes_of
from tests import builders
from tests.lasting import DATABASES, lasting

TWIN = "TWIN"
START, PAID_ON, LAST, BACK_ON = date(2026, 1, 2), date(2026, 1, 5), date(2026, 3, 6), date(2026, 3, 7)
DAY = timedelta(days=1)
Key = tuple[date, str, str, str]
"""Day, figure, dimension and member."""
Pair = tuple[int, int]

OF_LEDGER = frozenset(
    each.name
    for family in (MONTH, THIRTY_DAYS, PLACED, OVERDUE, FLOW, REPAYMENT, CLASSES, CURES)
    for each in family.definitions
    if "balance" not in each.numerator + each.denominator
)
"""Figures of accounts and of money that is past due or paid."""


def open_book(session: Session, code: str) -> Account:
    """Anna has a gold card, due on 2 January and 2 February, and a loan that is never paid, so that she has a case of
    Mei's all the time. Ben, of Jonas, has a silver card that is never paid. Returns the gold card."""
    book = builders.portfolio(session, code)
    anna = builders.late_customer(
        session, book, due_on=date(2026, 1, 2), minimum=10_000, balance=100_000, full_name="Anna"
    )
    anna.placed_on = date(2026, 1, 1)
    builders.statement(session, anna, date(2026, 1, 13), date(2026, 2, 2), 5_000)
    loan = builders.account(session, session.get_one(Customer, anna.customer_id), product="Loan")
    builders.entry(session, loan, EntryKind.OPENING_BALANCE, 300_000, date(2025, 11, 1))
    builders.statement(session, loan, date(2025, 11, 21), date(2025, 12, 11), 20_000)
    ben = builders.late_customer(session, book, due_on=date(2025, 12, 20), minimum=10_000, full_name="Ben")
    ben.product = "Silver card"
    return anna


def give_out(session: Session, code: str) -> None:
    """Give each case to its agent."""
    book = get_portfolio(session, code)
    query = select(CollectionsCase, Customer).join(
        Customer, col(Customer.id) == col(CollectionsCase.customer_id)
    )
    for case, holder in session.execute(query.where(CollectionsCase.portfolio_id == id_of(book))):
        case.owner = "mei" if holder.full_name == "Anna" else "jonas"


def versions_of(session: Session, book: Portfolio) -> dict[Key, list[KpiSnapshot]]:
    """The versions of each stored figure, oldest first."""
    found: dict[Key, list[KpiSnapshot]] = defaultdict(list)
    query = select(KpiSnapshot).where(KpiSnapshot.portfolio_id == id_of(book))
    for row in session.scalars(query.order_by(col(KpiSnapshot.version))):
        found[row.business_date, row.kpi, row.dimension, row.member].append(row)
    return found


def pair(row: KpiSnapshot) -> Pair:
    return row.numerator, row.denominator


@dataclass(frozen=True)
class Lived:
    """A portfolio whose payment of two months ago was reversed, and what it had stored the night before."""

    engine: Engine
    before: dict[Key, Pair]
    card: str
    """Reference of the account whose payment it was."""


@pytest.fixture(scope="module", params=DATABASES)
def lived(request: pytest.FixtureRequest) -> Iterator[Lived]:
    with lasting(request) as engine:
        with transaction(engine) as session:
            for name in ("mei", "jonas"):
                user = add_user(
                    session, name, name, Role.AGENT, "s3cret-enough-to-pass", by=SYSTEM, now=builders.NOW
                )
                user.team = f"team of {name}"
            paid_card = open_book(session, builders.BOOK)
            open_book(session, TWIN)
            card = paid_card.reference
            paid = id_of(builders.payment(session, paid_card, 10_000, PAID_ON))
        for code in (builders.BOOK, TWIN):
            builders.close_day(engine, START, code=code)
            with transaction(engine) as session:
                give_out(session, code)
        builders.close_day(engine, LAST)
        builders.close_day(engine, START + DAY, code=TWIN)
        with reading(engine) as session:
            stored = versions_of(session, get_portfolio(session, builders.BOOK))
            before = {key: pair(rows[-1]) for key, rows in stored.items()}
        with transaction(engine) as session:
            entry = session.get_one(Entry, paid)
            reverse_entry(
                session,
                entry,
                reason="it bounced",
                posted_on=BACK_ON,
                by=Actor.user("mei"),
                now=builders.at(BACK_ON),
            )
        builders.close_day(engine, BACK_ON)
        with transaction(engine) as session:
            twin = get_portfolio(session, TWIN)
            cards = session.scalars(select(Account).where(Account.portfolio_id == id_of(twin)))
            fold_accounts(session, twin, [id_of(card) for card in cards], through=BACK_ON)
        yield Lived(engine, before, card)


def test_every_slice_says_afterwards_what_it_says_where_the_payment_never_came(lived: Lived) -> None:
    with reading(lived.engine) as session:
        book, twin = get_portfolio(session, builders.BOOK), get_portfolio(session, TWIN)
        stored = versions_of(session, book)
        for n in range((LAST - START).days + 1):
            on = START + n * DAY
            now = {key[1:]: pair(rows[-1]) for key, rows in stored.items() if key[0] == on}
            never = {
                key: (figure.numerator, figure.denominator)
                for key, figure in measured_figures(session, FAMILIES, Scope(twin), on).items()
            }
            for key in now.keys() | never.keys():
                if key[0] in OF_LEDGER:
                    assert now.get(key, (0, 0)) == never.get(key, (0, 0)), (on, key)
        for on in (START, PAID_ON - DAY, PAID_ON, date(2026, 1, 31), date(2026, 2, 2), LAST, BACK_ON):
            assert check_day(session, Scope(book), on) == []


def test_only_the_days_and_figures_that_the_payment_touched_are_written_again(lived: Lived) -> None:
    with reading(lived.engine) as session:
        stored = versions_of(session, get_portfolio(session, builders.BOOK))
        again = {key for key, rows in stored.items() if rows[-1].restatement_id is not None}
        touched = {
            key
            for key, rows in stored.items()
            if key[0] <= LAST and pair(rows[-1]) != lived.before.get(key, (0, 0))
        }
        assert {key for key in again if key[1] != "bucket_past_due"} == {
            key for key in touched if key[1] != "bucket_past_due"
        }
        assert {key[0] for key in again} == {PAID_ON + n * DAY for n in range((LAST - PAID_ON).days + 1)}
        sliced = {(dimension, member) for _, _, dimension, member in again}
        assert {
            ("product", "Gold card"),
            ("agent", "mei"),
            ("team", "team of mei"),
            ("placement", "2026-01"),
        } <= sliced
        for key, rows in stored.items():
            if key in touched:
                old = lived.before.get(key)
                assert [pair(row) for row in rows[:-1]] == ([old] if old else [])
            elif key[0] <= LAST:
                assert len(rows) == 1, key


def test_what_the_payment_has_nothing_to_do_with_stays_as_it_was(lived: Lived) -> None:
    with reading(lived.engine) as session:
        stored = versions_of(session, get_portfolio(session, builders.BOOK))
        bens = {
            ("product", "Silver card"),
            ("agent", "jonas"),
            ("team", "team of jonas"),
            ("product", "Loan"),
        }
        for (on, kpi, dimension, member), rows in stored.items():
            if (dimension, member) in bens or on < PAID_ON:
                assert [row.version for row in rows] == [1], (on, kpi, dimension, member)
        # From 3 February on, the second due is late either way.
        days = {
            on
            for (on, kpi, dimension, _), rows in stored.items()
            if kpi == "overdue_rate_accounts_1" and not dimension and len(rows) > 1
        }
        assert days == {PAID_ON + n * DAY for n in range((date(2026, 2, 2) - PAID_ON).days + 1)}


def test_the_cause_of_every_new_version_is_the_payment(lived: Lived) -> None:
    with reading(lived.engine) as session:
        stored = versions_of(session, get_portfolio(session, builders.BOOK))
        [restatement] = {
            row.restatement_id for rows in stored.values() for row in rows[1:] if row.kpi != "bucket_past_due"
        }
        assert restatement is not None
        [cause] = causes_of(session, [restatement])[restatement]
        assert (cause.account_ref, cause.amount_minor, cause.effective_on) == (lived.card, -10_000, PAID_ON)
        assert cause.is_reversal
