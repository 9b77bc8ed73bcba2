"""Articles, their versions and the searches of the backlog as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.api.shapes import Shape
from app.casework.knowledge.editorial import Editorial
from app.casework.knowledge.models import KnowledgeArticle, KnowledgeMiss, KnowledgeVersion
from app.casework.knowledge.queries import FoundArticle
from app.casework.knowledge.rules import Topic, VersionStatus
from app.core.ids import id_of


class ArticleShape(Shape):
    """An article: one question, answered in one or more languages."""

    id: int
    code: str = Field(examples=["how-to-pay"])
    portfolio_id: int | None = Field(description="null = for all portfolios.")
    topic: Topic
    review_on: date | None
    retired_at: datetime | None
    retired_why: str

    @classmethod
    def of(cls, article: KnowledgeArticle) -> Self:
        return cls(
            id=id_of(article),
            code=article.code,
            portfolio_id=article.portfolio_id,
            topic=article.topic,
            review_on=article.review_on,
            retired_at=article.retired_at,
            retired_why=article.retired_why,
        )


class VersionShape(Shape):
    """The words of an article in one language. Once published they never change."""

    id: int
    article_id: int
    language: str
    number: int
    status: VersionStatus
    title: str
    body: str = Field(description="Markdown, with placeholders in braces.")
    sms: str = Field(description="The answer in one SMS; empty = it is not sent by SMS.")
    keywords: str
    note: str
    written_at: datetime
    written_by: str
    published_at: datetime | None
    published_by: str

    @classmethod
    def of(cls, version: KnowledgeVersion) -> Self:
        return cls(
            id=id_of(version),
            article_id=version.article_id,
            language=version.language,
            number=version.number,
            status=version.status,
            title=version.title,
            body=version.body,
            sms=version.sms,
            keywords=version.keywords,
            note=version.note,
            written_at=version.written_at,
            written_by=version.written_by,
            published_at=version.published_at,
            published_by=version.published_by,
        )


class FoundArticleShape(Shape):
    """An article that answers a search, in the language asked for or, where it is not written in that, English."""

    article: ArticleShape
    version: VersionShape
    near: bool = Field(description="It holds some of the words, not all.")

    @classmethod
    def of(cls, found: FoundArticle) -> Self:
        return cls(
            article=ArticleShape.of(found.article), version=VersionShape.of(found.version), near=found.near
        )


class WholeArticle(Shape):
    article: ArticleShape
    versions: list[VersionShape]


class EditorialShape(Shape):
    """An article with its uses and ratings."""

    article: ArticleShape
    title: str
    statuses: dict[str, VersionStatus] = Field(description="By language.")
    drafts: list[str] = Field(description="Languages with a draft.")
    read_out: int
    sent: int
    last_used: datetime | None
    helped: int
    not_helped: int

    @classmethod
    def of(cls, row: Editorial) -> Self:
        return cls(
            article=ArticleShape.of(row.article),
            title=row.title,
            statuses=dict(row.statuses),
            drafts=sorted(row.drafts),
            read_out=row.read_out,
            sent=row.sent,
            last_used=row.last_used,
            helped=row.helped,
            not_helped=row.not_helped,
        )


class MissShape(Shape):
    """Words that were searched and that no article holds."""

    id: int
    portfolio_id: int
    language: str = Field(description="The language in which an answer was looked for.")
    words: str
    times: int
    first_at: datetime
    last_at: datetime

    @classmethod
    def of(cls, miss: KnowledgeMiss) -> Self:
        return cls(
            id=id_of(miss),
            portfolio_id=miss.portfolio_id,
            language=miss.language,
            words=miss.words,
            times=miss.times,
            first_at=miss.first_at,
            last_at=miss.last_at,
        )
