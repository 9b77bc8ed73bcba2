"""The editors' list: every article with its languages, its uses and what agents say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.knowledge.models import (
    KnowledgeArticle,
    KnowledgeRating,
    KnowledgeUse,
    KnowledgeVersion,
)
from app.casework.knowledge.queries import MOST_LISTED
from app.casework.knowledge.rules import FALLBACK, Topic, UseKind, VersionStatus
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of


class _Known(NamedTuple):
    """A version, as far as the list shows it."""

    article_id: int
    language: str
    status: str
    title: str


@dataclass(frozen=True, slots=True)
class Editorial:
    """An article as its editors see it: its languages, its uses and what agents say of it."""

    article: KnowledgeArticle
    title: str
    statuses: Mapping[str, VersionStatus] = field(default_factory=dict)
    """By language: published where it is, otherwise the state of the latest version."""
    drafts: frozenset[str] = frozenset()
    """Languages with a draft."""
    read_out: int = 0
    sent: int = 0
    last_used: datetime | None = None
    helped: int = 0
    not_helped: int = 0

    @property
    def used(self) -> int:
        return self.read_out + self.sent

    def is_due(self, today: date) -> bool:
        return self.article.review_on is not None and self.article.review_on <= today

    @property
    def is_low(self) -> bool:
        """More agents say that it did not help than that it did."""
        return self.not_helped > self.helped


def editorial(session: Session, *, portfolio_id: int | None = None) -> list[Editorial]:
    """All articles for editors, by topic and title; with `portfolio_id` those of one portfolio and those for all."""
    query = select(KnowledgeArticle)
    if portfolio_id is not None:
        theirs = col(KnowledgeArticle.portfolio_id)
        query = query.where(sa.or_(theirs.is_(None), theirs == portfolio_id))
    articles = list(session.scalars(query.order_by(col(KnowledgeArticle.id)).limit(MOST_LISTED)))
    ids = [id_of(each) for each in articles]
    version = table_of(KnowledgeVersion)
    known: dict[int, list[_Known]] = {}
    rows = session.connection().execute(
        sa.select(version.c.article_id, version.c.language, version.c.status, version.c.title)
        .where(among(session, version.c.article_id, ids))
        .order_by(version.c.number)
    )
    for row in map(_Known._make, rows):
        known.setdefault(row.article_id, []).append(row)
    uses, said = _uses(session), _said(session)
    order = list(Topic)
    found = [_editorial(each, known.get(id_of(each), ()), uses, said) for each in articles]
    return sorted(found, key=lambda each: (order.index(each.article.topic), each.title.lower()))


def _editorial(
    article: KnowledgeArticle,
    rows: Iterable[_Known],
    uses: Mapping[int, Mapping[UseKind, tuple[int, datetime]]],
    said: Mapping[int, tuple[int, int]],
) -> Editorial:
    statuses: dict[str, VersionStatus] = {}
    titles: dict[str, str] = {}
    drafts = set()
    for row in rows:
        status = VersionStatus(row.status)
        if status is VersionStatus.DRAFT:
            drafts.add(row.language)
        if statuses.get(row.language) is not VersionStatus.PUBLISHED or status is VersionStatus.PUBLISHED:
            statuses[row.language], titles[row.language] = status, row.title
    used = uses.get(id_of(article), {})
    helped, not_helped = said.get(id_of(article), (0, 0))
    return Editorial(
        article=article,
        title=titles.get(FALLBACK) or next(iter(titles.values()), article.code),
        statuses=statuses,
        drafts=frozenset(drafts),
        read_out=used[UseKind.READ_OUT][0] if UseKind.READ_OUT in used else 0,
        sent=used[UseKind.SENT][0] if UseKind.SENT in used else 0,
        last_used=max((at for _, at in used.values()), default=None),
        helped=helped,
        not_helped=not_helped,
    )


def _uses(session: Session) -> dict[int, dict[UseKind, tuple[int, datetime]]]:
    """Uses by article and kind: how many, and the last one."""
    query = (
        sa.select(
            col(KnowledgeVersion.article_id), col(KnowledgeUse.kind), sa.func.count(), sa.func.max(col(KnowledgeUse.at))
        )
        .join(KnowledgeVersion, col(KnowledgeVersion.id) == col(KnowledgeUse.version_id))
        .group_by(col(KnowledgeVersion.article_id), col(KnowledgeUse.kind))
    )  # fmt: skip
    found: dict[int, dict[UseKind, tuple[int, datetime]]] = {}
    for article_id, kind, number, last in session.execute(query):
        found.setdefault(article_id, {})[UseKind(kind)] = (number, last)
    return found


def _said(session: Session) -> dict[int, tuple[int, int]]:
    """Ratings by article: helped, did not help."""
    yes = sa.func.sum(sa.case((col(KnowledgeRating.helped), 1), else_=0))
    query = (
        sa.select(col(KnowledgeVersion.article_id), yes, sa.func.count())
        .join(KnowledgeVersion, col(KnowledgeVersion.id) == col(KnowledgeRating.version_id))
        .group_by(col(KnowledgeVersion.article_id))
    )
    return {number: (int(helped), int(whole - helped)) for number, helped, whole in session.execute(query)}
