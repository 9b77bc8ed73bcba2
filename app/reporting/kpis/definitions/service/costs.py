"""Cost to collect: messages, agents' time and legal cases at the portfolio's own tariffs, of the cash that came."""

from __future__ import annotations

import sqlalchemy as sa

from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import MONEY_IN
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.core.database.engine import table_of
from app.core.database.rows import Expression, Query
from app.core.timeline.models import Event
from app.legal.referrals.models import Referral
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination
from app.reporting.kpis.definitions.contacts import LEFT
from app.reporting.kpis.family import Days, Family, Rows, Shape, agent_of, first_account, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit

WINDOW = 30
"""Days, the last of which is the day of the figure."""
MEASURES = ("messages", "agents", "legal", "all", "cash")


def _rows(_shape: Shape, days: Days) -> Rows:
    """Messages, calls and legal cases of the window at their cost, and the cash of the window. A portfolio without a
    tariff has none of these rows: its cost is not known, and not nothing."""
    return sa.union_all(_messages(days), _calls(days), _legal_cases(days), _cash(days))


def _messages(days: Days) -> Query:
    message, book = table_of(OutboxMessage), table_of(Portfolio)
    begin, end = days.window(WINDOW)
    cost = sa.case(
        (message.c.destination == Destination.SMS, book.c.cost_sms_minor),
        (message.c.destination == Destination.EMAIL, book.c.cost_email_minor),
        else_=book.c.cost_letter_minor,
    )
    edge = thing(
        Thing.MESSAGE,
        message.c.id,
        message.c.business_date,
        first_account(message.c.customer_id),
        message.c.customer_id,
    )
    channel = sa.cast(message.c.destination, sa.String)
    return (
        sa.select(
            *edge,
            sa.literal("").label("agent"),
            channel.label("channel"),
            *_measures(messages=cost, all=cost),
        )
        .select_from(message)
        .join(book, book.c.id == message.c.portfolio_id)
        .where(
            message.c.portfolio_id == days.portfolio_id,
            message.c.sent_at >= begin,
            message.c.sent_at < end,
            message.c.status.in_(LEFT),
            message.c.destination != Destination.LEGAL_DESK,
            sa.not_(message.c.console_only),
            _has_tariff(days),
        )
    )


def _calls(days: Days) -> Query:
    """Calls in either direction: both take an agent's time."""
    event, customer, book = table_of(Event), table_of(Customer), table_of(Portfolio)
    begin, end = days.window(WINDOW)
    cost = (
        book.c.cost_agent_hour_minor * book.c.cost_call_minutes // 60
    )  # whole minor units on both databases
    edge = thing(
        Thing.CALL,
        event.c.id,
        sa.type_coerce(sa.func.date(event.c.at), sa.Date()),
        first_account(customer.c.id),
        customer.c.id,
    )
    return (
        sa.select(
            *edge,
            agent_of(event.c.by).label("agent"),
            sa.literal("call").label("channel"),
            *_measures(agents=cost, all=cost),
        )
        .select_from(event)
        .join(customer, customer.c.id == event.c.customer_id)
        .join(book, book.c.id == customer.c.portfolio_id)
        .where(
            event.c.kind == CallLogged.KIND,
            event.c.at >= begin,
            event.c.at < end,
            customer.c.portfolio_id == days.portfolio_id,
            _has_tariff(days),
        )
    )


def _legal_cases(days: Days) -> Query:
    """Referrals that the legal team received in the window."""
    referral, case, book = table_of(Referral), table_of(CollectionsCase), table_of(Portfolio)
    begin, end = days.window(WINDOW)
    cost = book.c.cost_legal_case_minor
    edge = thing(
        Thing.REFERRAL,
        referral.c.id,
        sa.type_coerce(sa.func.date(referral.c.delivered_at), sa.Date()),
        first_account(case.c.customer_id),
        case.c.customer_id,
    )
    nobody = sa.literal("")
    return (
        sa.select(*edge, nobody.label("agent"), nobody.label("channel"), *_measures(legal=cost, all=cost))
        .select_from(referral)
        .join(case, case.c.id == referral.c.case_id)
        .join(book, book.c.id == referral.c.portfolio_id)
        .where(
            referral.c.portfolio_id == days.portfolio_id,
            referral.c.delivered_at >= begin,
            referral.c.delivered_at < end,
            _has_tariff(days),
        )
    )


def _cash(days: Days) -> Query:
    entry, account = table_of(Entry), table_of(Account)
    mirror = entry.alias("mirror")
    edge = thing(Thing.ENTRY, entry.c.id, entry.c.effective_on, entry.c.account_id, account.c.customer_id)
    return (
        sa.select(
            *edge,
            sa.literal("").label("agent"),
            sa.literal("").label("channel"),
            *_measures(cash=-entry.c.amount_minor),
        )
        .select_from(entry)
        .join(account, account.c.id == entry.c.account_id)
        .where(
            _has_tariff(days),
            entry.c.portfolio_id == days.portfolio_id,
            entry.c.effective_on.between(days.before(WINDOW - 1), days.on),
            entry.c.kind.in_(list(MONEY_IN)),
            ~sa.exists().where(mirror.c.reverses_id == entry.c.id),
        )
    )


def _has_tariff(days: Days) -> sa.ColumnElement[bool]:
    """Asked once, before any row is read."""
    book = table_of(Portfolio).alias("tariff")
    costs = book.c.cost_sms_minor + book.c.cost_email_minor + book.c.cost_letter_minor
    costs += book.c.cost_agent_hour_minor + book.c.cost_legal_case_minor
    return sa.select(costs).where(book.c.id == days.portfolio_id).scalar_subquery() > 0


def _measures(**amounts: Expression) -> list[Expression]:
    return [sa.cast(amounts.get(name, sa.literal(0)), sa.BigInteger).label(name) for name in MEASURES]


def _definition(name: str, title: str, counted: str, column: str, version: str = "1") -> Definition:
    return Definition(
        name,
        title,
        Unit.MONEY,
        Seed.RECOVERY,
        counted,
        f"payments and recoveries of the last {WINDOW} days that were not reversed",
        column,
        "cash",
        more_is_better=False,
        version=version,
    )


COSTS = Family(
    "costs",
    "Cost to collect",
    (
        _definition(
            "cost_to_collect",
            "Cost to collect",
            f"cost of messages, agents' time and legal cases of the last {WINDOW} days",
            "all",
            "2",
        ),
        _definition(
            "cost_of_messages",
            "Cost to collect: messages",
            f"messages that left in the last {WINDOW} days, at the portfolio's tariffs",
            "messages",
        ),
        _definition(
            "cost_of_agents",
            "Cost to collect: agents' time",
            f"calls of the last {WINDOW} days, at the minutes of a call and the cost of an hour",
            "agents",
        ),
        _definition(
            "cost_of_legal",
            "Cost to collect: legal cases",
            f"cases that the legal team received in the last {WINDOW} days, at what a case costs",
            "legal",
        ),
    ),
    _rows,
    (Dimension.AGENT, Dimension.CHANNEL),
    "At the tariffs of now: the portfolio's `cost-sms`, `cost-email`, `cost-letter`, `cost-agent-hour`, "
    "`call-minutes` and `cost-legal-case`. Without one there is nothing yet. Cash and legal cases have no agent and no "
    "channel. A legal case is counted on the day on which the legal team received it, at what one costs on average: "
    "the ledger does not tell fees of courts from other fees.",
)
