"""Documents on file for a case: put there, listed, fetched, withdrawn."""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Response
from pydantic import Field

from app.actions.documents import add_document, fetch_document, withdraw_document
from app.api.deps import (
    ApiCaseReader,
    ApiLegalReader,
    Input,
    OnceSession,
    ReadSession,
    api_requires,
    api_router,
)
from app.api.fields import CaseRef, Day, RowId, case_id_of, naming
from app.api.shapes import Shape
from app.casework.cases.queries import get_case
from app.casework.documents.models import CaseDocument
from app.casework.documents.rules import MAX_BYTES, DocumentKind
from app.casework.documents.service import documents_of, get_document
from app.casework.support_needs.sight import sight_of
from app.core.errors import Invalid
from app.core.staff.rules import CASEWORK, LEGAL_WORK, Caller
from app.core.text import Line, Paragraph
from app.http.context import Now
from app.http.security import document_response
from app.http.transactions import WriteSession

router = api_router("/cases", tags=["documents"])

BODY = MAX_BYTES * 4 // 3 + 64 * 1024
"""A document as base64, and its description."""


class DocumentShape(Shape):
    """A document on file for the customer of a case."""

    id: int
    kind: DocumentKind
    name: str
    media_type: str = Field(description="By its content.")
    size: int
    sha256: str
    description: str
    dated_on: date
    answer_by: date | None = Field(
        description="Of a notice: the last day that it leaves the customer, for which later steps wait."
    )
    uploaded_at: datetime
    uploaded_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str
    withdrawn_why: str

    @classmethod
    def of(cls, row: CaseDocument) -> Self:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


@router.get("/{reference}/documents", summary="List documents")
def list_documents(reference: CaseRef, caller: ApiCaseReader, session: ReadSession) -> list[DocumentShape]:
    """On file for the customer, newest first, withdrawn ones too; at most 200."""
    case = get_case(session, case_id_of(reference))
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    shown = [DocumentShape.of(row) for row in documents_of(session, case.customer_id)]
    return [
        each.model_copy(update={"name": sight.cover(each.name), "description": sight.cover(each.description)})
        for each in shown
    ]


class NewDocument(Input):
    kind: Annotated[DocumentKind, Field(strict=False)]
    name: Annotated[Line, Field(min_length=1, max_length=200, description="The file's own name.")]
    dated_on: Annotated[Day, Field(description="The date that the document bears.")]
    answer_by: Annotated[
        Day | None,
        Field(
            description="Of a notice: the last day that it leaves the customer. Without it a longer time is taken."
        ),
    ] = None
    description: Annotated[Paragraph, Field(max_length=300)] = ""
    content_base64: Annotated[
        str, Field(min_length=1, description="PDF, PNG, JPEG or UTF-8 text, at most 15 MB.")
    ]


@router.post("/{reference}/documents", status_code=201, summary="Put a document on file", max_body_size=BODY)
def post_document(
    reference: CaseRef,
    caller: Annotated[Caller, api_requires(*CASEWORK, *LEGAL_WORK)],
    session: OnceSession,
    now: Now,
    body: NewDocument,
) -> DocumentShape:
    """Its content decides its type. It goes into every later case file until it is withdrawn."""
    case = get_case(session, case_id_of(reference))
    try:
        content = base64.b64decode(body.content_base64, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("This is not base64.", "content_base64") from None
    with naming(file="content_base64"):
        document = add_document(
            session, case, body.kind, body.name, content,
            dated_on=body.dated_on, answer_by=body.answer_by, description=body.description, by=caller.by, now=now,
        )  # fmt: skip
    return DocumentShape.of(document)


class AnyFile(Response):
    media_type = "application/octet-stream"


@router.get(
    "/{reference}/documents/{document_id}",
    summary="Fetch a document",
    response_class=AnyFile,
    responses={
        200: {
            "description": "The file; its type is the document's `media_type`.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def get_document_content(
    reference: CaseRef, document_id: RowId, caller: ApiCaseReader, session: WriteSession, now: Now
) -> Response:
    """Byte for byte as it was uploaded. Every download is on the case's timeline."""
    case = get_case(session, case_id_of(reference))
    document = get_document(session, case, document_id)
    content = fetch_document(session, case, document, by=caller.by, now=now)
    return document_response(document, content)


class NewWithdrawal(Input):
    why: Annotated[Paragraph, Field(min_length=1, max_length=300)]


@router.post("/{reference}/documents/{document_id}/withdrawal", summary="Withdraw a document")
def post_document_withdrawal(
    reference: CaseRef,
    document_id: RowId,
    caller: ApiLegalReader,
    session: OnceSession,
    now: Now,
    body: NewWithdrawal,
) -> DocumentShape:
    """It stays on file with the reason, and goes into no later case file."""
    case = get_case(session, case_id_of(reference))
    document = get_document(session, case, document_id)
    withdraw_document(session, case, document, body.why, by=caller.by, now=now)
    return DocumentShape.of(document)
