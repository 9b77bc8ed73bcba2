"""The index of words of published versions, and the search by it: one statement on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.knowledge.models import KnowledgeArticle, KnowledgeVersion, KnowledgeWord
from app.casework.knowledge.rules import (
    IN_BODY,
    IN_KEYWORDS,
    IN_TITLE,
    Weighed,
    asked_words,
    ranked,
)
from app.core.database.bulk import bulk_write
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.kit.folding import HIGHEST, has_run, is_run
from app.core.timeline.words import LONGEST_WORD, RUN_PART, words_in

MOST_FOUND = 500
"""Versions that one word may bring into a search."""


def index_version(session: Session, version: KnowledgeVersion) -> None:
    """Make a published version be found by its words."""
    session.flush()
    best: dict[str, int] = {}
    for text, weight in (
        (version.body, IN_BODY),
        (version.sms, IN_BODY),
        (version.keywords, IN_KEYWORDS),
        (version.title, IN_TITLE),
    ):
        best |= dict.fromkeys(words_in(text), weight)
    rows = [Weighed(word, id_of(version), weight) for word, weight in sorted(best.items())]
    bulk_write(
        session,
        KnowledgeWord,
        ("word", "version_id", "weight"),
        [(each.word, each.version_id, each.weight) for each in rows],
    )


def forget_version(session: Session, version_id: int) -> None:
    """Take a version that is no longer in use out of the search."""
    word = table_of(KnowledgeWord)
    session.connection().execute(sa.delete(word).where(word.c.version_id == version_id))


def search_versions(
    session: Session, text: str, *, portfolio_id: int | None, languages: Sequence[str]
) -> tuple[list[int], list[int]]:
    """Published versions in these languages, for a portfolio or for all, that answer a search: (those that hold every
    word, those that hold at least half of them), the best first. A word may be the beginning of one."""
    asked = _as_indexed(text)
    if not asked:
        return [], []
    word, version, article = table_of(KnowledgeWord), table_of(KnowledgeVersion), table_of(KnowledgeArticle)
    theirs: sa.ColumnElement[bool] = article.c.portfolio_id.is_(None)
    if portfolio_id is not None:
        theirs = sa.or_(theirs, article.c.portfolio_id == portfolio_id)
    parts = [
        sa.select(sa.literal(n).label("n"), word.c.version_id, sa.func.max(word.c.weight).label("weight"))
        .join(version, version.c.id == word.c.version_id)
        .join(article, article.c.id == version.c.article_id)
        .where(word.c.word >= begun, word.c.word < begun + HIGHEST, version.c.language.in_(languages), theirs)
        .group_by(word.c.version_id)
        .limit(MOST_FOUND)
        .subquery()
        for n, begun in enumerate(asked)
    ]
    found: list[list[tuple[int, int]]] = [[] for _ in asked]
    query = sa.union_all(*[sa.select(part.c.n, part.c.version_id, part.c.weight) for part in parts])
    for n, version_id, weight in session.connection().execute(query):
        found[n].append((version_id, weight))
    return ranked(found)


def _as_indexed(text: str) -> list[str]:
    """The words of a search as beginnings of indexed words. Of a script without blanks each pair of characters is a
    word: `付款方式` is found where `付款` and `方式` stand."""
    asked: list[str] = []
    for word in asked_words(text):
        if not is_run(word):
            asked.append(word[: RUN_PART if has_run(word) else LONGEST_WORD])
        elif len(word) <= RUN_PART // 2:
            asked.append(word)
        else:
            asked += [*(word[n : n + 2] for n in range(0, len(word) - 1, 2)), word[-2:]]
    return list(dict.fromkeys(asked))[:12]
