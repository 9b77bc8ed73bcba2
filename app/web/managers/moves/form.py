"""The form of a new move: which cases, who gets them, what may move too."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.staffing.choice import NOBODY
from app.book.delinquency.days import bucket_labels
from app.casework.assignment.stays import OVERRULE_LABELS, OVERRULED, StayReason
from app.casework.cases.listing import PortfolioToday
from app.http.context import Now
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.rendering import Page, page
from app.web.wording import WORK_STATES
from app.worklist.books import books_at
from app.worklist.team import TeamMember, team_at

router = Router(prefix="/moves")


@dataclass(frozen=True, slots=True)
class NewMovePage(Page):
    template = "managers/moves/new.html"
    members: Sequence[TeamMember]
    people: Sequence[tuple[str, str]]
    books: Sequence[PortfolioToday]
    buckets: Sequence[str]
    states: Sequence[tuple[str, str]]
    overrules: Mapping[StayReason, str]
    typed: Mapping[str, str]
    receivers: Collection[str]
    overruled: Collection[str]
    errors: Mapping[str, str]


@router.get("/new")
def new_move(
    request: Request, _staff: Manager, session: ReadSession, now: Now, person: str = "", portfolio: str = ""
) -> Response:
    """`person`: whose cases, where another page sends the reader."""
    return show_form(request, session, {"person": person[:64], "portfolio": portfolio[:40]}, now=now)


def show_form(
    request: Request,
    session: Session,
    typed: Mapping[str, str],
    *,
    receivers: Collection[str] = (),
    overruled: Collection[str] = (),
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    now: datetime,
) -> Response:
    books = books_at(session, now)
    members = team_at(session, now).members
    people = [(each.user.username, each.user.display_name) for each in members]
    labels = {label: None for book in books for label in bucket_labels(book.edges)[1:]}
    return page(
        request,
        NewMovePage(
            members=members,
            people=[("", "Anybody’s"), *people, (NOBODY, "Nobody’s yet")],
            books=books,
            buckets=sorted(labels, key=lambda label: int(label.rstrip("+").partition("-")[0])),
            states=[("", "Any open case"), *((key, label) for key, label in WORK_STATES.items() if key)],
            overrules={reason: OVERRULE_LABELS[reason] for reason in OVERRULED},
            typed=typed,
            receivers=receivers,
            overruled=overruled,
            errors=errors or {},
        ),
        status,
    )
