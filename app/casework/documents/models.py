"""Documents on file, and their bytes by content."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.documents.rules import DocumentKind
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class DocumentContent(Row, table=True):
    """The bytes of a document, once, however often they were uploaded. In the database: every machine sees them, and
    one backup holds them."""

    __tablename__ = "document_content"

    sha256: str = Field(primary_key=True, max_length=64)
    content: bytes = Field(sa_type=sa.LargeBinary)


class CaseDocument(Row, table=True):
    """A document about a customer. It is withdrawn, never deleted."""

    __tablename__ = "case_document"
    __table_args__ = (sa.Index("ix_case_document_customer", "customer_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    """The case at which it was uploaded; it is on file for every case of the customer."""
    kind: DocumentKind = Field(sa_type=enum_type(DocumentKind))
    name: str = Field(max_length=120)
    media_type: str = Field(max_length=40)
    size: int
    sha256: str = Field(foreign_key="document_content.sha256", max_length=64)
    description: str = Field(default="", max_length=300)
    dated_on: date
    """The document's own date."""
    answer_by: date | None = None
    """Of a notice: the last day that it leaves the customer; None = it names none, or it is not known."""
    uploaded_at: datetime = Field(sa_type=UtcDateTime)
    uploaded_by: str = Field(max_length=120)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_by: str = Field(default="", max_length=120)
    withdrawn_why: str = Field(default="", max_length=300)
