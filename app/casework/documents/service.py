"""Putting documents on file, fetching and withdrawing them; each act is on the customer's timeline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.days import local_today
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.documents.events import (
    DocumentAdded,
    DocumentDownloaded,
    DocumentEvent,
    DocumentWithdrawn,
)
from app.casework.documents.models import CaseDocument, DocumentContent
from app.casework.documents.rules import (
    EARLIEST_YEAR,
    LONGEST_NOTICE,
    MOST_DOCUMENTS,
    DocumentKind,
    check_size,
    clean_name,
    media_type_of,
)
from app.core.actor import Actor
from app.core.database.bulk import upsert
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import lock_customers, record


def add_document(
    session: Session,
    case: CollectionsCase,
    kind: DocumentKind,
    name: str,
    content: bytes,
    *,
    dated_on: date,
    answer_by: date | None = None,
    description: str = "",
    by: Actor,
    now: datetime,
) -> CaseDocument:
    """Put a document on file; `answer_by` is the last day that a notice leaves the customer. Invalid for what is not
    taken (`rules`), Conflict for one that is on file already."""
    check_size(len(content))
    media_type = media_type_of(content)
    description = clean_text(description, "description", required=False, at_most=300)
    if dated_on > local_today(session, case.portfolio_id, now):
        raise Invalid("The date of a document cannot lie in the future.", "dated_on")
    if dated_on.year < EARLIEST_YEAR:
        raise Invalid(f"The date of a document cannot lie before {EARLIEST_YEAR}.", "dated_on")
    if answer_by is not None and not dated_on <= answer_by <= dated_on + LONGEST_NOTICE:
        raise Invalid(
            "The last day that a notice leaves the customer lies within a year of its date.", "answer_by"
        )
    lock_customers(session, [case.customer_id])
    digest = hashlib.sha256(content).hexdigest()
    _refuse_repeated(session, case, kind, digest)
    stored = upsert(session, DocumentContent).values(sha256=digest, content=content)
    session.execute(stored.on_conflict_do_nothing())
    document = CaseDocument(
        customer_id=case.customer_id,
        case_id=id_of(case),
        kind=kind,
        name=clean_name(name, media_type),
        media_type=media_type,
        size=len(content),
        sha256=digest,
        description=description,
        dated_on=dated_on,
        answer_by=answer_by,
        uploaded_at=now,
        uploaded_by=by,
    )
    session.add(document)
    session.flush()
    _record(session, DocumentAdded, case, document, by=by, now=now)
    return document


def _refuse_repeated(session: Session, case: CollectionsCase, kind: DocumentKind, digest: str) -> None:
    held = [each for each in documents_of(session, case.customer_id) if each.withdrawn_at is None]
    if len(held) >= MOST_DOCUMENTS:
        raise Conflict(f"A customer has at most {MOST_DOCUMENTS} documents on file. Withdraw one first.")
    same = next((each for each in held if each.sha256 == digest and each.kind is kind), None)
    if same is not None:
        raise Conflict(f"This file is on file already as document {same.id}. Choose another file.")


def withdraw_document(
    session: Session, case: CollectionsCase, document: CaseDocument, why: str, *, by: Actor, now: datetime
) -> None:
    """Take a document out of every later case file. It stays, with the reason; bundles sealed before keep it."""
    lock_customers(session, [case.customer_id])
    session.refresh(document)  # of two people who withdraw it at once, the second is told so
    if document.withdrawn_at is not None:
        raise Conflict("This document is withdrawn already.")
    document.withdrawn_why = clean_text(why, "why", at_most=300)
    document.withdrawn_at, document.withdrawn_by = now, by
    _record(session, DocumentWithdrawn, case, document, by=by, now=now, reason=document.withdrawn_why)


def fetch_document(
    session: Session, case: CollectionsCase, document: CaseDocument, *, by: Actor, now: datetime
) -> bytes:
    """Return the bytes of a document, and record who fetched it."""
    content = content_of(session, document)
    _record(session, DocumentDownloaded, case, document, by=by, now=now)
    return content


def content_of(session: Session, document: CaseDocument) -> bytes:
    return session.get_one(DocumentContent, document.sha256).content


def documents_of(session: Session, customer_id: int) -> Sequence[CaseDocument]:
    """Documents of a customer, withdrawn ones too, newest first."""
    query = select(CaseDocument).where(CaseDocument.customer_id == customer_id)
    return session.scalars(query.order_by(col(CaseDocument.id).desc())).all()


def get_document(session: Session, case: CollectionsCase, document_id: int) -> CaseDocument:
    """A document of the case's customer; NotFound otherwise."""
    document = session.get(CaseDocument, document_id)
    if document is None or document.customer_id != case.customer_id:
        raise NotFound(f"Case {case.reference} has no document {document_id}. Choose one of its documents.")
    return document


def standing_documents(session: Session, customer_id: int) -> list[tuple[CaseDocument, bytes]]:
    """Documents that were not withdrawn, with their bytes, the oldest first."""
    query = (
        sa.select(CaseDocument, col(DocumentContent.content))
        .join(DocumentContent, col(DocumentContent.sha256) == CaseDocument.sha256)
        .where(col(CaseDocument.customer_id) == customer_id, col(CaseDocument.withdrawn_at).is_(None))
        .order_by(col(CaseDocument.id))
    )
    return [(document, content) for document, content in session.execute(query)]


def _record(
    session: Session,
    kind: type[DocumentEvent],
    case: CollectionsCase,
    document: CaseDocument,
    *,
    by: Actor,
    now: datetime,
    reason: str = "",
) -> None:
    payload = kind(id_of(document), document.kind, document.name, document.sha256, document.size, reason)
    record(session, about_case(case, payload), by=by, now=now)
