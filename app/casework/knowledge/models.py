"""Articles and their versions, the index of their words, their uses, ratings, and searches that found nothing."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.knowledge.rules import Topic, UseKind, VersionStatus
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type, sorted_text
from app.core.vocabulary import Channel

_GENERAL = sa.text("portfolio_id IS NULL")
_OWN = sa.text("portfolio_id IS NOT NULL")
_DRAFT = sa.text("status = 'draft'")
_PUBLISHED = sa.text("status = 'published'")


class KnowledgeArticle(Row, table=True):
    """A question that customers ask, answered in one or more languages. An article of a portfolio stands in the place
    of the one with the same code for all portfolios."""

    __tablename__ = "knowledge_article"
    __table_args__ = (
        sa.Index("uq_knowledge_article_general", "code", unique=True, sqlite_where=_GENERAL, postgresql_where=_GENERAL),
        sa.Index(
            "uq_knowledge_article_own", "portfolio_id", "code", unique=True, sqlite_where=_OWN, postgresql_where=_OWN
        ),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int | None = Field(default=None, foreign_key="portfolio.id", sa_type=BigId)
    """None = for all portfolios."""
    code: str = Field(max_length=60)
    topic: Topic = Field(sa_type=enum_type(Topic))
    review_on: date | None = None
    """The day by which an editor reads it again; None = no day is set."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    created_by: str = Field(max_length=120)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retired_by: str = Field(default="", max_length=120)
    retired_why: str = Field(default="", max_length=300)


class KnowledgeVersion(Row, table=True):
    """The words of an article in one language. A draft is changed in place; once published its words never change:
    a trigger of both databases refuses it, and refuses to delete them."""

    __tablename__ = "knowledge_version"
    __table_args__ = (
        sa.UniqueConstraint("article_id", "language", "number"),
        sa.Index(
            "uq_knowledge_version_draft", "article_id", "language", unique=True,
            sqlite_where=_DRAFT, postgresql_where=_DRAFT,
        ),
        sa.Index(
            "uq_knowledge_version_published", "article_id", "language", unique=True,
            sqlite_where=_PUBLISHED, postgresql_where=_PUBLISHED,
        ),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    article_id: int = Field(foreign_key="knowledge_article.id", sa_type=BigId)
    language: str = Field(max_length=10)
    """One of `LANGUAGES`."""
    number: int
    """From 1 in each language of an article."""
    status: VersionStatus = Field(sa_type=enum_type(VersionStatus))
    title: str = Field(max_length=120)
    body: str = Field(sa_type=sa.Text)
    """Markdown, with placeholders."""
    sms: str = Field(default="", max_length=400)
    """The answer in one SMS; '' = it is not sent by SMS."""
    keywords: str = Field(default="", max_length=300)
    """Further words by which it is found."""
    note: str = Field(default="", max_length=300)
    """What changed, and why."""
    written_at: datetime = Field(sa_type=UtcDateTime)
    written_by: str = Field(max_length=120)
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    published_by: str = Field(default="", max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was replaced or retired."""


class KnowledgeWord(Row, table=True):
    """A word of a published version, folded as the timeline's words are. Derived from the version."""

    __tablename__ = "knowledge_word"
    __table_args__ = (sa.Index("ix_knowledge_word_version", "version_id"), {"sqlite_with_rowid": False})

    word: str = Field(primary_key=True, sa_type=sorted_text(24))  # type: ignore[call-overload]
    version_id: int = Field(primary_key=True, foreign_key="knowledge_version.id", sa_type=BigId)
    weight: int


class KnowledgeUse(Row, table=True):
    """A version that answered a customer: read out on a call, or sent in writing."""

    __tablename__ = "knowledge_use"
    __table_args__ = (
        sa.Index("ix_knowledge_use_version", "version_id", "at"),
        sa.Index("ix_knowledge_use_case", "case_id"),
        sa.UniqueConstraint("contact_id"),
        sa.CheckConstraint("(kind = 'sent') = (contact_id IS NOT NULL)", name="sent_by_a_contact"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    version_id: int = Field(foreign_key="knowledge_version.id", sa_type=BigId)
    kind: UseKind = Field(sa_type=enum_type(UseKind))
    channel: Channel = Field(sa_type=enum_type(Channel))
    contact_id: int | None = Field(default=None, foreign_key="contact.id", sa_type=BigId)
    """The contact whose message carries it; None = it was read out."""
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class KnowledgeRating(Row, table=True):
    """What an agent says of a version, the latest of each person: whether it helped, and what was missing."""

    __tablename__ = "knowledge_rating"
    __table_args__ = (sa.UniqueConstraint("version_id", "by"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    version_id: int = Field(foreign_key="knowledge_version.id", sa_type=BigId)
    helped: bool
    missing: str = Field(default="", max_length=500)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class KnowledgeMiss(Row, table=True):
    """Words that were searched and that no article holds: the editors' backlog. It tells nothing of who asked."""

    __tablename__ = "knowledge_miss"
    __table_args__ = (sa.UniqueConstraint("portfolio_id", "language", "words"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    language: str = Field(max_length=10)
    """The language in which an answer was looked for."""
    words: str = Field(max_length=80)
    """Folded, as `kept_words` gives them."""
    times: int = 1
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: str = Field(default="", max_length=120)
    article_id: int | None = Field(default=None, foreign_key="knowledge_article.id", sa_type=BigId)
    """The article that answers it."""
    why: str = Field(default="", max_length=200)
    """Why it is not answered, where an editor said so."""
