"""Record the answer to a satisfaction question: row and event together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session

from app.casework.satisfaction.events import SurveyAnswered, SurveyDeclined
from app.casework.satisfaction.models import Survey
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.timeline.payload import Payload
from app.core.timeline.service import about_customer, record


def record_answer(
    session: Session,
    survey: Survey,
    score: int,
    comment: str,
    *,
    masked: bool,
    cues: Sequence[str],
    today: date,
    by: Actor,
    now: datetime,
) -> None:
    """Keep score and comment; a changed answer takes the place of the first, whose event stays. Nothing changes, and
    nothing goes on record, where both are as they were."""
    before = survey.score
    if before == score and survey.comment == comment:
        return
    survey.score, survey.comment, survey.masked = score, comment, masked
    survey.cues = " | ".join(cues)[:400]
    survey.changed_at = now
    if survey.answered_at is None:
        survey.answered_at, survey.answered_on = now, today
    session.flush()
    _record(session, survey, SurveyAnswered(id_of(survey), score, comment, before), by, now)


def decline(session: Session, survey: Survey, *, by: Actor, now: datetime) -> None:
    """Ask this customer no more. May be said again."""
    if survey.declined_at is not None:
        return
    survey.declined_at = now
    session.flush()
    _record(session, survey, SurveyDeclined(id_of(survey)), by, now)


def _record(session: Session, survey: Survey, payload: Payload, by: Actor, now: datetime) -> None:
    record(session, about_customer(survey.customer_id, payload, case_id=survey.case_id), by=by, now=now)
