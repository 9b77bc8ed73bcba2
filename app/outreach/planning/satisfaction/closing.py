"""What was closed in the last nights, found by indexes; and the questions that may have their reminder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.contacts.models import PlannedContact
from app.casework.correspondence.models import InboundAnswer, InboundMessage
from app.casework.results.file import shipped_conversations
from app.casework.results.rules import Counts
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import RETRY_DAYS, AskedAfter, is_sampled
from app.core.clock import local_instant
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LEFT
from app.outreach.planning.satisfaction.barred import asked_since, barred, gap_begins
from app.outreach.planning.satisfaction.rules import Closed

ASKED_OUTCOMES = (CaseOutcome.PAID, CaseOutcome.SETTLED, CaseOutcome.CURED)
"""A case that was written off, sold or handed over is no occasion to ask."""


def closed_of_nights(session: Session, portfolio: Portfolio, on: date) -> list[Closed]:
    """The sampled things that were closed in the last nights up to `on`, one of each customer, without those that were
    asked about, and without customers who are not asked. Nothing is read where nobody is asked."""
    if not portfolio.survey_share_percent:
        return []
    first: dict[int, Closed] = {}
    for each in _sampled(session, portfolio, on):
        known = first.get(each.customer_id)
        if known is None or each.order < known.order:
            first[each.customer_id] = each
    never = barred(session, first.keys())
    recent = asked_since(session, first.keys(), gap_begins(on, portfolio.survey_gap_days)) if first else set()
    return [first[i] for i in sorted(first) if i not in never and i not in recent]


def reminders_due(session: Session, portfolio: Portfolio, on: date) -> list[int]:
    """Questions that left so many days ago without an answer, and whose reminder was not asked about."""
    if not portfolio.survey_remind_days or not portfolio.survey_share_percent:
        return []
    survey, message = table_of(Survey), table_of(OutboxMessage)
    query = (
        sa.select(survey.c.id)
        .join(message, message.c.contact_id == survey.c.contact_id)
        .where(
            survey.c.portfolio_id == portfolio.id,
            survey.c.contact_id.is_not(None),
            survey.c.answered_at.is_(None),
            survey.c.reminded_on.is_(None),
            survey.c.asked_on <= on - timedelta(days=portfolio.survey_remind_days),
            survey.c.closes_on > on + timedelta(days=1),
            message.c.status.in_(LEFT),
        )
        .order_by(survey.c.customer_id, survey.c.id)
    )
    return list(dict.fromkeys(session.scalars(query)))


def _sampled(session: Session, portfolio: Portfolio, on: date) -> Iterator[Closed]:
    since = on - timedelta(days=RETRY_DAYS - 1)
    begin = local_instant(since, 0, 0, portfolio.timezone)
    end = local_instant(on + timedelta(days=1), 0, 0, portfolio.timezone)
    found: list[Iterator[Closed]] = []
    if portfolio.survey_after_case:
        found.append(_cases(session, portfolio, since, on))
    if portfolio.survey_after_call:
        found.append(_calls(session, portfolio, begin, end))
    if portfolio.survey_after_message:
        found.append(_messages(session, portfolio, begin, end))
    share, portfolio_id = portfolio.survey_share_percent, id_of(portfolio)
    for some in found:
        for each in some:
            if is_sampled(share, portfolio_id, each.customer_id, each.after, each.number):
                yield each


def _cases(session: Session, portfolio: Portfolio, since: date, on: date) -> Iterator[Closed]:
    """Cases that closed because what was owed came, and about whose end nobody was asked."""
    case, survey = table_of(CollectionsCase), table_of(Survey)
    asked = sa.exists().where(
        survey.c.case_id == case.c.id,
        survey.c.after == AskedAfter.CASE,
        survey.c.asked_on >= case.c.closed_on,
    )
    query = (
        sa.select(case.c.id, case.c.customer_id, case.c.outcome, case.c.owner)
        .where(
            case.c.portfolio_id == portfolio.id,
            case.c.status == CaseStatus.CLOSED,
            case.c.closed_on.between(since, on),
            case.c.outcome.in_(ASKED_OUTCOMES),
            ~asked,
        )
        .order_by(case.c.id)
    )
    for row in session.execute(query):
        yield Closed(AskedAfter.CASE, row.id, row.id, row.customer_id, row.outcome.value, row.owner)


def _calls(session: Session, portfolio: Portfolio, begin: datetime, end: datetime) -> Iterator[Closed]:
    """Calls, of either direction, in which the customer spoke with a person of ours."""
    event, customer, survey = table_of(Event), table_of(Customer), table_of(Survey)
    query = (
        sa.select(event.c.id, event.c.case_id, event.c.customer_id, event.c.by, event.c.data)
        .join(customer, customer.c.id == event.c.customer_id)
        .where(
            event.c.kind == CallLogged.KIND,
            event.c.at >= begin,
            event.c.at < end,
            event.c.case_id.is_not(None),
            customer.c.portfolio_id == portfolio.id,
            ~sa.exists().where(survey.c.event_id == event.c.id),
        )
        .order_by(event.c.id)
    )
    spoken = shipped_conversations()
    for row in session.execute(query):
        told = json.loads(row.data)
        result = str(told.get("result", ""))
        if told.get("counts") == Counts.CONVERSATION or result in spoken:
            yield Closed(
                AskedAfter.CALL, row.id, row.case_id, row.customer_id, result[:60], _username(row.by)
            )


def _messages(session: Session, portfolio: Portfolio, begin: datetime, end: datetime) -> Iterator[Closed]:
    """Messages of customers that a person answered in writing."""
    answer, contact, case = table_of(InboundAnswer), table_of(PlannedContact), table_of(CollectionsCase)
    message, survey = table_of(InboundMessage), table_of(Survey)
    query = (
        sa.select(message.c.id, case.c.id, case.c.customer_id, message.c.intents, message.c.reviewed_by)
        .select_from(contact)
        .join(answer, answer.c.contact_id == contact.c.id)
        .join(message, message.c.id == answer.c.message_id)
        .join(case, case.c.id == contact.c.case_id)
        .where(
            message.c.reviewed_at >= begin,
            message.c.reviewed_at < end,
            case.c.portfolio_id == portfolio.id,
            ~sa.exists().where(survey.c.message_id == message.c.id),
        )
        .order_by(message.c.id)
    )
    for number, case_id, customer_id, intents, by in session.execute(query):
        intent = intents.partition(",")[0]
        yield Closed(AskedAfter.MESSAGE, number, case_id, customer_id, intent[:60], _username(by))


def _username(author: str) -> str:
    return author.removeprefix("user:")[:60] if author.startswith("user:") else ""
