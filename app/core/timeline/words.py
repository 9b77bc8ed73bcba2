"""Words that people wrote, in events: an index of them, kept by `record_many`, and the events that hold some.

`Payload.WORDS` names the fields of an event that hold them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlmodel import Session

from app.core.database.bulk import bulk_write
from app.core.database.engine import table_of
from app.core.kit.folding import HIGHEST, fold, has_run, is_run
from app.core.timeline.models import Event, TimelineWord
from app.core.timeline.payload import Payload, known_kinds, payload_of

MOST_WORDS = 400
"""Words of one event that are indexed: the longest note has fewer."""
LONGEST_WORD = 24
RUN_PART = 6
"""Characters of a word of a script without blanks, from each of its characters on."""
MANY = 500
MOST_COMPLETIONS = 12
MOST_LOOKED_AT = 20_000
"""Newest events of the rarest word that are compared with the other words, so that no search takes long."""


NUMBER = re.compile(r"[+(]?\d[\d ()/.\-\u2010-\u2015\u00a0]{4,24}\d")
"""A telephone number within a text, in any spelling."""
FEWEST_DIGITS, TOLD_APART_BY = 6, 8


def words_in(text: str) -> set[str]:
    """The words of a text as the index holds them, and the telephone numbers by their ends."""
    found: set[str] = set(_numbers_in(text))
    for word in fold(text).split()[:MOST_WORDS]:
        if has_run(word):
            found.update(word[n : n + RUN_PART] for n in range(len(word)))
        else:
            found.add(word[:LONGEST_WORD])
    return found


def _numbers_in(text: str) -> Iterator[str]:
    for number in NUMBER.findall(text):
        digits = "".join(str(unicodedata.decimal(char)) for char in number if char.isdecimal())
        if FEWEST_DIGITS <= len(digits) <= 15:
            yield _number_word(digits)


def _number_word(digits: str) -> str:
    """A number from its end on, with a mark that no word has: an end of it is a beginning here."""
    return f"#{digits[::-1]}"


def spoken(payload: Payload) -> str:
    """The words of a person in an event; '' where there are none."""
    return " ".join(filter(None, (str(getattr(payload, name) or "") for name in payload.WORDS)))


def index_words(session: Session, texts: Iterable[tuple[int, str]]) -> None:
    """Index the texts of events, by the events' ids."""
    rows = sorted({(word, event_id) for event_id, text in texts for word in words_in(text)})
    bulk_write(session, TimelineWord, ("word", "event_id"), rows)


def events_with_number(session: Session, digits: str, *, limit: int) -> list[int]:
    """Return the ids of events whose texts hold a telephone number that ends like this one, newest first. Its country's
    code may be missing on either side, so no more than eight digits count."""
    found = (
        _completions(session, _number_word(digits[-TOLD_APART_BY:])) if len(digits) >= FEWEST_DIGITS else []
    )
    if not found:
        return []
    newest = sa.union(*[_newest(word) for word in found]).subquery("newest")
    query = sa.select(newest.c.event_id).order_by(newest.c.event_id.desc())
    return list(session.scalars(query.limit(limit)))


def events_with(session: Session, text: str, *, limit: int) -> list[int]:
    """Ids of events whose texts hold every word of `text`, newest first; the last word may be a beginning."""
    asked = [_asked(word) for word in fold(text).split()[:8]]
    if not asked or not all(asked):
        return []
    spellings = [[word] for word in asked[:-1]] + [_completions(session, asked[-1])]
    if not all(spellings):
        return []
    rarest, *others = sorted(spellings, key=lambda words: _frequency(session, words))
    index = table_of(TimelineWord)
    newest = sa.union(*[_newest(word) for word in rarest]).subquery("newest")
    query = sa.select(newest.c.event_id)
    for n, words in enumerate(others):
        other = index.alias(f"other_{n}")
        query = query.where(sa.exists().where(other.c.word.in_(words), other.c.event_id == newest.c.event_id))
    return list(session.scalars(query.order_by(newest.c.event_id.desc()).limit(limit)))


def _asked(word: str) -> str:
    """A word as the index would hold it; '' where it is too short to be looked for."""
    if is_run(word):
        return word[:RUN_PART] if len(word) > 1 else ""
    return word[:LONGEST_WORD] if len(word) > 1 else ""


def _newest(word: str) -> sa.Select[int]:
    index = table_of(TimelineWord)
    query = sa.select(index.c.event_id).where(index.c.word == word).order_by(index.c.event_id.desc())
    return sa.select(query.limit(MOST_LOOKED_AT).subquery().c.event_id)


def _completions(session: Session, begun: str) -> list[str]:
    """The first words of the index that begin so, each found by one look at it."""
    index = table_of(TimelineWord)
    first = sa.select(sa.func.min(index.c.word).label("word")).where(
        index.c.word >= begun, index.c.word < begun + HIGHEST
    )
    found = first.cte("found", recursive=True)
    after = (
        sa.select(sa.func.min(index.c.word))
        .where(index.c.word > found.c.word, index.c.word < begun + HIGHEST)
        .correlate(found)
        .scalar_subquery()
    )
    found = found.union_all(sa.select(after).where(found.c.word.is_not(None)))
    query = sa.select(found.c.word).where(found.c.word.is_not(None)).limit(MOST_COMPLETIONS)
    return list(session.scalars(query))


def _frequency(session: Session, words: Sequence[str]) -> int:
    """Number of events with one of these words, as far as `MANY`."""
    index = table_of(TimelineWord)
    some = sa.select(sa.literal(1)).where(index.c.word.in_(words)).limit(MANY).subquery()
    return int(session.scalar(sa.select(sa.func.count()).select_from(some)) or 0)


def index_events(session: Session) -> int:
    """Build the index anew from the events; how many hold words."""
    session.connection().execute(sa.delete(table_of(TimelineWord)))
    event, count = table_of(Event), 0
    kinds = {kind: payload for kind in known_kinds() if (payload := payload_of(kind)) and payload.WORDS}
    query = sa.select(event.c.id, event.c.kind, event.c.data).where(event.c.kind.in_(kinds))
    for part in session.connection().execute(query).partitions(20_000):
        index_words(session, [(row.id, spoken(kinds[row.kind].from_json(row.data))) for row in part])
        count += len(part)
    return count
