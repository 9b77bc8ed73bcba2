"""Identity check of the cardholder's page: a message with its link may have been forwarded."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.customers.events import PageCheckFailed
from app.book.ledger.models import Customer
from app.core.actor import CUSTOMER
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.service import about_customer, record

MOST_TRIES = 5
"""Wrong answers in a day, of one customer's page."""
DIGITS = 4


class PageQuestion(StrEnum):
    """The questions that the reader is asked. Messages name neither, and the digits of a card stand in many."""

    POSTCODE = "postcode"
    PHONE_END = "phone_end"


class PageCheck(StrEnum):
    KNOWN = "known"
    WRONG = "wrong"
    LOCKED = "locked"


def questions_for(customer: Customer) -> Sequence[PageQuestion]:
    """The questions that can be answered: of what is on file. None = the page shows nothing to anybody."""
    return [question for question, answer in _answers(customer).items() if answer]


def check_reader(
    session: Session, customer: Customer, answers: Mapping[PageQuestion, str], *, now: datetime
) -> PageCheck:
    """Compare the answers with what is on file; a wrong one is counted and on record, without the answer. The caller
    holds the customer's lock."""
    asked = questions_for(customer)
    if not asked or _tries(session, customer, now) >= MOST_TRIES:
        return PageCheck.LOCKED
    right = _answers(customer)
    if all(_same(_plain(answers.get(question, "")), right[question]) for question in asked):
        return PageCheck.KNOWN
    record(session, about_customer(id_of(customer), PageCheckFailed()), by=CUSTOMER, now=now)
    return PageCheck.WRONG


def _answers(customer: Customer) -> Mapping[PageQuestion, str]:
    digits = "".join(char for char in customer.mobile if char.isdigit())
    return {
        PageQuestion.POSTCODE: _plain(customer.postcode),
        PageQuestion.PHONE_END: digits[-DIGITS:] if len(digits) > DIGITS else "",
    }


def _plain(text: str) -> str:
    """Letters and digits alone, as "1234 ab" and "1234AB" are one postcode."""
    return "".join(char for char in text[:40].upper() if char.isalnum())


def _same(said: str, known: str) -> bool:
    return hmac.compare_digest(said.encode(), known.encode())


def _tries(session: Session, customer: Customer, now: datetime) -> int:
    query = (
        sa.select(sa.func.count())
        .select_from(Event)
        .where(
            col(Event.customer_id) == customer.id,
            col(Event.kind) == PageCheckFailed.KIND,
            col(Event.at) > now - timedelta(days=1),
        )
    )
    return session.scalar(query) or 0
