"""Contacts: calls that reached somebody, messages that arrived, and contacts that the gate refused."""

from __future__ import annotations

import sqlalchemy as sa

from app.book.ledger.models import Customer
from app.casework.cases.events import CallLogged
from app.casework.results.file import shipped_conversations
from app.casework.results.rules import Counts, Direction
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.timeline.models import Event
from app.outreach.gate.events import ContactCleared, ContactRefused
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.reporting.kpis.definitions.sql import json_text
from app.reporting.kpis.family import Days, Family, Shape, agent_of, first_account, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit

WINDOW = 30
"""Days, the last of which is the day of the figure."""


def _call_rows(_shape: Shape, days: Days) -> Query:
    """Calls that people of ours made in the window."""
    event, customer = table_of(Event), table_of(Customer)
    begin, end = days.window(WINDOW)
    counts = json_text(event.c.data, "counts")
    is_right_party = sa.or_(
        counts == Counts.CONVERSATION.value,
        json_text(event.c.data, "result").in_(sorted(shipped_conversations())),
    )
    is_reached = sa.or_(is_right_party, counts.in_([Counts.ANSWERED.value, Counts.THIRD_PARTY.value]))
    return (
        sa.select(
            *thing(
                Thing.CALL, event.c.id, sa.func.date(event.c.at), first_account(customer.c.id), customer.c.id
            ),
            agent_of(event.c.by).label("agent"),
            sa.literal_column("'call'", sa.String()).label("channel"),
            sa.literal(1).label("calls"),
            sa.case((is_reached, 1), else_=0).label("reached"),
            sa.case((is_right_party, 1), else_=0).label("right_party"),
        )
        .select_from(event)
        .join(customer, customer.c.id == event.c.customer_id)
        .where(
            event.c.kind == CallLogged.KIND,
            event.c.at >= begin,
            event.c.at < end,
            customer.c.portfolio_id == days.portfolio_id,
            sa.func.coalesce(json_text(event.c.data, "direction"), Direction.OUT.value) != Direction.IN.value,
        )
    )


def _call(name: str, title: str, counted: str, column: str) -> Definition:
    return Definition(
        name,
        title,
        Unit.CALLS,
        Seed.RECOVERY,
        counted,
        f"calls made in the last {WINDOW} days",
        column,
        "calls",
        more_is_better=True,
    )


CALLS = Family(
    "calls",
    "Calls",
    (
        _call("contact_rate", "Contact rate of calls", "calls that a person answered", "reached"),
        _call(
            "right_party_rate",
            "Right-party contact rate",
            "calls in which the cardholder spoke",
            "right_party",
        ),
    ),
    _call_rows,
    (Dimension.AGENT, Dimension.CHANNEL),
    "Calls that customers made to us are not counted. The agent is who logged the call.",
)
_TOLD = (OutboxStatus.DELIVERED, OutboxStatus.UNDELIVERED, OutboxStatus.BOUNCED)
LEFT = (OutboxStatus.SENT, *_TOLD)
"""Messages that left the house, whatever became of them."""


def _message_rows(_shape: Shape, days: Days) -> Query:
    """Messages that left in the window; the provider's word counts where it came by its end."""
    message = table_of(OutboxMessage)
    begin, end = days.window(WINDOW)
    told = sa.and_(message.c.status.in_(_TOLD), message.c.finished_at < end)
    arrived = message.c.status == OutboxStatus.DELIVERED
    return sa.select(
        *thing(
            Thing.MESSAGE,
            message.c.id,
            message.c.business_date,
            first_account(message.c.customer_id),
            message.c.customer_id,
        ),
        sa.cast(message.c.destination, sa.String).label("channel"),
        sa.literal(1).label("left"),
        sa.case((told, 1), else_=0).label("told"),
        sa.case((sa.and_(told, arrived), 1), else_=0).label("delivered"),
        sa.case((sa.and_(told, ~arrived), 1), else_=0).label("came_back"),
    ).where(
        message.c.portfolio_id == days.portfolio_id,
        message.c.sent_at >= begin,
        message.c.sent_at < end,
        message.c.status.in_(LEFT),
        message.c.destination != Destination.LEGAL_DESK,
        sa.not_(message.c.console_only),
    )


MESSAGES = Family(
    "messages",
    "Messages",
    (
        Definition(
            "delivery_rate",
            "Delivery rate of messages",
            Unit.MESSAGES,
            Seed.RECOVERY,
            "messages that arrived",
            f"messages of the last {WINDOW} days of which the provider told whether they arrived",
            "delivered",
            "told",
            more_is_better=True,
        ),
        Definition(
            "returned_contact_rate",
            "Messages that came back",
            Unit.MESSAGES,
            Seed.RECOVERY,
            "messages that bounced or were returned",
            f"messages that left in the last {WINDOW} days",
            "came_back",
            "left",
            more_is_better=False,
        ),
    ),
    _message_rows,
    (Dimension.CHANNEL,),
    "Providers tell it of most SMS and of few e-mails, of no letter.",
)


def _refusal_rows(_shape: Shape, days: Days) -> Query:
    """Contacts of the day that the gate cleared or refused, each by its first reason."""
    event, customer = table_of(Event), table_of(Customer)
    begin, end = days.window(1)
    is_refused = event.c.kind == ContactRefused.KIND
    rule = sa.func.coalesce(json_text(event.c.data, "reasons", 0, "rule"), "")
    return (
        sa.select(
            *thing(
                Thing.DECISION,
                event.c.id,
                sa.func.date(event.c.at),
                first_account(customer.c.id),
                customer.c.id,
            ),
            sa.func.coalesce(sa.cast(event.c.channel, sa.String), "").label("channel"),
            sa.case((is_refused, sa.func.substr(rule, 1, 64)), else_="").label("rule"),
            sa.literal(1).label("asked"),
            sa.case((is_refused, 1), else_=0).label("refused"),
        )
        .select_from(event)
        .join(customer, customer.c.id == event.c.customer_id)
        .where(
            event.c.kind.in_([ContactCleared.KIND, ContactRefused.KIND]),
            event.c.at >= begin,
            event.c.at < end,
            customer.c.portfolio_id == days.portfolio_id,
        )
    )


REFUSALS = Family(
    "refusals",
    "Refusals",
    (
        Definition(
            "refusal_rate",
            "Contacts refused",
            Unit.DECISIONS,
            Seed.SATISFACTION,
            "contacts that the gate refused on the day",
            "contacts that it cleared or refused",
            "refused",
            "asked",
            more_is_better=False,
        ),
    ),
    _refusal_rows,
    (Dimension.CHANNEL, Dimension.RULE),
    "Sliced by the first rule that refused.",
    is_sparse=True,
)
