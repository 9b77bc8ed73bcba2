"""Waivers that wait for a second person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response

from app.actions.accounts.corrections import decide_waiver
from app.book.ledger.models import Account, Customer, Entry, Waiver
from app.book.ledger.rules import WaiverStatus
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.errors import NotFound
from app.core.labels import ENTRY_LABELS
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.transactions import ReadSession, WriteSession
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.rendering import Page, page, redirect

router = APIRouter()
WAIVER_COLUMNS = [
    Column("Account"),
    Column("What"),
    Column("To be waived", numeric=True),
    Column("Why"),
    Column("Asked for"),
    Column(""),
]


@dataclass(frozen=True, slots=True)
class WaiversPage(Page):
    template = "accounts/waivers.html"
    rows: Sequence[Mapping[str, object]]
    columns: Sequence[Column]
    names: Mapping[str, str]
    me: Actor
    entry_words: Mapping[str, str]


@router.get("/waivers")
def waivers(request: Request, staff: Manager, session: ReadSession) -> Response:
    """The oldest first, of all portfolios."""
    query = (
        sa.select(Waiver, Account, Entry, col(Customer.full_name), Portfolio)
        .join(Account, col(Account.id) == Waiver.account_id)
        .join(Entry, col(Entry.id) == Waiver.entry_id)
        .join(Customer, col(Customer.id) == Account.customer_id)
        .join(Portfolio, col(Portfolio.id) == Waiver.portfolio_id)
        .where(col(Waiver.status) == WaiverStatus.REQUESTED)
        .order_by(col(Waiver.requested_at), col(Waiver.id))
        .limit(200)
    )
    rows = [
        {"waiver": waiver, "account": account, "entry": entry, "name": name, "portfolio": portfolio}
        for waiver, account, entry, name, portfolio in session.execute(query)
    ]
    return page(
        request,
        WaiversPage(
            rows=rows,
            columns=WAIVER_COLUMNS,
            names=staff_names(session),
            me=staff.by,
            entry_words=ENTRY_LABELS,
        ),
    )


@router.post("/waivers/{waiver_id}/decide")
def decide(
    request: Request,
    waiver_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    approve: Annotated[bool, Form()],
    note: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    waiver = session.get(Waiver, waiver_id)
    if waiver is None:
        raise NotFound("There is no such waiver.")
    decide_waiver(session, waiver, approve=approve, note=note, by=staff.by, role=staff.role, now=now)
    words = "Approved; the credit is posted." if approve else "Declined; nothing was posted."
    return redirect(request, "/waivers", words, "good" if approve else "info")
