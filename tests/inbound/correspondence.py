"""A customer who writes to us, and what has become of it."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import col, select

from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.vocabulary import Channel, Purpose
from app.inbound.interpretation import interpret_due
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.review import review
from app.inbound.rules import Arrived
from app.outreach.gate.explain import explain
from app.outreach.gate.models import Consent
from app.policy.answers import Clearance
from tests import builders

ON = date(2026, 3, 20)
NOW = builders.at(ON)
US = "+8621555000"


def a_customer(engine: Engine, mobile: str = "+8613911112222") -> Customer:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)
        customer = session.get_one(Customer, case.customer_id)
        customer.mobile = mobile
        session.flush()
        return customer


def writes(
    engine: Engine, text: str, sender: str = "+8613911112222", sid: str = "SM1", **changes: object
) -> InboundMessage | None:
    with transaction(engine) as session:
        arrived = Arrived(sid, sender, US, text, **changes)  # type: ignore[arg-type]
        return receive(session, arrived, shipped_phrases(), builders.catalog(), now=NOW)


def the_job(engine: Engine) -> dict[str, int]:
    return interpret_due(engine, builders.catalog(), FixedClock(NOW))


def decide(engine: Engine, outcome: ReviewOutcome) -> InboundMessage:
    """A person decides about the last message."""
    with transaction(engine) as session:
        message = session.scalars(select(InboundMessage).order_by(col(InboundMessage.id).desc())).first()
        assert message is not None
        review(session, message, outcome, by=Actor.user("ben"), now=NOW)
        return message


def consents(engine: Engine, customer: Customer) -> dict[Channel, bool]:
    with transaction(engine) as session:
        rows = session.scalars(select(Consent).where(Consent.customer_id == customer.id))
        return {row.channel: row.allowed for row in rows}


def permitted(engine: Engine, customer: Customer) -> list[Channel]:
    """Where the gate lets a reminder pass."""
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        found = [explain(session, book, customer, c, Purpose.REMINDER, at=NOW) for c in Channel]
        return [c for c, answer in zip(Channel, found, strict=True) if isinstance(answer, Clearance)]


def told(engine: Engine, customer: Customer, *kinds: str) -> list[dict[str, object]]:
    with transaction(engine) as session:
        return builders.events(session, *kinds, customer_id=customer.id)
