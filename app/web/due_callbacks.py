"""The bar on every page that tells of the reader's callbacks that are due, and its snooze in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase, case_reference
from app.core.database.engine import table_of
from app.core.staff.rules import CASEWORK, Staff
from app.http import security
from app.http.context import settings_of

SNOOZED = "desk_snooze"
MOST_SNOOZED = 20


@dataclass(frozen=True, slots=True)
class DueCallback:
    """The reader's callback that has been due longest."""

    case_id: int
    name: str
    at: datetime
    count: int
    """How many are due."""

    @property
    def reference(self) -> str:
        return case_reference(self.case_id)


def due_callback(request: Request, session: Session, staff: Staff, now: datetime) -> DueCallback | None:
    """By the index of owners' callbacks, a few rows at most. A snoozed callback is left out of the bar only."""
    if staff.role not in CASEWORK:
        return None
    case, customer = table_of(CollectionsCase), table_of(Customer)
    query = (
        sa.select(case.c.id, customer.c.full_name, case.c.callback_at)
        .join(customer, customer.c.id == case.c.customer_id)
        .where(case.c.owner == staff.username, case.c.callback_at.is_not(None), case.c.callback_at <= now)
        .order_by(case.c.callback_at, case.c.id)
        .limit(50)
    )
    resting = snoozed(request, now)
    found = [row for row in session.connection().execute(query) if row.id not in resting]
    if not found:
        return None
    first = found[0]
    return DueCallback(first.id, first.full_name, first.callback_at, len(found))


def snoozed(request: Request, now: datetime) -> Mapping[int, datetime]:
    """Case id -> until when its callback is quiet in this browser."""
    text = request.cookies.get(security.cookie_name(settings_of(request), SNOOZED), "")[:600]
    found: dict[int, datetime] = {}
    for part in text.split("."):
        case_id, _, until = part.partition("-")
        if case_id.isdecimal() and until.isdecimal() and len(case_id) < 19 and len(until) < 11:
            at = datetime.fromtimestamp(int(until), UTC)
            if at > now:
                found[int(case_id)] = at
    return found


def snooze(request: Request, response: Response, case_id: int, until: datetime, now: datetime) -> None:
    kept = {**snoozed(request, now), case_id: until}
    parts = [f"{case}-{int(at.timestamp())}" for case, at in list(kept.items())[-MOST_SNOOZED:]]
    security.set_cookie(response, settings_of(request), SNOOZED, ".".join(parts), max_age=86_400)
