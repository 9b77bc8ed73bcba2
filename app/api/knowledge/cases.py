"""A customer's question, answered from the knowledge base: read out, or sent in writing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Request
from pydantic import Field
from sqlmodel import col, select

from app.actions.knowledge.answering import read_out, send_article, word_article
from app.api.cases.answer_shapes import AnswerShape
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, ReadSession, api_router
from app.api.fields import CaseRef
from app.api.shapes import Shape
from app.casework.knowledge.models import KnowledgeUse, KnowledgeVersion
from app.casework.knowledge.queries import get_version
from app.casework.knowledge.rules import UseKind
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import redact_links

router = api_router("/cases/{reference}/knowledge", tags=["knowledge"])
Version = Annotated[int, Field(ge=1, le=2**63 - 1, description="Id of a version of an article.")]


class NewReadOut(Input):
    article_version: Version


class NewArticleMessage(NewReadOut):
    channel: Annotated[Channel, Field(strict=False)]


class UseShape(Shape):
    """An answer that the customer had from an article."""

    kind: UseKind
    channel: Channel
    article_id: int
    article_version: int
    language: str
    number: int
    title: str
    message_id: int | None = Field(description="The message that carries it; null = it was read out.")
    at: datetime
    by: str


class ArticleText(Shape):
    """A message as it would leave now; the customer's personal link is left out."""

    language: str
    subject: str
    text: str


@router.get("", summary="List answers from articles")
def list_uses(reference: CaseRef, _caller: ApiCaseReader, session: ReadSession) -> list[UseShape]:
    """What the customer was told from articles, with the version of each; the latest first, at most two hundred."""
    case = case_named(session, reference)
    query = (
        select(KnowledgeUse, KnowledgeVersion, OutboxMessage.id)
        .join(KnowledgeVersion, col(KnowledgeVersion.id) == KnowledgeUse.version_id)
        .outerjoin(OutboxMessage, col(OutboxMessage.contact_id) == KnowledgeUse.contact_id)
        .where(KnowledgeUse.case_id == case.id)
        .order_by(col(KnowledgeUse.id).desc())
        .limit(200)
    )
    return [_shape(use, version, message_id) for use, version, message_id in session.execute(query)]


def _shape(use: KnowledgeUse, version: KnowledgeVersion, message_id: int | None) -> UseShape:
    return UseShape(
        kind=use.kind,
        channel=use.channel,
        article_id=version.article_id,
        article_version=id_of(version),
        language=version.language,
        number=version.number,
        title=version.title,
        message_id=message_id,
        at=use.at,
        by=use.by,
    )


@router.post("/read-outs", status_code=201, summary="Read an article out")
def post_read_out(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewReadOut
) -> UseShape:
    """Put on record that a question was answered on the call, with the version that was read."""
    case = case_named(session, reference, lock=True)
    version = get_version(session, body.article_version)
    return _shape(read_out(session, case, version, by=caller.by, now=now), version, None)


@router.post("/messages", status_code=201, summary="Send an article")
def post_article_message(
    request: Request,
    reference: CaseRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewArticleMessage,
) -> AnswerShape:
    """Queue an article as the answer to the customer's question, where the gate clears it; its answer, with every
    reason, is on record."""
    case = case_named(session, reference, lock=True)
    version = get_version(session, body.article_version)
    letters = ports_of(request).catalog
    return AnswerShape.of(send_article(session, case, version, body.channel, letters, by=caller.by, now=now))


@router.post("/messages/preview", summary="Preview an article as a message")
def post_article_preview(
    request: Request,
    reference: CaseRef,
    _caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewArticleMessage,
) -> ArticleText:
    """The whole message as it would leave now; nothing is asked or sent."""
    case = case_named(session, reference)
    version = get_version(session, body.article_version)
    letters = ports_of(request).catalog
    words = word_article(session, case, version, body.channel, letters, now=now)
    return ArticleText(language=words.language, subject=words.subject, text=redact_links(words.text))
