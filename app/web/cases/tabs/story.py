"""The story of a case: events and the credits of the ledger, merged by day, filtered and searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup, escape
from sqlmodel import Session, col, select
from starlette.requests import Request

from app.book.ledger.queries import credits_between
from app.casework.search.story import Sought, read_sought
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.payload import kinds_under
from app.core.timeline.presenting import FILTER_LABELS, TimelineEntry, TimelineFilter
from app.core.timeline.queries import events_of_customer
from app.core.types import Rows
from app.http.cursors import decode_cursor, encode_cursor
from app.outreach.outbox.models import OutboxMessage
from app.web.cases.case_file import CaseFile
from app.web.timeline import PageReader, TimelinePresenter, fold

EVENTS = 40
"""Lines of a page."""
READ_AT_ONCE = 250
MOST_LOOKED_AT = 500
"""Events that one page of a search reads; "Earlier" goes on from there."""

Told = tuple[date, int, TimelineEntry]
"""Day, 1 for an event and 0 for a credit, line."""


@dataclass(frozen=True, slots=True)
class TimelineTab:
    """A page of the story. Its cursor is the last event and its day."""

    show: str
    sought: Sought
    shown: Mapping[TimelineFilter, str]
    lines: Sequence[TimelineEntry]
    texts: Mapping[int, OutboxMessage]
    next_cursor: str | None
    cover: Callable[[str], str]
    """Takes out of a text what its reader may not see."""

    def marked(self, text: str) -> Markup:
        """The text as this reader may see it, with the words that were sought marked."""
        return marked(self.sought, self.cover(text))

    def in_words(self, message: OutboxMessage) -> bool:
        """Whether a message has one of the words that were sought."""
        said = f"{message.subject} {self.cover(message.text)}"
        return any(found for _, found in self.sought.parts(said))


def marked(sought: Sought, text: str) -> Markup:
    if not sought.words:
        return escape(text)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(piece) if found else escape(piece)
        for piece, found in sought.parts(text)
    )


def timeline_tab(request: Request, session: Session, file: CaseFile, reader: PageReader) -> TimelineTab:
    """The page of the story that the address asks for."""
    show = request.query_params.get("show", "")
    show = show if show in FILTER_LABELS else ""
    sought = read_sought(request.query_params.get("find", ""))
    before, upto = _position(decode_cursor(request.query_params.get("cursor"), 2))
    story = Story(session, file, reader, show, sought)
    told, following = story.page(before)
    zone = file.portfolio.timezone
    reached = local_date(following.at, zone) if following else None
    told += story.credits(reached + timedelta(days=1) if reached else None, upto or file.book.today)
    told.sort(key=lambda item: item[:2], reverse=True)
    lines = [line for _, _, line in told]
    return TimelineTab(
        show=show,
        sought=sought,
        shown=FILTER_LABELS,
        lines=lines,
        texts=story.texts(lines),
        cover=reader.sight.cover,
        next_cursor=encode_cursor(following.id, reached.isoformat()) if following and reached else None,
    )


class Story:
    """Reads a customer's story for one reader."""

    def __init__(
        self, session: Session, file: CaseFile, reader: PageReader, show: str, sought: Sought
    ) -> None:
        self.session, self.file, self.show, self.sought = session, file, show, sought
        self.presenter, self.reader = TimelinePresenter(reader), reader
        self.kinds = kinds_under(TimelineFilter(show)) if show else ()
        self._texts: dict[int, OutboxMessage] = {}

    def page(self, before: int | None) -> tuple[list[Told], Event | None]:
        """The newest lines before an event, and the event after which the next page begins; None = that was all.
        Unfiltered, everything is folded to what a person would tell."""
        if self.sought.words:
            return self._found(before)
        events, following = self._events(before, EVENTS)
        folded = [(event, 1) for event in events] if self.show else fold(events)
        told = [self._told(event, times) for event, times in folded]
        return told, events[-1] if following is not None else None

    def whole(self, most: int) -> tuple[list[Told], bool]:
        """Every event that is sought, newest first, as far as `most` events; and whether there are more."""
        told: list[Told] = []
        before: int | None = None
        for _ in range(0, most, READ_AT_ONCE):
            events, before = self._events(before, READ_AT_ONCE)
            block = [self._told(event) for event in events]
            self.texts([line for _, _, line in block])
            told += [each for each in block if self._is_sought(each[2])]
            if before is None:
                return told, False
        return told, True

    def _found(self, before: int | None) -> tuple[list[Told], Event | None]:
        told: list[Told] = []
        following = before
        for _ in range(0, MOST_LOOKED_AT, READ_AT_ONCE):
            events, following = self._events(following, READ_AT_ONCE)
            block = [self._told(event) for event in events]
            self.texts([line for _, _, line in block])
            for event, each in zip(events, block, strict=True):
                if self._is_sought(each[2]):
                    told.append(each)
                if len(told) == EVENTS and (following is not None or event is not events[-1]):
                    return told, event
            if following is None:
                return told, None
        return told, events[-1]

    def credits(self, since: date | None, upto: date) -> list[Told]:
        """Payments and other credits that came by feed; entries posted by hand have their own event."""
        if self.show not in ("", TimelineFilter.MONEY):
            return []
        found = credits_between(self.session, self.file.account_ids, since, upto)
        fed = [entry for entry in found if entry.source.startswith("feed:")]
        told = [(entry.effective_on, 0, self.presenter.present_credit(entry)) for entry in fed]
        return [each for each in told if self._is_sought(each[2])]

    def texts(self, lines: Sequence[TimelineEntry]) -> dict[int, OutboxMessage]:
        """The messages whose words can be opened under these lines."""
        wanted = {line.message_id for line in lines if line.message_id is not None}
        if missing := wanted - self._texts.keys():
            query = select(OutboxMessage).where(col(OutboxMessage.id).in_(missing))
            self._texts |= {id_of(message): message for message in self.session.scalars(query)}
        return {number: self._texts[number] for number in wanted if number in self._texts}

    def _events(self, before: int | None, limit: int) -> tuple[list[Event], int | None]:
        return events_of_customer(
            self.session, self.file.case.customer_id, kinds=self.kinds, before=before, limit=limit
        )

    def _told(self, event: Event, times: int = 1) -> Told:
        return local_date(event.at, self.file.portfolio.timezone), 1, self.presenter.present(event, times)

    def _is_sought(self, line: TimelineEntry) -> bool:
        if not self.sought.words:
            return True
        message = self._texts.get(line.message_id) if line.message_id is not None else None
        words = f"{message.subject} {self.reader.sight.cover(message.text)}" if message else ""
        return self.sought.holds(" ".join((line.title, line.body, line.quoted, line.by, words)))


def _position(values: Rows | None) -> tuple[int | None, date | None]:
    if values is None:
        return None, None
    try:
        return min(int(values[0]), 2**62), date.fromisoformat(values[1])
    except (TypeError, ValueError):
        return None, None
