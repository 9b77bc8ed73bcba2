"""Backlog: how a portfolio's late cases enter the ladder, by day and step, from a simulation of the coming nights.

The nights are those that will really run, on a copy: strategy, gate and letters are the same, and nothing leaves.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy.engine import Engine

from app.book.portfolios.days import first_open_day
from app.book.portfolios.service import get_portfolio
from app.core.database.engine import reading
from app.core.ids import id_of
from app.core.settings import Settings
from app.operations.simulation.service import simulate

NOT_COUNTED = frozenset({"cleared", "waiting"})
"""They come to something else later, or are asked again."""


@dataclass
class BacklogDay:
    """Counts of one business day by step, channel and result."""

    day: date
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    first_letters: int = 0
    """Customers to whom the first letter of these days goes."""


@dataclass(frozen=True)
class Backlog:
    portfolio: str
    days: list[BacklogDay]
    written: int
    """Customers to whom something would have been sent by the last day."""
    unwritten: int
    """Customers whom the ladder reached, and to whom nothing would have been sent by then."""
    nominated_from: date | None
    """Before this day the night can nominate no customer whose first letter this is."""

    def as_json(self) -> dict[str, object]:
        return {
            "portfolio": self.portfolio,
            "days": [
                {
                    "day": each.day.isoformat(),
                    "first_letters": each.first_letters,
                    "steps": [
                        {"step": step, "channel": channel, "becomes": becomes, "count": n}
                        for (step, channel, becomes), n in sorted(each.counts.items())
                    ],
                }
                for each in self.days
            ],
            "written": self.written,
            "unwritten": self.unwritten,
            "nominated_from": self.nominated_from.isoformat() if self.nominated_from else None,
        }


def plan_backlog(
    engine: Engine,
    code: str,
    days: int,
    settings: Settings,
    *,
    today: date,
    progress: Callable[[float], None],
) -> Backlog:
    """The next `days` business days of a portfolio, from the first that is not closed; of a new book from yesterday."""
    with reading(engine) as session:
        portfolio = get_portfolio(session, code)
        first = first_open_day(session, id_of(portfolio)) or today - timedelta(days=1)
        letter_days = portfolio.legal_letter_days
    last = first + timedelta(days=days - 1)
    found = simulate(engine, code, first, last, settings, progress=progress)
    rows = csv.DictReader(io.StringIO(gzip.decompress(found.contacts).decode()))
    return summed_up(code, first, last, rows, letter_days)


def summed_up(
    code: str, first: date, last: date, rows: Iterable[Mapping[str, str]], letter_days: int
) -> Backlog:
    """The list of a simulation, by day and step."""
    by_day = {
        first + timedelta(days=n): BacklogDay(first + timedelta(days=n))
        for n in range((last - first).days + 1)
    }
    reached: set[str] = set()
    first_sent: dict[str, date] = {}
    for row in rows:
        if row["decision"] in NOT_COUNTED:
            continue
        day = date.fromisoformat(row["day"])
        reached.add(row["customer"])
        told = by_day.setdefault(day, BacklogDay(day))
        told.counts[row["step"] or row["letter"], row["channel"], row["decision"]] += 1
        if row["decision"] == "sent":
            first_sent[row["customer"]] = min(day, first_sent.get(row["customer"], day))
    for day in first_sent.values():
        by_day[day].first_letters += 1
    earliest = min(first_sent.values(), default=None)
    return Backlog(
        code,
        [by_day[day] for day in sorted(by_day)],
        len(first_sent),
        len(reached - first_sent.keys()),
        earliest + timedelta(days=letter_days) if earliest else None,
    )
