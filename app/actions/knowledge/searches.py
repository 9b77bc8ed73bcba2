"""Keep a search that found nothing for the editors, after the searcher has had their answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Engine

from app.casework.knowledge.backlog import note_miss
from app.core.database.engine import transaction


def keep_search(
    engine: Engine, portfolio_id: int, language: str, text: str, names: tuple[str, ...], now: datetime
) -> None:
    """Count the search in the backlog if no article answers it, in a transaction of its own: a search reads, and what
    it counts must not keep the person waiting."""
    with transaction(engine) as session:
        note_miss(session, portfolio_id, language, text, names=names, now=now)
