"""The backlog of editors: searches that no article answers, counted, answered or dismissed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.knowledge.events import SearchDismissed
from app.casework.knowledge.index import search_versions
from app.casework.knowledge.models import KnowledgeArticle, KnowledgeMiss, KnowledgeVersion
from app.casework.knowledge.rules import FALLBACK, VersionStatus, kept_words
from app.core.actor import Actor
from app.core.database.bulk import chunked, upsert
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import Conflict, NotFound
from app.core.text import clean_reason
from app.core.timeline.service import about_portfolio, record

KEPT = timedelta(days=365)


def backlog(
    session: Session, *, portfolio_id: int | None = None, limit: int = 200
) -> Sequence[KnowledgeMiss]:
    """Searches that found nothing and wait for an article, the most frequent first."""
    query = select(KnowledgeMiss).where(col(KnowledgeMiss.closed_at).is_(None))
    if portfolio_id is not None:
        query = query.where(KnowledgeMiss.portfolio_id == portfolio_id)
    order = (col(KnowledgeMiss.times).desc(), col(KnowledgeMiss.last_at).desc())
    return session.scalars(query.order_by(*order).limit(limit)).all()


def note_miss(
    session: Session,
    portfolio_id: int,
    language: str,
    text: str,
    *,
    names: tuple[str, ...] = (),
    now: datetime,
) -> bool:
    """Count a search that no article answers; False where its words are not kept. A search that was closed waits again,
    unless an editor decided that it gets no article."""
    words = kept_words(text, names)
    if (
        not words
        or search_versions(session, text, portfolio_id=portfolio_id, languages=(language, FALLBACK))[0]
    ):
        return False
    miss = table_of(KnowledgeMiss)
    insert = upsert(session, KnowledgeMiss).values(
        portfolio_id=portfolio_id, language=language, words=words, times=1, first_at=now, last_at=now,
        closed_by="", why="",
    )  # fmt: skip
    again = insert.on_conflict_do_update(
        index_elements=["portfolio_id", "language", "words"],
        set_={"times": miss.c.times + 1, "last_at": now},
    )
    session.execute(again)
    reopened = (
        miss.update()
        .where(
            miss.c.portfolio_id == portfolio_id, miss.c.language == language, miss.c.words == words,
            miss.c.closed_at.is_not(None), miss.c.why == "",
        )
        .values(closed_at=None, closed_by="", article_id=None)
    )  # fmt: skip
    session.execute(reopened)
    return True


def forget_misses(session: Session, *, now: datetime) -> int:
    """Delete searches for which nobody has searched for a year: what was typed may have named somebody. How many."""
    miss = table_of(KnowledgeMiss)
    gone = session.scalars(select(KnowledgeMiss.id).where(miss.c.last_at < now - KEPT)).all()
    for some in chunked(gone, 5000):
        session.execute(sa.delete(miss).where(miss.c.id.in_(some)))
    return len(gone)


def close_answered(
    session: Session, article: KnowledgeArticle, language: str, *, by: Actor, now: datetime
) -> int:
    """Take the searches that this article answers by now out of the backlog; how many. English answers all languages,
    because it is what an agent is shown where there is nothing else."""
    query = select(KnowledgeMiss).where(col(KnowledgeMiss.closed_at).is_(None))
    if language != FALLBACK:
        query = query.where(KnowledgeMiss.language == language)
    if article.portfolio_id is not None:
        query = query.where(KnowledgeMiss.portfolio_id == article.portfolio_id)
    in_use = select(KnowledgeVersion.id).where(
        KnowledgeVersion.article_id == article.id,
        KnowledgeVersion.language == language,
        KnowledgeVersion.status == VersionStatus.PUBLISHED,
    )
    own = set(session.scalars(in_use))
    closed = 0
    for miss in session.scalars(query.order_by(col(KnowledgeMiss.id)).with_for_update()).all():
        whole, _ = search_versions(
            session, miss.words, portfolio_id=miss.portfolio_id, languages=(miss.language, FALLBACK)
        )
        if own.intersection(whole):
            miss.closed_at, miss.closed_by, miss.article_id = now, by, article.id
            closed += 1
    return closed


def dismiss_miss(session: Session, miss_id: int, why: str, *, by: Actor, now: datetime) -> KnowledgeMiss:
    """Decide that a search gets no article: it is not asked for again. Conflict where it left the backlog already."""
    why = clean_reason(why, "why")
    miss = locked_row(session, KnowledgeMiss, miss_id)
    if miss is None:
        raise NotFound(f"There is no search {miss_id} in the backlog.")
    if miss.closed_at is not None:
        raise Conflict("This search has left the backlog already. Nothing was changed.")
    miss.closed_at, miss.closed_by, miss.why = now, by, why
    told = SearchDismissed(miss.words, miss.language, why)
    record(session, about_portfolio(miss.portfolio_id, told), by=by, now=now)
    return miss
