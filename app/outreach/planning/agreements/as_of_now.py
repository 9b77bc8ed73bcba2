"""Letters of agreements as of now: whether a queued one would say something else, and the request that writes it
again."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep
from app.casework.plans.models import Plan
from app.core.clock import local_date
from app.core.types import JsonObject
from app.core.vocabulary import Channel
from app.outreach.gate.contact_cases import ContactCase
from app.outreach.letters.letter import AccountLine, LetterContext
from app.outreach.letters.rendering import render
from app.outreach.outbox.models import OutboxMessage
from app.outreach.planning.agreements.event_figures import AS_OF_NOW, figures_now, formatted, why_untrue
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.wording import letter_context, message_context


def says_otherwise(
    session: Session,
    portfolio: Portfolio,
    contact_case: ContactCase,
    row: OutboxMessage,
    step: CaseStep,
    catalog: LetterCatalog,
    *,
    now: datetime,
) -> bool:
    """True if the letter of an agreement would be false now, or be worded otherwise: with other figures, terms or an
    other language. Its date and its link stay those of the day on which it was written."""
    letter = catalog.letters.get(row.letter)
    if letter is None or step.plan_id is None or step.step not in AS_OF_NOW:
        return False
    on = local_date(now, portfolio.timezone)
    if why_untrue(session, step, on):
        return True
    channel = Channel(row.destination.value)
    request = request_now(session, portfolio, contact_case, row, step, catalog, on)
    context = letter_context(
        session, Letterhead.of(portfolio), catalog, contact_case, letter, channel, request.plan, now=now
    )
    context = dataclasses.replace(context, **dict(request.figures))  # type: ignore[arg-type]
    context = _dated_as(context, message_context(row))
    words = render(
        letter,
        channel,
        letter.language_for(contact_case.customer.language, contact_case.customer.country),
        context,
    )
    return words.text != row.text


def request_now(
    session: Session,
    portfolio: Portfolio,
    contact_case: ContactCase,
    row: OutboxMessage,
    step: CaseStep,
    catalog: LetterCatalog,
    on: date,
) -> LetterRequest:
    """The request for the same letter by the same channel, with the figures of `on`."""
    plan = session.get_one(Plan, step.plan_id)
    letter = catalog.letters[row.letter]
    added = figures_now(session, step, on, {})
    figures = formatted(added, portfolio, letter, contact_case, step=step, plan=plan)
    return LetterRequest(
        contact_case,
        row.letter,
        row.purpose,
        (Channel(row.destination.value),),
        step,
        plan=plan,
        figures=figures,
    )


def _dated_as(context: LetterContext, kept: JsonObject) -> LetterContext:
    """The figures with the date, the link and the days past due of the day on which the message was written."""
    days = {(line["product"], line["last4"]): line["days_past_due"] for line in kept["accounts"]}
    accounts = [_late_as(line, days.get((line.product, line.last4))) for line in context.accounts]
    return dataclasses.replace(
        context, today=kept["today"], preferences_url=kept["preferences_url"], accounts=tuple(accounts)
    )


def _late_as(line: AccountLine, days: int | None) -> AccountLine:
    return line if days is None else dataclasses.replace(line, days_past_due=days)
