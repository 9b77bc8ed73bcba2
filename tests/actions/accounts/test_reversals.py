"""Ends that do not hold: a payment comes back after it had settled, paid or broken the back of a debt."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.reversals import move_payment, reverse_entry
from app.book.delinquency.history import as_known
from app.book.delinquency.service import standing_on
from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.corrections.reversals import reverse_entry as reverse_in_the_ledger
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus, EndFacts, EndVerdict, EntryKind, judge_end
from app.book.portfolios.service import get_portfolio
from app.casework.cases.events import CaseReopened
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.plans.models import Plan
from app.casework.plans.rules import Instalment, PlanKind, PlanStatus
from app.casework.plans.tracking.assessing import (
    ComesToNothing,
    InGrace,
    Kept,
    Running,
    after_reversal,
)
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.checks import quick, thorough
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.agreements import offer_settlement, promise_to_pay
from tests.paths import ROOT

DUE, DAY = date(2026, 3, 10), timedelta(days=1)
ACTIVE, CHARGED_OFF, SETTLED = AccountStatus.ACTIVE, AccountStatus.CHARGED_OFF, AccountStatus.SETTLED
PAID, SOLD = AccountStatus.PAID, AccountStatus.SOLD
END = date(2026, 4, 12)


def who(on: date) -> dict[str, Any]:
    return {"by": "user:ann", "now": builders.at(on)}


@pytest.mark.parametrize(
    ("status", "before", "entry", "entry_on", "balance", "off_book", "verdict"),
    [
        # A bounced payment of 600 after 400 was written off.
        (SETTLED, ACTIVE, -600, END, 600, 400, EndVerdict.UNDONE),
        (
            SETTLED,
            ACTIVE,
            -600,
            END + DAY,
            0,
            400,
            EndVerdict.STANDS,
        ),  # it was paid too much, and that came back
        (SETTLED, ACTIVE, -1, END - 99 * DAY, 1, 400, EndVerdict.UNDONE),
        (PAID, ACTIVE, -600, END, 600, 0, EndVerdict.UNDONE),
        (PAID, ACTIVE, -600, END, 0, 0, EndVerdict.STANDS),  # another payment covers it
        (PAID, ACTIVE, 30, END, -30, 0, EndVerdict.STANDS),  # a fee that never was: 30 are overpaid
        (SETTLED, ACTIVE, 30, END, -30, 400, EndVerdict.OFF_THE_BOOK),  # 30 less were forgiven
        (SETTLED, ACTIVE, 401, END, -401, 400, EndVerdict.STANDS),
        (CHARGED_OFF, ACTIVE, -50, END, 50, 1_000, EndVerdict.OFF_THE_BOOK),
        (CHARGED_OFF, ACTIVE, -50, END + DAY, 0, 1_050, EndVerdict.STANDS),  # a recovery took its twin along
        (CHARGED_OFF, ACTIVE, 30, END, -30, 1_000, EndVerdict.OFF_THE_BOOK),
        (SOLD, ACTIVE, -50, END, 50, 1_000, EndVerdict.OFF_THE_BOOK),
        (SETTLED, CHARGED_OFF, -600, END, 0, 1_000, EndVerdict.UNDONE),
        (SETTLED, CHARGED_OFF, -600, END + DAY, 0, 1_000, EndVerdict.STANDS),
        (PAID, CHARGED_OFF, -600, END, 0, 0, EndVerdict.STANDS),
        (PAID, CHARGED_OFF, -600, END, 0, 600, EndVerdict.UNDONE),
    ],
)
def test_what_a_reversal_does_to_an_end(
    status: AccountStatus,
    before: AccountStatus,
    entry: int,
    entry_on: date,
    balance: int,
    off_book: int,
    verdict: EndVerdict,
) -> None:
    off_book_on = END - 100 * DAY if before is CHARGED_OFF else END
    facts = EndFacts(status, before, END, off_book_on, entry, entry_on, balance, off_book)
    assert judge_end(facts) is verdict


T = date(2026, 4, 11)
ONE = [Instalment(1, T + 10 * DAY, 600)]
TWO = [Instalment(1, T, 300), Instalment(2, T + 30 * DAY, 300)]


@pytest.mark.parametrize(
    ("kind", "parts", "payments", "today", "expected"),
    [
        (PlanKind.SETTLEMENT, ONE, [], T + 5 * DAY, Running(T + 10 * DAY)),
        (PlanKind.SETTLEMENT, ONE, [(T, 599)], T + 13 * DAY, InGrace(1, 1, T + 13 * DAY)),
        (PlanKind.SETTLEMENT, ONE, [(T, 599)], T + 14 * DAY, ComesToNothing(1, 1)),
        (PlanKind.SETTLEMENT, ONE, [(T + 12 * DAY, 600)], T + 14 * DAY, ComesToNothing(1, 0)),
        (PlanKind.SETTLEMENT, ONE, [(T, 600)], T + 5 * DAY, Kept(T + DAY)),
        (PlanKind.PROMISE, ONE, [], T + 9 * DAY, Running(T + 10 * DAY)),
        (PlanKind.PROMISE, ONE, [], T + 10 * DAY, Running(T + 10 * DAY)),
        (PlanKind.PROMISE, ONE, [], T + 11 * DAY, InGrace(1, 600, T + 13 * DAY)),
        (PlanKind.PROMISE, ONE, [], T + 14 * DAY, ComesToNothing(1, 600)),
        (PlanKind.PROMISE, ONE, [(T + 12 * DAY, 600)], T + 14 * DAY, Kept(T + 14 * DAY)),
        (PlanKind.INSTALMENTS, TWO, [(T, 300)], T + 5 * DAY, Running(T + 30 * DAY)),
        (PlanKind.INSTALMENTS, TWO, [(T + DAY, 300)], T + 40 * DAY, ComesToNothing(2, 300)),
    ],
)  # fmt: skip
def test_where_a_kept_plan_stands_once_a_payment_came_back(
    kind: PlanKind, parts: list, payments: list, today: date, expected: object
) -> None:
    found = after_reversal(kind, parts, payments, kept_on=T + DAY, today=today, grace_days=3)
    assert found == expected


def test_every_door_takes_payments_back_by_the_same_verb() -> None:
    """The ledger's own verb leaves agreements and cases alone, so only `actions.accounts.reversals` may call it."""
    app = ROOT / "app"
    door = re.compile(
        r"from app\.book\.ledger\.(service|corrections|reversals) import [^\n]*\b(reverse_entry|move_payment)\b"
    )
    block = re.compile(
        r"from app\.book\.ledger\.(service|corrections|reversals) import \([^)]*\b(reverse_entry|move_payment)\b"
    )
    found = [
        str(path.relative_to(app))
        for path in app.rglob("*.py")
        if path.parent.name != "charges"  # takes back late fees, never payments
        and (door.search(text := path.read_text()) or block.search(text))
    ]
    assert found == []


# --- a settlement -------------------------------------------------------------------------------------------


def settled(engine: Engine) -> int:
    """1,000.00 owed and 38 days late; 600.00 were agreed, paid on 12 April and settled that night. The account's
    number."""
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE)
    builders.close_day(engine, T - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        case.owner = "ann"
        offer_settlement(session, case, 60_000, T + 10 * DAY, today=T, **who(T))
        builders.payment(session, card, 60_000, T + DAY, reference="CHEQUE-1", now=builders.at(T + DAY))
    builders.close_day(engine, T + DAY)
    return id_of(card)


def cheque(session: Session, reference: str = "CHEQUE-1") -> Entry:
    return session.scalars(select(Entry).where(Entry.reference == reference)).one()


BACK = T + 3 * DAY  # before letters of the night of T + 1 are too old to leave


def test_a_bounced_settlement_brings_everything_back_in_one_transaction(engine: Engine) -> None:
    card_id = settled(engine)
    queued = {message.letter for message in builders.messages(engine)}
    assert "settlement_completed" in queued
    builders.close_day(engine, BACK - DAY)
    with transaction(engine) as session:
        reverse_entry(session, cheque(session), reason="no funds", posted_on=BACK, **who(BACK))
    with transaction(engine) as session:
        card, book = session.get_one(Account, card_id), get_portfolio(session, builders.BOOK)
        assert (card.status, card.ended_on, balance_of(session, card_id, BACK)) == (ACTIVE, None, 100_000)
        now = standing_on(session, book, [card_id], BACK)[card_id]
        assert (now.past_due, now.oldest_due_on) == (5_000, DUE)
        plan = session.scalars(select(Plan)).one()
        assert (plan.status, plan.ended_on, plan.assess_on) == (PlanStatus.ACTIVE, None, T + 10 * DAY)
        assert plan.why == "payment CHEQUE-1 of 2026-04-12 came back: no funds"
        case = session.scalars(select(CollectionsCase)).one()
        assert (case.status, case.outcome, case.closed_on, case.owner) == (CaseStatus.OPEN, None, None, "ann")
        assert (case.past_due_minor, case.balance_minor, case.oldest_due_on) == (5_000, 100_000, DUE)
        assert (case.broken_promises, case.next_contact_on) == (0, BACK)
        [told] = builders.events(session, CaseReopened.KIND)
        assert (told["by"], told["why"]) == ("user:ann", plan.why)
        # What was known before stays known.
        assert as_known(session, book, card_id, BACK, BACK - DAY).balance == 0
    builders.close_day(engine, BACK)
    builders.deliver(engine, builders.at(BACK + DAY, 9))
    withheld = [m for m in builders.messages(engine) if m.letter == "settlement_completed"]
    assert [(m.status, m.error) for m in withheld] == [
        (OutboxStatus.WITHHELD, "the settlement that it calls complete is not any more")
    ]
    with transaction(engine) as session:
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


@pytest.mark.parametrize(("again", "status"), [(True, PlanStatus.KEPT), (False, PlanStatus.BROKEN)])
def test_a_bounced_settlement_is_kept_by_who_pays_again_in_time(
    engine: Engine, again: bool, status: PlanStatus
) -> None:
    """Nothing says that it is broken while it can be kept; its reminder says by when."""
    card_id, last_day = settled(engine), T + 13 * DAY
    with transaction(engine) as session:
        reverse_entry(session, cheque(session), reason="no funds", posted_on=BACK, **who(BACK))
    for n in range(1, 11):  # up to the evening before its last day
        builders.close_day(engine, BACK + (n - 1) * DAY)
    written = {message.letter for message in builders.messages(engine)}
    assert "instalment_reminder" in written
    assert "plan_broken" not in written
    if again:
        with transaction(engine) as session:
            card = session.get_one(Account, card_id)
            builders.payment(session, card, 60_000, last_day, now=builders.at(last_day))
    builders.close_day(engine, last_day)
    builders.close_day(engine, last_day + DAY)
    with transaction(engine) as session:
        plan, card = session.scalars(select(Plan)).one(), session.get_one(Account, card_id)
        assert (plan.status, card.status is AccountStatus.SETTLED) == (status, again)
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


def test_paid_again_it_is_told_again_that_it_is_settled(sqlite_engine: Engine) -> None:
    engine, card_id = sqlite_engine, settled(sqlite_engine)
    with transaction(engine) as session:
        reverse_entry(session, cheque(session), reason="no funds", posted_on=BACK, **who(BACK))
    builders.close_day(engine, BACK)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        builders.payment(session, card, 100_000, BACK + DAY, now=builders.at(BACK + DAY))
        change_status(session, card, PAID, BACK + DAY, "paid in full", **who(BACK + DAY))
    builders.close_day(engine, BACK + DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        assert (case.status, case.outcome) == (CaseStatus.CLOSED, CaseOutcome.PAID)
    told = [
        m.letter for m in builders.messages(engine) if m.letter in ("settlement_completed", "paid_in_full")
    ]
    assert told == ["settlement_completed", "paid_in_full"]


def test_what_was_reversed_past_the_doors_is_found_by_the_night(sqlite_engine: Engine) -> None:
    engine, card_id = sqlite_engine, settled(sqlite_engine)
    with transaction(engine) as session:
        reverse_in_the_ledger(session, cheque(session), reason="no funds", posted_on=BACK, **who(BACK))
    builders.close_day(engine, BACK)
    with transaction(engine) as session:
        assert session.scalars(select(Plan)).one().status is PlanStatus.ACTIVE
        case = session.scalars(select(CollectionsCase)).one()
        assert (case.status, case.broken_promises, case.past_due_minor) == (CaseStatus.OPEN, 0, 5_000)
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []
    assert card_id


def test_a_settlement_moved_to_another_account_settles_nothing(engine: Engine) -> None:
    card_id = settled(engine)
    with transaction(engine) as session:
        card, book = session.get_one(Account, card_id), get_portfolio(session, builders.BOOK)
        other = builders.account(session, builders.customer(session, book))
        move_payment(session, cheque(session), other, "typed wrong", role=Role.MANAGER, **who(BACK))
        assert (card.status, balance_of(session, card_id, BACK)) == (ACTIVE, 100_000)
        assert session.scalars(select(Plan)).one().status is PlanStatus.ACTIVE
        assert balance_of(session, id_of(other), BACK) == -60_000
    builders.close_day(engine, BACK)
    with transaction(engine) as session:
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


def test_a_promise_whose_payment_came_back_runs_on_while_there_is_time(engine: Engine) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE)
    builders.close_day(engine, T - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        promise_to_pay(session, case, 4_000, T + 10 * DAY, today=T, **who(T))
        builders.payment(session, card, 4_000, T, reference="CHEQUE-1", now=builders.at(T))
    builders.close_day(engine, T)
    with transaction(engine) as session:
        plan = session.scalars(select(Plan)).one()
        assert plan.status is PlanStatus.KEPT
        reverse_entry(session, cheque(session), reason="no funds", posted_on=T + DAY, **who(T + DAY))
        assert (plan.status, plan.ended_on, plan.assess_on) == (PlanStatus.ACTIVE, None, T + 10 * DAY)
    builders.close_day(engine, T + 14 * DAY)
    with transaction(engine) as session:
        assert session.scalars(select(Plan)).one().status is PlanStatus.BROKEN


# --- paid, charged off, settled after a charge-off ----------------------------------------------------------


def a_card(engine: Engine, balance: int = 30_000) -> int:
    with transaction(engine) as session:
        card = builders.late_customer(
            session, builders.portfolio(session), due_on=DUE, balance=balance, minimum=balance
        )
    builders.close_day(engine, T - DAY)
    return id_of(card)


def test_a_bounced_payment_opens_an_account_that_was_paid(engine: Engine) -> None:
    card_id = a_card(engine)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        change_status(session, card, AccountStatus.CLOSED, T, "asked for", **who(T))
        builders.payment(session, card, 30_000, T, reference="CHEQUE-1", now=builders.at(T))
        change_status(session, card, PAID, T, "paid in full", **who(T))
    builders.close_day(engine, T)
    with transaction(engine) as session:
        reverse_entry(session, cheque(session), reason="no funds", posted_on=T + DAY, **who(T + DAY))
        card = session.get_one(Account, card_id)
        assert card.status is AccountStatus.CLOSED, "as it was before it was paid"
        case = session.scalars(select(CollectionsCase)).one()
        assert (case.status, case.past_due_minor) == (CaseStatus.OPEN, 30_000)


def test_a_paid_account_that_is_charged_something_owes_again_that_night(engine: Engine) -> None:
    card_id = a_card(engine)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        builders.payment(session, card, 30_000, T, now=builders.at(T))
        change_status(session, card, PAID, T, "paid in full", **who(T))
    builders.close_day(engine, T)
    with transaction(engine) as session:
        builders.entry(session, session.get_one(Account, card_id), EntryKind.PURCHASE, 900, T + DAY)
    builders.close_day(engine, T + DAY)
    with transaction(engine) as session:
        assert session.get_one(Account, card_id).status is ACTIVE
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


def test_a_settled_account_that_owes_is_found_by_the_invariant(sqlite_engine: Engine) -> None:
    """What a late purchase adds is not a reason to claim what was forgiven: a person decides."""
    engine, card_id = sqlite_engine, settled(sqlite_engine)
    with transaction(engine) as session:
        builders.entry(session, session.get_one(Account, card_id), EntryKind.PURCHASE, 900, BACK)
    builders.close_day(engine, BACK)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        card = session.get_one(Account, card_id)
        assert card.status is SETTLED
        for found in (quick(session, book), thorough(session, book)):
            assert [v.invariant for v in found] == ["ended_accounts_owe_nothing"]
            assert f"account {card.reference} is settled since 2026-04-12 and owes 9.00 CNY" in found[0].row


def test_a_charge_off_outlives_what_bounces_and_claims_it(engine: Engine) -> None:
    """300.00 charged off; a payment from before bounces, and so does a recovery."""
    card_id = a_card(engine)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        builders.payment(session, card, 10_000, T, reference="CHEQUE-1", now=builders.at(T))
        change_status(session, card, CHARGED_OFF, T, "hopeless", **who(T))
        builders.entry(session, card, EntryKind.RECOVERY, 5_000, T + 5 * DAY, reference="CHEQUE-2")
    builders.close_day(engine, T + 5 * DAY)
    on = T + 6 * DAY
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        assert (balance_of(session, card_id, on), still_owed(session, card, on)) == (0, 15_000)
        reverse_entry(session, cheque(session), reason="no funds", posted_on=on, **who(on))
        assert (card.status, balance_of(session, card_id, on), still_owed(session, card, on)) == (
            CHARGED_OFF, 0, 25_000,
        )  # fmt: skip
        reverse_entry(session, cheque(session, "CHEQUE-2"), reason="no funds", posted_on=on, **who(on))
        assert (balance_of(session, card_id, on), still_owed(session, card, on)) == (0, 30_000)
    builders.close_day(engine, on)
    with transaction(engine) as session:
        card, book = session.get_one(Account, card_id), get_portfolio(session, builders.BOOK)
        assert thorough(session, book) == []
        change_status(session, card, ACTIVE, on + DAY, "a mistake", **who(on + DAY))
        assert balance_of(session, card_id, on + DAY) == 30_000
        assert standing_on(session, book, [card_id], on + DAY)[card_id].past_due == 30_000
    builders.close_day(engine, on + DAY)
    with transaction(engine) as session:
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


def test_what_settled_a_charged_off_account_bounces_and_it_is_charged_off_again(
    sqlite_engine: Engine,
) -> None:
    engine, card_id = sqlite_engine, a_card(sqlite_engine)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        change_status(session, card, CHARGED_OFF, T, "hopeless", **who(T))
        builders.entry(session, card, EntryKind.RECOVERY, 20_000, T + DAY, reference="CHEQUE-1")
    builders.close_day(engine, T + DAY)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        change_status(session, card, SETTLED, T + 2 * DAY, "agreed", **who(T + 2 * DAY))
    builders.close_day(engine, T + 2 * DAY)
    on = T + 3 * DAY
    with transaction(engine) as session:
        reverse_entry(session, cheque(session), reason="no funds", posted_on=on, **who(on))
        card = session.get_one(Account, card_id)
        assert (card.status, card.ended_on) == (CHARGED_OFF, T)
        assert (balance_of(session, card_id, on), still_owed(session, card, on)) == (0, 30_000)


def test_a_payment_before_the_offer_bounces_and_the_agreement_ends_too(sqlite_engine: Engine) -> None:
    """The sum agreed was for what was owed then; that figure was wrong."""
    engine = sqlite_engine
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE)
        builders.payment(session, card, 2_000, DUE, reference="EARLIER", now=builders.at(DUE))
    builders.close_day(engine, T - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        offer_settlement(session, case, 60_000, T + 10 * DAY, today=T, **who(T))
        builders.payment(session, card, 60_000, T + DAY, now=builders.at(T + DAY))
    builders.close_day(engine, T + DAY)
    with transaction(engine) as session:
        reverse_entry(session, cheque(session, "EARLIER"), reason="no funds", posted_on=BACK, **who(BACK))
        assert session.scalars(select(Plan)).one().status is PlanStatus.BROKEN
        assert balance_of(session, id_of(card), BACK) == 40_000
        # Nothing is late: the 600.00 paid the due. A night opens a case when something is.
        case = session.scalars(select(CollectionsCase)).one()
        assert (case.status, case.outcome) == (CaseStatus.CLOSED, CaseOutcome.CURED)
    builders.deliver(engine, builders.at(BACK, 14))
    [told] = [m for m in builders.messages(engine) if m.letter == "settlement_completed"]
    assert (told.status, told.error) == (
        OutboxStatus.WITHHELD, "the settlement that it calls complete is not any more",
    )  # fmt: skip
