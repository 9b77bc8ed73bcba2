"""The life of an account, told in days: paused, re-aged, charged off and recovered, dormant, sold, and back again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.holds import end_hold, place_hold
from app.book.delinquency.events import AccountReAged, PauseEnded, PauseSet
from app.book.delinquency.lifecycle import (
    ReAgeRefused,
    credit_balances,
    end_pause,
    re_age,
    set_pause,
)
from app.book.delinquency.models import AccountState, Pause, ReAge
from app.book.delinquency.queries import aging, roll_forward
from app.book.delinquency.re_age import ReAgeFacts, ReAgeReason, review_re_age
from app.book.delinquency.service import standing_on
from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.corrections.entries import post_by_hand
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.ends.status import change_status
from app.book.ledger.events import AccountStatusChanged
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import HoldKind
from app.operations.invariants.checks import thorough
from app.policy.packfile import shipped_packs
from app.policy.sections.pauses import PauseKind
from app.policy.sections.re_age import ReAgeRule
from tests import builders

DUE = date(2026, 3, 10)
DAY = timedelta(days=1)


def who(on: date) -> dict[str, Any]:
    return {"by": "user:max", "now": builders.at(on)}


def a_book(engine: Engine, **options: Any) -> Account:
    with transaction(engine) as session:
        return builders.late_customer(session, builders.portfolio(session, **options), due_on=DUE)


def account(session: Session, card: Account) -> Account:
    return session.get_one(Account, card.id)


def late(session: Session, card: Account, on: date) -> tuple[int, int]:
    """Past due and days past due."""
    book = session.get_one(Portfolio, card.portfolio_id)
    now = standing_on(session, book, [id_of(card)], on)[id_of(card)]
    return now.past_due, (on - now.oldest_due_on).days if now.oldest_due_on else 0


def assert_proven(engine: Engine) -> None:
    with transaction(engine) as session:
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


# --- pauses -------------------------------------------------------------------------------------------------


def test_days_of_a_pause_do_not_count_also_when_it_is_entered_late(engine: Engine) -> None:
    card = a_book(engine)
    builders.close_day(engine, DUE + 10 * DAY)
    with transaction(engine) as session:
        assert late(session, card, DUE + 10 * DAY) == (5_000, 10)
        set_pause(
            session,
            card,
            PauseKind.HARDSHIP,
            DUE + 5 * DAY,
            DUE + 15 * DAY,
            "in hospital",
            **who(DUE + 11 * DAY),
        )
        (event,) = builders.events(session, PauseSet.KIND)
        assert (event["by"], event["kind"], event["from_on"]) == ("user:max", PauseSet.KIND, "2026-03-15")
    builders.close_day(engine, DUE + 11 * DAY)
    builders.close_day(engine, DUE + 20 * DAY)
    with transaction(engine) as session:
        assert late(session, card, DUE + 20 * DAY) == (5_000, 10)
        pause = session.scalars(select(Pause)).one()
        end_pause(session, pause, DUE + 7 * DAY, **who(DUE + 21 * DAY))
        assert (pause.to_on, pause.ended_by) == (DUE + 7 * DAY, "user:max")
    builders.close_day(engine, DUE + 21 * DAY)
    with transaction(engine) as session:
        assert late(session, card, DUE + 21 * DAY) == (5_000, 19)
        assert len(builders.events(session, PauseEnded.KIND)) == 1
    assert_proven(engine)


def test_a_pause_that_makes_no_sense_is_refused(sqlite_engine: Engine) -> None:
    card = a_book(sqlite_engine)
    with transaction(sqlite_engine) as session:
        for from_on, to_on, reason, field in (
            (DUE, DUE, "x", "to_on"),
            (DUE, DUE - DAY, "x", "to_on"),
            (card.opened_on - DAY, DUE, "x", "from_on"),
            (DUE, date(2222, 1, 1), "x", "to_on"),
            (DUE, None, " ", "reason"),
            (DUE, None, "4111 1111 1111 1111", "reason"),
        ):
            with pytest.raises(Invalid) as refused:
                set_pause(session, card, PauseKind.DISPUTE, from_on, to_on, reason, **who(DUE))
            assert refused.value.field == field
        pause = set_pause(session, card, PauseKind.DISPUTE, DUE, DUE + 3 * DAY, "x", **who(DUE))
        with pytest.raises(Conflict, match="ended on"):
            end_pause(session, pause, DUE + 3 * DAY, **who(DUE))
        end_pause(session, pause, DUE, **who(DUE))
        assert session.scalars(select(Pause)).all() == [], "ended on its first day: it never was"


def test_a_hold_pauses_all_accounts_of_the_customer_where_the_pack_says_so(engine: Engine) -> None:
    until = DUE + 80 * DAY
    for pack, kind, paused in (
        ("uk", HoldKind.BREATHING_SPACE, 2),
        ("uk", HoldKind.HARDSHIP, 0),
        ("cn", HoldKind.BREATHING_SPACE, 0),
    ):
        with transaction(engine) as session:
            book = builders.portfolio(session, f"BOOK-{pack}-{kind.value}", pack=pack)
            card = builders.late_customer(session, book, due_on=DUE)
            holder = session.get_one(builders.Customer, card.customer_id)
            builders.account(session, holder)
            case = CollectionsCase(portfolio_id=id_of(book), customer_id=id_of(holder), opened_on=DUE + DAY)
            session.add(case)
            session.flush()
            today = DUE + 5 * DAY
            hold = place_hold(
                session,
                case,
                kind,
                "went to an adviser",
                until,
                builders.catalog(),
                by=Actor.user("ann"),
                now=builders.at(today),
            ).hold
            pauses = session.scalars(select(Pause).where(Pause.portfolio_id == book.id)).all()
            assert [(p.kind.value, p.from_on, p.to_on) for p in pauses] == paused * [
                (kind.value, today, until)
            ]
            later = today + 7 * DAY
            end_hold(session, hold, by=Actor.user("ann"), now=builders.at(later))
            session.expire_all()
            assert [p.to_on for p in pauses] == paused * [later]


# --- re-age -------------------------------------------------------------------------------------------------

RULE = shipped_packs()["us-third-party"].re_age
ON = date(2026, 6, 15)
GOOD = ReAgeFacts(
    opened_on=date(2025, 9, 15),
    past_due_minor=5_000,
    is_open=True,
    minimums=(5_000, 5_000, 6_000),
    paid_minor=16_000,
    re_aged_on=(),
)


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({}, []),
        ({"opened_on": date(2025, 9, 16)}, [ReAgeReason.TOO_YOUNG]),
        ({"paid_minor": 15_999}, [ReAgeReason.TOO_LITTLE_PAID]),
        ({"minimums": (5_000, 5_000)}, [ReAgeReason.TOO_FEW_MINIMUMS]),
        ({"past_due_minor": 0}, [ReAgeReason.NOT_PAST_DUE]),
        ({"is_open": False}, [ReAgeReason.NOT_ACTIVE]),
        ({"re_aged_on": (date(2025, 6, 15),)}, []),
        ({"re_aged_on": (date(2025, 6, 16),)}, [ReAgeReason.ONCE_IN_12_MONTHS]),
        ({"re_aged_on": (date(2021, 6, 15), date(2024, 1, 1))}, []),
        ({"re_aged_on": (date(2021, 6, 16), date(2024, 1, 1))}, [ReAgeReason.TWICE_IN_5_YEARS]),
        (
            {"opened_on": ON, "paid_minor": 0, "re_aged_on": (date(2026, 1, 1), date(2024, 1, 1))},
            [
                ReAgeReason.TOO_YOUNG,
                ReAgeReason.TOO_LITTLE_PAID,
                ReAgeReason.ONCE_IN_12_MONTHS,
                ReAgeReason.TWICE_IN_5_YEARS,
            ],
        ),
    ],
)
def test_re_aging_below_at_and_above_each_limit(change: dict[str, Any], reasons: list[ReAgeReason]) -> None:
    """65 FR 36903: nine months old, three minimum payments or the same sum, once in 12 months, twice in 5 years."""
    facts = ReAgeFacts(**{**{name: getattr(GOOD, name) for name in ReAgeFacts.__slots__}, **change})
    refusals = review_re_age(facts, RULE, ON)
    assert [refusal.reason for refusal in refusals] == reasons
    own = {ReAgeReason.NOT_PAST_DUE, ReAgeReason.NOT_ACTIVE}
    assert all("65 FR 36903" in refusal.citation for refusal in refusals if refusal.reason not in own)


def test_a_pack_without_a_rule_refuses_and_says_so() -> None:
    assert [r.reason for r in review_re_age(GOOD, None, ON)] == [ReAgeReason.NO_RULE]
    assert shipped_packs()["cn"].re_age is None


def test_an_account_is_re_aged_after_three_payments_and_not_before(engine: Engine) -> None:
    """Three minimums missed; then the customer pays the same sum again but stays a step behind."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        card = builders.late_customer(session, book, due_on=DUE)
        for n in range(1, 4):
            closing_on = DUE + 30 * n * DAY - 20 * DAY
            builders.statement(session, card, closing_on, closing_on + 20 * DAY, 5_000)
        builders.payment(session, card, 14_999, DUE + 80 * DAY)
    on = DUE + 100 * DAY
    builders.close_day(engine, on - DAY)
    rule = RULE
    assert isinstance(rule, ReAgeRule)
    with transaction(engine) as session:
        with pytest.raises(Forbidden):
            re_age(session, card, rule, "pays again", role=Role.AGENT, **who(on))
        with pytest.raises(ReAgeRefused) as refused:
            re_age(session, card, rule, "pays again", role=Role.MANAGER, **who(on))
        assert [r.reason for r in refused.value.refusals] == [ReAgeReason.TOO_LITTLE_PAID]
    with transaction(engine) as session:
        builders.payment(session, card, 1, on)
    with transaction(engine) as session:
        made = re_age(session, card, rule, "pays again", role=Role.MANAGER, **who(on))
        assert (made.on, made.past_due_minor, made.posted_on) == (on, 5_000, on)
        assert made.rule == f"{shipped_packs()['us-third-party'].label} us.re_age"
        (event,) = builders.events(session, AccountReAged.KIND)
        assert (event["by"], event["past_due_minor"]) == ("user:max", 5_000)
    builders.close_day(engine, on)
    with transaction(engine) as session:
        assert late(session, card, on) == (0, 0)
        assert aging(session, get_portfolio(session, builders.BOOK), on - DAY).past_due_amount == 5_001
        with pytest.raises(ReAgeRefused, match="re-aged 1 time since"):
            re_age(session, card, rule, "again", role=Role.MANAGER, **who(on + DAY))
        assert len(session.scalars(select(ReAge)).all()) == 1
    assert_proven(engine)


# --- charge-off and recovery --------------------------------------------------------------------------------


def test_an_account_is_charged_off_in_the_night_of_its_day_and_recovered_since(engine: Engine) -> None:
    card = a_book(engine, charge_off_days=30)
    builders.close_day(engine, DUE + 29 * DAY)
    with transaction(engine) as session:
        assert account(session, card).status is AccountStatus.ACTIVE
    (report,) = builders.close_day(engine, DUE + 30 * DAY)
    counts = {stage["name"]: stage["counts"] for stage in report.stages}
    assert counts["lifecycle"] == {"charged_off": 1, "woken": 0, "dormant": 0, "reopened": 0}
    assert counts["cases"]["closed"] == 1
    charged_off_on = DUE + 30 * DAY
    with transaction(engine) as session:
        now = account(session, card)
        assert (now.status, now.ended_on) == (AccountStatus.CHARGED_OFF, charged_off_on)
        (written_off,) = session.scalars(select(Entry).where(col(Entry.kind) == EntryKind.WRITE_OFF)).all()
        assert (written_off.amount_minor, written_off.effective_on) == (-100_000, charged_off_on)
        state = session.get_one(AccountState, card.id)
        assert (state.balance_minor, state.past_due_minor) == (0, 0), "the day's figures know it already"
        assert still_owed(session, now, charged_off_on) == 100_000
        rolled = roll_forward(session, card.portfolio_id, charged_off_on, charged_off_on)
        assert (rolled.start, rolled.adjusted, rolled.end) == (5_000, 5_000, 0)
        assert session.scalars(select(CollectionsCase)).one().outcome is CaseOutcome.WRITTEN_OFF
        (event,) = builders.events(session, AccountStatusChanged.KIND)
        assert (event["to"], event["reason"], event["by"]) == ("charged_off", "30 days past due", "system")
    paid_on = charged_off_on + 5 * DAY
    with transaction(engine) as session:
        recovery = post_by_hand(
            session,
            card,
            EntryKind.PAYMENT,
            30_000,
            paid_on,
            "from the estate",
            role=Role.AGENT,
            **who(paid_on),
        )
        assert recovery.kind is EntryKind.RECOVERY
        assert balance_of(session, id_of(card), paid_on) == 0
        assert still_owed(session, account(session, card), paid_on) == 70_000
        builders.entry(
            session, account(session, card), EntryKind.PAYMENT, 10_000, paid_on
        )  # as a file calls it
    builders.close_day(engine, paid_on)
    with transaction(engine) as session:
        assert balance_of(session, id_of(card), paid_on) == 0
        assert still_owed(session, account(session, card), paid_on) == 60_000
        bounced = session.get_one(Entry, recovery.id)
        reverse_entry(
            session, bounced, reason="no funds", posted_on=paid_on + DAY, by=Actor.user("u"), now=builders.NOW
        )
    builders.close_day(engine, paid_on + DAY)
    with transaction(engine) as session:
        assert balance_of(session, id_of(card), paid_on + DAY) == 0
        assert still_owed(session, account(session, card), paid_on + DAY) == 90_000
        assert credit_balances(session, card.portfolio_id) == []
    assert_proven(engine)


@pytest.mark.parametrize("dated", [-6, 0, 1])
def test_a_payment_found_after_the_charge_off_is_no_overpayment_whatever_its_day(
    engine: Engine, dated: int
) -> None:
    card = a_book(engine, charge_off_days=30)
    off_on = DUE + 30 * DAY
    builders.close_day(engine, off_on)
    found_on = off_on + 2 * DAY
    with transaction(engine) as session:
        late = builders.payment(
            session, account(session, card), 30_000, off_on + dated * DAY, posted_on=found_on
        )
        late_id = late.id
    builders.close_day(engine, found_on)
    with transaction(engine) as session:
        assert balance_of(session, id_of(card), found_on) == 0
        assert still_owed(session, account(session, card), found_on) == 70_000
        assert credit_balances(session, card.portfolio_id) == []
        bounced = session.get_one(Entry, late_id)
        reverse_entry(
            session,
            bounced,
            reason="no funds",
            posted_on=found_on + DAY,
            by=Actor.user("u"),
            now=builders.NOW,
        )
    builders.close_day(engine, found_on + DAY)
    with transaction(engine) as session:
        assert balance_of(session, id_of(card), found_on + DAY) == 0
        assert still_owed(session, account(session, card), found_on + DAY) == 100_000
    assert_proven(engine)


def test_a_charge_off_that_was_wrong_is_undone_with_what_was_paid_since(engine: Engine) -> None:
    card = a_book(engine, charge_off_days=30)
    ended = DUE + 30 * DAY
    builders.close_day(engine, ended)
    paid_on = ended + 2 * DAY
    with transaction(engine) as session:
        post_by_hand(session, card, EntryKind.PAYMENT, 2_000, paid_on, "", role=Role.AGENT, **who(paid_on))
        written_off = session.scalars(select(Entry).where(col(Entry.kind) == EntryKind.WRITE_OFF)).one()
        with pytest.raises(Conflict, match="Make it active again"):
            reverse_entry(
                session, written_off, reason="x", posted_on=paid_on, by=Actor.user("u"), now=builders.NOW
            )
    builders.close_day(engine, paid_on)
    back = paid_on + DAY
    with transaction(engine) as session:
        change_status(session, card, AccountStatus.ACTIVE, back, "wrong customer", **who(back))
        now = account(session, card)
        assert (now.status, now.ended_on) == (AccountStatus.ACTIVE, None)
        assert balance_of(session, id_of(card), ended) == 100_000
        assert balance_of(session, id_of(card), back) == 98_000
        assert late(session, card, back) == (3_000, 33)
        change_status(session, card, AccountStatus.CHARGED_OFF, back, "after all", **who(back))
        assert still_owed(session, account(session, card), back) == 98_000
    builders.close_day(engine, back)
    with transaction(engine) as session:
        assert late(session, card, back) == (0, 0)
        kinds = [event["to"] for event in builders.events(session, AccountStatusChanged.KIND)]
        assert kinds == ["charged_off", "active", "charged_off"]
    assert_proven(engine)


def test_a_collector_charges_nothing_off(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        agency = builders.portfolio(session, collector=CollectorKind.THIRD_PARTY)
        assert agency.charge_off_days == 0
        with pytest.raises(Invalid, match="creditor"):
            builders.portfolio(session, "MORE", collector=CollectorKind.THIRD_PARTY, charge_off_days=30)
        card = builders.late_customer(session, agency, due_on=DUE)
    builders.close_day(sqlite_engine, DUE + 200 * DAY)
    with transaction(sqlite_engine) as session:
        assert account(session, card).status is AccountStatus.ACTIVE


def test_days_that_did_not_count_put_the_charge_off_back(engine: Engine) -> None:
    card = a_book(engine, charge_off_days=30)
    with transaction(engine) as session:
        set_pause(session, card, PauseKind.HARDSHIP, DUE + 5 * DAY, DUE + 15 * DAY, "x", **who(DUE))
    builders.close_day(engine, DUE + 39 * DAY)
    with transaction(engine) as session:
        assert account(session, card).status is AccountStatus.ACTIVE
    builders.close_day(engine, DUE + 40 * DAY)
    with transaction(engine) as session:
        assert account(session, card).status is AccountStatus.CHARGED_OFF
    assert_proven(engine)


# --- settled, paid, sold, dormant ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "kind", "outcome"),
    [
        (AccountStatus.SETTLED, EntryKind.WRITE_OFF, CaseOutcome.SETTLED),
        (AccountStatus.SOLD, EntryKind.ADJUSTMENT, CaseOutcome.WRITTEN_OFF),
    ],
)
def test_settled_or_sold_the_rest_is_taken_off_the_book(
    engine: Engine, to: AccountStatus, kind: EntryKind, outcome: CaseOutcome
) -> None:
    card = a_book(engine)
    on = DUE + 10 * DAY
    builders.close_day(engine, on - DAY)
    with transaction(engine) as session:
        builders.payment(session, card, 40_000, on)
        change_status(session, card, to, on, "as agreed", **who(on))
        entry = session.scalars(select(Entry).order_by(col(Entry.id).desc()).limit(1)).one()
        assert (entry.kind, entry.amount_minor, entry.effective_on) == (kind, -60_000, on)
    builders.close_day(engine, on)
    with transaction(engine) as session:
        assert late(session, card, on) == (0, 0)
        assert session.scalars(select(CollectionsCase)).one().outcome is outcome
        with pytest.raises(Conflict, match=f"from {to.value} to dormant"):
            change_status(session, card, AccountStatus.DORMANT, on, "x", **who(on))
    assert_proven(engine)


def test_steps_that_are_not_there_are_refused_with_every_reason(sqlite_engine: Engine) -> None:
    card = a_book(sqlite_engine)
    with transaction(sqlite_engine) as session:
        for to, on, why in (
            (AccountStatus.PAID, DUE, "something is still owed"),
            (AccountStatus.DORMANT, DUE, "owes nothing"),
            (AccountStatus.SOLD, DUE + DAY, "in the future"),
            (AccountStatus.SOLD, card.opened_on - DAY, "was not open"),
            (AccountStatus.ACTIVE, DUE + DAY, "from active to active; the day lies in the future"),
        ):
            with pytest.raises(Conflict, match=why):
                change_status(session, card, to, on, "x", **who(DUE))
        builders.payment(session, card, 100_001, DUE)
        with pytest.raises(Conflict, match="pay out the credit balance"):
            change_status(session, card, AccountStatus.PAID, DUE, "x", **who(DUE))
        for reason in ("", "x" * 201, "4111 1111 1111 1111"):
            with pytest.raises(Invalid):
                change_status(session, card, AccountStatus.CLOSED, DUE, reason, **who(DUE))
        change_status(session, card, AccountStatus.CLOSED, DUE, "asked for it", **who(DUE))


def test_an_account_nobody_uses_falls_asleep_and_wakes_with_an_entry(engine: Engine) -> None:
    start = date(2026, 3, 1)
    with transaction(engine) as session:
        book = builders.portfolio(session, dormant_after_days=10)
        quiet = builders.account(session, builders.customer(session, book))
        paid_up = builders.account(session, builders.customer(session, book))
        builders.entry(session, paid_up, EntryKind.PURCHASE, 500, start)
        builders.payment(session, paid_up, 500, start)
        owing = builders.late_customer(session, book, due_on=DUE)
    builders.close_day(engine, start + 9 * DAY)
    with transaction(engine) as session:
        assert account(session, quiet).status is AccountStatus.DORMANT
        assert account(session, paid_up).status is AccountStatus.ACTIVE, "ten days are not over"
    builders.close_day(engine, start + 10 * DAY)
    with transaction(engine) as session:
        assert account(session, paid_up).status is AccountStatus.DORMANT
        assert account(session, owing).status is AccountStatus.ACTIVE
        builders.entry(session, account(session, paid_up), EntryKind.PURCHASE, 700, start + 11 * DAY)
    builders.close_day(engine, start + 11 * DAY)
    builders.close_day(engine, start + 12 * DAY)
    with transaction(engine) as session:
        assert account(session, paid_up).status is AccountStatus.ACTIVE
        assert account(session, quiet).status is AccountStatus.DORMANT
    assert_proven(engine)
