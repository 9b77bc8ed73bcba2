"""Writes the letters of complaints through the gate, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import Complaint, ComplaintAnswer, ComplaintLetter
from app.casework.complaints.rules import LETTERS, LetterKind
from app.casework.contacts.rules import CaseStep
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.planning.complaints.figures import STEPS, complaint_figures
from app.outreach.planning.event_letters import EventLetter, write_event_letters
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer


class ComplaintTold(NamedTuple):
    """A letter to write about a complaint, with the answer that it tells."""

    complaint: Complaint
    kind: LetterKind
    answer: ComplaintAnswer | None = None


def write_complaint_letters(
    session: Session,
    portfolio: Portfolio,
    wanted: Sequence[ComplaintTold],
    catalog: LetterCatalog,
    *,
    channels: tuple[Channel, ...] = (Channel.EMAIL,),
    on: date,
    by: Actor,
    now: datetime,
) -> Mapping[int, Mapping[Channel, Answer]]:
    """Ask the gate for these letters, of one kind and of different customers, and queue or keep what it does not
    refuse; its answers by complaint. `channels`: asked first, as in `EventLetter`. The caller holds the customers'
    locks."""
    if not wanted:
        return {}
    step = STEPS[wanted[0].kind]
    cases = [each.complaint.case_id for each in wanted]
    occurrences = _next(session, cases, step)
    customers = _customers(session, wanted)
    letters = []
    for complaint, kind, answer in wanted:
        n = occurrences[complaint.case_id]
        session.add(
            ComplaintLetter(
                complaint_id=id_of(complaint),
                case_id=complaint.case_id,
                step=step.value,
                occurrence=n,
                kind=kind,
                answer_id=id_of(answer) if answer else None,
                written_at=now,
                by=by,
            )
        )
        letter = catalog.letters[LETTERS[kind]]
        customer = customers[complaint.customer_id]
        figures = complaint_figures(complaint, kind, answer, letter, portfolio, customer)
        letters.append(
            EventLetter(CaseStep(complaint.case_id, step.value, n), letter.name, figures, channels=channels)
        )
    session.flush()
    answers = write_event_letters(session, portfolio, letters, catalog, on=on, by=by, now=now)
    return {id_of(each.complaint): answers.get(each.complaint.case_id, {}) for each in wanted}


def _next(session: Session, case_ids: Sequence[int], step: str) -> Mapping[int, int]:
    row = table_of(ComplaintLetter)
    last = (
        sa.select(row.c.case_id, sa.func.max(row.c.occurrence))
        .where(among(session, row.c.case_id, sorted(set(case_ids))), row.c.step == step)
        .group_by(row.c.case_id)
    )
    taken: dict[int, int] = {case_id: number for case_id, number in session.execute(last)}
    return {case_id: taken.get(case_id, 0) + 1 for case_id in case_ids}


def _customers(session: Session, wanted: Sequence[ComplaintTold]) -> Mapping[int, Customer]:
    ids = {each.complaint.customer_id for each in wanted}
    query = select(Customer).where(among(session, table_of(Customer).c.id, sorted(ids)))
    return {id_of(customer): customer for customer in session.scalars(query)}
