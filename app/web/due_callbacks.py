"""The bar of due callbacks, which every page shows its reader, and its snooze in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase, case_reference
from app.core.database.engine import UtcDateTime, table_of
from app.core.database.rows import Query
from app.core.staff.rules import CASEWORK, Role, Staff
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


@lru_cache
def due_parts(role: Role) -> Mapping[str, Query]:
    """The bar as scalar queries by name, by the index of owners' callbacks; they ride on the statement that counts what
    waits behind the navigation. `due_values` are their parameters."""
    if role not in CASEWORK:
        return {}
    case, customer = table_of(CollectionsCase), table_of(Customer)
    quiet = sa.bindparam("bar_quiet", expanding=True, type_=sa.BigInteger)
    due = [
        case.c.owner == sa.bindparam("bar_owner", type_=sa.String),
        case.c.callback_at.is_not(None),
        case.c.callback_at <= sa.bindparam("bar_now", type_=UtcDateTime()),
        case.c.id.not_in(quiet),
    ]

    def first(column: sa.ColumnElement[int] | sa.ColumnElement[str] | sa.ColumnElement[datetime]) -> Query:
        query = sa.select(column).join(customer, customer.c.id == case.c.customer_id)
        return query.where(*due).order_by(case.c.callback_at, case.c.id).limit(1)

    return {
        "callback case": first(case.c.id),
        "callback name": first(customer.c.full_name),
        "callback at": first(case.c.callback_at),
        "callback count": sa.select(sa.func.count()).select_from(case).where(*due),
    }


def due_values(request: Request, staff: Staff, now: datetime) -> Values:
    """A snoozed callback is left out of the bar only."""
    if staff.role not in CASEWORK:
        return {}
    return {"bar_owner": staff.username, "bar_now": now, "bar_quiet": list(snoozed(request, now)) or [0]}


def due_callback(parts: Values) -> DueCallback | None:
    """The bar from what `due_parts` found; None while no callback is due."""
    if parts.get("callback case") is None:
        return None
    return DueCallback(
        parts["callback case"], parts["callback name"], parts["callback at"], parts["callback count"]
    )


def look(request: Request, session: Session, staff: Staff, now: datetime) -> DueCallback | None:
    """The bar alone, for a page that asks again."""
    parts = due_parts(staff.role)
    if not parts:
        return None
    query = sa.select(*(part.scalar_subquery() for part in parts.values()))
    row = session.execute(query, due_values(request, staff, now)).one()
    return due_callback(dict(zip(parts, row, strict=True)))


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
