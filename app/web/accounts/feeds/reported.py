"""Changes of holders and statuses that a creditor's file reports, until a manager decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.accounts.corrections import decide_report
from app.actions.accounts.reported import count_waiting, get_report, waiting_reports
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.core.database.engine import Row
from app.core.errors import Conflict, Invalid
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.forms import Typed
from app.web.lists import Column
from app.web.rendering import Page, page, redirect

router = Router(prefix="/reported-changes")

COLUMNS = [
    Column("Account"),
    Column("Here"),
    Column("The file says"),
    Column("Since"),
    Column("Decide"),
]
SHOWN = 200


class DecisionForm(Typed):
    decision: str = ""
    reason: str = ""


@router.get("")
def reported_changes(request: Request, _staff: Manager, session: ReadSession) -> Response:
    return _list(request, session)


@router.post("/{change_id}/decision")
def decide(
    request: Request,
    change_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[DecisionForm, Form()],
) -> Response:
    change = get_report(session, change_id)
    try:
        if typed.decision not in ("accept", "refuse"):
            raise Invalid("Choose whether to accept the change.", "decision")
        with session.begin_nested():
            accept = typed.decision == "accept"
            decide_report(session, change, accept=accept, reason=typed.reason, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        session.expire_all()
        return _list(request, session, {change_id: sentence(refused.message)}, status=refused.status)
    done = (
        "Taken over."
        if typed.decision == "accept"
        else "Refused: the file may say it again and changes nothing."
    )
    return redirect(request, "/reported-changes", done, "good")


@dataclass(frozen=True, slots=True)
class ReportedChangesPage(Page):
    template = "accounts/feeds/reported.html"
    rows: Sequence[Mapping[str, Row]]
    total: int
    columns: Sequence[Column]
    errors: Mapping[int, str]


def _list(
    request: Request, session: Session, errors: dict[int, str] | None = None, status: int = 200
) -> Response:
    found = waiting_reports(session, limit=SHOWN)
    rows = [
        {
            "change": change,
            "account": account,
            "holder": session.get_one(Customer, account.customer_id),
            "portfolio": session.get_one(Portfolio, account.portfolio_id),
        }
        for change, account in found
    ]
    return page(
        request,
        ReportedChangesPage(rows=rows, total=count_waiting(session), columns=COLUMNS, errors=errors or {}),
        status,
    )
