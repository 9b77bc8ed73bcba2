"""Default sums in the United Kingdom: each late fee that the desk posts is told of, or nothing is enforced (s.86E)."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Account
from app.book.ledger.rules import EntryKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.legal.checklists.loading import load_case_file
from app.legal.checklists.rules import completeness
from app.outreach.duties.making import make_duties
from app.outreach.duties.models import Duty
from app.outreach.duties.settling import settle_duties
from app.outreach.duties.writing import owed_letters_in_batches, write_owed
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.letterhead import LetterCatalog
from tests import builders

ON = date(2026, 6, 1)  # a Monday
LONDON = "Europe/London"


def catalog() -> LetterCatalog:
    return dataclasses.replace(builders.catalog(), sender_address="1 Quay Street, London")


def a_case(session: Session) -> tuple[CollectionsCase, Account]:
    book = builders.portfolio(
        session, pack="uk", currency="GBP", timezone=LONDON, accrues=True, contact_phone="+44 20 5550 0100"
    )
    due_on = ON - timedelta(days=10)
    card = builders.late_customer(
        session, book, due_on=due_on, country="GB", region="", city="Gloucester", postcode="GL1 1AA", timezone=LONDON,
        language="en", mobile="+447700900123",
    )  # fmt: skip
    fold_accounts(session, book, [id_of(card)], through=ON)
    case = CollectionsCase(
        portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=ON, past_due_minor=5_000,
        balance_minor=100_000, oldest_due_on=due_on,
    )  # fmt: skip
    session.add(case)
    session.flush()
    return case, card


def night(engine: Engine, on: date) -> dict[str, int]:
    now = builders.night_after(on, LONDON)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        counts = {"made": make_duties(session, book, now=now), **settle_duties(session, book, on, now=now)}
        counts["written"] = sum(
            write_owed(session, book, ids, catalog(), on=on, now=now)
            for ids in owed_letters_in_batches(session, book, catalog())
        )
    return counts


def leaves(engine: Engine, on: date) -> None:
    with transaction(engine) as session:
        for row in session.scalars(select(OutboxMessage).where(OutboxMessage.status == OutboxStatus.QUEUED)):
            row.status, row.sent_at = OutboxStatus.SENT, builders.at(on, 12, zone=LONDON)


def test_each_late_fee_is_told_of_once(engine: Engine) -> None:
    with transaction(engine) as session:
        _, card = a_case(session)
        builders.entry(session, card, EntryKind.FEE, 1_200, ON, reference="late-fee:S-1")
        builders.entry(session, card, EntryKind.FEE, 9_900, ON, reference="annual-fee-2026")
    assert night(engine, ON) == {"made": 1, "written": 1}
    [letter] = builders.messages(engine)
    assert letter.letter == "default_sum_notice"
    assert "| Late payment fee | 1 June 2026 | £12.00 |" in letter.text
    assert "£99.00" not in letter.text
    leaves(engine, ON + timedelta(days=1))
    assert night(engine, ON + timedelta(days=1)) == {"made": 0, "duties_met": 1, "written": 0}
    # A month later two more, one of which is undone: the notice names the new one alone.
    later = ON + timedelta(days=30)
    with transaction(engine) as session:
        card = session.get_one(Account, id_of(card))
        builders.entry(session, card, EntryKind.FEE, 1_300, later, reference="late-fee:S-2")
    assert night(engine, later) == {"made": 1, "written": 1}
    second = builders.messages(engine)[-1]
    assert "| 1 July 2026 | £13.00 |" in second.text
    assert "£12.00" not in second.text


def test_a_fee_of_the_day_of_a_notice_that_does_not_name_it_has_its_own(engine: Engine) -> None:
    with transaction(engine) as session:
        _, card = a_case(session)
        builders.entry(session, card, EntryKind.FEE, 1_200, ON, reference="late-fee:S-1")
    night(engine, ON)
    # In the day after that night the notice leaves, and later on that day another fee is posted.
    on = ON + timedelta(days=1)
    with transaction(engine) as session:
        card = session.get_one(Account, id_of(card))
        builders.entry(session, card, EntryKind.FEE, 1_300, on, reference="late-fee:S-2")
    leaves(engine, on)
    assert night(engine, on) == {"made": 1, "duties_met": 1, "written": 1}
    first, second = builders.messages(engine)
    assert "£13.00" not in first.text
    assert "| 2 June 2026 | £13.00 |" in second.text
    assert "£12.00" not in second.text
    leaves(engine, on + timedelta(days=1))
    assert night(engine, on + timedelta(days=1)) == {"made": 0, "duties_met": 1, "written": 0}


@pytest.mark.parametrize(("days", "late"), [(34, False), (35, False), (36, True), (40, True)])
def test_a_late_notice_bars_the_suit(engine: Engine, days: int, late: bool) -> None:
    """Within 35 days; without it the agreement is not enforced: s.86E(2), (5)."""
    with transaction(engine) as session:
        case, card = a_case(session)
        builders.entry(session, card, EntryKind.FEE, 1_200, ON, reference="late-fee:S-1")
    night(engine, ON)
    on = ON + timedelta(days=days)
    with transaction(engine) as session:
        [duty] = session.scalars(select(Duty))
        assert duty.due_on == date(2026, 7, 6)
        case = session.get_one(CollectionsCase, id_of(case))
        file = load_case_file(session, case, bundle_id="B-1", now=builders.at(on, 12, zone=LONDON))
        items = {item.id: item for item in completeness(file)}
        assert ("notice.owed" in items) is late
        if late:
            assert "default sum notice was to leave by 2026-07-06 (CCA 1974 s.86E" in file.notices_overdue[0]
    leaves(engine, on)
    night(engine, on)
    with transaction(engine) as session:
        case = session.get_one(CollectionsCase, id_of(case))
        assert (
            load_case_file(
                session, case, bundle_id="B-1", now=builders.at(on, 13, zone=LONDON)
            ).notices_overdue
            == ()
        )


def test_fees_outside_the_united_kingdom_bring_no_such_duty(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        card = builders.late_customer(session, book, due_on=ON - timedelta(days=10))
        fold_accounts(session, book, [id_of(card)], through=ON)
        session.add(
            CollectionsCase(
                portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=ON, past_due_minor=5_000
            )
        )
        builders.entry(session, card, EntryKind.FEE, 1_200, ON, reference="late-fee:S-1")
    assert night(engine, ON)["made"] == 0
