"""Work of one portfolio that waits for a decision, counted, each count with the list that holds exactly those rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import ReportedChange, Waiver
from app.book.ledger.rules import ReportedStatus, UnmatchedStatus, WaiverStatus
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalStatus
from app.casework.cases import listing
from app.casework.complaints.models import ComplaintRedress
from app.casework.complaints.queries import count_lost, count_overdue
from app.casework.complaints.rules import RedressStatus
from app.casework.hand_overs.queries import count_hand_overs
from app.casework.questions.queries import count_open
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.worklist.books import books_at
from app.worklist.queries import section_counts
from app.worklist.rules import Section
from app.worklist.view import View, selection

REVIEWS, MISSED, DUE, CALLBACKS, CLAIMS = (
    "Holds past their review date",
    "Promises missed",
    "Promises due today",
    "Callbacks due",
    "Claims of payment past their day",
)
REQUESTS, UNMATCHED, REPORTED = "Requests to approve", "Unmatched payments", "Reported changes"
OVERDUE, QUESTIONS = "Complaints overdue", "Words that wait for an answer"
LOST, HAND_OVERS = "Letters of complaints that did not arrive", "Hand-overs overdue"
LABELS = (
    OVERDUE, LOST, QUESTIONS, REVIEWS, MISSED, DUE, CALLBACKS, CLAIMS, HAND_OVERS, REQUESTS, UNMATCHED, REPORTED,
)  # fmt: skip
"""What waits, in words."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that waits, with the list that holds exactly that many rows."""

    label: str
    count: int
    href: str


def waiting_cases(session: Session, portfolio: Portfolio, now: datetime) -> list[Waiting]:
    """Complaints and cases of the portfolio that wait, in the register and the lists of the worklist."""
    books = tuple(each for each in books_at(session, now) if each.code == portfolio.code)
    sections = section_counts(session, books, None, now)
    place = f"/worklist?owner=all&portfolio={portfolio.code}&state="

    def cases(state: str) -> int:
        return listing.count(session, selection(View(books=books, state=state), now))

    counted = {section: sections[section].cases if section in sections else 0 for section in Section}
    portfolio_id, register = id_of(portfolio), f"/complaints?portfolio={portfolio.code}"
    today = local_date(now, portfolio.timezone)
    return [
        Waiting(OVERDUE, count_overdue(session, portfolio_id, today), f"{register}&state=overdue"),
        Waiting(LOST, count_lost(session, portfolio_id), f"{register}&state=lost"),
        Waiting(QUESTIONS, count_open(session, portfolio_id), f"/questions?portfolio={portfolio.code}"),
        Waiting(REVIEWS, cases("review"), f"{place}review"),
        Waiting(CLAIMS, cases("claimed"), f"{place}claimed"),
        Waiting(MISSED, counted[Section.PROMISE_MISSED], f"{place}missed"),
        Waiting(DUE, counted[Section.PROMISE_DUE], f"{place}today"),
        Waiting(CALLBACKS, counted[Section.CALLBACK_DUE], f"{place}callback"),
        Waiting(
            HAND_OVERS,
            count_hand_overs(session, portfolio_id, today).overdue,
            f"/hand-overs?portfolio={portfolio.code}&state=overdue",
        ),
    ]


def waiting_requests(session: Session, portfolio: Portfolio) -> list[Waiting]:
    """Requests, payments and reports of the portfolio that a person decides. The pages show those of all portfolios."""
    requests = _count(session, portfolio, ApprovalRequest, ApprovalStatus.REQUESTED)
    requests += _count(session, portfolio, Waiver, WaiverStatus.REQUESTED)
    requests += _count(session, portfolio, ComplaintRedress, RedressStatus.REQUESTED)
    return [
        Waiting(REQUESTS, requests, "/approvals"),
        Waiting(
            UNMATCHED,
            _count(session, portfolio, UnmatchedPayment, UnmatchedStatus.WAITING),
            "/unmatched",
        ),
        Waiting(
            REPORTED,
            _count(session, portfolio, ReportedChange, ReportedStatus.WAITING),
            "/reported-changes",
        ),
    ]


def _count(
    session: Session,
    portfolio: Portfolio,
    model: type[UnmatchedPayment | Waiver | ReportedChange | ApprovalRequest | ComplaintRedress],
    status: str,
) -> int:
    table = table_of(model)
    query = (
        sa.select(sa.func.count())
        .select_from(table)
        .where(table.c.portfolio_id == id_of(portfolio), table.c.status == status)
    )
    return session.scalar(query) or 0
