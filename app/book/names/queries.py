"""Customers by a part of their name."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session

from app.book.names.models import CustomerName
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.kit.folding import HIGHEST

MANY = 500
"""Terms after which a word counts as frequent."""
MOST_LOOKED_AT = 20_000
"""Terms of the rarest word that are compared with the other words, so that no search takes long."""


def customers_called(session: Session, words: Sequence[str], *, limit: int) -> Query:
    """SQL: ids of at most `limit` customers (`customer_id`) with names that hold words beginning so, in the order of
    their terms. `words` are folded (`rules.searched_words`)."""
    index = table_of(CustomerName)
    typed = _begins(" ".join(words))
    if len(words) == 1 or session.scalar(sa.select(sa.exists().where(typed))):
        query = sa.select(index.c.customer_id, index.c.term).where(typed).order_by(index.c.term)
        return query.limit(limit)
    rarest = _rarest(session, words)
    looked_at = (
        sa.select(index.c.customer_id, index.c.term)
        .where(_begins(rarest))
        .order_by(index.c.term)
        .limit(MOST_LOOKED_AT)
        .subquery("looked_at")
    )
    whole = sa.literal(" ") + looked_at.c.term
    others = [whole.contains(f" {word}", autoescape=True) for word in words if word != rarest]
    return sa.select(looked_at.c.customer_id, looked_at.c.term).where(*others).limit(limit)


def _rarest(session: Session, words: Sequence[str]) -> str:
    """The word that begins the fewest terms, as far as `MANY`."""
    counts = [
        sa.select(sa.func.count())
        .select_from(sa.select(sa.literal(1)).where(_begins(word)).limit(MANY).subquery())
        .scalar_subquery()
        for word in words
    ]
    found = session.execute(sa.select(*counts)).one()
    return min(zip(found, words, strict=True), key=lambda pair: (pair[0], -len(pair[1])))[1]


def _begins(text: str) -> sa.ColumnElement[bool]:
    term = table_of(CustomerName).c.term
    return sa.and_(term >= text, term < text + HIGHEST)
