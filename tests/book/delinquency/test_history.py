"""What a person asks of one account: what came for each statement, and what was known when."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.delinquency.history import AccountOn, as_known, statement_view
from app.book.delinquency.lifecycle import end_pause, set_pause
from app.book.delinquency.models import Pause, ReAge
from app.book.delinquency.queries import aging
from app.book.delinquency.service import fold_accounts
from app.book.delinquency.trace import TakenBy
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.ledger.service import mark_changed
from app.book.portfolios.service import get_portfolio
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.policy.sections.pauses import PauseKind
from tests import builders

BY = "user:builder"


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


def asked(engine: Engine, account_id: int, on: str, known_on: str | None = None) -> AccountOn:
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        return as_known(session, book, account_id, day(on), day(known_on) if known_on else None)


def late_account(engine: Engine) -> int:
    """1,000.00 owed; 50.00 due on 5 Feb, and days closed up to 10 Feb."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        card = builders.account(session, builders.customer(session, book))
        builders.entry(session, card, EntryKind.OPENING_BALANCE, 100_000, day("01-02"))
        builders.statement(session, card, day("01-10"), day("02-05"), 5_000)
    builders.close_day(engine, day("02-10"))
    return id_of(card)


def card_of(session: Session, account_id: int) -> Account:
    return session.get_one(Account, account_id)


def test_a_payment_that_comes_in_late_was_not_known_before(engine: Engine) -> None:
    account_id = late_account(engine)
    with transaction(engine) as session:
        builders.payment(
            session,
            card_of(session, account_id),
            5_000,
            day("02-04"),
            posted_on=day("02-11"),
            reference="PAY",
        )
    late = AccountOn(100_000, 5_000, day("02-05"), 5, "1-29")
    assert asked(engine, account_id, "02-10", "02-10") == late
    assert asked(engine, account_id, "02-10") == AccountOn(95_000, 0, None, 0, "current")
    assert asked(engine, account_id, "02-10", "02-11") == asked(engine, account_id, "02-10")


def test_a_payment_that_bounced_still_counted_until_that_was_known(engine: Engine) -> None:
    account_id = late_account(engine)
    with transaction(engine) as session:
        paid = builders.payment(session, card_of(session, account_id), 5_000, day("02-11"))
    builders.close_day(engine, day("02-14"))
    with transaction(engine) as session:
        reverse_entry(
            session,
            session.get_one(Entry, paid.id),
            reason="returned by the bank",
            posted_on=day("02-15"),
            by=BY,
            now=builders.at(day("02-15")),
        )
    assert asked(engine, account_id, "02-14", "02-14") == AccountOn(95_000, 0, None, 0, "current")
    known_now = asked(engine, account_id, "02-14")
    assert (known_now.past_due, known_now.days_past_due) == (5_000, 9)
    assert asked(engine, account_id, "02-14", "02-15") == known_now


def test_a_pause_set_late_and_ended_early_is_told_as_it_was_known(engine: Engine) -> None:
    """On 11 Feb hardship is agreed back to 8 Feb until further notice; on 20 Feb it is ended as of 12 Feb."""
    account_id = late_account(engine)
    with transaction(engine) as session:
        kind = PauseKind.HARDSHIP
        now = builders.at(day("02-11"))
        set_pause(
            session, card_of(session, account_id), kind, day("02-08"), None, "out of work", by=BY, now=now
        )
    builders.close_day(engine, day("02-19"))
    assert asked(engine, account_id, "02-19").days_past_due == 2, "6 and 7 Feb"
    with transaction(engine) as session:
        pause = session.scalars(select(Pause)).one()
        end_pause(session, pause, day("02-12"), by=BY, now=builders.at(day("02-20")))
    assert asked(engine, account_id, "02-10", "02-10").days_past_due == 5
    assert asked(engine, account_id, "02-10", "02-11").days_past_due == 2
    assert asked(engine, account_id, "02-19", "02-19").days_past_due == 2
    assert asked(engine, account_id, "02-19").days_past_due == 10, "6, 7 and 12 to 19 Feb"
    assert asked(engine, account_id, "02-19", "02-20") == asked(engine, account_id, "02-19")


def test_a_pause_taken_back_altogether_was_there_while_it_was(engine: Engine) -> None:
    account_id = late_account(engine)
    with transaction(engine) as session:
        card, now = card_of(session, account_id), builders.at(day("02-11"))
        pause = set_pause(session, card, PauseKind.DISPUTE, day("02-08"), None, "a", by=BY, now=now)
    builders.close_day(engine, day("02-14"))
    with transaction(engine) as session:
        end_pause(
            session, session.get_one(Pause, pause.id), day("02-08"), by=BY, now=builders.at(day("02-15"))
        )
        assert session.scalars(select(Pause)).all() == []
    assert asked(engine, account_id, "02-14", "02-10").days_past_due == 9, "not set yet"
    assert asked(engine, account_id, "02-14", "02-14").days_past_due == 2
    assert asked(engine, account_id, "02-14").days_past_due == 9


def test_an_account_that_was_charged_off_and_reopened_is_told_as_it_was_known(engine: Engine) -> None:
    account_id = late_account(engine)
    with transaction(engine) as session:
        why = (AccountStatus.CHARGED_OFF, day("02-11"), "uncollectable")
        change_status(session, card_of(session, account_id), *why, by=BY, now=builders.at(day("02-11")))
    builders.close_day(engine, day("02-14"))
    with transaction(engine) as session:
        why = (AccountStatus.ACTIVE, day("02-15"), "charged off by mistake")
        change_status(session, card_of(session, account_id), *why, by=BY, now=builders.at(day("02-15")))
    builders.close_day(engine, day("02-16"))
    assert asked(engine, account_id, "02-10", "02-14").past_due == 5_000
    assert asked(engine, account_id, "02-14", "02-10") == AccountOn(100_000, 5_000, day("02-05"), 9, "1-29")
    assert asked(engine, account_id, "02-14", "02-14") == AccountOn(0, 0, None, 0, "current")
    assert asked(engine, account_id, "02-14") == AccountOn(100_000, 5_000, day("02-05"), 9, "1-29")


def test_every_past_day_is_as_the_aging_has_it(engine: Engine) -> None:
    account_id = late_account(engine)
    with transaction(engine) as session:
        card = card_of(session, account_id)
        builders.statement(session, card, day("02-10"), day("03-05"), 6_000)
        builders.payment(session, card, 8_000, day("02-20"))
        builders.entry(session, card, EntryKind.REFUND, 1_000, day("03-07"))
        set_pause(session, card, PauseKind.DISPUTE, day("03-08"), day("03-12"), "b", by=BY, now=builders.NOW)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        fold_accounts(session, book, [account_id], through=day("03-20"))
        for n in range(30, 75):
            on = day("01-05") + timedelta(days=n)
            known, total = as_known(session, book, account_id, on), aging(session, book, on)
            assert (known.balance, known.past_due) == (total.balance, total.past_due_amount), on
            assert total.buckets[known.bucket].accounts == 1, on


def test_each_statement_says_what_came_for_it_and_what_is_open(engine: Engine) -> None:
    account_id = late_account(engine)
    with transaction(engine) as session:
        card = card_of(session, account_id)
        builders.statement(session, card, day("02-10"), day("03-05"), 6_000, reference="FEB")
        builders.payment(session, card, 2_000, day("02-01"), reference="IN-TIME")
        builders.payment(session, card, 4_000, day("02-20"), reference="LATE")
        bounced = builders.payment(session, card, 9_000, day("02-21"), reference="BOUNCED")
        reverse_entry(session, bounced, reason="x", posted_on=day("02-23"), by=BY, now=builders.NOW)
        set_pause(session, card, PauseKind.DISPUTE, day("03-08"), day("03-12"), "b", by=BY, now=builders.NOW)
        january, february = statement_view(session, account_id, day("03-15"))
    assert [(p.reference, p.amount_minor, p.of_minor, p.late) for p in january.came] == [
        ("IN-TIME", 2_000, 2_000, False),
        ("LATE", 3_000, 4_000, True),
    ]
    assert (january.open_minor, january.days_past_due, january.is_late) == (0, 0, False)
    assert [(p.reference, p.on, p.amount_minor, p.late) for p in february.came] == [
        ("LATE", day("02-20"), 1_000, False)
    ]
    assert (february.reference, february.minimum_minor, february.paid_minor) == ("FEB", 6_000, 1_000)
    assert (february.open_minor, february.late_from) == (5_000, day("03-06"))
    # 6 to 15 March are ten days; 8 to 11 March do not count.
    assert (february.days_since_due, february.paused_days, february.days_past_due) == (10, 4, 6)
    stands = asked(engine, account_id, "03-15")
    assert (stands.past_due, stands.days_past_due) == (5_000, 6)


def test_what_a_re_age_and_the_accounts_end_took_is_told_apart_from_what_was_paid(engine: Engine) -> None:
    account_id = late_account(engine)
    with transaction(engine) as session:
        card = card_of(session, account_id)
        about = {"portfolio_id": card.portfolio_id, "account_id": account_id, "past_due_minor": 5_000}
        told = {"on": day("02-12"), "posted_on": day("02-12"), "rule": "r", "reason": "s", "by": BY}
        session.add(ReAge.model_validate({**about, **told, "created_at": builders.NOW}))
        mark_changed(session, card.portfolio_id, {account_id: day("02-12")})
        builders.statement(session, card, day("02-10"), day("03-05"), 6_000)
        why = (AccountStatus.CHARGED_OFF, day("03-20"), "uncollectable")
        change_status(session, card, *why, by=BY, now=builders.at(day("03-21")))
        builders.statement(session, card, day("03-25"), day("04-15"), 7_000)
        first, second, third = statement_view(session, account_id, day("04-20"))
    assert (first.taken_minor, first.taken_on, first.taken_by) == (5_000, day("02-12"), TakenBy.RE_AGE)
    assert (second.taken_minor, second.taken_on, second.taken_by) == (6_000, day("03-20"), TakenBy.END)
    assert (third.taken_minor, third.taken_by) == (7_000, TakenBy.END), "closed after the end"
    assert [story.open_minor for story in (first, second, third)] == [0, 0, 0]
