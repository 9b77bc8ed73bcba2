"""Documents of a case: on file, put there, fetched and withdrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import File, Form, UploadFile
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.documents import add_document, fetch_document, withdraw_document
from app.casework.documents.models import CaseDocument
from app.casework.documents.rules import MAX_BYTES, DocumentKind
from app.casework.documents.service import documents_of, get_document
from app.casework.support_needs.sight import sight_of
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.labels import DOCUMENT_LABELS
from app.core.staff.rules import CASEWORK, LEGAL_WORK, MANAGEMENT, Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader, requires
from app.http.routes import Router
from app.http.security import KB, document_response
from app.http.transactions import ReadSession, WriteSession
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.case_file import CaseFile as OpenFile
from app.web.lookups import staff_names
from app.web.rendering import Page, page, redirect

router = Router(prefix="/cases")


Filer = Annotated[Staff, requires(*CASEWORK, *LEGAL_WORK)]
"""Case workers and the legal team."""


Withdrawer = Annotated[Staff, requires(*LEGAL_WORK, *MANAGEMENT)]


@router.get("/{case_id}/documents")
def documents(
    request: Request, case_id: RowId, staff: CaseReader, session: ReadSession, now: Now
) -> Response:
    return _documents_page(request, session, open_case_file(session, case_id, now), staff)


@dataclass(frozen=True, slots=True)
class DocumentsPage(Page):
    template = "cases/documents.html"
    file: CaseFile
    documents: Sequence[CaseDocument]
    kinds: Mapping[str, str]
    options: Sequence[tuple[str, str]]
    names: Mapping[str, str]
    may_file: bool
    may_withdraw: bool
    most_mb: int
    errors: Mapping[str, str]
    given: Mapping[str, str]


def _documents_page(
    request: Request,
    session: Session,
    file: OpenFile,
    staff: Staff,
    *,
    errors: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    return page(
        request,
        DocumentsPage(
            file=file,
            documents=documents_of(session, id_of(file.customer)),
            kinds=DOCUMENT_LABELS,
            options=list(DOCUMENT_LABELS.items()),
            names=staff_names(session),
            may_file=staff.role in (*CASEWORK, *LEGAL_WORK),
            may_withdraw=staff.role in (*LEGAL_WORK, *MANAGEMENT),
            most_mb=MAX_BYTES // (1024 * 1024),
            errors=errors or {},
            given=given or {},
        ),
        422 if errors else 200,
        sight_of(session, id_of(file.customer), staff.role, staff.by),
    )


@router.post("/{case_id}/documents", max_body_size=MAX_BYTES + 64 * KB)
def upload(
    request: Request,
    case_id: RowId,
    staff: Filer,
    session: WriteSession,
    now: Now,
    file: Annotated[UploadFile | None, File()] = None,
    kind: Annotated[str, Form(max_length=40)] = "",
    dated_on: Annotated[str, Form(max_length=10)] = "",
    answer_by: Annotated[str, Form(max_length=10)] = "",
    description: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    opened = open_case_file(session, case_id, now, lock=True)
    try:
        if file is None or not file.filename:
            raise Invalid("Choose a file.", "file")
        content = file.file.read(MAX_BYTES + 1)
        add_document(
            session, opened.case, _kind(kind), file.filename, content, dated_on=_day(dated_on),
            answer_by=_day(answer_by, "answer_by") if answer_by else None, description=description, by=staff.by,
            now=now,
        )  # fmt: skip
    except (Invalid, Conflict) as problem:
        errors = {getattr(problem, "field", "") or "file": str(problem)}
        given = {"kind": kind, "dated_on": dated_on, "answer_by": answer_by, "description": description}
        return _documents_page(request, session, opened, staff, errors=errors, given=given)
    return redirect(request, f"/cases/{case_id}/documents", "The document is on file.")


def _kind(text: str) -> DocumentKind:
    if text not in set(DocumentKind):
        raise Invalid("Say what kind of document it is.", "kind")
    return DocumentKind(text)


def _day(text: str, field: str = "dated_on") -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("Give the date that the document bears, such as 2026-03-25.", field) from None


@router.get("/{case_id}/documents/{document_id}")
def download(
    case_id: RowId, document_id: RowId, staff: CaseReader, session: WriteSession, now: Now
) -> Response:
    """Send a document. A write session because every download is on record."""
    opened = open_case_file(session, case_id, now)
    document = get_document(session, opened.case, document_id)
    content = fetch_document(session, opened.case, document, by=staff.by, now=now)
    return document_response(document, content)


@router.post("/{case_id}/documents/{document_id}/withdraw")
def withdraw(
    request: Request,
    case_id: RowId,
    document_id: RowId,
    staff: Withdrawer,
    session: WriteSession,
    now: Now,
    why: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    opened = open_case_file(session, case_id, now, lock=True)
    document = get_document(session, opened.case, document_id)
    if not why.strip():
        return _documents_page(
            request, session, opened, staff, errors={f"why-{document_id}": "Say why it is withdrawn."}
        )
    withdraw_document(session, opened.case, document, why, by=staff.by, now=now)
    return redirect(
        request, f"/cases/{case_id}/documents", "The document is withdrawn. It stays here with the reason."
    )
