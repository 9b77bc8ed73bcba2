"""Write, publish, retire and rate articles, load the starter set, and settle the backlog: by page, API and command."""

from __future__ import annotations

from app.casework.knowledge.backlog import dismiss_miss
from app.casework.knowledge.service import (
    add_article,
    discard_draft,
    file_article,
    publish,
    rate,
    retire_article,
    save_draft,
)
from app.casework.knowledge.shipped import load_starter
from app.casework.knowledge.words import Words

__all__ = [
    "Words",
    "add_article",
    "discard_draft",
    "dismiss_miss",
    "file_article",
    "load_starter",
    "publish",
    "rate",
    "retire_article",
    "save_draft",
]
