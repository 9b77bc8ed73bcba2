"""Raising and ending alerts, and telling people of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.core.clock import Clock
from app.core.database.bulk import upsert
from app.core.database.engine import Busy, exclusive, reading, table_of, transaction
from app.operations.alerts.models import Alert, AlertNotice
from app.operations.alerts.rules import About, AlertKind, AlertNews, Messenger, due_news

log = structlog.get_logger("desk.alerts")

LONGEST_DETAIL = 2000
FORGOTTEN_AFTER = timedelta(days=30)
"""Ended alerts are told no more after this, even if a messenger never heard of them."""


def raise_alert(session: Session, kind: AlertKind, subject: str, detail: str, *, now: datetime) -> None:
    """Open an alert, or count once more the one that is open. `detail` is for people and holds no personal data."""
    values = {
        "kind": kind,
        "subject": subject[:120],
        "detail": detail[:LONGEST_DETAIL],
        "first_at": now,
        "last_at": now,
        "times": 1,
    }
    alert = table_of(Alert)
    statement = upsert(session, Alert).values(**values)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "subject"],
            index_where=sa.text("ended_at IS NULL"),
            set_={"detail": values["detail"], "last_at": now, "times": alert.c.times + 1},
        )
    )


def end_alert(session: Session, kind: AlertKind, subject: str, *, now: datetime) -> None:
    """End an alert. No error where none is open."""
    session.execute(
        sa.update(table_of(Alert))
        .where(col(Alert.kind) == kind, col(Alert.subject) == subject[:120], col(Alert.ended_at).is_(None))
        .values(ended_at=now)
    )


def open_alerts(session: Session) -> list[Alert]:
    """Open alerts, the oldest first."""
    query = select(Alert).where(col(Alert.ended_at).is_(None)).order_by(col(Alert.first_at), col(Alert.id))
    return list(session.scalars(query))


def ended_alerts(session: Session, limit: int = 50) -> list[Alert]:
    """Ended alerts, the latest end first."""
    query = select(Alert).where(col(Alert.ended_at).is_not(None))
    return list(
        session.scalars(query.order_by(col(Alert.ended_at).desc(), col(Alert.id).desc()).limit(limit))
    )


def tell_due(engine: Engine, messengers: Sequence[Messenger], *, clock: Clock) -> int:
    """Tell each messenger the news that it has not told yet. One worker at a time. A worker that dies between telling
    and writing it down tells it once more: an alert heard twice is better than one never heard."""
    told = 0
    try:
        with exclusive(engine, "alerts", wait=False):
            for messenger in messengers:
                told += _tell(engine, messenger, clock)
    except Busy:
        return 0
    return told


def _tell(engine: Engine, messenger: Messenger, clock: Clock) -> int:
    now, told = clock.now(), 0
    with reading(engine) as session:
        due = _news(session, messenger.name, now)
    for news in due:
        try:
            messenger.tell(news)
        except Exception as error:  # noqa: BLE001 - a broken messenger must not silence the others
            log.error("alert_not_told", messenger=messenger.name, error=type(error).__name__)
            break
        with transaction(engine) as session:
            session.add(
                AlertNotice(
                    alert_id=news.alert_id, messenger=messenger.name, about=news.about, at=clock.now()
                )
            )
        told += 1
    return told


def _news(session: Session, messenger: str, now: datetime) -> list[AlertNews]:
    recent = col(Alert.ended_at).is_(None) | (col(Alert.ended_at) > now - FORGOTTEN_AFTER)
    last: dict[int, AlertNotice] = {
        notice.alert_id: notice
        for notice in session.scalars(
            select(AlertNotice)
            .join(Alert, col(Alert.id) == AlertNotice.alert_id)
            .where(AlertNotice.messenger == messenger, recent)
            .order_by(col(AlertNotice.id))
        )
    }
    found = []
    for alert in session.scalars(select(Alert).where(recent).order_by(col(Alert.id))):
        assert alert.id is not None
        notice = last.get(alert.id)
        about: About | None = due_news(
            notice.about if notice else None, notice.at if notice else None, alert.ended_at, now
        )
        if about is not None:
            found.append(
                AlertNews(
                    alert.id,
                    about,
                    alert.kind,
                    alert.subject,
                    alert.detail,
                    alert.first_at,
                    alert.last_at,
                    alert.times,
                    alert.ended_at,
                )
            )
    return found
