"""Verbs of complaints: row and event together, in the caller's transaction. People go through `app.actions.complaints`.

The caller holds the customer's lock.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.complaints.events import (
    ComplaintChanged,
    ComplaintClosed,
    ComplaintFirstResponse,
    ComplaintLetterAgain,
    ComplaintLetterLost,
    ComplaintOpened,
    ComplaintReopened,
    OmbudsmanStageSet,
    RedressDecided,
)
from app.casework.complaints.models import Complaint, ComplaintAnswer, ComplaintRedress, RootCause
from app.casework.complaints.rules import (
    LONGEST_REASONS,
    LONGEST_WORDS,
    WORDS_EMPTY,
    AnswerKind,
    Clocks,
    ComplaintCategory,
    ComplaintOutcome,
    ComplaintSeverity,
    FinalForm,
    LetterKind,
    OmbudsmanStage,
    ReceivedComplaint,
    is_on_time,
    require_stage,
)
from app.core.actor import SYSTEM, Actor
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.payload import Payload
from app.core.timeline.service import NewEvent, about_customer, record
from app.policy.pack import Pack


def record_complaint(
    session: Session,
    case: CollectionsCase,
    received: ReceivedComplaint,
    pack: Pack,
    clocks: Clocks,
    hold_id: int | None,
    received_on: date,
    *,
    by: Actor,
    now: datetime,
) -> Complaint:
    """Put a complaint on record, with its clocks and the rule that they are from."""
    complaint = Complaint(
        portfolio_id=case.portfolio_id,
        customer_id=case.customer_id,
        case_id=id_of(case),
        account_id=received.account_id,
        hold_id=hold_id,
        category=received.category,
        severity=received.severity,
        channel=received.channel,
        words=clean_text(received.words, "words", at_most=LONGEST_WORDS, empty=WORDS_EMPTY),
        received_at=received.received_at or now,
        received_on=received_on,
        opened_at=now,
        by=by,
        owner=received.owner,
        about_staff=clean_text(
            received.about_staff, "about_staff", required=False, at_most=120, one_line=True
        ),
        began_on=received_on,
        resolve_by=clocks.resolve_by,
        first_by=clocks.first_by,
        answer_by=clocks.answer_by,
        holding_from=clocks.holding_from,
        pack=pack.label[:200],
        citation=pack.complaints.citation[:600],
        verified=pack.complaints.verified,
    )
    session.add(complaint)
    session.flush()
    opened = ComplaintOpened(
        id_of(complaint), complaint.category, complaint.severity, complaint.channel, complaint.words,
        received_on, complaint.answer_by, complaint.citation, complaint.account_id,
    )  # fmt: skip
    record(session, _about(complaint, opened), by=by, now=now)
    return complaint


def change_complaint(
    session: Session,
    complaint: Complaint,
    *,
    category: ComplaintCategory,
    severity: ComplaintSeverity,
    owner: str,
    about_staff: str,
    cause: RootCause | None,
    by: Actor,
    now: datetime,
) -> bool:
    """Set what a person found out about it. False where nothing changes."""
    about_staff = clean_text(about_staff, "about_staff", required=False, at_most=120, one_line=True)
    cause_id = id_of(cause) if cause else None
    was = (complaint.category, complaint.severity, complaint.owner, complaint.about_staff, complaint.cause_id)
    if was == (category, severity, owner, about_staff, cause_id):
        return False
    complaint.category, complaint.severity, complaint.owner = category, severity, owner
    complaint.about_staff, complaint.cause_id = about_staff, cause_id
    session.flush()
    changed = ComplaintChanged(
        id_of(complaint), category, severity, owner, about_staff, cause.name if cause else ""
    )
    record(session, _about(complaint, changed), by=by, now=now)
    return True


def note_first_response(
    session: Session, complaint: Complaint, on: date, *, by: Actor, now: datetime
) -> None:
    """The first response was given on a regulator's portal. Conflict where it came another way, or had one."""
    if complaint.first_by is None:
        raise Conflict("This complaint did not come through a portal: it has one answer.")
    if complaint.first_on is not None:
        raise Conflict(f"Its first response was given on {complaint.first_on}.")
    complaint.first_on = on
    session.flush()
    record(session, _about(complaint, ComplaintFirstResponse(id_of(complaint), on)), by=by, now=now)


def close_complaint(
    session: Session,
    complaint: Complaint,
    kind: AnswerKind,
    outcome: ComplaintOutcome,
    reasons: str,
    *,
    form: FinalForm | None,
    redress_minor: int,
    apology: bool,
    correction: str,
    document_id: int | None,
    on: date,
    by: Actor,
    now: datetime,
) -> ComplaintAnswer:
    """Close it with this answer. Conflict where it is closed."""
    require_open(complaint)
    answer = ComplaintAnswer(
        portfolio_id=complaint.portfolio_id,
        complaint_id=id_of(complaint),
        number=complaint.reopenings + 1,
        kind=kind,
        outcome=outcome,
        form=form,
        reasons=clean_reasons(reasons, kind),
        redress_minor=redress_minor,
        apology=apology,
        correction=clean_text(correction, "correction", required=False, at_most=500),
        began_on=complaint.began_on,
        answer_by=complaint.answer_by,
        answered_on=on,
        answered_at=now,
        by=by,
        document_id=document_id,
    )
    session.add(answer)
    complaint.outcome, complaint.closed_with = outcome, kind
    complaint.closed_at, complaint.closed_on = now, on
    complaint.lost_on = complaint.lost_letter = None
    session.flush()
    on_time = is_on_time(kind, on, complaint.answer_by)
    closed = ComplaintClosed(id_of(complaint), kind, outcome, answer.reasons, on_time)
    record(session, _about(complaint, closed), by=by, now=now)
    return answer


def clean_reasons(reasons: str, kind: AnswerKind) -> str:
    """The reasons of an answer, as typed. Invalid where none are given."""
    empty = {
        AnswerKind.WITHDRAWN: "Say how and why the customer took it back.",
        AnswerKind.SUMMARY: "Say how it was resolved.",
    }.get(kind, "Say what was found, and why it is decided so: the customer reads it.")
    return clean_text(reasons, "reasons", at_most=LONGEST_REASONS, empty=empty)


def reopen_complaint(
    session: Session,
    complaint: Complaint,
    reason: str,
    clocks: Clocks,
    hold_id: int | None,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> None:
    """Open it again, with clocks that run from today; a summary resolution is not enough any more. Conflict where it is
    open."""
    if complaint.is_open:
        raise Conflict(f"Complaint {complaint.reference} is open.")
    reason = clean_text(reason, "reason", at_most=1000, empty="Say what is new, or what was missed.")
    complaint.reopenings += 1
    complaint.outcome = complaint.closed_with = complaint.closed_at = complaint.closed_on = None
    complaint.began_on, complaint.hold_id = on, hold_id
    complaint.resolve_by, complaint.first_by = None, None
    complaint.answer_by, complaint.holding_from = clocks.answer_by, clocks.holding_from
    complaint.holding_on = complaint.expected_on = complaint.overdue_on = None
    complaint.lost_on = complaint.lost_letter = None
    session.flush()
    reopened = ComplaintReopened(id_of(complaint), reason, complaint.answer_by)
    record(session, _about(complaint, reopened), by=by, now=now)


def note_lost_letter(
    session: Session, complaint: Complaint, letter: LetterKind, why: str, *, on: date, now: datetime
) -> None:
    """A letter of it did not reach the customer, and nothing takes its place."""
    complaint.lost_on, complaint.lost_letter = on, letter
    session.flush()
    lost = ComplaintLetterLost(id_of(complaint), letter, why[:300])
    record(session, _about(complaint, lost), by=SYSTEM, now=now)


def note_letter_again(
    session: Session, complaint: Complaint, letter: LetterKind, *, by: Actor, now: datetime
) -> None:
    """A letter of it leaves, or waits to leave, once more."""
    if letter is complaint.lost_letter:
        complaint.lost_on = complaint.lost_letter = None
    session.flush()
    again = ComplaintLetterAgain(id_of(complaint), letter)
    record(session, _about(complaint, again), by=by, now=now)


def set_ombudsman(
    session: Session,
    complaint: Complaint,
    stage: OmbudsmanStage,
    on: date,
    reference: str,
    note: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """The complaint was taken to the ombudsman, or decided there. Conflict where the stage cannot follow."""
    require_stage(complaint.ombudsman, stage)
    complaint.ombudsman_reference = (
        clean_text(reference, "reference", required=False, at_most=80, one_line=True)
        or complaint.ombudsman_reference
    )
    complaint.ombudsman_note = clean_text(
        note, "note", required=stage is not OmbudsmanStage.REFERRED, at_most=1000,
        empty="Say what was decided.",
    )  # fmt: skip
    complaint.ombudsman, complaint.ombudsman_on = stage, on
    session.flush()
    told = OmbudsmanStageSet(
        id_of(complaint), stage, on, complaint.ombudsman_reference, complaint.ombudsman_note
    )
    record(session, _about(complaint, told), by=by, now=now)


def record_redress(
    session: Session, complaint: Complaint, redress: ComplaintRedress, *, by: Actor, now: datetime
) -> None:
    """Record what became of redress."""
    decided = RedressDecided(
        id_of(complaint), id_of(redress), redress.status, redress.amount_minor, redress.note or redress.reason
    )
    record(session, _about(complaint, decided), by=by, now=now)


def require_open(complaint: Complaint) -> None:
    if not complaint.is_open:
        raise Conflict(
            f"Complaint {complaint.reference} was closed on {complaint.closed_on}. Reopen it to go on."
        )


def _about(complaint: Complaint, payload: Payload) -> NewEvent:
    return about_customer(complaint.customer_id, payload, case_id=complaint.case_id)
