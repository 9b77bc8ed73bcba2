"""Search: how long a person waits for customers, for words of one case, and for articles, on both databases.

    python3 desk.py bench search                          100,000 notes and messages; the first run builds them
    python3 desk.py bench search --accounts 5000 --notes 20000 --only sqlite

- over all:     customers by words of notes and messages, by name, by telephone number (`find`)
- in one case:  words and a number in a story of 2,000 events, 300 messages among them (`Story.page`); a usual story
- articles:     questions and words that no article holds, among 500 articles (`find_articles`)

Each search is asked for in a session of its own, as by a page, of words that come often, seldom and never. p50 and p99
are in milliseconds; every p99 must be under 200. The portfolio is that of `bench pages` with fewer accounts; databases
are built once and kept in `--folder` (var/bench); `--fresh` builds them anew.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import _pages_book as book  # noqa: E402

LIMIT = 200.0
"""Milliseconds."""
TIMES = 200
LONG_STORY, LONG_MESSAGES, ARTICLES = 2_000, 300, 500
SELDOM = "umbrella"
"""A word of one note in a thousand."""
MARK = "bench search"
"""Author of the notes, by which a filled database is known."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--notes", type=int, default=100_000, help="notes and messages that customers wrote")
    parser.add_argument("--only", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "bench")
    parser.add_argument("--fresh", action="store_true", help="build the databases anew")
    given = parser.parse_args()
    slow = False
    for databases in book.prepared(given.folder.resolve(), given.only, given.accounts, fresh=given.fresh):
        for name, url in databases.items():
            written = fill(url, given.notes)
            print(f"  {name}, {given.accounts:,} accounts, {written:,} notes and messages", flush=True)
            for what, measured in measure(url).items():
                slow = show(what, measured) or slow
    if slow:
        raise SystemExit(f"a search took {LIMIT:.0f} ms or more")


def show(what: str, taken: list[float]) -> bool:
    """Print the percentiles; True if the slowest in a hundred is too slow."""
    ordered = sorted(taken)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    print(f"    {what:<44} p50 {p50:>7.1f} ms   p99 {p99:>7.1f} ms", flush=True)
    return p99 >= LIMIT


# --- what is searched -----------------------------------------------------------------------------------------


def fill(url: str, wanted: int) -> int:
    """Write notes and messages of customers until there are so many, one long story, and articles; how many there
    are."""
    from app.casework.cases.events import NoteAdded
    from app.casework.correspondence.events import MessageReceived
    from app.core.actor import Actor
    from app.core.database.engine import make_engine, table_of, transaction
    from app.core.timeline.models import Event

    event = table_of(Event)
    kinds = (NoteAdded.KIND, MessageReceived.KIND)
    count = sa.select(sa.func.count()).select_from(event).where(event.c.kind.in_(kinds))
    with transaction(make_engine(url)) as session:
        there = int(session.scalar(count) or 0)
        if there < wanted:
            marked = sa.select(event.c.id).where(event.c.by == Actor.system(MARK)).limit(1)
            is_first = session.scalar(marked) is None
            _write(session, wanted - there, long=LONG_STORY if is_first else 0)
            if is_first:
                _write_articles(session)
        return int(session.scalar(count) or 0)


def _write(session, missing: int, *, long: int) -> None:  # type: ignore[no-untyped-def]
    from app.casework.cases.events import NoteAdded
    from app.casework.correspondence.events import MessageReceived
    from app.core.actor import Actor
    from app.core.timeline.service import about_customer, record_many
    from app.inbound.rules import InboundSource

    cases, drawn = _cases(session), random.Random(11)
    by = Actor.system(MARK)
    events = []
    for n in range(missing):
        # The first case has the long story.
        case_id, customer_id = cases[0] if n < long else cases[drawn.randrange(len(cases))]
        said = f"{drawn.choice(book.WORDS)}, {drawn.choice(book.WORDS)}; number {n}"
        if n % 1000 == 0:
            said = f"{said}; {SELDOM}; reached at +44 7{n:09d}"
        theirs = n % 5 == 4
        payload = MessageReceived(n + 1, InboundSource.SMS, "", said, ()) if theirs else NoteAdded(said)
        at = book.NOW - timedelta(minutes=drawn.randint(1, 500_000))
        events.append(about_customer(customer_id, payload, case_id=case_id, at=at))
    record_many(session, events, by=by, now=book.NOW)
    if long:
        _write_messages(session, *cases[0])


def _cases(session) -> list[tuple[int, int]]:  # type: ignore[no-untyped-def]
    from app.casework.cases.models import CollectionsCase
    from app.core.database.engine import table_of

    case = table_of(CollectionsCase)
    query = sa.select(case.c.id, case.c.customer_id).where(case.c.status == "open").order_by(case.c.id)
    return [(row[0], row[1]) for row in session.execute(query)]


def _write_messages(session, case_id: int, customer_id: int) -> None:  # type: ignore[no-untyped-def]
    """Give the long story its messages: those that the night wrote, each with an event that cleared it."""
    from app.core.actor import SYSTEM
    from app.core.database.engine import table_of
    from app.core.timeline.service import about_customer, record_many
    from app.core.vocabulary import Channel
    from app.outreach.gate.events import ContactCleared
    from app.outreach.outbox.models import OutboxMessage

    ids = list(session.scalars(sa.select(table_of(OutboxMessage).c.id).limit(LONG_MESSAGES)))
    told = [
        ContactCleared({"letter": "first_reminder", "message": ids[n % len(ids)]})
        for n in range(LONG_MESSAGES)
    ]
    events = [about_customer(customer_id, each, case_id=case_id, channel=Channel.EMAIL) for each in told]
    record_many(session, events, by=SYSTEM, now=book.NOW)


def _write_articles(session) -> None:  # type: ignore[no-untyped-def]
    from app.actions.knowledge.editing import Words, add_article, load_starter, publish, save_draft
    from app.casework.knowledge.rules import Topic
    from app.core.actor import SYSTEM

    drawn = random.Random(5)
    load_starter(session, None, by=SYSTEM, now=book.NOW)
    for n in range(ARTICLES):
        article = add_article(session, None, f"article-{n}", Topic.OTHER, by=SYSTEM, now=book.NOW)
        body = "\n\n".join(f"{drawn.choice(book.WORDS)} {drawn.choice(book.WORDS)}." for _ in range(20))
        words = Words(f"Question {n} about {drawn.choice(book.WORDS)}", body)
        save_draft(session, article, "en", words, by=SYSTEM, now=book.NOW)
        publish(session, article, "en", by=SYSTEM, now=book.NOW)


# --- measuring ------------------------------------------------------------------------------------------------


def measure(url: str) -> Mapping[str, list[float]]:
    from babel import Locale
    from sqlmodel import Session

    from app.book.ledger.models import Customer
    from app.casework.knowledge.queries import find_articles
    from app.casework.search.hits import find
    from app.casework.search.rules import read_search
    from app.casework.search.story import read_sought
    from app.core.database.engine import make_engine, reading, table_of
    from app.core.timeline.sight import Sight
    from app.web.cases.case_file import open_case_file
    from app.web.cases.tabs.story import Story
    from app.web.timeline import PageReader

    engine, drawn = make_engine(url), random.Random(3)
    with reading(engine) as session:
        cases, customer = _cases(session), table_of(Customer)
        people = session.execute(sa.select(customer.c.full_name, customer.c.mobile).limit(2000)).all()
    words = [f"{drawn.choice(book.WORDS)}" for _ in range(TIMES // 2)]
    words += [SELDOM, "illness half", f"{SELDOM} stat", "parasol"] * (TIMES // 8)
    names = [drawn.choice(people).full_name[: drawn.randint(3, 20)] for _ in range(TIMES)]
    numbers = [drawn.choice(people).mobile[-drawn.randint(6, 11) :] for _ in range(TIMES)]
    questions = [
        "late fee",
        "how can I pay",
        "illness",
        "moved to Leeds fee",
        "parasol",
        "statement quest",
    ] * 34

    def customers(text: str) -> Callable[[Session], object]:
        return lambda session: find(session, read_search(text), limit=50)

    def in_case(case_id: int, text: str) -> Callable[[Session], object]:
        def search(session: Session) -> object:
            file = open_case_file(session, case_id, book.NOW)
            reader = PageReader(Locale("en"), file.book.currency, file.portfolio.timezone, sight=Sight(True))
            return Story(session, file, reader, "", read_sought(text)).page(None)

        return search

    def articles(text: str) -> Callable[[Session], object]:
        return lambda session: find_articles(session, text, portfolio_id=1, language="en")

    long, usual = cases[0][0], [drawn.choice(cases)[0] for _ in range(TIMES)]
    asked: dict[str, list[Callable[[Session], object]]] = {
        "over all: words": [customers(text) for text in words],
        "over all: name": [customers(text) for text in names],
        "over all: number": [customers(text) for text in numbers],
        f"in one case of {LONG_STORY + LONG_MESSAGES:,} events: words": [
            in_case(long, text) for text in words
        ],
        f"in one case of {LONG_STORY + LONG_MESSAGES:,} events: number": [
            in_case(long, each) for each in numbers
        ],
        "in a usual case: words": [
            in_case(case_id, text) for case_id, text in zip(usual, words, strict=True)
        ],
        f"articles, {ARTICLES}: questions": [articles(text) for text in questions],
    }
    measured: dict[str, list[float]] = {}
    for what, searches in asked.items():
        drawn.shuffle(searches)
        measured[what] = []
        for n, search in enumerate([*searches[:5], *searches]):
            started = time.perf_counter()
            with reading(engine) as session:
                search(session)
            if n >= 5:  # the first ones read the statements for the first time
                measured[what].append((time.perf_counter() - started) * 1000)
    return measured


if __name__ == "__main__":
    main()
