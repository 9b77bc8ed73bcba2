"""The whole story of a case on one page, to be printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from app.casework.search.story import Sought, read_sought
from app.casework.support_needs.sight import sight_of
from app.core.ids import id_of
from app.core.timeline.presenting import FILTER_LABELS, TimelineEntry, TimelineFilter
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.outreach.outbox.models import OutboxMessage
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.tabs.story import Story, marked
from app.web.lookups import staff_names
from app.web.rendering import Page, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")
MOST_EVENTS = 5000
"""Newest events that are printed; the bundle for the legal team has all."""


@dataclass(frozen=True, slots=True)
class StoryPage(Page):
    template = "cases/story.html"
    file: CaseFile
    show: str
    shown: Mapping[TimelineFilter, str]
    sought: Sought
    lines: Sequence[TimelineEntry]
    """Oldest first."""
    texts: Mapping[int, OutboxMessage]
    marked: Callable[[str], Markup]
    """A text as its reader may see it, with the words that were sought marked."""
    more: bool
    by: str
    at: datetime


@router.get("/{case_id}/story")
def print_story(
    request: Request,
    case_id: RowId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    show: str = "",
    find: str = "",
) -> Response:
    """Every event and message, oldest first, with the words of each; filtered and searched like the tab."""
    file = open_case_file(session, case_id, now)
    sight = sight_of(session, id_of(file.customer), staff.role, staff.by)
    zone, currency = file.portfolio.timezone, file.book.currency
    reader = PageReader(reader_locale(request), currency, zone, staff_names(session), sight=sight)
    show = show if show in FILTER_LABELS else ""
    story = Story(session, file, reader, show, read_sought(find))
    told, more = story.whole(MOST_EVENTS)
    told += story.credits(min(day for day, _, _ in told) if told and more else None, file.book.today)
    told.sort(key=lambda item: item[:2], reverse=True)
    lines = [line for _, _, line in reversed(told)]
    return page(
        request,
        StoryPage(
            file=file,
            show=show,
            shown=FILTER_LABELS,
            sought=story.sought,
            lines=lines,
            texts=story.texts(lines),
            marked=lambda text: marked(story.sought, sight.cover(text)),
            more=more,
            by=staff.display_name,
            at=now,
        ),
    )
