"""Files of proposals: loaded, with the progress of their decisions, and each proposal decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from fastapi import File, Form, UploadFile
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.advisers.proposals import (
    Weighed,
    accept_proposal,
    accept_simple,
    decline_proposal,
    load_proposals,
    weigh,
)
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.advisers.models import Adviser, AdviserFile, AdviserReject
from app.casework.advisers.queries import (
    get_adviser,
    get_file,
    get_proposal,
    progress_of,
    proposals_of,
    rejects_of,
)
from app.casework.advisers.reading import LARGEST
from app.casework.advisers.rules import ProposalStatus
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.labels import CADENCE_LABELS, PLAN_LABELS, Labels
from app.core.staff.rules import Staff
from app.core.text import counted
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.security import KB
from app.http.transactions import ReadSession, WriteSession
from app.web.advisers.page import Sent, obey, portfolio_of, show_adviser
from app.web.form_action import FormAction
from app.web.forms import FormState
from app.web.lists import csv_download
from app.web.rendering import Page, page

router = Router(prefix="/advisers/{code}/files")


@dataclass(frozen=True, slots=True)
class FilePage(Page):
    template = "advisers/file.html"
    adviser: Adviser
    file: AdviserFile
    base: str
    currency: str
    progress: Mapping[ProposalStatus, int]
    rows: Sequence[Weighed]
    simple: int
    rejects: Sequence[AdviserReject]
    plans: Labels
    cadences: Labels
    form: FormState
    names: Mapping[int, str]
    """Of the customers, by id."""


@router.post("", max_body_size=LARGEST + 64 * KB)
def load(
    request: Request,
    code: str,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    file: Annotated[UploadFile | None, File()] = None,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    once: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    adviser = get_adviser(session, code)
    typed = Sent.model_validate({"once": once, "portfolio": portfolio, "file": ""})

    def act(told: Mapping[str, str]) -> tuple[str, str]:
        if file is None or not file.filename:
            raise Invalid("Choose a file.", "file")
        book, content = portfolio_of(session, told["portfolio"]), file.file.read(LARGEST + 1)
        made = load_proposals(session, book, adviser, file.filename, content, by=staff.by, now=now)
        row = made.file
        said = f"{row.loaded} of {counted(row.read, 'proposal')} taken, {row.rejected} rejected."
        if not made.is_new:
            said = "This file was loaded before; nothing changed."
        return f"/advisers/{code}/files/{row.id}", said

    def show(form: FormState, status: int) -> Response:
        return show_adviser(request, session, staff, adviser, form, now=now, status=status)

    return obey(FormAction(request, session, staff, "load", typed, show, now), act)


@router.get("/{file_id}")
def file_page(
    request: Request,
    code: str,
    file_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    format: str = "",  # noqa: A002 - the word of all lists
) -> Response:
    """`?format=csv`: the rejects file."""
    adviser = get_adviser(session, code)
    file = get_file(session, adviser, file_id)
    if format == "csv":
        rows = [(row.line, row.reference, row.field, row.reason) for row in rejects_of(session, file)]
        return csv_download(f"rejects-{file.id}.csv", ("line", "reference", "field", "reason"), rows)
    return _show(request, session, staff, adviser, file, FormState(), now=now)


def _show(
    request: Request,
    session: Session,
    staff: Staff,
    adviser: Adviser,
    file: AdviserFile,
    form: FormState,
    *,
    now: datetime,
    status: int = 200,
) -> Response:
    rows = [weigh(session, row, role=staff.role, now=now) for row in proposals_of(session, file)[:500]]
    shown = FilePage(
        adviser=adviser,
        file=file,
        base=f"/advisers/{adviser.code}/files/{file.id}",
        currency=session.get_one(Portfolio, file.portfolio_id).currency,
        progress=progress_of(session, file),
        rows=rows,
        simple=sum(each.row.status is ProposalStatus.PROPOSED and each.is_simple for each in rows),
        rejects=rejects_of(session, file),
        plans=PLAN_LABELS,
        cadences=CADENCE_LABELS,
        form=form,
        names=_names(session, [each.row.customer_id for each in rows]),
    )
    return page(request, shown, status)


def _names(session: Session, customer_ids: Sequence[int]) -> dict[int, str]:
    customer = table_of(Customer)
    query = sa.select(customer.c.id, customer.c.full_name).where(among(session, customer.c.id, customer_ids))
    return {number: name for number, name in session.execute(query)}


@router.post("/{file_id}/accept")
def accept_all(
    request: Request,
    code: str,
    file_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    """Accept every proposal of the file that is within this person's limits and raises no doubt."""
    adviser = get_adviser(session, code)
    file = get_file(session, adviser, file_id)

    def act(_told: Mapping[str, str]) -> tuple[str, str]:
        letters = ports_of(request).catalog
        done = accept_simple(session, adviser, file, letters, by=staff.by, role=staff.role, now=now)
        said = f"{counted(len(done.accepted), 'proposal')} accepted, {len(done.left)} still to decide."
        return f"/advisers/{code}/files/{file_id}", said

    def show(form: FormState, status: int) -> Response:
        return _show(request, session, staff, adviser, file, form, now=now, status=status)

    return obey(FormAction(request, session, staff, "all", typed, show, now), act)


@router.post("/{file_id}/proposals/{proposal_id}/accept")
def accept_one(
    request: Request,
    code: str,
    file_id: RowId,
    proposal_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    adviser = get_adviser(session, code)
    file, row = get_file(session, adviser, file_id), get_proposal(session, adviser, proposal_id)

    def act(_told: Mapping[str, str]) -> tuple[str, str]:
        letters = ports_of(request).catalog
        plan = accept_proposal(session, adviser, row, letters, by=staff.by, role=staff.role, now=now)
        return (
            f"/advisers/{code}/files/{file_id}",
            f"Line {row.line} was accepted: {PLAN_LABELS[plan.kind.value]} {plan.reference} runs.",
        )

    def show(form: FormState, status: int) -> Response:
        return _show(request, session, staff, adviser, file, form, now=now, status=status)

    return obey(FormAction(request, session, staff, f"accept-{id_of(row)}", typed, show, now), act)


@router.post("/{file_id}/proposals/{proposal_id}/decline")
def decline_one(
    request: Request,
    code: str,
    file_id: RowId,
    proposal_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    adviser = get_adviser(session, code)
    file, row = get_file(session, adviser, file_id), get_proposal(session, adviser, proposal_id)

    def act(told: Mapping[str, str]) -> tuple[str, str]:
        decline_proposal(session, adviser, row, told["why"], by=staff.by, now=now)
        return f"/advisers/{code}/files/{file_id}", f"Line {row.line} was declined."

    def show(form: FormState, status: int) -> Response:
        return _show(request, session, staff, adviser, file, form, now=now, status=status)

    return obey(FormAction(request, session, staff, f"decline-{id_of(row)}", typed, show, now), act)
