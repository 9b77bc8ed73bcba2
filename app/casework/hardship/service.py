"""Verbs of requests for help with payments: row and event in the caller's transaction. People go through
`app.actions.hardship`, which moves the hold and writes the letters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.documents.service import get_document
from app.casework.hardship.events import HardshipDecided, HardshipDocumentNoted, HardshipRequested
from app.casework.hardship.models import HardshipDocument, HardshipRequest
from app.casework.hardship.queries import documents_of_request
from app.casework.hardship.rules import (
    LONGEST_WORDS,
    DocumentState,
    HardshipStatus,
    HardshipWay,
    RefusalReason,
    read_reasons,
)
from app.core.actor import Actor
from app.core.database.bulk import chunked
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.models import Event
from app.core.timeline.service import record
from app.policy.sections.hardship import HardshipClock

OLDEST = timedelta(days=92)
"""A request is taken down at most so long after it came."""


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request as the customer made it."""

    way: HardshipWay
    reasons: Collection[str]
    received_on: date
    note: str = ""


def start_request(
    session: Session, case: CollectionsCase, new: NewRequest, hold_id: int, clock: HardshipClock,
    *, statement_id: int | None, by: Actor, now: datetime,
) -> HardshipRequest:  # fmt: skip
    """Take a request down, which is checked already (`check_request`). The caller holds the customer's lock."""
    reasons = read_reasons(new.reasons)
    row = HardshipRequest(
        customer_id=case.customer_id, case_id=id_of(case), hold_id=hold_id, way=new.way, reasons=",".join(reasons),
        note=clean_text(new.note, "note", at_most=300, required=False), statement_id=statement_id,
        received_on=new.received_on, answer_by=clock.answer_by(new.received_on, None, None),
        created_at=now, by=by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    told = HardshipRequested(id_of(row), row.way, reasons, row.received_on, row.answer_by, row.note)
    record(session, about_case(case, told), by=by, now=now)
    return row


def check_request(new: NewRequest, today: date) -> None:
    """Invalid, naming the field, for a request that cannot be."""
    read_reasons(new.reasons)
    clean_text(new.note, "note", at_most=300, required=False)
    if not today - OLDEST <= new.received_on <= today:
        raise Invalid(
            "Give the day on which the request came: today, or in the last three months.", "received_on"
        )


def ask_for(
    session: Session, case: CollectionsCase, row: HardshipRequest, what: str, clock: HardshipClock,
    *, today: date, by: Actor, now: datetime,
) -> HardshipDocument:  # fmt: skip
    """Ask the customer for something; the day for our answer moves. Invalid where the time to ask is over."""
    _require_open(row)
    what = clean_text(what, "what", at_most=120, one_line=True, empty="Say what the customer is to send.")
    if today > row.received_on + timedelta(days=clock.ask_within_days):
        raise Invalid(
            "The time in which more may be asked of the customer is over. Decide on what is there.", "what"
        )
    asked = HardshipDocument(
        request_id=id_of(row),
        customer_id=row.customer_id,
        what=what,
        asked_on=today,
        state=DocumentState.ASKED,
    )
    session.add(asked)
    session.flush()
    _note(session, case, row, asked, clock, by=by, now=now)
    return asked


def receive(
    session: Session, case: CollectionsCase, row: HardshipRequest, asked_id: int, state: DocumentState,
    clock: HardshipClock, *, document_id: int | None, lacking: str, today: date, by: Actor, now: datetime,
) -> HardshipDocument:  # fmt: skip
    """Note that something came, or that it does not show enough. Invalid names the field."""
    _require_open(row)
    asked = session.get(HardshipDocument, asked_id)
    if asked is None or asked.request_id != row.id:
        raise NotFound(f"This request asks for nothing numbered {asked_id}.")
    if state is DocumentState.ASKED:
        raise Invalid("Say whether it came, or does not show enough.", "state")
    short = state is DocumentState.INSUFFICIENT
    lacking = clean_text(
        lacking, "lacking", at_most=200, one_line=True, required=short, empty="Say what it does not show."
    )
    if document_id is not None and get_document(session, case, document_id).withdrawn_at:
        raise Invalid("This document was withdrawn. Choose another.", "document_id")
    asked.state, asked.received_on, asked.document_id, asked.lacking = state, today, document_id, lacking
    session.flush()
    _note(session, case, row, asked, clock, by=by, now=now)
    return asked


def close_request(
    session: Session, case: CollectionsCase, row: HardshipRequest, decision: HardshipStatus,
    *, until: date | None = None, refusals: Collection[RefusalReason] = (), words: str = "",
    plan_id: int | None = None, today: date, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """Put the decision on record; it is checked already. Conflict where one was made."""
    _require_open(row)
    row.status, row.decided_on, row.decided_by = decision, today, by
    row.refusals = ",".join(reason for reason in RefusalReason if reason in refusals)
    row.words = clean_text(words, "words", at_most=LONGEST_WORDS, required=False)
    row.until, row.plan_id = until, plan_id
    told = HardshipDecided(
        id_of(row), decision, until, tuple(each.value for each in row.refusal_list), row.words, plan_id
    )
    record(session, about_case(case, told), by=by, now=now)


def forget_requests(session: Session, portfolio_id: int, since: datetime) -> int:
    """Delete decided requests older than `since`, with what was asked for, of customers to whom nothing has happened
    since; how many."""
    request, asked = table_of(HardshipRequest), table_of(HardshipDocument)
    customer, event = table_of(Customer), table_of(Event)
    theirs = request.c.customer_id.in_(
        sa.select(customer.c.id).where(customer.c.portfolio_id == portfolio_id)
    )
    lately = sa.exists().where(event.c.customer_id == request.c.customer_id, event.c.at >= since)
    is_open = request.c.status == HardshipStatus.OPEN
    old = sa.select(request.c.id).where(request.c.created_at < since, ~is_open, theirs, ~lately)
    ids = session.scalars(old).all()
    for some in chunked(ids, 5000):
        session.execute(sa.delete(asked).where(asked.c.request_id.in_(some)))
        session.execute(sa.delete(request).where(request.c.id.in_(some)))
    return len(ids)


def _note(
    session: Session, case: CollectionsCase, row: HardshipRequest, asked: HardshipDocument,
    clock: HardshipClock, *, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """The day for our answer runs from what was asked last, and once all of it came from the day on which it did."""
    every = documents_of_request(session, id_of(row))
    came = [each.received_on for each in every if each.state is DocumentState.RECEIVED and each.received_on]
    informed_on = max(came) if len(came) == len(every) else None
    row.answer_by = clock.answer_by(row.received_on, max(each.asked_on for each in every), informed_on)
    told = HardshipDocumentNoted(
        id_of(row), asked.what, asked.state, row.answer_by, asked.document_id, asked.lacking
    )
    record(session, about_case(case, told), by=by, now=now)


def _require_open(row: HardshipRequest) -> None:
    if row.status is not HardshipStatus.OPEN:
        raise Conflict(
            f"This request was decided on {row.decided_on}. Take a new one down if the customer asks again."
        )
