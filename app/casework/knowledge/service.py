"""Write, publish, retire and rate articles, and keep the backlog of searches: row and event together."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.knowledge.backlog import close_answered
from app.casework.knowledge.events import (
    ArticleFiled,
    ArticleRated,
    ArticleRetired,
    DraftSaved,
    VersionPublished,
)
from app.casework.knowledge.index import forget_version, index_version
from app.casework.knowledge.models import (
    KnowledgeArticle,
    KnowledgeRating,
    KnowledgeVersion,
)
from app.casework.knowledge.rules import (
    CODE,
    LANGUAGES,
    LONGEST_MISSING,
    Topic,
    VersionStatus,
)
from app.casework.knowledge.words import Words, check_words, digest_of, said_by, says
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_reason, clean_text
from app.core.timeline.payload import Payload
from app.core.timeline.service import NewEvent, lock_streams, record


def _stream(article_id: int) -> str:
    return f"knowledge:{article_id}"


def _tell(session: Session, article_id: int, payload: Payload, *, by: Actor, now: datetime) -> None:
    record(session, NewEvent(_stream(article_id), payload), by=by, now=now)


def add_article(
    session: Session,
    portfolio: Portfolio | None,
    code: str,
    topic: Topic,
    review_on: date | None = None,
    *,
    by: Actor,
    now: datetime,
) -> KnowledgeArticle:
    """Begin an article, for a portfolio or for all; it is found once a version of it is published. Invalid for a code
    that is none, Conflict for one that is taken."""
    code = clean_text(
        code, "code", at_most=60, one_line=True, empty="Give it a short name for its address."
    ).lower()
    if not CODE.fullmatch(code):
        raise Invalid("A short name has small letters, digits and hyphens: how-to-pay.", "code")
    portfolio_id = id_of(portfolio) if portfolio else None
    lock_streams(session, ["knowledge"])
    same = select(KnowledgeArticle.id).where(
        KnowledgeArticle.code == code, KnowledgeArticle.portfolio_id == portfolio_id
    )
    if session.scalar(same) is not None:
        scope = f"portfolio {portfolio.code}" if portfolio else "all portfolios"
        raise Conflict(
            f"There is an article {code!r} for {scope} already. Change that one, or take another name."
        )
    article = KnowledgeArticle(
        portfolio_id=portfolio_id, code=code, topic=topic, review_on=review_on, created_at=now, created_by=by
    )
    session.add(article)
    session.flush()
    filed = ArticleFiled(topic.value, review_on.isoformat() if review_on else "")
    _tell(session, id_of(article), filed, by=by, now=now)
    return article


def file_article(
    session: Session,
    article: KnowledgeArticle,
    topic: Topic,
    review_on: date | None,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Set an article's topic and the day by which it is read again."""
    _lock(session, article)
    if (article.topic, article.review_on) == (topic, review_on):
        return
    article.topic, article.review_on = topic, review_on
    filed = ArticleFiled(topic.value, review_on.isoformat() if review_on else "")
    _tell(session, id_of(article), filed, by=by, now=now)


def save_draft(
    session: Session,
    article: KnowledgeArticle,
    language: str,
    words: Words,
    *,
    based_on: int | None = None,
    by: Actor,
    now: datetime,
) -> KnowledgeVersion:
    """Keep the words as the draft of a language; the published version stays in use. `based_on`: number of the latest
    version that the editor saw, 0 for none. Invalid beside each field, Conflict where another person was faster, or
    where the article is retired."""
    words = check_words(words)
    if language not in LANGUAGES:
        raise Invalid(f"Choose one of the languages {', '.join(LANGUAGES)}.", "language")
    _lock(session, article)
    latest = _latest(session, article, language)
    seen = latest.number if latest else 0
    if based_on is not None and based_on != seen:
        raise Conflict(f"Version {seen} was written meanwhile. Read it, then make your change to that one.")
    if latest is None or latest.status is not VersionStatus.DRAFT:
        if latest and latest.status is VersionStatus.PUBLISHED and says(latest) == said_by(words):
            raise Conflict("These are the words that are in use already. Nothing was changed.")
        latest = KnowledgeVersion(
            article_id=id_of(article), language=language, number=seen + 1, status=VersionStatus.DRAFT,
            title="", body="", written_at=now, written_by=by,
        )  # fmt: skip
    latest.title, latest.body, latest.sms = words.title, words.body, words.sms
    latest.keywords, latest.note = words.keywords, words.note
    latest.written_at, latest.written_by = now, by
    session.add(latest)
    session.flush()
    told = DraftSaved(id_of(latest), language, latest.number, digest_of(latest), words.note)
    _tell(session, id_of(article), told, by=by, now=now)
    return latest


def publish(
    session: Session, article: KnowledgeArticle, language: str, *, by: Actor, now: datetime
) -> KnowledgeVersion:
    """Put the draft of a language into use in place of the version before it. Searches of the backlog that it answers
    leave the backlog. Conflict where there is no draft."""
    _lock(session, article)
    draft = _latest(session, article, language)
    if draft is None or draft.status is not VersionStatus.DRAFT:
        raise Conflict("There is no draft in this language. Write one, then publish it.")
    check_words(Words(draft.title, draft.body, draft.sms, draft.keywords, draft.note))
    for before in _published(session, article, language):
        before.status, before.ended_at = VersionStatus.REPLACED, now
        forget_version(session, id_of(before))
    session.flush()  # one version of a language is published at a time
    draft.status, draft.published_at, draft.published_by = VersionStatus.PUBLISHED, now, by
    session.add(draft)
    index_version(session, draft)
    told = VersionPublished(id_of(draft), language, draft.number, digest_of(draft), draft.note)
    _tell(session, id_of(article), told, by=by, now=now)
    close_answered(session, article, language, by=by, now=now)
    return draft


def discard_draft(
    session: Session, article: KnowledgeArticle, language: str, *, by: Actor, now: datetime
) -> None:
    """Throw a draft away; what is published stays. The article's record keeps that there was one."""
    _lock(session, article)
    draft = _latest(session, article, language)
    if draft is None or draft.status is not VersionStatus.DRAFT:
        raise Conflict("There is no draft in this language.")
    told = DraftSaved(id_of(draft), language, draft.number, "", "Draft discarded.")
    session.delete(draft)
    _tell(session, id_of(article), told, by=by, now=now)


def retire_article(
    session: Session, article: KnowledgeArticle, reason: str, *, by: Actor, now: datetime
) -> None:
    """Take an article out of use in all languages; what was sent of it stays on record."""
    reason = clean_reason(reason)
    _lock(session, article)
    for version in session.scalars(
        select(KnowledgeVersion).where(
            KnowledgeVersion.article_id == article.id, KnowledgeVersion.status == VersionStatus.PUBLISHED
        )
    ).all():
        version.status, version.ended_at = VersionStatus.RETIRED, now
        forget_version(session, id_of(version))
    article.retired_at, article.retired_by, article.retired_why = now, by, reason
    _tell(session, id_of(article), ArticleRetired(reason), by=by, now=now)


def rate(
    session: Session, version: KnowledgeVersion, *, helped: bool, missing: str = "", by: Actor, now: datetime
) -> KnowledgeRating:
    """Say whether a version helped, and what was missing; said again, the latest counts. Conflict for a draft."""
    if version.status is VersionStatus.DRAFT:
        raise Conflict("A draft answers nobody yet. Rate a version that was published.")
    missing = clean_text(missing, "missing", at_most=LONGEST_MISSING, required=False)
    lock_streams(session, [_stream(version.article_id)])
    query = select(KnowledgeRating).where(
        KnowledgeRating.version_id == version.id, KnowledgeRating.by == str(by)
    )
    rating = session.scalar(query) or KnowledgeRating(version_id=id_of(version), helped=helped, at=now, by=by)
    rating.helped, rating.missing, rating.at = helped, missing, now
    session.add(rating)
    _tell(session, version.article_id, ArticleRated(id_of(version), helped, missing), by=by, now=now)
    return rating


def _lock(session: Session, article: KnowledgeArticle) -> None:
    """One editor at a time. Conflict for an article that is retired."""
    lock_streams(session, [_stream(id_of(article))])
    session.refresh(article)
    if article.retired_at is not None:
        raise Conflict("This article is retired. Write a new one.")


def _latest(session: Session, article: KnowledgeArticle, language: str) -> KnowledgeVersion | None:
    query = select(KnowledgeVersion).where(
        KnowledgeVersion.article_id == article.id, KnowledgeVersion.language == language
    )
    return session.scalar(query.order_by(col(KnowledgeVersion.number).desc()).limit(1))


def _published(session: Session, article: KnowledgeArticle, language: str) -> list[KnowledgeVersion]:
    query = select(KnowledgeVersion).where(
        KnowledgeVersion.article_id == article.id,
        KnowledgeVersion.language == language,
        KnowledgeVersion.status == VersionStatus.PUBLISHED,
    )
    return list(session.scalars(query))
