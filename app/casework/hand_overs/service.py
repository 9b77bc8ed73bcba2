"""Verbs of offers, hand-overs and abusive contact: row and event in the caller's transaction. People go through
`app.actions.hand_overs`, which says whether a product may be sold."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.hand_overs.catalog import desk_name
from app.casework.hand_overs.events import (
    ConductRecorded,
    ConductWarned,
    HandedToDesk,
    HandOverMoved,
    HelpOffered,
)
from app.casework.hand_overs.models import ConductRecord, DeskHandOver, HelpOffer
from app.casework.hand_overs.rules import (
    ENDS,
    ConductStep,
    Desk,
    HandOverKind,
    HandOverStatus,
    OfferAnswer,
    OfferItem,
    due_day,
)
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import record


def add_offer(
    session: Session, case: CollectionsCase, item: OfferItem, answer: OfferAnswer, note: str,
    *, today: date, by: Actor, now: datetime,
) -> HelpOffer:  # fmt: skip
    """Put on record what was offered and what the customer said."""
    row = HelpOffer(
        portfolio_id=case.portfolio_id, customer_id=case.customer_id, case_id=id_of(case), code=item.code,
        note=clean_text(note, "note", at_most=300, required=False), offered_at=now, by=by,
        answer=answer, answered_on=today, answered_by=by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    told = HelpOffered(id_of(row), item.code, item.label, answer, row.note)
    record(session, about_case(case, told), by=by, now=now)
    return row


def answer_offer(
    session: Session, case: CollectionsCase, row: HelpOffer, item: OfferItem, answer: OfferAnswer,
    *, today: date, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """Record a later answer. Conflict where the offer was answered with yes or no."""
    if row.answer is not OfferAnswer.THINKING:
        raise Conflict(f"The customer answered on {row.answered_on}. Record a new offer.")
    if answer is OfferAnswer.THINKING:
        raise Invalid("Say whether the customer accepts or declines.", "answer")
    row.answer, row.answered_on, row.answered_by = answer, today, by
    session.flush()
    record(session, about_case(case, HelpOffered(id_of(row), item.code, item.label, answer)), by=by, now=now)


def hand_to_desk(
    session: Session, case: CollectionsCase, desk: Desk, kind: HandOverKind, words: str,
    *, due_on: date | None = None, help_offer_id: int | None = None, today: date, by: Actor, now: datetime,
) -> DeskHandOver:  # fmt: skip
    """Hand work to a desk. Invalid names the field."""
    row = DeskHandOver(
        portfolio_id=case.portfolio_id, customer_id=case.customer_id, case_id=id_of(case), help_offer_id=help_offer_id,
        desk=desk.code, kind=kind, words=clean_text(words, "words", at_most=500, empty="Say what is wanted."),
        handed_on=today, due_on=due_day(desk, due_on, today), by=by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    told = HandedToDesk(id_of(row), desk.code, desk.name, kind, row.due_on, row.words)
    record(session, about_case(case, told), by=by, now=now)
    return row


def receive(
    session: Session, case: CollectionsCase, row: DeskHandOver, received_by: str, *, by: Actor, now: datetime
) -> None:
    """Record the receipt: the name of the person of the desk. Conflict where it was received."""
    if row.status is not HandOverStatus.HANDED:
        raise Conflict(f"This was received by {row.received_by} already.")
    row.received_by = clean_text(
        received_by, "received_by", at_most=120, one_line=True, empty="Say who received it."
    )
    row.status, row.received_at = HandOverStatus.RECEIVED, now
    _move(session, case, row, "", by=by, now=now)


def end(
    session: Session, case: CollectionsCase, row: DeskHandOver, status: HandOverStatus, words: str,
    *, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """Record that the desk did it, or gave it back, with its words. Conflict where nobody received it or it is over."""
    if row.status is HandOverStatus.HANDED:
        raise Conflict("Nobody has received this yet. Record the receipt first.")
    if not row.is_open:
        raise Conflict("This hand-over has ended. Hand it over again if there is more to do.")
    if status not in ENDS:
        raise Invalid("Say whether it was done or given back.", "status")
    row.result = clean_text(words, "words", at_most=500, empty="Say what was done, or why it is given back.")
    row.status, row.ended_at, row.ended_by = status, now, by
    _move(session, case, row, row.result, by=by, now=now)


def _move(
    session: Session, case: CollectionsCase, row: DeskHandOver, words: str, *, by: Actor, now: datetime
) -> None:
    session.flush()
    told = HandOverMoved(id_of(row), desk_name(row.desk), row.status, row.received_by, words)
    record(session, about_case(case, told), by=by, now=now)


def add_conduct(
    session: Session, case: CollectionsCase, step: ConductStep, words: str,
    *, was_warned: bool, hand_over_id: int | None, by: Actor, now: datetime,
) -> ConductRecord:  # fmt: skip
    """Put one step on record, with the customer's words, which are checked already."""
    row = ConductRecord(
        portfolio_id=case.portfolio_id, customer_id=case.customer_id, case_id=id_of(case), step=step, words=words,
        was_warned=was_warned, at=now, by=by, hand_over_id=hand_over_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(session, about_case(case, ConductRecorded(id_of(row), step, words, was_warned)), by=by, now=now)
    return row


def note_warning_letter(
    session: Session, case: CollectionsCase, row: ConductRecord, words: str, *, by: Actor, now: datetime
) -> None:
    """A warning letter with these words, which are checked already, is written. Conflict where there is one."""
    if row.letter_at is not None:
        raise Conflict("The warning letter of this contact was written already.")
    row.letter_words, row.letter_at = words, now
    session.flush()
    record(session, about_case(case, ConductWarned(id_of(row), words)), by=by, now=now)
