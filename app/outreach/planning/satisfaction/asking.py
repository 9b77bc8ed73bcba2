"""Write the satisfaction questions of a night and their reminders, as far as the gate clears them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.contacts.queries import contact_id, next_occurrences
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import OPEN_DAYS, AskedAfter
from app.core.actor import SYSTEM
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.gate.facts import address_of
from app.outreach.planning.batch import ContactBatch
from app.outreach.planning.letterhead import LetterCatalog, language_of
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.satisfaction.barred import asked_since, barred, gap_begins
from app.outreach.planning.satisfaction.rules import SATISFACTION_LETTER, Closed
from app.policy.answers import Answer, Clearance, WaitUntil


def ask_customers(
    session: Session,
    portfolio: Portfolio,
    closed: Sequence[Closed],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> int:
    """Queue the question about each of these things that the gate clears; returns how many. One that it refuses has a
    row without a message, and is not asked about again; one that it makes wait is found again in the next night.

    The customers differ, and are locked until the transaction ends: what another worker asked meanwhile is seen."""
    cases = load_contact_cases(session, portfolio, [each.case_id for each in closed], now=now, as_of=on)
    contact_cases = {each.case.id: each for each in cases}
    ids = {each.customer_id for each in closed}
    never = barred(session, ids).keys() | asked_since(session, ids, gap_begins(on, portfolio.survey_gap_days))
    numbers = _occurrences(session, contact_cases.keys())
    batch = ContactBatch(session, portfolio, catalog, on, now)
    asked: list[tuple[Closed, CaseStep, Channel, Answer]] = []
    for each in closed:
        if each.customer_id in never:
            continue
        contact_case = contact_cases[each.case_id]
        step = CaseStep(each.case_id, DeskStep.SATISFACTION, numbers[each.case_id])
        channel = _channel(portfolio, contact_case)
        asked.append((each, step, channel, _send(batch, contact_case, step, channel, catalog)))
    batch.write(session, by=SYSTEM)
    written = 0
    for each, step, channel, answer in asked:
        if isinstance(answer, WaitUntil):
            continue
        customer = contact_cases[each.case_id].customer
        session.add(
            Survey(
                portfolio_id=id_of(portfolio),
                customer_id=each.customer_id,
                case_id=each.case_id,
                occurrence=step.occurrence,
                after=each.after,
                event_id=each.number if each.after is AskedAfter.CALL else None,
                message_id=each.number if each.after is AskedAfter.MESSAGE else None,
                reason=each.reason,
                agent=each.agent,
                channel=channel,
                language=language_of(catalog.letters[SATISFACTION_LETTER], customer),
                contact_id=contact_id(session, step, channel) if isinstance(answer, Clearance) else None,
                asked_on=on,
                closes_on=on + timedelta(days=OPEN_DAYS),
                asked_at=now,
            )
        )
        written += isinstance(answer, Clearance)
    session.flush()
    return written


def remind_customers(
    session: Session,
    portfolio: Portfolio,
    survey_ids: Sequence[int],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> int:
    """Queue the one reminder of each of these questions, of different customers, that the gate clears; returns how
    many. One that it makes wait is asked for again in the next night, one that it refuses is not."""
    rows = session.scalars(
        select(Survey).where(among(session, table_of(Survey).c.id, survey_ids)).order_by(col(Survey.id))
    ).all()
    cases = load_contact_cases(session, portfolio, [row.case_id for row in rows], now=now, as_of=on)
    contact_cases = {each.case.id: each for each in cases}
    for row in rows:
        session.refresh(row)  # as it is under the lock
    never = barred(session, {row.customer_id for row in rows})
    batch = ContactBatch(session, portfolio, catalog, on, now)
    asked: list[tuple[Survey, CaseStep, Answer]] = []
    for row in rows:
        if row.answered_at is not None or row.reminded_on is not None or row.customer_id in never:
            continue
        step = CaseStep(row.case_id, DeskStep.SATISFACTION_AGAIN, row.occurrence)
        asked.append((row, step, _send(batch, contact_cases[row.case_id], step, row.channel, catalog)))
    batch.write(session, by=SYSTEM)
    written = 0
    for row, step, answer in asked:
        if isinstance(answer, WaitUntil):
            continue
        row.reminded_on = on
        if isinstance(answer, Clearance):
            row.reminder_id = contact_id(session, step, row.channel)
            written += 1
    session.flush()
    return written


def _send(
    batch: ContactBatch, contact_case: ContactCase, step: CaseStep, channel: Channel, catalog: LetterCatalog
) -> Answer:
    """Ask the gate, and queue what it clears. Nobody asked for this message, so the gate judges it as a reminder, the
    purpose that every hold, cap and refusal stops. What it clears is written as a confirmation: it asks for no money,
    and no rule or figure may take it for a letter that did (decision 0426)."""
    figures = {
        "question_url": catalog.links.question_url(
            step.case_id, step.occurrence, contact_case.customer.link_number
        ),
        "asked_before": "yes" if step.step == DeskStep.SATISFACTION_AGAIN else "",
    }
    strict = LetterRequest(
        contact_case, SATISFACTION_LETTER, Purpose.REMINDER, (channel,), step, figures=figures
    )
    if not isinstance(batch.verdict(strict, channel), Clearance):
        return batch.send(strict, channel)
    mild = LetterRequest(
        contact_case, SATISFACTION_LETTER, Purpose.CONFIRMATION, (channel,), step, figures=figures
    )
    return batch.send(mild, channel)


def _channel(portfolio: Portfolio, contact_case: ContactCase) -> Channel:
    """The portfolio's channel, or the other one where the customer has no such address."""
    wanted = Channel(portfolio.survey_channel)
    other = Channel.SMS if wanted is Channel.EMAIL else Channel.EMAIL
    has = address_of(contact_case.customer, wanted) or not address_of(contact_case.customer, other)
    return wanted if has else other


def _occurrences(session: Session, case_ids: Collection[int]) -> dict[int, int]:
    """By case, the number of its next question; one that the gate refused has a number and no contact."""
    survey = table_of(Survey)
    query = (
        sa.select(survey.c.case_id, sa.func.max(survey.c.occurrence))
        .where(among(session, survey.c.case_id, sorted(case_ids)))
        .group_by(survey.c.case_id)
    )
    last: dict[int, int] = {case_id: number for case_id, number in session.execute(query)}
    following = next_occurrences(session, case_ids, DeskStep.SATISFACTION)
    return {case_id: max(number, last.get(case_id, 0) + 1) for case_id, number in following.items()}
