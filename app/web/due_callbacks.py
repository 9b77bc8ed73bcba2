"""The bar of due callbacks, which every page shows its reader, and its snooze in the browser."""

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
from app.core.database.engine import UtcDateTime, table_of
from app.core.database.rows import Query
from app.core.database.together import Reads
from app.core.staff.rules import CASEWORK, Staff
from app.core.types import Values
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


def due_query() -> Query:
    """The reader's callback that has been due longest, and how many are due, by the index of owners' callbacks; a part
    of the statement that counts what waits behind the navigation. `due_values` are its parameters."""
    case, customer = table_of(CollectionsCase), table_of(Customer)
    quiet = [sa.bindparam(f"bar_quiet_{n}", type_=sa.BigInteger) for n in range(MOST_SNOOZED)]
    return (
        sa.select(
            case.c.id.label("case_id"),
            customer.c.full_name.label("name"),
            case.c.callback_at.label("at"),
            sa.func.count().over().label("count"),
        )
        .join(customer, customer.c.id == case.c.customer_id)
        .where(
            case.c.owner == sa.bindparam("bar_owner", type_=sa.String),
            case.c.callback_at.is_not(None),
            case.c.callback_at <= sa.bindparam("bar_now", type_=UtcDateTime()),
            case.c.id.not_in(quiet),
        )
        .order_by(case.c.callback_at, case.c.id)
        .limit(1)
    )


def due_values(request: Request, staff: Staff, now: datetime) -> Values:
    """A snoozed callback is left out of the bar only."""
    quiet = [*snoozed(request, now), *[0] * MOST_SNOOZED]
    return {
        "bar_owner": staff.username,
        "bar_now": now,
        **{f"bar_quiet_{n}": quiet[n] for n in range(MOST_SNOOZED)},
    }


class _Look:
    def __init__(self) -> None:
        self.reads = Reads()
        self.due = self.reads.rows(due_query())


_LOOK = _Look()


def look(request: Request, session: Session, staff: Staff, now: datetime) -> DueCallback | None:
    """The bar alone, for a page that asks again."""
    if staff.role not in CASEWORK:
        return None
    found = _LOOK.reads.fetch(session, **due_values(request, staff, now))
    return next((DueCallback(*row) for row in found[_LOOK.due]), None)


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
