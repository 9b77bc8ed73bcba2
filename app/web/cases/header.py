"""The head of the case page: the figures and facts that an agent needs before the first word of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from pydantic_core import from_json
from sqlmodel import Session

from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind
from app.casework.cases.calls import CONVERSATIONS, CallResult
from app.casework.cases.events import CallLogged
from app.casework.holds.models import CaseHold
from app.core.database.engine import table_of
from app.core.timeline.models import Event
from app.web.cases.case_file import CaseFile
from app.web.cases.stops import Stop, strongest_stop

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Header:
    minimum: int
    """The open minimum of the latest statements, on all accounts; 0 where it was paid."""
    minimum_on: date | None
    """The date on which it is due; None = no statement is open."""
    paid: int
    """The last payment, in minor units."""
    paid_on: date | None
    reached_at: datetime | None
    """The last call in which the cardholder spoke with us."""
    attempts: int
    """Calls of the last 7 days, answered or not."""
    stop: Stop | None


def header_of(session: Session, file: CaseFile, holds: Sequence[CaseHold], now: datetime) -> Header:
    minimums = [each for stands in file.stands.values() for each in stands.minimums]
    minimum_on = min((due_on for _, due_on, _ in minimums), default=None)
    paid, paid_on = _last_payment(session, file)
    reached_at, attempts = _calls(session, file, now)
    return Header(
        minimum=sum(amount for _, due_on, amount in minimums if due_on == minimum_on),
        minimum_on=minimum_on,
        paid=paid,
        paid_on=paid_on,
        reached_at=reached_at,
        attempts=attempts,
        stop=strongest_stop(
            {hold.kind: hold.reason for hold in holds}, with_legal=file.case.with_legal_since is not None
        ),
    )


def _last_payment(session: Session, file: CaseFile) -> tuple[int, date | None]:
    entry = table_of(Entry)
    mirror = entry.alias("mirror")
    query = (
        sa.select(entry.c.amount_minor, entry.c.effective_on)
        .where(
            entry.c.account_id.in_(file.account_ids),
            entry.c.kind == EntryKind.PAYMENT,
            ~sa.exists().where(mirror.c.reverses_id == entry.c.id),
        )
        .order_by(entry.c.effective_on.desc(), entry.c.id.desc())
        .limit(1)
    )
    row = session.connection().execute(query).first()
    return (-int(row[0]), row[1]) if row else (0, None)


def _calls(session: Session, file: CaseFile, now: datetime) -> tuple[datetime | None, int]:
    event = table_of(Event)
    query = sa.select(event.c.at, event.c.data).where(
        event.c.customer_id == file.case.customer_id, event.c.kind == CallLogged.KIND
    )
    calls = session.connection().execute(query.order_by(event.c.id.desc()).limit(200)).all()
    spoken = (at for at, data in calls if CallResult(from_json(data)["result"]) in CONVERSATIONS)
    return next(spoken, None), sum(at >= now - WEEK for at, _ in calls)
