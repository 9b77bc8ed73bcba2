"""The suppression list: whose address it is, that the gate obeys at once, and how an address comes off it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.events import AddressRestored, AddressSuppressed
from app.outreach.gate.explain import explain
from app.outreach.gate.models import SuppressedAddress
from app.outreach.gate.suppression import restore, suppress
from app.outreach.outbox.rules import OutboxStatus
from app.policy.answers import Clearance, Refusals
from app.policy.facts import Suppression
from tests import builders
from tests.builders import NOW, events

ON = date(2026, 3, 13)


def refused_by(session: Session, portfolio: Portfolio, holder: Customer, channel: Channel) -> list[str]:
    answer = explain(session, portfolio, holder, channel, Purpose.REMINDER, at=NOW)
    if isinstance(answer, Clearance):
        return []
    assert isinstance(answer, Refusals)
    return [reason.rule for reason in answer.reasons]


def test_an_address_is_closed_for_everybody_who_has_it_and_opened_again_with_a_reason(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = builders.portfolio(session)
        anna = builders.customer(session, portfolio, email="Anna.Sol@mail.example")
        same = builders.customer(session, portfolio, email="anna.sol@mail.example")
        other = builders.customer(session, portfolio)

        added = suppress(
            session,
            Channel.EMAIL,
            "Anna.Sol@mail.example",
            Suppression.BOUNCED,
            detail="5.1.1",
            by=SYSTEM,
            now=NOW,
        )
        again = suppress(
            session, Channel.EMAIL, "anna.sol@mail.example", Suppression.MANUAL, by=Actor.user("mei"), now=NOW
        )

        assert (added, again) == (True, False)
        assert refused_by(session, portfolio, anna, Channel.EMAIL) == ["desk.suppressed"]
        assert refused_by(session, portfolio, same, Channel.EMAIL) == ["desk.suppressed"]
        assert refused_by(session, portfolio, anna, Channel.SMS) == []
        assert refused_by(session, portfolio, other, Channel.EMAIL) == []
        for each in (anna, same):
            [told] = events(session, AddressSuppressed.KIND, customer_id=each.id)
            assert (told["reason"], told["detail"], told["channel"]) == ("bounced", "5.1.1", Channel.EMAIL)

        row = session.exec(select(SuppressedAddress)).one()
        with pytest.raises(Invalid):
            restore(session, row, " ", by=Actor.user("mei"), now=NOW)
        restore(session, row, "She wrote from it today", by=Actor.user("mei"), now=NOW)
        with pytest.raises(Conflict):
            restore(session, row, "again", by=Actor.user("mei"), now=NOW)
        assert refused_by(session, portfolio, anna, Channel.EMAIL) == []
        assert len(events(session, AddressRestored.KIND)) == 2
        assert suppress(session, Channel.EMAIL, anna.email, Suppression.BOUNCED, by=SYSTEM, now=NOW)


def test_a_number_that_takes_no_sms_may_still_be_called(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = builders.portfolio(session)
        anna = builders.customer(session, portfolio)
        suppress(session, Channel.SMS, anna.mobile, Suppression.REFUSED, by=SYSTEM, now=NOW)
        assert refused_by(session, portfolio, anna, Channel.SMS) == ["desk.suppressed"]
        assert refused_by(session, portfolio, anna, Channel.CALL) == []


@pytest.mark.parametrize(
    ("channel", "address"),
    [(Channel.POST, "1 Harbour Road"), (Channel.CALL, "+8613800000001"), (Channel.EMAIL, "+8613800000001")],
)
def test_only_what_can_be_told_apart_goes_on_the_list(
    sqlite_engine: Engine, channel: Channel, address: str
) -> None:
    with transaction(sqlite_engine) as session, pytest.raises(Invalid):
        suppress(session, channel, address, Suppression.MANUAL, by=Actor.user("mei"), now=NOW)


def test_what_was_queued_before_does_not_leave(engine: Engine) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        message = builders.queued_message(session, case, on=ON, channel=Channel.EMAIL)
        suppress(session, Channel.EMAIL, message.address, Suppression.KEEPS_BOUNCING, by=SYSTEM, now=NOW)
    sender = builders.deliver(engine, builders.at(ON + timedelta(days=1), 9))
    [after] = builders.messages(engine)
    assert sender.sent == []
    assert after.status is OutboxStatus.WITHHELD
    assert "desk.suppressed" in after.error
