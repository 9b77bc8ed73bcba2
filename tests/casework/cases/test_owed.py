"""What is owed decides, nothing else: an account on which nothing is owed says nothing of its customer's case."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.delinquency.queries import aging
from app.book.delinquency.rules import owed_of
from app.book.delinquency.service import Now, fold_accounts
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.debt import (
    debt_of,
    debts_as_folded,
    debts_now,
)
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.legal.referrals.models import Referral
from app.outreach.outbox.models import OutboxMessage
from tests import builders

DAY = timedelta(days=1)
DUE = date(2026, 3, 10)


# --- rules ----------------------------------------------------------------------------------------


def test_what_is_owed_of_what_is_past_due() -> None:
    table = [(50, 100, 50), (50, 50, 50), (50, 49, 49), (50, 0, 0), (50, -10, 0), (0, 100, 0)]
    assert [owed_of(past_due, balance) for past_due, balance, _ in table] == [owed for *_, owed in table]


ACCOUNTS = st.builds(
    lambda past_due, balance, days: Now(balance, past_due, DUE - days * DAY if past_due else None),
    st.integers(0, 10_000),
    st.integers(-10_000, 20_000),
    st.integers(1, 400),
)


@given(st.lists(ACCOUNTS, max_size=4), st.integers(1, 10_000), st.integers(-5_000, 0), st.integers(1, 400))
def test_an_account_that_owes_nothing_changes_nothing_that_a_case_says(
    others: list[Now], past_due: int, balance: int, days: int
) -> None:
    with_it = debt_of([*others, Now(balance, past_due, DUE - days * DAY)])
    alone = debt_of(others)
    assert (with_it.past_due, with_it.oldest, with_it.debt) == (alone.past_due, alone.oldest, alone.debt)
    assert with_it.not_owed == alone.not_owed + past_due


@given(st.lists(ACCOUNTS, max_size=5))
def test_never_more_is_owed_than_is_past_due_and_than_the_balances(accounts: list[Now]) -> None:
    owes = debt_of(accounts)
    assert owes.past_due + owes.not_owed == sum(each.past_due for each in accounts)
    assert 0 <= owes.past_due <= owes.debt
    assert (owes.oldest is None) == (owes.past_due == 0)


# --- an old card without a balance ----------------------------------------------------------------


def old_card(session: Session, customer_id: int, late: int, minimum: int = 5_000) -> Account:
    """A card whose minimum is formally unpaid for `late` days at DUE and on which nothing is owed: the bank took the
    disputed sum off."""
    holder = session.get_one(builders.Customer, customer_id)
    card = builders.account(session, holder, card_last4="1111")
    due_on = DUE - late * DAY
    builders.entry(session, card, EntryKind.PURCHASE, 100_000, due_on - 40 * DAY)
    builders.statement(session, card, due_on - 20 * DAY, due_on, minimum)
    builders.entry(session, card, EntryKind.ADJUSTMENT, -100_000, due_on - 10 * DAY)
    return card


def test_the_case_the_words_and_the_court_know_only_the_card_that_owes(engine: Engine) -> None:
    """With the old card and without it a customer is told the same, on the same day, by the same channel."""
    with transaction(engine) as session:
        book = builders.portfolio(session, charge_off_days=0)
        late = [builders.late_customer(session, book, due_on=DUE, minimum=3_000) for _ in range(3)]
        whose = [card.customer_id for card in late]
        old_card(session, whose[0], 96)
        old_card(session, whose[1], 33)
    for n in range(5):
        builders.close_day(engine, DUE + n * DAY)
    with transaction(engine) as session:
        said = []
        for customer_id in whose:
            case = session.scalars(
                select(CollectionsCase).where(CollectionsCase.customer_id == customer_id)
            ).one()
            assert (case.past_due_minor, case.oldest_due_on, case.balance_minor) == (3_000, DUE, 100_000)
            sent = session.scalars(select(OutboxMessage).where(OutboxMessage.case_id == case.id)).all()
            said.append(
                (case.step_day, case.priority, case.opened_on)
                + tuple((m.business_date, m.letter, m.destination, m.past_due_minor) for m in sent)
            )
            assert not any("1111" in message.text for message in sent)
        assert said[0] == said[1] == said[2], "as the control, who has no old card"
        assert session.scalars(select(Referral)).all() == []
        assert aging(session, get_portfolio(session, builders.BOOK), DUE + 4 * DAY).past_due_amount == 19_000
        assert aging(session, get_portfolio(session, builders.BOOK), DUE + 4 * DAY).owed_amount == 9_000


def test_who_owes_nothing_at_all_has_no_case_and_an_open_one_ends(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        nobody = builders.customer(session, book)
        old_card(session, id_of(nobody), 50)
        card = builders.late_customer(session, book, due_on=DUE)
        was_late, card_id = card.customer_id, card.id
    builders.close_day(engine, DUE + 2 * DAY)
    assert builders.open_case(engine, id_of(nobody)) is None
    assert builders.open_case(engine, was_late) is not None
    with transaction(engine) as session:
        builders.entry(
            session, session.get_one(Account, card_id), EntryKind.ADJUSTMENT, -100_000, DUE + 3 * DAY
        )
    builders.close_day(engine, DUE + 4 * DAY)
    with transaction(engine) as session:
        [case] = session.scalars(select(CollectionsCase)).all()
        assert (case.status, case.outcome, case.past_due_minor) == (CaseStatus.CLOSED, CaseOutcome.PAID, 0)


def test_nothing_owed_is_never_charged_off(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session, charge_off_days=60)
        card_id = old_card(session, id_of(builders.customer(session, book)), 100).id
        late_id = builders.late_customer(session, book, due_on=DUE - 100 * DAY).id
    builders.close_day(engine, DUE)
    with transaction(engine) as session:
        assert session.get_one(Account, card_id).status is AccountStatus.ACTIVE
        assert session.get_one(Account, late_id).status is AccountStatus.CHARGED_OFF


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 200_000)), min_size=1, max_size=3))
def test_the_night_and_this_moment_say_the_same_of_the_same_entries(
    sqlite_engine: Engine, cards: list[tuple[int, int]]
) -> None:
    """In SQL for the whole book, in Python for one customer."""
    with transaction(sqlite_engine) as session:
        book = session.scalar(select(Portfolio)) or builders.portfolio(session)
        holder = builders.customer(session, book)
        whose = []
        for minimum, credit in cards:
            card = builders.account(session, holder)
            builders.entry(session, card, EntryKind.PURCHASE, 100_000, DUE - 40 * DAY)
            builders.statement(session, card, DUE - 20 * DAY, DUE, minimum)
            builders.entry(session, card, EntryKind.ADJUSTMENT, -credit, DUE - 10 * DAY)
            whose.append(id_of(card))
        who = id_of(holder)
        now = debts_now(session, book, [who], DUE + DAY)[who]
        fold_accounts(session, book, whose, through=DUE + DAY)
        assert debts_as_folded(session, [who])[who] == now


# --- charged off by the creditor -------------------------------------------------------------------


def test_a_charged_off_book_that_a_collector_is_given_is_worked_like_any_other(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session, collector=CollectorKind.THIRD_PARTY, agency="Honest Recovery")
        cards = [builders.late_customer(session, book, due_on=DUE) for _ in range(2)]
        cards[0].status = AccountStatus.CHARGED_OFF
        whose = [card.customer_id for card in cards]
    builders.close_day(engine, DUE + 3 * DAY)
    for customer_id in whose:
        case = builders.open_case(engine, customer_id)
        assert case is not None
        assert (case.past_due_minor, case.oldest_due_on) == (5_000, DUE)
    assert {m.customer_id for m in builders.messages(engine)} == set(whose)


def test_a_recovery_lowers_what_is_past_due_and_owed_on_such_an_account(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session, collector=CollectorKind.THIRD_PARTY, agency="Honest Recovery")
        card = builders.late_customer(session, book, due_on=DUE)
        card.status = AccountStatus.CHARGED_OFF
        builders.entry(session, card, EntryKind.RECOVERY, 2_000, DUE + 2 * DAY)
        who = card.customer_id
    builders.close_day(engine, DUE + 3 * DAY)
    case = builders.open_case(engine, who)
    assert case is not None
    assert (case.past_due_minor, case.balance_minor) == (3_000, 98_000)
