"""Who is reminded of an instalment ahead: in the United Kingdom and Australia the adviser who speaks for the customer,
elsewhere, and where the pack lets the letter pass, the customer."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.advisers.clients import NewAuthority, add_client
from app.actions.agreements import agree
from app.actions.holds import place_hold
from app.actions.plans.instalments import move_instalment
from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.core.vocabulary import HoldKind
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.representatives.facts import is_written_instead
from app.policy.kinds.represented import RepresentedRule
from tests import builders
from tests.actions.test_agreements import AS_MANAGER
from tests.agreements import monthly
from tests.outreach.advised import ANN, CATALOG, DUE, NOW, ON, agreed, deliver, the_adviser, to_adviser
from tests.outreach.planning.test_restored import close

DAY = timedelta(days=1)
FIRST = date(2026, 4, 1)
NIGHT = FIRST - 4 * DAY
"""The reminder leaves on the morning after it, three days ahead."""
PLACES = {
    "uk": ("GB", "CONC 7.12.2R(4)"),
    "au": ("AU", "RG 96"),
}


def place(session: Session, pack: str, country: str) -> None:
    session.scalars(select(Portfolio)).one().pack = pack
    session.scalars(select(Customer)).one().country = country


def reminders(engine: Engine) -> list[OutboxMessage]:
    return [
        row
        for row in builders.messages(engine)
        if row.letter in ("instalment_reminder", "adviser_instalment_ahead")
    ]


@pytest.mark.parametrize("pack", PLACES)
def test_the_adviser_is_reminded_once_and_the_customer_is_not(engine: Engine, pack: str) -> None:
    country, source = PLACES[pack]
    with transaction(engine) as session:
        agreed(session, first=FIRST)
        place(session, pack, country)
    close(engine, NIGHT - DAY, NIGHT + DAY)
    [row] = reminders(engine)
    assert (row.letter, row.destination.value, row.business_date) == (
        "adviser_instalment_ahead", "adviser", NIGHT,
    )  # fmt: skip
    assert "25.00 is due on 1 April 2026." in row.text
    assert "We remind you instead of your client. Please tell them." in row.text
    with transaction(engine) as session:
        refused = [
            each
            for each in builders.events(session, "contact.refused")
            if each["letter"] == "instalment_reminder"
        ]
        reasons = [reason for each in refused for reason in each["reasons"]]
        assert any(source in reason["citation"] for reason in reasons), "the gate says why, with its source"
    assert [each.letter for each in deliver(engine, now=builders.at(NIGHT + DAY, 18)).sent] == [row.letter]


def test_elsewhere_the_customer_is_reminded_and_the_adviser_is_not(engine: Engine) -> None:
    with transaction(engine) as session:
        agreed(session, first=FIRST)
    close(engine, NIGHT - DAY, NIGHT)
    assert [row.letter for row in reminders(engine)] == ["instalment_reminder"]


def test_a_letter_that_the_pack_lets_pass_is_the_customers(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        agreed(session, first=FIRST)
        place(session, "uk", "GB")
    with reading(sqlite_engine) as session:
        book, case = session.scalars(select(Portfolio)).one(), session.scalars(select(CollectionsCase)).one()
        [found] = load_contact_cases(session, book, [case.id or 0], now=NOW, as_of=ON)
        assert is_written_instead(found, NOW, "instalment_reminder")
        rules = tuple(
            dataclasses.replace(rule, passes=frozenset({"instalment_reminder"}))
            if isinstance(rule, RepresentedRule)
            else rule
            for rule in found.pack.rules
        )
        found.pack = dataclasses.replace(found.pack, rules=rules)
        assert not is_written_instead(found, NOW, "instalment_reminder")
        assert is_written_instead(found, NOW, "plan_broken")


def test_who_came_after_the_agreement_is_reminded_as_they_speak_for_the_customer(engine: Engine) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=DUE, on=ON)
        agree(session, case, monthly(5_000, 0, 2, FIRST), CATALOG, grantor=AS_MANAGER["grantor"], now=NOW)
        authority = NewAuthority(date(2026, 3, 1), None, "H-881")
        add_client(session, the_adviser(session), case, authority, CATALOG, by=ANN, now=NOW)
        place(session, "uk", "GB")
    close(engine, NIGHT, NIGHT)
    assert [row.letter for row in reminders(engine)] == ["adviser_instalment_ahead"]


@pytest.mark.parametrize("what", ["paid", "paid in part", "moved", "rests"])
def test_it_is_withheld_where_something_else_falls_due_by_then(engine: Engine, what: str) -> None:
    with transaction(engine) as session:
        agreed(session, first=FIRST)
        place(session, "uk", "GB")
    close(engine, NIGHT, NIGHT)
    now = builders.at(NIGHT + DAY, 12)
    with transaction(engine) as session:
        if what == "moved":
            plan = session.scalars(select(Plan)).one()
            move_instalment(session, plan, 1, FIRST + 5 * DAY, CATALOG, "paid later", by=ANN, now=now)
        elif what == "rests":
            case, until = session.scalars(select(CollectionsCase)).one(), NIGHT + 60 * DAY
            place_hold(
                session, case, HoldKind.BREATHING_SPACE, "a moratorium", until, CATALOG, by=ANN, now=now
            )
        else:
            card = session.scalars(select(Account)).one()
            builders.payment(session, card, 2_500 if what == "paid" else 1_000, NIGHT + DAY, now=now)
    deliver(engine, now=builders.at(NIGHT + DAY, 18))
    row = next(row for row in to_adviser(engine) if row.letter == "adviser_instalment_ahead")
    assert row.status is OutboxStatus.WITHHELD


def test_paid_in_part_before_it_leaves_it_is_written_again_with_what_is_still_due(engine: Engine) -> None:
    with transaction(engine) as session:
        agreed(session, first=FIRST)
        place(session, "uk", "GB")
    close(engine, NIGHT, NIGHT)
    day = NIGHT + DAY
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, 100, day, now=builders.at(day, 8))
    deliver(engine, now=builders.at(day, 11))
    fall_back_due(engine, CATALOG, clock=FixedClock(builders.at(day, 12)))
    deliver(engine, now=builders.at(day + DAY, 12))
    [first, again] = reminders(engine)
    assert (first.status, again.status) == (OutboxStatus.WITHHELD, OutboxStatus.SENT)
    assert "24.00 is due on 1 April 2026." in again.text
    assert (again.instead_of_id, again.destination) == (first.id, first.destination)
