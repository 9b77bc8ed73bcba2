"""A customer's answer to the question how satisfied they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.recognition.cues import complaint_cues
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import (
    DISSATISFIED_TO,
    HIGHEST,
    LONGEST_COMMENT,
    LOWEST,
    SurveyDoor,
    door_of,
)
from app.casework.satisfaction.service import decline, record_answer
from app.core.actor import CUSTOMER, Actor
from app.core.card_numbers import mask_card_numbers
from app.core.clock import local_date
from app.core.database.engine import storable
from app.core.errors import Conflict, Invalid


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    """An answer as it was kept."""

    comment: str
    may_be_complaint: bool
    """A person is to say whether the comment is a complaint: it has words of one, or stands beside a low score."""


def survey_door(session: Session, survey: Survey, *, now: datetime) -> SurveyDoor:
    """Whether the question may be answered now."""
    portfolio = session.get_one(Portfolio, survey.portfolio_id)
    return door_of(
        closes_on=survey.closes_on,
        answered_at=survey.answered_at,
        declined=survey.declined_at is not None,
        today=local_date(now, portfolio.timezone),
        now=now,
    )


def answer_survey(
    session: Session, survey: Survey, score: str, comment: str, *, by: Actor = CUSTOMER, now: datetime
) -> SurveyAnswer:
    """Keep the answer; for a day it may be given again, and the last one counts. Invalid beside `score` or `comment`,
    Conflict once its time is over. The caller holds the customer's lock."""
    if survey_door(session, survey, now=now) not in (SurveyDoor.OPEN, SurveyDoor.CHANGEABLE):
        raise Conflict("This question can no longer be answered.")
    number = int(score) if score.isascii() and score.isdigit() and len(score) == 1 else 0
    if not LOWEST <= number <= HIGHEST:
        raise Invalid(f"Choose a number from {LOWEST} to {HIGHEST}.", "score")
    words = storable(comment).strip()
    if len(words) > LONGEST_COMMENT:
        raise Invalid(f"Write at most {LONGEST_COMMENT} characters.", "comment")
    # Whoever changes only the score keeps the words, which the page does not show again.
    masked = mask_card_numbers(words) if words else survey.comment
    customer = session.get_one(Customer, survey.customer_id)
    cues = complaint_cues(masked, {survey.language.partition("-")[0], customer.language.partition("-")[0]})
    portfolio = session.get_one(Portfolio, survey.portfolio_id)
    record_answer(
        session, survey, number, masked, masked=survey.masked if not words else masked != words, cues=cues,
        today=local_date(now, portfolio.timezone), by=by, now=now,
    )  # fmt: skip
    return SurveyAnswer(masked, bool(cues) or (number <= DISSATISFIED_TO and bool(masked)))


def decline_surveys(session: Session, survey: Survey, *, by: Actor = CUSTOMER, now: datetime) -> None:
    """The customer wants no such questions any more. The caller holds the customer's lock."""
    decline(session, survey, by=by, now=now)
