"""Builders of rows for tests: each makes one thing with defaults and takes changes by name.

Amounts are minor units. Times of day are those of `ZONE` by default. The pack is China's, because it permits contact
from 08:00 to 22:00 on every day of the week, so a test needs no calendar.

    with transaction(engine) as session:
        book = portfolio(session)
        anna = late_customer(session, book, due_on=date(2026, 3, 10), minimum=5_000)
    close_day(engine, date(2026, 3, 13))
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Account, Customer, Entry, Statement
from app.book.ledger.rules import EntryKind
from app.book.ledger.service import mark_changed, post_entry
from app.book.names.service import rename
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import add_portfolio
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.complaints.models import Complaint, ComplaintAnswer
from app.casework.complaints.rules import AnswerKind, ComplaintCategory, ComplaintChannel, ComplaintOutcome
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, Purpose
from app.operations.day.closing import DayReport, run_days
from app.outreach.delivery.sending import deliver_due
from app.outreach.delivery.transports import ContactTransport, Transport
from app.outreach.gate.facts import address_of
from app.outreach.outbox.dispatch import Accepted, Dispatch, SendResult
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.links import LinkSigner
from tests.letters import letters

ZONE = "Asia/Shanghai"
BOOK = "CARDS"
NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
"""Noon in `ZONE`, for rows whose time of creation does not matter."""

_numbers = itertools.count(1)


def at(on: date, hour: int = 12, minute: int = 0, zone: str = ZONE) -> datetime:
    """Return the instant of a local time."""
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def night_after(on: date, zone: str = ZONE) -> datetime:
    """Return the instant at which the business day `on` is closed: 02:30 the next morning."""
    return at(on + timedelta(days=1), 2, 30, zone)


@cache
def catalog() -> LetterCatalog:
    return LetterCatalog(letters(), LinkSigner("https://desk.example.test", "s" * 40))


# --- portfolio, customers, accounts ----------------------------------------------------------------


def portfolio(session: Session, code: str = BOOK, **changes: Any) -> Portfolio:
    """Add a first-party portfolio of cards in yuan, under China's pack and the standard strategy."""
    given: dict[str, Any] = {
        "creditor": "Harbour Bank",
        "currency": "CNY",
        "timezone": ZONE,
        "pack": "cn",
        "collector": CollectorKind.FIRST_PARTY,
        "contact_phone": "+86 10 5550 0100",
        "contact_email": "cards@harbour.example",
        "manager_max_discount_percent": 100,
        "by": "user:builder",
        "now": NOW,
    }
    return add_portfolio(session, code, **{**given, **changes})


def customer(session: Session, book: Portfolio, **changes: Any) -> Customer:
    """Add an English-speaking customer with a mobile number, an e-mail address and a postal address."""
    n = next(_numbers)
    given: dict[str, Any] = {
        "portfolio_id": book.id,
        "reference": f"CU-{n}",
        "full_name": f"Anna Example {n}",
        "language": "en",
        "country": "CN",
        "timezone": ZONE,
        "address_line1": f"{n} Harbour Road",
        "city": "Shanghai",
        "postcode": "200000",
        "mobile": f"+86138{n:08d}",
        "email": f"anna{n}@example.org",
    }
    made = Customer.model_validate({**given, **changes})
    session.add(made)
    session.flush()
    rename(session, [(_id(made), "", made.full_name)])
    return made


def customers_of(session: Session, book: Portfolio) -> list[Customer]:
    """The customers of a portfolio, oldest first."""
    query = select(Customer).where(Customer.portfolio_id == book.id)
    return list(session.scalars(query.order_by(col(Customer.id))))


def account(session: Session, holder: Customer, **changes: Any) -> Account:
    """Add an active account, opened long ago, without entries."""
    n = next(_numbers)
    given: dict[str, Any] = {
        "portfolio_id": holder.portfolio_id,
        "customer_id": holder.id,
        "reference": f"AC-{n}",
        "card_last4": f"{n % 10000:04d}",
        "product": "Gold card",
        "credit_limit_minor": 1_000_000,
        "apr_millionths": 180_000,
        "opened_on": date(2024, 1, 15),
    }
    made = Account.model_validate({**given, **changes})
    session.add(made)
    session.flush()
    mark_changed(session, made.portfolio_id, {_id(made): made.opened_on})
    return made


def statement(
    session: Session,
    of: Account,
    closing_on: date,
    due_on: date,
    minimum: int,
    *,
    balance: int = 100_000,
    reference: str = "",
) -> Statement:
    made = Statement(
        portfolio_id=of.portfolio_id,
        account_id=_id(of),
        reference=reference or f"ST-{next(_numbers)}",
        closing_on=closing_on,
        due_on=due_on,
        balance_minor=balance,
        minimum_due_minor=minimum,
        posted_on=closing_on,
    )
    session.add(made)
    session.flush()
    mark_changed(session, of.portfolio_id, {_id(of): closing_on})
    return made


def entry(
    session: Session,
    of: Account,
    kind: EntryKind,
    amount: int,
    on: date,
    *,
    posted_on: date | None = None,
    reference: str = "",
    now: datetime | None = None,
) -> Entry:
    """Post an entry as a person, in the evening of its day; the amount is positive, the kind gives the sign."""
    return post_entry(
        session,
        of,
        kind,
        amount,
        effective_on=on,
        posted_on=posted_on or on,
        reference=reference or f"EN-{next(_numbers)}",
        by=Actor.user("builder"),
        now=now or at(on, 20),
    )


def payment(session: Session, of: Account, amount: int, on: date, **about: Any) -> Entry:
    return entry(session, of, EntryKind.PAYMENT, amount, on, **about)


def late_customer(
    session: Session,
    book: Portfolio,
    *,
    due_on: date,
    minimum: int = 5_000,
    balance: int = 100_000,
    **changes: Any,
) -> Account:
    """Add a customer (with `changes`), one account, a balance, and one statement due on `due_on`."""
    card = account(session, customer(session, book, **changes))
    closing_on = due_on - timedelta(days=20)
    entry(session, card, EntryKind.OPENING_BALANCE, balance, closing_on - timedelta(days=30))
    statement(session, card, closing_on, due_on, minimum, balance=balance)
    return card


def delinquent_case(
    session: Session, *, due_on: date, on: date, minimum: int = 5_000, balance: int = 100_000, **changes: Any
) -> CollectionsCase:
    """Add an open case in the state after the day `on`, without running the day.

    `changes` are the case's own. Its strategy is due to be asked on `on`.
    """
    book = session.scalar(select(Portfolio).where(Portfolio.code == BOOK)) or portfolio(session)
    card = late_customer(session, book, due_on=due_on, minimum=minimum, balance=balance)
    fold_accounts(session, book, [_id(card)], through=on)
    made = CollectionsCase.model_validate(
        {
            "portfolio_id": book.id,
            "customer_id": card.customer_id,
            "opened_on": on,
            "past_due_minor": minimum,
            "balance_minor": balance,
            "oldest_due_on": due_on,
            "now_past_due_minor": minimum,
            "now_balance_minor": balance,
            "now_oldest_due_on": due_on,
            "next_contact_on": on,
            **changes,
        }
    )
    session.add(made)
    session.flush()
    return made


def contact(
    session: Session, case: CollectionsCase, *, step: str, channel: Channel = Channel.SMS, **changes: Any
) -> PlannedContact:
    """Add a contact of the case's present occurrence, as if the gate had cleared it."""
    made = PlannedContact.model_validate(
        {
            "case_id": case.id,
            "step": step,
            "occurrence": case.occurrence,
            "channel": channel,
            "purpose": Purpose.REMINDER,
            "letter": "" if channel is Channel.CALL else "first_reminder",
            "created_at": NOW,
            **changes,
        }
    )
    session.add(made)
    session.flush()
    return made


def complaint(
    session: Session,
    case: CollectionsCase,
    *,
    received_at: datetime,
    answer_by: date,
    answered_at: datetime | None = None,
    by: str = "user:mei",
    kind: AnswerKind = AnswerKind.FINAL,
    outcome: ComplaintOutcome | None = ComplaintOutcome.UPHELD,
    **about: Any,
) -> Complaint:
    """A complaint as rows, without its hold and letters; `answered_at` closes it."""
    received_on = received_at.astimezone(ZoneInfo(ZONE)).date()
    on = answered_at.astimezone(ZoneInfo(ZONE)).date() if answered_at else None
    row = Complaint(
        **{
            "portfolio_id": case.portfolio_id, "customer_id": case.customer_id, "case_id": _id(case),
            "category": ComplaintCategory.FEES, "channel": ComplaintChannel.CALL, "words": "the late fee",
            "received_at": received_at, "received_on": received_on, "opened_at": received_at, "by": "user:mei",
            "began_on": received_on, "answer_by": answer_by, "pack": "cn", "citation": "-", "verified": False,
            "closed_at": answered_at, "closed_on": on, "closed_with": kind if answered_at else None,
            "outcome": outcome if answered_at else None, **about,
        }
    )  # fmt: skip
    session.add(row)
    session.flush()
    if answered_at is not None:
        session.add(
            ComplaintAnswer(
                portfolio_id=case.portfolio_id, complaint_id=_id(row), number=1, kind=kind, outcome=outcome,
                began_on=received_on, answer_by=answer_by, answered_on=on, answered_at=answered_at, by=by,
            )
        )  # fmt: skip
        session.flush()
    return row


def call_task(
    session: Session, case: CollectionsCase, *, due_on: date, step: str = "first-call", **changes: Any
) -> CallTask:
    """Add a call task, as if the gate had cleared it."""
    planned = contact(session, case, step=step, channel=Channel.CALL)
    made = CallTask.model_validate(
        {"case_id": case.id, "contact_id": planned.id, "due_on": due_on, "created_at": NOW, **changes}
    )
    session.add(made)
    session.flush()
    return made


def queued_message(
    session: Session,
    case: CollectionsCase,
    *,
    on: date,
    step: str = "friendly-sms",
    channel: Channel = Channel.SMS,
    **changes: Any,
) -> OutboxMessage:
    """Queue a reminder, planned on `on` and due at once, as if the gate had cleared it."""
    holder = session.get_one(Customer, case.customer_id)
    planned = contact(session, case, step=step, channel=channel)
    made = OutboxMessage.model_validate(
        {
            "contact_id": planned.id,
            "destination": Destination(channel.value),
            "portfolio_id": case.portfolio_id,
            "customer_id": case.customer_id,
            "case_id": case.id,
            "purpose": Purpose.REMINDER,
            "letter": "first_reminder",
            "template_version": "v-test",
            "language": "en",
            "address": address_of(holder, channel),
            "subject": "" if channel is Channel.SMS else "Your payment",
            "text": "Please pay.",
            "past_due_minor": case.past_due_minor,
            "business_date": on,
            "not_before": night_after(on),
            "created_at": night_after(on),
            **changes,
        }
    )
    session.add(made)
    session.flush()
    return made


# --- days and delivery ----------------------------------------------------------------------------


def close_day(engine: Engine, on: date, *, code: str = BOOK, now: datetime | None = None) -> list[DayReport]:
    """Close `on` (and any missed days before it) in the night after it."""
    return run_days(engine, code, on, catalog(), now=now or night_after(on))


@dataclass
class RecordingSender:
    """Provider that keeps its messages. It gives `answers` in turn, then accepts everything."""

    answers: list[SendResult] = field(default_factory=list)
    sent: list[Dispatch] = field(default_factory=list)

    def send(self, dispatch: Dispatch) -> SendResult:
        self.sent.append(dispatch)
        return self.answers.pop(0) if self.answers else Accepted(f"ref-{dispatch.attempt_id}")

    @property
    def keys(self) -> list[str]:
        return [dispatch.key for dispatch in self.sent]


def transports(senders: Mapping[Channel, Any]) -> dict[Destination, Transport]:
    return {Destination(c.value): ContactTransport(sender, catalog()) for c, sender in senders.items()}


def deliver(
    engine: Engine,
    now: datetime,
    sender: RecordingSender | None = None,
    *,
    worker: str = "worker-1",
    batch: int = 50,
) -> RecordingSender:
    """Deliver the messages due at `now`, on every channel, through one recording sender."""
    sender = sender or RecordingSender()
    everywhere = transports(dict.fromkeys((Channel.SMS, Channel.EMAIL, Channel.POST), sender))
    deliver_due(engine, everywhere, worker=worker, clock=FixedClock(now), batch=batch)
    return sender


# --- asking ---------------------------------------------------------------------------------------


def events(session: Session, *kinds: str, customer_id: int | None = None) -> list[dict[str, Any]]:
    """Return the recorded events, oldest first: each event's data with its kind, time and channel."""
    query = select(Event).order_by(col(Event.id))
    if kinds:
        query = query.where(col(Event.kind).in_(kinds))
    if customer_id is not None:
        query = query.where(Event.customer_id == customer_id)
    return [
        {**json.loads(e.data), "kind": e.kind, "at": e.at, "by": e.by, "channel": e.channel}
        for e in session.scalars(query)
    ]


def step_of(engine: Engine, message: OutboxMessage) -> CaseStep:
    """Return the step of this message."""
    with transaction(engine) as session:
        return session.get_one(PlannedContact, message.contact_id).case_step


def messages(engine: Engine) -> list[OutboxMessage]:
    with transaction(engine) as session:
        return list(session.scalars(select(OutboxMessage).order_by(col(OutboxMessage.id))))


def open_case(engine: Engine, customer_id: int) -> CollectionsCase | None:
    with transaction(engine) as session:
        return session.scalar(
            select(CollectionsCase).where(
                CollectionsCase.customer_id == customer_id, CollectionsCase.status == CaseStatus.OPEN
            )
        )


def count(engine: Engine, model: Any, *where: Any) -> int:
    with transaction(engine) as session:
        return int(session.scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0)


def csv_text(header: str, *rows: Sequence[object]) -> str:
    """Return the text of a feed file; `header` names columns separated by spaces."""
    lines = [header.replace(" ", ","), *(",".join(map(str, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def _id(row: Any) -> int:
    assert row.id is not None
    return int(row.id)
