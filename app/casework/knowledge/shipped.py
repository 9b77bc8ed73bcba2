"""Starter articles, true for any portfolio: read from `shipped/`, and loaded once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.casework.knowledge.models import KnowledgeArticle
from app.casework.knowledge.rules import LANGUAGES, Topic
from app.casework.knowledge.service import add_article, publish, save_draft
from app.casework.knowledge.words import Words
from app.core.actor import Actor
from app.core.ids import id_of

_FOLDER = Path(__file__).parent / "shipped"
NOTE = "Starter article"


@dataclass(frozen=True, slots=True)
class ShippedArticle:
    code: str
    topic: Topic
    words: Mapping[str, Words]
    """By language."""


@lru_cache(maxsize=1)
def shipped_articles() -> tuple[ShippedArticle, ...]:
    """The starter articles as the files say them."""
    found = []
    for path in sorted(_FOLDER.glob("*.toml")):
        told = tomllib.loads(path.read_text("utf-8"))
        words = {
            language: Words(each["title"], each["body"].strip(), each["sms"], each.get("keywords", ""), NOTE)
            for language in LANGUAGES
            if (each := told.get(language))
        }
        found.append(ShippedArticle(path.stem, Topic(told["topic"]), words))
    return tuple(found)


def load_starter(session: Session, portfolio: Portfolio | None, *, by: Actor, now: datetime) -> int:
    """Publish the starter articles for a portfolio, or for all; an article that is there already, also a retired one,
    stays as it is. How many were added."""
    portfolio_id = id_of(portfolio) if portfolio else None
    known = set(
        session.scalars(select(KnowledgeArticle.code).where(KnowledgeArticle.portfolio_id == portfolio_id))
    )
    added = 0
    for each in shipped_articles():
        if each.code in known:
            continue
        article = add_article(session, portfolio, each.code, each.topic, by=by, now=now)
        for language, words in each.words.items():
            save_draft(session, article, language, words, by=by, now=now)
            publish(session, article, language, by=by, now=now)
        added += 1
    return added
