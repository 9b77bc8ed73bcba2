"""The case that a path names, and the events of its story that have some words."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.api.cases.shapes import EventShape
from app.api.fields import case_id_of
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.search.story import Sought
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.service import customer_stream, lock_customers
from app.core.timeline.sight import Sight
from app.http.cursors import encode_cursor
from app.outreach.outbox.models import OutboxMessage


def case_named(session: Session, reference: str, *, lock: bool = False) -> CollectionsCase:
    """The case; with `lock`, its customer is locked first, so that decisions about one customer queue up."""
    case = get_case(session, case_id_of(reference))
    if not lock:
        return case
    lock_customers(session, [case.customer_id])
    return get_case(session, id_of(case), lock=True)


MOST_LOOKED_AT = 500
"""Events that one page reads."""


def found_events(
    session: Session, case: CollectionsCase, sought: Sought, sight: Sight, *, since: int, limit: int
) -> tuple[list[EventShape], str | None]:
    """The next events that have what is sought in what their reader may see of them, oldest first, and the cursor of
    the page after."""
    query = select(Event).where(Event.stream == customer_stream(case.customer_id), col(Event.seq) > since)
    rows = session.scalars(query.order_by(col(Event.seq)).limit(MOST_LOOKED_AT)).all()
    shapes = [EventShape.seen_with(event, sight) for event in rows]
    words = _words(session, case.customer_id, shapes, sight)
    found: list[EventShape] = []
    for each in shapes:
        said = [text for text in each.data.values() if isinstance(text, str)]
        if sought.holds(" ".join((each.kind, *said, words.get(_message(each), "")))):
            found.append(each)
        if len(found) == limit:
            return found, encode_cursor(each.seq)
    return found, encode_cursor(rows[-1].seq) if len(rows) == MOST_LOOKED_AT else None


def _words(session: Session, customer_id: int, shapes: Iterable[EventShape], sight: Sight) -> dict[int, str]:
    """The words of the messages that these events are about, by the messages' ids."""
    message = table_of(OutboxMessage)
    query = sa.select(message.c.id, message.c.subject, message.c.text).where(
        among(session, message.c.id, [number for each in shapes if (number := _message(each))]),
        message.c.customer_id == customer_id,
    )
    return {
        number: f"{subject} {sight.cover(text)}"
        for number, subject, text in session.connection().execute(query)
    }


def _message(event: EventShape) -> int:
    """The message that an event is about; 0 = none."""
    number = event.data.get("message")
    return number if type(number) is int else 0
