"""A view of the worklist: whose cases, which of them, in which order; the same for pages, the API and `Next`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.casework.cases import listing as lists
from app.casework.cases.listing import Condition, PortfolioToday, Selection, has_broken_promise
from app.casework.holds.queries import has_hold_to_review
from app.casework.plans.tracking.open_instalments import has_payment_due
from app.core.types import Rows
from app.worklist.items import items_among
from app.worklist.queries import CURSOR, has_overdue_claim, in_sections, queue_page
from app.worklist.rules import STATES, WORK, Item, Section, sections_of

OTHER_STATES = ("all", "week", "broken", "review", "claimed")
"""States that are no section: every open case, a payment due within a week, a broken agreement, a hold to review, a
claim of payment that nobody found by its day."""
DEFAULT_SORT = "-urgency"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """`state` '' = all work. Without a search, a bucket and a sort order the rows stand in the order of the queue."""

    books: tuple[PortfolioToday, ...]
    owner: str | None = None
    """None = any owner; '' = no owner yet."""
    state: str = ""
    bucket: str = ""
    text: str = ""
    sort: str = ""
    """A key of `SORTS`, `-` in front to descend; '' = the order of the queue."""

    @property
    def is_queue(self) -> bool:
        return self._sections is not None and not (self.text or self.bucket or self.sort)

    @property
    def _sections(self) -> tuple[Section, ...] | None:
        return sections_of(self.state)

    @property
    def sections(self) -> tuple[Section, ...]:
        return self._sections or WORK

    @property
    def order(self) -> tuple[str, bool]:
        """Sort key and whether it descends, where the view is no queue."""
        sort = self.sort if self.sort.lstrip("-") in lists.SORTS else DEFAULT_SORT
        return sort.lstrip("-"), sort.startswith("-")

    @property
    def cursor_length(self) -> int:
        return CURSOR if self.is_queue else lists.cursor_length(self.order[0])


def selection(view: View, now: datetime) -> Selection:
    """The view as a filter over open cases. A search looks at all open cases, not at the work alone."""
    conditions: list[Condition] = []
    sections = sections_of(view.state)
    if sections is not None and not (view.text and not view.state):
        conditions.append(in_sections(view.books, view.owner, sections, now))
    elif view.state == "week":
        conditions.append(has_payment_due(view.books, 7))
    elif view.state == "broken":
        conditions.append(has_broken_promise())
    elif view.state == "review":
        conditions.append(has_hold_to_review(view.books))
    elif view.state == "claimed":
        conditions.append(has_overdue_claim(view.books))
    return Selection(
        books=view.books,
        owner=view.owner,
        bucket=view.bucket,
        text=view.text,
        conditions=tuple(conditions),
    )


def page_of(
    session: Session, view: View, *, after: Rows | None, limit: int, now: datetime
) -> tuple[list[Item], list[str | int] | None]:
    """A page of the view, and the position where the next page starts. In a list that has an order of its own, rows
    still say why they are work, where they are."""
    if view.is_queue:
        return queue_page(session, view.books, view.owner, view.sections, after=after, limit=limit, now=now)
    key, descending = view.order
    found, position = lists.worklist(
        session, selection(view, now), sort=key, descending=descending, after=after, limit=limit, now=now
    )
    ids = [row.id for row in found]
    known = items_among(session, view.books, ids, now)
    return [known.get(case_id, Item(case_id, Section.NOTHING_PLANNED)) for case_id in ids], position


def is_state(text: str) -> bool:
    """Whether an address names a state."""
    return text in STATES or text in OTHER_STATES or not text


MOST_IN_ORDER = 400
"""Cases of a view that `Next` walks."""


def order_of(session: Session, view: View, now: datetime) -> list[Item]:
    """The first cases of the view in their order, narrow."""
    found, _ = page_of(session, view, after=None, limit=MOST_IN_ORDER, now=now)
    return found
