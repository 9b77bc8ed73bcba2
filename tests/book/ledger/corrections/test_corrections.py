"""What people put right in the ledger: every change is an entry and an event, and the figures follow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.delinquency.service import standing_on
from app.book.ledger.balances import balance_of
from app.book.ledger.corrections.entries import move_payment, pay_out, post_by_hand
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.corrections.waivers import decide_waiver, left_to_waive, waive
from app.book.ledger.events import EntryPosted, PaymentMoved, WaiverDecided
from app.book.ledger.models import Account, Entry, Waiver
from app.book.ledger.rules import EntryKind, WaiverStatus
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, DeskError, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.staff.service import add_user
from app.core.staff.tokens import issue_token
from app.operations.invariants.checks import thorough
from tests import builders

DUE = date(2026, 3, 10)
DAY = timedelta(days=1)
TODAY = date(2026, 3, 20)
NOW = builders.at(TODAY)
ANN: dict[str, Any] = {"by": Actor.user("ann"), "role": Role.AGENT, "now": NOW}
MAX: dict[str, Any] = {"by": Actor.user("max"), "role": Role.MANAGER, "now": NOW}
MIA: dict[str, Any] = {"by": Actor.user("mia"), "role": Role.MANAGER, "now": NOW}
CARD = "4111 1111 1111 1111"


def a_late_account(engine: Engine, **options: Any) -> Account:
    """1,000.00 owed, 50.00 of it due on 10 March and not paid; days are closed up to the 19th."""
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session, **options), due_on=DUE)
    builders.close_day(engine, TODAY - DAY)
    return card


def owes(session: Session, card: Account, on: date = TODAY) -> tuple[int, int, int]:
    """Balance, past due and days past due."""
    book = session.get_one(Portfolio, card.portfolio_id)
    now = standing_on(session, book, [id_of(card)], on)[id_of(card)]
    late = (on - now.oldest_due_on).days if now.oldest_due_on else 0
    return now.balance, now.past_due, late


def assert_closes(engine: Engine, on: date = TODAY) -> None:
    builders.close_day(engine, on)
    with transaction(engine) as session:
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


# --- by hand ------------------------------------------------------------------------------------------------


def test_an_agent_takes_a_payment_that_counts_on_its_own_day(engine: Engine) -> None:
    card = a_late_account(engine)
    with transaction(engine) as session:
        paid = post_by_hand(session, card, EntryKind.PAYMENT, 5_000, DUE, "at the counter", **ANN)
        assert (paid.amount_minor, paid.effective_on, paid.posted_on) == (-5_000, DUE, TODAY)
        assert paid.reference == f"payment:{card.reference}:20260310:1"
        assert owes(session, card) == (95_000, 0, 0)
        event = builders.events(session, EntryPosted.KIND)[-1]
        assert (event["by"], event["reference"], event["description"]) == (
            "user:ann", paid.reference, "at the counter",
        )  # fmt: skip
    with transaction(engine) as session:
        again = post_by_hand(session, card, EntryKind.PAYMENT, 1_000, DUE, "", **ANN)
        assert again.reference.endswith(":2")
    assert_closes(engine)


def test_what_changes_a_debt_is_posted_by_managers(engine: Engine) -> None:
    card = a_late_account(engine)
    balance = 100_000
    for kind, amount, change in (
        (EntryKind.REFUND, 700, -700),
        (EntryKind.FEE, 800, 800),
        (EntryKind.INTEREST, 900, 900),
        (EntryKind.CREDIT, 1_000, -1_000),
        (EntryKind.ADJUSTMENT, 1_100, 1_100),
        (EntryKind.ADJUSTMENT, -1_200, -1_200),
    ):
        with transaction(engine) as session, pytest.raises(Forbidden, match="manager"):
            post_by_hand(session, card, kind, amount, TODAY, "as agreed", **ANN)
        with transaction(engine) as session:
            post_by_hand(session, card, kind, amount, TODAY, "as agreed", **MAX)
            balance += change
            assert owes(session, card)[0] == balance
    assert_closes(engine)


def test_what_is_wrong_is_refused_and_named(sqlite_engine: Engine) -> None:
    card = a_late_account(sqlite_engine)
    table: list[tuple[EntryKind, int, date, str, str, str]] = [
        (EntryKind.FEE, 100, TODAY + DAY, "late", "", "effective_on"),
        (EntryKind.FEE, 100, card.opened_on - DAY, "late", "", "effective_on"),
        (EntryKind.FEE, 0, TODAY, "late", "", "amount"),
        (EntryKind.FEE, -100, TODAY, "late", "", "amount"),
        (EntryKind.FEE, 100, TODAY, " ", "", "description"),
        (EntryKind.FEE, 100, TODAY, "x" * 201, "", "description"),
        (EntryKind.FEE, 100, TODAY, f"card {CARD}", "", "description"),
        (EntryKind.FEE, 100, TODAY, "late", CARD, "reference"),
        (EntryKind.FEE, 100, TODAY, "late", "late-fee:S-1", "reference"),
        (EntryKind.CREDIT, 100, TODAY, "kind", " Waiver:7", "reference"),
        (EntryKind.CREDIT, 100, TODAY, "kind", "redress:7", "reference"),
        (EntryKind.PURCHASE, 100, TODAY, "late", "", "kind"),
        (EntryKind.WRITE_OFF, 100, TODAY, "late", "", "kind"),
    ]
    for kind, amount, on, text, reference, field in table:
        with transaction(sqlite_engine) as session, pytest.raises(Invalid) as refused:
            post_by_hand(session, card, kind, amount, on, text, reference=reference, **MAX)
        assert refused.value.field == field, (kind, amount, on, text)
    with transaction(sqlite_engine) as session:
        post_by_hand(session, card, EntryKind.FEE, 100, TODAY, "late", reference="F-1", **MAX)
        with pytest.raises(Conflict, match="F-1"):
            post_by_hand(session, card, EntryKind.FEE, 100, TODAY, "late", reference="F-1", **MAX)


# --- reversals ----------------------------------------------------------------------------------------------


def test_a_bounced_payment_reopens_what_it_had_paid_with_the_right_days(engine: Engine) -> None:
    card = a_late_account(engine)
    with transaction(engine) as session:
        paid = post_by_hand(session, card, EntryKind.PAYMENT, 5_000, DUE + 3 * DAY, "", **ANN)
        assert owes(session, card) == (95_000, 0, 0)
    with transaction(engine) as session:
        bounced = session.get_one(Entry, paid.id)
        reverse_entry(session, bounced, reason="no funds", posted_on=TODAY, by=Actor.user("ann"), now=NOW)
        assert owes(session, card) == (100_000, 5_000, 10)
        assert balance_of(session, id_of(card), TODAY - DAY) == 95_000, "until it bounced it was there"
        event = builders.events(session, EntryPosted.KIND)[-1]
        assert (event["reference"], event["description"]) == (f"{paid.reference}:reversal", "no funds")
    assert_closes(engine)


def test_a_reversal_that_comes_after_its_day_was_closed_is_posted_into_the_open_day(engine: Engine) -> None:
    card = a_late_account(engine)
    with transaction(engine) as session:
        paid = post_by_hand(session, card, EntryKind.PAYMENT, 5_000, TODAY, "", **ANN)
    builders.close_day(engine, TODAY, now=builders.at(TODAY, 23))
    with transaction(engine) as session:
        bounced = session.get_one(Entry, paid.id)
        mirror = reverse_entry(
            session, bounced, reason="no funds", posted_on=TODAY, by=Actor.user("ann"), now=NOW
        )
        assert (mirror.effective_on, mirror.posted_on) == (TODAY, TODAY + DAY)
    assert_closes(engine, TODAY + DAY)


def test_two_people_reverse_the_same_entry_and_one_of_them_is_told(postgres_engine: Engine) -> None:
    card = a_late_account(postgres_engine)
    with transaction(postgres_engine) as session:
        paid = post_by_hand(session, card, EntryKind.PAYMENT, 5_000, TODAY, "", **ANN)

    def bounce(session: Session, who: str) -> None:
        bounced = session.get_one(Entry, paid.id)
        reverse_entry(session, bounced, reason="no funds", posted_on=TODAY, by=who, now=NOW)

    assert at_once(postgres_engine, bounce, "user:ann", "user:max") == [None, "Conflict"]
    assert_closes(postgres_engine)


def at_once(engine: Engine, work: Callable[[Session, str], object], *people: str) -> list[str | None]:
    """Everybody does the same at the same moment: the names of the refusals, in order, None for done."""
    ready = threading.Barrier(len(people))
    answers: list[str | None] = []

    def act(who: str) -> None:
        try:
            with transaction(engine) as session:
                session.connection()
                ready.wait(10)
                work(session, who)
            answers.append(None)
        except DeskError as refusal:
            answers.append(type(refusal).__name__)

    threads = [threading.Thread(target=act, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(answers, key=lambda answer: answer or "")


def undo(session: Session, entry: Entry) -> Entry:
    same = session.get_one(Entry, entry.id)
    return reverse_entry(
        session, same, reason="entered wrongly", posted_on=TODAY, by=Actor.user("max"), now=NOW
    )


# --- waivers ------------------------------------------------------------------------------------------------


def a_fee(engine: Engine, card: Account, amount: int = 3_000) -> Entry:
    with transaction(engine) as session:
        return post_by_hand(session, card, EntryKind.FEE, amount, TODAY, "late fee", **MAX)


def test_a_manager_waives_alone_up_to_the_limit(engine: Engine) -> None:
    card = a_late_account(engine, waive_limit_minor=2_000)
    fee = a_fee(engine, card)
    with transaction(engine) as session:
        waiver = waive(session, session.get_one(Entry, fee.id), 2_000, "first time", **MAX)
        assert (waiver.status, waiver.alone, waiver.decided_by) == (WaiverStatus.APPROVED, True, "user:max")
        credit = session.get_one(Entry, waiver.credit_id)
        assert (credit.kind, credit.amount_minor, credit.description) == (
            EntryKind.CREDIT,
            -2_000,
            "first time",
        )
        assert left_to_waive(session, session.get_one(Entry, fee.id)) == 1_000
        decided = builders.events(session, WaiverDecided.KIND)[-1]
        assert (decided["by"], decided["status"], decided["amount_minor"]) == ("user:max", "approved", 2_000)
    with transaction(engine) as session, pytest.raises(Invalid, match="left"):
        waive(session, session.get_one(Entry, fee.id), 1_001, "more", **MAX)
    assert_closes(engine)


def test_above_the_limit_a_second_manager_decides_and_never_the_same_person(engine: Engine) -> None:
    card = a_late_account(engine, waive_limit_minor=2_000)
    fee = a_fee(engine, card)
    with transaction(engine) as session:
        waiver = waive(session, session.get_one(Entry, fee.id), 2_001, "hardship", **MAX)
        assert (waiver.status, waiver.credit_id) == (WaiverStatus.REQUESTED, None)
        assert owes(session, card)[0] == 103_000
    for people, why in ((MAX, "asked"), (ANN, "manager")):
        with transaction(engine) as session, pytest.raises(Forbidden, match=why):
            decide_waiver(session, session.get_one(Waiver, waiver.id), approve=True, **people)
    with transaction(engine) as session:
        decide_waiver(session, session.get_one(Waiver, waiver.id), approve=True, note="seen papers", **MIA)
        assert owes(session, card)[0] == 103_000 - 2_001
    with transaction(engine) as session, pytest.raises(Conflict, match="approved already"):
        decide_waiver(session, session.get_one(Waiver, waiver.id), approve=False, note="no", **MIA)
    assert_closes(engine)


def test_a_manager_does_not_approve_their_own_waiver_by_a_token(engine: Engine) -> None:
    fee = a_fee(engine, a_late_account(engine, waive_limit_minor=0))
    program = Actor.token("ledger")
    with transaction(engine) as session:
        add_user(session, "max", "Max", Role.MANAGER, "four blue kettles", by=SYSTEM, now=NOW)
        issue_token(session, "ledger", Role.MANAGER, owner="max", by=SYSTEM, now=NOW)
        waiver = waive(session, session.get_one(Entry, fee.id), 2_001, "hardship", **MAX)
    with transaction(engine) as session, pytest.raises(Forbidden, match="You asked"):
        decide_waiver(session, waiver, approve=True, by=program, role=Role.MANAGER, now=NOW)


def test_an_agent_asks_and_a_declined_waiver_frees_what_it_had_taken(engine: Engine) -> None:
    card = a_late_account(engine, waive_limit_minor=1_000_000)
    fee = a_fee(engine, card)
    with transaction(engine) as session:
        asked = waive(session, session.get_one(Entry, fee.id), 3_000, "please", **ANN)
        assert asked.status is WaiverStatus.REQUESTED, "a limit is for managers"
        with pytest.raises(Invalid, match="left"):
            waive(session, session.get_one(Entry, fee.id), 1, "and this", **ANN)
    with transaction(engine) as session, pytest.raises(Conflict, match="waits for a decision"):
        undo(session, fee)
    with transaction(engine) as session:
        with pytest.raises(Invalid, match="Say why"):
            decide_waiver(session, session.get_one(Waiver, asked.id), approve=False, **MAX)
        decide_waiver(session, session.get_one(Waiver, asked.id), approve=False, note="no reason", **MAX)
        assert left_to_waive(session, session.get_one(Entry, fee.id)) == 3_000
        undo(session, fee)
    with transaction(engine) as session, pytest.raises(Conflict, match="reversed"):
        waive(session, session.get_one(Entry, fee.id), 100, "please", **ANN)
    assert_closes(engine)


def test_a_waived_fee_is_not_taken_away_twice(engine: Engine) -> None:
    card = a_late_account(engine, waive_limit_minor=5_000)
    fee = a_fee(engine, card)
    with transaction(engine) as session:
        waiver = waive(session, session.get_one(Entry, fee.id), 3_000, "first time", **MAX)
    with transaction(engine) as session, pytest.raises(Conflict, match="Reverse the waiver's credit first"):
        undo(session, fee)
    with transaction(engine) as session:
        credit = session.get_one(Entry, waiver.credit_id)
        reverse_entry(session, credit, reason="not agreed", posted_on=TODAY, by=Actor.user("max"), now=NOW)
        assert left_to_waive(session, session.get_one(Entry, fee.id)) == 3_000
        undo(session, fee)
        assert owes(session, card)[0] == 100_000
    assert_closes(engine)


def test_only_charges_are_waived(sqlite_engine: Engine) -> None:
    card = a_late_account(sqlite_engine)
    with transaction(sqlite_engine) as session:
        opening = session.scalars(select(Entry).where(col(Entry.account_id) == card.id)).one()
        with pytest.raises(Conflict, match="fee or interest"):
            waive(session, opening, 100, "please", **MAX)


def test_two_managers_decide_at_once_and_one_credit_is_posted(postgres_engine: Engine) -> None:
    card = a_late_account(postgres_engine)
    fee = a_fee(postgres_engine, card)
    with transaction(postgres_engine) as session:
        waiver = waive(session, session.get_one(Entry, fee.id), 3_000, "please", **ANN)

    def decide(session: Session, who: str) -> None:
        asked = session.get_one(Waiver, waiver.id)
        decide_waiver(session, asked, approve=True, by=Actor(who), role=Role.MANAGER, now=NOW)

    assert at_once(postgres_engine, decide, "user:max", "user:mia") == [None, "Conflict"]
    assert builders.count(postgres_engine, Entry, col(Entry.kind) == EntryKind.CREDIT) == 1


# --- moved, overpaid ----------------------------------------------------------------------------------------


def test_a_payment_on_the_wrong_account_is_moved_as_if_it_had_been_right(engine: Engine) -> None:
    wrong = a_late_account(engine)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        right = builders.late_customer(session, book, due_on=DUE)
        paid = builders.payment(session, wrong, 5_000, DUE, reference="BANK-7")
    with transaction(engine) as session:
        assert (owes(session, wrong), owes(session, right)) == ((95_000, 0, 0), (100_000, 5_000, 10))
        entry = session.get_one(Entry, paid.id)
        with pytest.raises(Forbidden):
            move_payment(session, entry, right, "typed wrongly", **ANN)
        moved = move_payment(session, entry, right, "typed wrongly", **MAX)
        assert (moved.reference, moved.effective_on, moved.amount_minor) == ("BANK-7:moved", DUE, -5_000)
        assert (owes(session, wrong), owes(session, right)) == ((100_000, 5_000, 10), (95_000, 0, 0))
        assert balance_of(session, id_of(wrong), DUE + DAY) == 100_000, "it never was theirs"
        for card in (wrong, right):
            (event,) = builders.events(session, PaymentMoved.KIND, customer_id=card.customer_id)
            assert (event["by"], event["reason"]) == ("user:max", "typed wrongly")
            assert (event["from_account"], event["to_account"]) == (wrong.reference, right.reference)
    with transaction(engine) as session, pytest.raises(Conflict, match="reversed already"):
        move_payment(session, session.get_one(Entry, paid.id), right, "again", **MAX)
    with transaction(engine) as session:  # and back again: it was right after all
        back = move_payment(session, session.get_one(Entry, moved.id), wrong, "was right", **MAX)
        assert back.reference == "BANK-7:moved:moved"
        assert (owes(session, wrong), owes(session, right)) == ((95_000, 0, 0), (100_000, 5_000, 10))
    assert_closes(engine)


def test_a_payment_is_moved_only_where_it_could_have_gone(sqlite_engine: Engine) -> None:
    wrong = a_late_account(sqlite_engine)
    with transaction(sqlite_engine) as session:
        book = get_portfolio(session, builders.BOOK)
        other_book = builders.portfolio(session, "OTHER")
        foreign = builders.account(session, builders.customer(session, other_book))
        young = builders.account(session, builders.customer(session, book), opened_on=TODAY)
        paid = builders.payment(session, wrong, 5_000, DUE)
        fee = builders.entry(session, wrong, EntryKind.FEE, 100, DUE)
        for entry, to, why in (
            (paid, wrong, "already"),
            (paid, foreign, "another portfolio"),
            (paid, young, "opened on"),
            (fee, young, "Only payments are moved"),
        ):
            with pytest.raises(DeskError, match=why):
                move_payment(session, entry, to, "typed wrongly", **MAX)


def test_an_overpayment_is_paid_out_up_to_what_it_is(engine: Engine) -> None:
    card = a_late_account(engine)
    with transaction(engine) as session:
        post_by_hand(session, card, EntryKind.PAYMENT, 101_500, TODAY, "twice by mistake", **ANN)
    for amount, people, refusal in ((1_501, MAX, Conflict), (0, MAX, Invalid), (100, ANN, Forbidden)):
        with transaction(engine) as session, pytest.raises(refusal):
            pay_out(session, card, amount, "back to the payer", **people)
    with transaction(engine) as session:
        out = pay_out(session, card, 1_500, "back to the payer", **MAX)
        assert (out.kind, out.amount_minor) == (EntryKind.ADJUSTMENT, 1_500)
        assert out.reference == f"payout:{card.reference}:20260320:1"
        assert owes(session, card) == (0, 0, 0)
        with pytest.raises(Conflict, match="overpaid"):
            pay_out(session, card, 1, "more", **MAX)
    assert_closes(engine)


def test_a_posting_made_while_the_clock_is_late_stays_on_its_day(engine: Engine) -> None:
    """17:00 UTC is the next morning in Shanghai: 'today' is the portfolio's."""
    card = a_late_account(engine)
    late: datetime = builders.at(TODAY + DAY, 1)
    with transaction(engine) as session:
        paid = post_by_hand(
            session,
            card,
            EntryKind.PAYMENT,
            100,
            TODAY + DAY,
            "",
            by=Actor.user("ann"),
            role=Role.AGENT,
            now=late,
        )
        assert paid.effective_on == TODAY + DAY
