"""Random lives through the real rows: news comes in late, is taken back, and is folded night by night.

Each night the stored state must be what the accountant of `naive.py` has who knows as much; in the end every past day
must be told both as known now and as it was known on every one of those nights.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.delinquency.days import days_past_due
from app.book.delinquency.history import as_known
from app.book.delinquency.lifecycle import end_pause, set_pause
from app.book.delinquency.models import AccountState, Pause, ReAge
from app.book.delinquency.queries import roll_forward
from app.book.delinquency.service import (
    fold_accounts,
    refold_from_nothing,
    schedule_later_changes,
    stale_accounts,
)
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.ends.status import set_status
from app.book.ledger.models import Account, Entry, Position
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.ledger.service import mark_changed
from app.book.portfolios.models import DailyRun, Portfolio
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.policy.sections.pauses import PauseKind
from tests import builders
from tests.book.delinquency import naive
from tests.book.delinquency.naive import Life
from tests.book.delinquency.test_property import (
    EDGES,
    FIRST,
    LAST,
    closings,
    credits_,
    days,
    pauses,
    positions,
)

BY = "user:builder"
_books = itertools.count(1)


@dataclass
class News:
    """Something about a day that becomes known on `known_on`, and is taken back on `undone_on`."""

    about: str
    what: Any
    known_on: date
    undone_on: date | None
    number: int = 0

    @property
    def cut_on(self) -> date:
        """Of a pause that is ended: the day on which days count again, at times before it began."""
        assert self.undone_on is not None
        began: date = self.what[0]
        return self.undone_on - (self.undone_on - began) // 2 - timedelta(days=self.number % 3)

    @property
    def is_cut(self) -> bool:
        return self.undone_on is not None and (self.what[1] is None or self.cut_on < self.what[1])


# Denser than in memory, because fewer can be tried: something is late, and days are paused, in each of them.
busy = st.builds(
    Life,
    st.lists(credits_, min_size=1, max_size=8),
    st.lists(closings, min_size=2, max_size=6, unique_by=lambda c: c[0]),
    st.lists(positions, max_size=2, unique_by=lambda p: p[0]) | st.just([]),
    st.lists(days, max_size=1),
    st.lists(pauses, min_size=1, max_size=3),
    st.none() | days,
)
few_nights = st.sets(days, min_size=3, max_size=6).map(lambda nights: sorted(nights | {LAST}))


@st.composite
def tales(draw: st.DrawFn) -> list[News]:
    life = draw(busy)
    about: dict[str, list[Any]] = {
        "credits": life.credits,
        "closings": life.closings,
        "positions": life.positions,
        "re_ages": life.re_ages,
        "pauses": life.pauses,
        "ended_on": [life.ended_on] if life.ended_on else [],
    }
    told: list[News] = []
    for kind, happenings in about.items():
        for what in happenings:
            on = what if isinstance(what, date) else what[0]
            known_on = on + timedelta(days=draw(st.sampled_from([0, 0, 0, 2, 30])))
            undone = draw(st.sampled_from([None, 1, 12])) if kind in ("credits", "pauses") else None
            undone_on = known_on + timedelta(days=undone) if undone else None
            told.append(News(kind, what, known_on, undone_on, len(told)))
    return told


def known_by(tale: list[News], night: date) -> Life:
    """What the accountant knows at the end of `night`."""
    life = Life()
    for news in tale:
        undone = news.undone_on is not None and news.undone_on <= night
        if news.known_on > night or (news.about == "credits" and undone):
            continue
        if news.about == "ended_on":
            life.ended_on = news.what
        elif news.about == "pauses" and undone and news.is_cut:
            if news.cut_on > news.what[0]:
                life.pauses.append((news.what[0], news.cut_on))
        else:
            getattr(life, news.about).append(news.what)
    return life


class Clerk:
    """Enters what a tale says into a real book, and closes its nights."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.made: dict[int, int] = {}
        with transaction(engine) as session:
            edges = ",".join(map(str, EDGES))
            book = builders.portfolio(session, f"BOOK-{next(_books)}", bucket_edges=edges)
            card = builders.account(session, builders.customer(session, book))
            self.book_id, self.card_id = id_of(book), id_of(card)

    def enter(self, session: Session, news: News) -> None:
        card = session.get_one(Account, self.card_id)
        about: dict[str, Any] = {"portfolio_id": self.book_id, "account_id": self.card_id}
        now = builders.at(news.known_on)
        what, known_on = news.what, news.known_on
        if news.about == "credits":
            kind = EntryKind.PAYMENT if what[2] else EntryKind.REFUND
            made = builders.entry(session, card, kind, what[1], what[0], posted_on=known_on)
            self.made[news.number] = id_of(made)
        elif news.about == "closings":
            builders.statement(session, card, *what).posted_on = known_on
        elif news.about == "pauses":
            from_on, to_on = what
            pause = set_pause(session, card, PauseKind.HARDSHIP, from_on, to_on, "told", by=BY, now=now)
            self.made[news.number] = id_of(pause)
        elif news.about == "ended_on":
            set_status(session, card, AccountStatus.SETTLED, what, 0, "told", by=BY, now=now)
        elif news.about == "positions":
            said = dict(zip(("as_of", "past_due_minor", "oldest_due_on"), what, strict=True))
            session.add(Position(**about, **said, balance_minor=0, posted_on=known_on))
            mark_changed(session, self.book_id, {self.card_id: what[0]})
        else:
            granted: dict[str, Any] = {
                "past_due_minor": 0,
                "rule": "r",
                "reason": "told",
                "by": BY,
                "created_at": now,
            }
            session.add(ReAge(**about, **granted, on=what, posted_on=known_on))
            mark_changed(session, self.book_id, {self.card_id: what})
        session.flush()

    def undo(self, session: Session, news: News) -> None:
        assert news.undone_on is not None
        now = builders.at(news.undone_on)
        if news.about == "credits":
            entry = session.get_one(Entry, self.made[news.number])
            reverse_entry(session, entry, reason="told", posted_on=news.undone_on, by=BY, now=now)
        elif news.is_cut:
            end_pause(session, session.get_one(Pause, self.made[news.number]), news.cut_on, by=BY, now=now)

    def close(self, tale: list[News], after: date, night: date) -> None:
        with transaction(self.engine) as session:
            for news in tale:
                if after < news.known_on <= night:
                    self.enter(session, news)
            for news in tale:
                if news.undone_on is not None and after < news.undone_on <= night:
                    self.undo(session, news)
        with transaction(self.engine) as session:
            book = session.get_one(Portfolio, self.book_id)
            stale = stale_accounts(session, self.book_id, night)
            fold_accounts(session, book, stale, through=night)
            schedule_later_changes(session, self.book_id, night)
            at = builders.night_after(night)
            run = {"portfolio_id": self.book_id, "business_date": night, "started_at": at, "finished_at": at}
            session.add(DailyRun.model_validate(run))


# Each life has a book of its own, so one database serves them all.
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(tales(), few_nights)
def test_rows_stand_as_the_accountant_has_them(
    sqlite_engine: Engine, tale: list[News], nights: list[date]
) -> None:
    clerk = Clerk(sqlite_engine)
    before = date.min
    for night in nights:
        clerk.close(tale, before, night)
        past_due, late = naive.stands(known_by(tale, night), FIRST, night)
        with transaction(sqlite_engine) as session:
            state = session.get_one(AccountState, clerk.card_id)
            assert (state.past_due_minor, state.bucket) == (past_due, naive.bucket(late, EDGES))
            assert days_past_due(state.oldest_due_on, night) == late
        before = night
    with transaction(sqlite_engine) as session:
        book = session.get_one(Portfolio, clerk.book_id)
        (fresh,) = refold_from_nothing(session, book, [clerk.card_id], LAST)
        assert fresh.state.past_due == past_due
        for on, owed, _ in naive.diary(known_by(tale, LAST), FIRST, LAST):
            if on in nights or on.day % 3 == 0:
                day = roll_forward(session, clerk.book_id, on, on)
                assert (day.closes, day.end) == (True, owed), on
        for known_on in nights:
            for on, owed, late in naive.diary(known_by(tale, known_on), FIRST, known_on):
                if on in nights:
                    stood = as_known(session, book, clerk.card_id, on, known_on)
                    assert (stood.past_due, stood.days_past_due) == (owed, late), (on, known_on)
