"""Letters of agreements that leave late: they tell the figures of the moment, or do not leave."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import accept_offer, offer
from app.actions.plans.instalments import move_instalment, skip_instalment
from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import EntryKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import Acceptance, Agreed, Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.outbox.rules import CHANGED, OutboxStatus
from app.outreach.planning.event_letters import write_deferred
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.models import DeferredLetter
from app.outreach.strategy.models import StrategyTask
from tests import builders
from tests.outreach.agreements.made import agreement

ON = date(2026, 3, 16)
DAY = timedelta(days=1)
LATE, MORNING = builders.at(ON, 21), builders.at(ON + DAY, 9)
CATALOG = builders.catalog()
AS_MANAGER = Grantor(Actor.user("mei"), Role.MANAGER)
SETTLE = AgreementTerms(PlanKind.SETTLEMENT, 60_000, ON + 20 * DAY, 2, Cadence.MONTHLY)
PLAN = AgreementTerms(PlanKind.INSTALMENTS, 90_000, ON + 20 * DAY, 6, Cadence.MONTHLY)
NOT_THIS_WEEK = """[[rules]]
id = "house.hours"
kind = "hours"
channels = ["sms", "email", "post"]
open = [{ weekdays = ["mon"], from = "09:00", to = "10:00" }]
force = "operator choice"
citation = "house rule"
source = "house rule"
verified = true
"""


def offered(session: Session, terms: AgreementTerms, tightening: str = "") -> Plan:
    """An offer in writing of the evening of the 16th: 1,000.00 owed, 50.00 past due. It waits for the morning."""
    builders.portfolio(session, tightening=tightening)
    case = builders.delinquent_case(session, due_on=ON - 20 * DAY, on=ON)
    return offer(session, case, terms, CATALOG, grantor=AS_MANAGER, now=LATE).plan


def change_balance(engine: Engine, kind: EntryKind, amount: int) -> None:
    with transaction(engine) as session:
        builders.entry(session, session.scalars(select(Account)).one(), kind, amount, ON + DAY)


def leave(engine: Engine) -> list[str]:
    """What leaves in the morning, and what is written again in its place; the texts."""
    sent = builders.deliver(engine, MORNING).sent
    fall_back_due(engine, CATALOG, clock=FixedClock(MORNING))
    return [" ".join(each.text.split()) for each in (*sent, *builders.deliver(engine, MORNING).sent)]


def tasks(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        return [task.text for task in session.scalars(select(StrategyTask))]


def test_an_offer_to_settle_leaves_as_it_was_written_where_nothing_changed(engine: Engine) -> None:
    with transaction(engine) as session:
        offered(session, SETTLE)
    [text] = leave(engine)
    assert "You owe CN¥1,000.00, as listed below." in text
    assert "That is CN¥400.00 less than you owe on it now." in text
    assert re.search(r"card ending \d{4}: CN¥1,000.00 owed", text)
    assert len(builders.messages(engine)) == 1


@pytest.mark.parametrize(
    ("kind", "amount", "owed", "less"),
    [(EntryKind.FEE, 2_500, "1,025.00", "425.00"), (EntryKind.ADJUSTMENT, -10_000, "900.00", "300.00")],
)
def test_an_offer_to_settle_that_waits_leaves_with_the_figures_of_the_moment(
    engine: Engine, kind: EntryKind, amount: int, owed: str, less: str
) -> None:
    with transaction(engine) as session:
        offered(session, SETTLE)
    change_balance(engine, kind, amount)
    [text] = leave(engine)
    assert f"You owe CN¥{owed}, as listed below." in text
    assert f"That is CN¥{less} less than you owe on it now." in text
    first, second = builders.messages(engine)
    assert (first.status, first.error, second.instead_of_id) == (OutboxStatus.WITHHELD, CHANGED, first.id)


@pytest.mark.parametrize(
    ("kind", "amount", "why"),
    [
        (EntryKind.PAYMENT, 4_000, "a payment for the settlement that it offers came since it was offered"),
        (EntryKind.ADJUSTMENT, -40_000, "no more is owed now than it asks for, so it would waive nothing"),
    ],
)
def test_an_offer_to_settle_that_would_be_false_is_left_to_a_person(
    engine: Engine, kind: EntryKind, amount: int, why: str
) -> None:
    with transaction(engine) as session:
        offered(session, SETTLE)
    change_balance(engine, kind, amount)
    assert leave(engine) == []
    [task] = tasks(engine)
    assert why in task
    assert [row.status for row in builders.messages(engine)] == [OutboxStatus.WITHHELD]


def test_what_was_said_yes_to_is_no_offer_any_more(engine: Engine) -> None:
    """Its confirmation tells all of it; by post to a customer with neither number nor e-mail address."""
    with transaction(engine) as session:
        plan = offered(session, SETTLE)
        customer = session.get_one(Customer, plan.customer_id)
        customer.mobile = customer.email = ""
        accept_offer(session, plan, CATALOG, Agreed(Acceptance.WRITING), by=Actor.user("ann"), now=LATE)
    sent = builders.deliver(engine, MORNING).sent
    assert [(each.letter, each.channel.value) for each in sent] == [("settlement_confirmation", "post")]
    assert "We agreed to settle the debt listed below" in sent[0].text
    assert tasks(engine) == []


@pytest.mark.parametrize("paid", [0, 3_000])
def test_an_offered_plan_that_waits_past_a_payment_tells_what_is_past_due_then(
    engine: Engine, paid: int
) -> None:
    with transaction(engine) as session:
        offered(session, PLAN)
        session.scalars(select(Customer)).one().email = ""
    builders.deliver(engine, MORNING)  # withheld, as the address has changed
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        offer(session, case, PLAN, CATALOG, grantor=AS_MANAGER, now=builders.at(ON + DAY, 21))
    if paid:
        with transaction(engine) as session:
            builders.payment(session, session.scalars(select(Account)).one(), paid, ON + 2 * DAY)
    morning = builders.at(ON + 2 * DAY, 9)
    sent = builders.deliver(engine, morning).sent
    fall_back_due(engine, CATALOG, clock=FixedClock(morning))
    [text] = [each.text for each in (*sent, *builders.deliver(engine, morning).sent)]
    assert f"Total past due | | {'CN¥20.00' if paid else 'CN¥50.00'}" in re.sub(r"\|\s+\|", "| |", text)


@pytest.mark.parametrize("paid", [0, 20_000])
def test_an_offer_that_was_kept_for_days_tells_what_is_waived_by_then(engine: Engine, paid: int) -> None:
    sunday = ON + 6 * DAY
    with transaction(engine) as session:
        plan = offered(session, SETTLE, NOT_THIS_WEEK)
        card = session.scalars(select(Account)).one()
        builders.entry(session, card, EntryKind.FEE, 2_500, ON + 2 * DAY)
        if paid:
            builders.payment(session, card, paid, ON + 2 * DAY)
        [kept] = session.scalars(select(DeferredLetter))
        portfolio = get_portfolio(session, builders.BOOK)
        now = builders.night_after(sunday)
        write_deferred(session, portfolio, [id_of(kept)], CATALOG, on=sunday, by=Actor.user("ann"), now=now)
        assert session.scalars(select(DeferredLetter)).all() == []
        assert plan.total_minor == 60_000
    texts = [" ".join(row.text.split()) for row in builders.messages(engine)]
    assert ["That is CN¥425.00 less than you owe on it now." in text for text in texts] == (
        [] if paid else [True]
    )


def test_a_settlement_names_the_accounts_that_it_settles(engine: Engine) -> None:
    """Of two cards one is late: that one is settled, and the letter speaks of no other."""
    with transaction(engine) as session:
        plan = offered(session, SETTLE)
        holder = session.get_one(Customer, plan.customer_id)
        other = builders.account(session, holder, card_last4="7777", product="Store Card")
        builders.entry(session, other, EntryKind.OPENING_BALANCE, 50_000, ON - 30 * DAY)
        agreed = Agreed(Acceptance.WRITING)
        accept_offer(session, plan, CATALOG, agreed, by=Actor.user("ann"), now=LATE)
        mine = session.scalars(select(Account.card_last4).where(Account.id != other.id)).one()
    sms, email = (row for row in builders.messages(engine) if row.letter == "settlement_confirmation")
    assert f"we agreed to settle card {mine}: " in sms.text
    assert f"card ending {mine}: CN¥1,000.00 owed" in email.text
    for row in (sms, email):
        assert "7777" not in row.text


# --- changed instalments ------------------------------------------------------------------------------------

FIRST = date(2026, 4, 6)


def running(session: Session, tightening: str = "") -> Plan:
    """A plan of four payments of 100.00, from 6 April on; two may be skipped."""
    builders.portfolio(session, tightening=tightening, plan_skips=2, moves_a_month=5)
    case = builders.delinquent_case(session, due_on=ON - 20 * DAY, on=ON)
    parts = [
        (FIRST, 10_000),
        (date(2026, 5, 6), 10_000),
        (date(2026, 6, 8), 10_000),
        (date(2026, 7, 6), 10_000),
    ]
    return agreement(session, case, parts, accepted_on=ON, skips_allowed=2)


def change(session: Session, plan: Plan, how: str, n: int = 1) -> None:
    by = Grantor(Actor.user("ann"), Role.AGENT)
    if how == "moved":
        move_instalment(session, plan, n, FIRST + 7 * DAY, CATALOG, by=by.by, now=LATE)
    else:
        skip_instalment(session, plan, n, CATALOG, grantor=by, now=LATE)


@pytest.mark.parametrize(
    ("paid", "says"),
    [
        (0, "CN¥100.00 is now due on 13 April 2026"),
        (4_000, "CN¥60.00 is now due on 13 April 2026"),
        (10_000, ""),
    ],
)
@pytest.mark.parametrize("kept", [False, True], ids=["queued", "kept for days"])
def test_a_moved_instalment_is_confirmed_with_what_is_missing_of_it_by_then(
    engine: Engine, paid: int, says: str, kept: bool
) -> None:
    with transaction(engine) as session:
        change(session, running(session, NOT_THIS_WEEK if kept else ""), "moved")
        if paid:
            builders.payment(session, session.scalars(select(Account)).one(), paid, ON + DAY)
        if kept:
            sunday = ON + 6 * DAY
            portfolio, rows = (
                get_portfolio(session, builders.BOOK),
                session.scalars(select(DeferredLetter)).all(),
            )
            assert len(rows) == 2
            for row in rows:
                write_deferred(
                    session, portfolio, [id_of(row)], CATALOG, on=sunday, by=Actor.user("ann"),
                    now=builders.night_after(sunday),
                )  # fmt: skip
    texts = [" ".join(row.text.split()) for row in builders.messages(engine)] if kept else leave(engine)
    assert [says in text for text in texts] == ([True, True] if says else [])
    assert all("instead of 6 April 2026" in text for text in texts)


def test_two_skips_of_one_evening_tell_what_is_due_with_the_last_once_both_are_made(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = running(session)
        change(session, plan, "skipped")
        change(session, plan, "skipped", 3)
    texts = leave(engine)
    assert len(texts) == 4
    assert all("CN¥300.00" in text for text in texts), "100.00 and the two that were skipped"
    assert sum("that was due on 6 April 2026" in text for text in texts) == 1


def test_a_skip_leaves_as_it_was_written_where_nothing_changed(engine: Engine) -> None:
    with transaction(engine) as session:
        change(session, running(session), "skipped")
    texts = leave(engine)
    assert all("CN¥200.00" in text for text in texts)
    assert len(builders.messages(engine)) == len(texts) == 2
