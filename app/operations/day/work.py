"""The day that every stage works on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.engine import Engine

from app.book.portfolios.models import Portfolio
from app.outreach.planning.letterhead import LetterCatalog

Counts = dict[str, int]


@dataclass(frozen=True)
class Day:
    """The day that every stage works on."""

    engine: Engine
    portfolio: Portfolio
    on: date
    now: datetime
    """The night of that day: old days that are caught up are dated into their own."""
    catalog: LetterCatalog
    real_now: datetime
