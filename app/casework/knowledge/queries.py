"""Reads of articles: as found by a search, as lists for agents and editors, and the backlog of searches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.knowledge.index import search_versions
from app.casework.knowledge.models import (
    KnowledgeArticle,
    KnowledgeRating,
    KnowledgeUse,
    KnowledgeVersion,
)
from app.casework.knowledge.rules import FALLBACK, Topic, VersionStatus
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.errors import NotFound
from app.core.ids import id_of

MOST_HITS = 12
MOST_LISTED = 500


@dataclass(frozen=True, slots=True)
class FoundArticle:
    """An article that answers a search, in the language of the reader or, where it is not written in that, English."""

    article: KnowledgeArticle
    version: KnowledgeVersion
    near: bool = False
    """It holds some of the words, not all."""


def find_articles(
    session: Session, text: str, *, portfolio_id: int | None, language: str, limit: int = MOST_HITS
) -> list[FoundArticle]:
    """Articles in use that answer a search, the best first; those that hold only some of the words come last."""
    languages = tuple(dict.fromkeys((language, FALLBACK)))
    whole, near = search_versions(session, text, portfolio_id=portfolio_id, languages=languages)
    # An article may be found in two languages, or give way to the portfolio's own.
    whole, near = whole[: 3 * limit], near[: max(0, 3 * limit - len(whole))]
    return _shown(session, whole, near, portfolio_id=portfolio_id, language=language)[:limit]


def _shown(
    session: Session, whole: Sequence[int], near: Sequence[int], *, portfolio_id: int | None, language: str
) -> list[FoundArticle]:
    ids = [*whole, *near]
    if not ids:
        return []
    rows = session.execute(
        sa.select(KnowledgeVersion, KnowledgeArticle)
        .join(KnowledgeArticle, col(KnowledgeArticle.id) == col(KnowledgeVersion.article_id))
        .where(among(session, table_of(KnowledgeVersion).c.id, ids))
    )
    found = {id_of(version): (version, article) for version, article in rows}
    articles = {id_of(article): article for _, article in found.values()}
    own = _own_codes(session, portfolio_id)
    best = versions_in(session, articles, language)
    told: dict[int, FoundArticle] = {}
    for version_id in ids:
        article = articles[found[version_id][0].article_id]
        hidden = article.portfolio_id is None and article.code in own
        if not hidden and id_of(article) in best:
            told.setdefault(
                id_of(article), FoundArticle(article, best[id_of(article)], near=version_id not in whole)
            )
    return list(told.values())


def _own_codes(session: Session, portfolio_id: int | None) -> set[str]:
    """Codes of articles in use that a portfolio has for itself: they stand in the place of those for all."""
    if portfolio_id is None:
        return set()
    query = (
        select(KnowledgeArticle.code)
        .join(KnowledgeVersion, col(KnowledgeVersion.article_id) == KnowledgeArticle.id)
        .where(
            KnowledgeArticle.portfolio_id == portfolio_id,
            KnowledgeVersion.status == VersionStatus.PUBLISHED,
        )
    )
    return set(session.scalars(query))


def versions_in(session: Session, article_ids: Iterable[int], language: str) -> dict[int, KnowledgeVersion]:
    """Published versions by article: in this language, otherwise in English."""
    query = select(KnowledgeVersion).where(
        among(session, table_of(KnowledgeVersion).c.article_id, list(article_ids)),
        KnowledgeVersion.status == VersionStatus.PUBLISHED,
        col(KnowledgeVersion.language).in_({language, FALLBACK}),
    )
    found: dict[int, KnowledgeVersion] = {}
    for version in session.scalars(query):
        if version.language == language or version.article_id not in found:
            found[version.article_id] = version
    return found


def articles_of_topic(
    session: Session, *, portfolio_id: int | None, language: str, topic: Topic | None = None
) -> list[FoundArticle]:
    """Articles in use for a portfolio, by topic and title: what is there to read before anything is searched."""
    query = select(KnowledgeArticle).where(col(KnowledgeArticle.retired_at).is_(None))
    if portfolio_id is None:
        query = query.where(col(KnowledgeArticle.portfolio_id).is_(None))
    else:
        theirs = col(KnowledgeArticle.portfolio_id)
        query = query.where(sa.or_(theirs.is_(None), theirs == portfolio_id))
    if topic is not None:
        query = query.where(KnowledgeArticle.topic == topic)
    own = _own_codes(session, portfolio_id)
    articles = {
        id_of(each): each
        for each in session.scalars(query.limit(MOST_LISTED))
        if each.portfolio_id is not None or each.code not in own
    }
    best = versions_in(session, articles, language)
    shown = [FoundArticle(articles[number], version) for number, version in best.items()]
    order = list(Topic)
    return sorted(shown, key=lambda each: (order.index(each.article.topic), each.version.title.lower()))


# --- one article --------------------------------------------------------------------------------------------


def get_article(session: Session, article_id: int) -> KnowledgeArticle:
    article = session.get(KnowledgeArticle, article_id)
    if article is None:
        raise NotFound(f"There is no article {article_id}. Choose one from the knowledge base.")
    return article


def get_version(session: Session, version_id: int) -> KnowledgeVersion:
    version = session.get(KnowledgeVersion, version_id)
    if version is None:
        raise NotFound(f"There is no version {version_id} of an article. Choose one from the knowledge base.")
    return version


def versions_of(session: Session, article_id: int) -> Sequence[KnowledgeVersion]:
    """All versions of an article, by language, the latest first."""
    query = select(KnowledgeVersion).where(KnowledgeVersion.article_id == article_id)
    return session.scalars(
        query.order_by(col(KnowledgeVersion.language), col(KnowledgeVersion.number).desc())
    ).all()


def version_numbered(session: Session, article_id: int, language: str, number: int) -> KnowledgeVersion:
    query = select(KnowledgeVersion).where(
        KnowledgeVersion.article_id == article_id,
        KnowledgeVersion.language == language,
        KnowledgeVersion.number == number,
    )
    version = session.scalar(query)
    if version is None:
        raise NotFound(f"This article has no version {number} in {language}. Choose one from its page.")
    return version


def ratings_of(session: Session, article_id: int) -> Sequence[tuple[KnowledgeRating, KnowledgeVersion]]:
    """What agents said of an article, the latest first."""
    query = (
        sa.select(KnowledgeRating, KnowledgeVersion)
        .join(KnowledgeVersion, col(KnowledgeVersion.id) == col(KnowledgeRating.version_id))
        .where(col(KnowledgeVersion.article_id) == article_id)
        .order_by(col(KnowledgeRating.at).desc())
        .limit(100)
    )
    return [(rating, version) for rating, version in session.execute(query)]


def topic_sent(session: Session, contact_id: int) -> Topic:
    """The topic of the article that a contact carries."""
    query = (
        select(KnowledgeArticle.topic)
        .join(KnowledgeVersion, col(KnowledgeVersion.article_id) == KnowledgeArticle.id)
        .join(KnowledgeUse, col(KnowledgeUse.version_id) == KnowledgeVersion.id)
        .where(KnowledgeUse.contact_id == contact_id)
    )
    return session.scalar(query) or Topic.OTHER
