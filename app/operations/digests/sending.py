"""Make the digests that are due after a night, and send them: claimed, sent outside the transaction, settled.

A worker that dies between sending and settling leaves the digest claimed; when its lease ends it is sent again under
the same key, by which a mail program or a receiver knows it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.portfolios.days import closed_days, last_closed
from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.database.bulk import upsert
from app.core.database.engine import reading, table_of, transaction
from app.core.ids import id_of
from app.core.staff.queries import user_named
from app.core.timeline.service import about_portfolio, record
from app.core.vocabulary import Channel
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import end_alert, raise_alert
from app.operations.digests.content import gather, voice_of
from app.operations.digests.document import as_html, as_pdf_data, as_text, as_webhook, title_of
from app.operations.digests.events import DigestGivenUp
from app.operations.digests.models import Digest, DigestRecipient
from app.operations.digests.rules import (
    DigestCadence,
    DigestPorts,
    DigestStatus,
    DigestWay,
    due_day,
    next_try,
    webhook_secrets,
)
from app.operations.digests.service import alert_subject, may_read, name_of, recipients
from app.operations.digests.told import DigestContent
from app.outreach.outbox.dispatch import Accepted, Attachment, Dispatch, SendResult, TryLater, Undeliverable

log = structlog.get_logger("desk.digests")

LOOKS_BACK = timedelta(days=40)
"""Older days are news to nobody: longer than a month, so that no monthly digest is missed."""
SENDER_NAME = "Arrears Desk"


# --- made ---------------------------------------------------------------------------------------------------


def make_due(engine: Engine, pages_url: str, *, now: datetime) -> int:
    """Write down each digest that is due and not made yet; returns how many. Workers may do it at the same time: a
    digest is unique to its recipient and day."""
    with reading(engine) as session:
        due = [
            (portfolio, row, on)
            for portfolio in session.scalars(select(Portfolio).order_by(col(Portfolio.code)))
            for row, on in _due(session, portfolio)
        ]
    if not due:
        return 0
    contents: dict[tuple[int, date, DigestCadence, str], str] = {}
    made = 0
    for portfolio, row, on in due:
        key = (id_of(portfolio), on, row.cadence, row.language)
        if key not in contents:
            with reading(engine) as session:
                found = gather(
                    session, portfolio, on, row.cadence, pages_url=pages_url, language=row.language, now=now
                )
            contents[key] = found.to_json()
        with transaction(engine) as session:
            made += _make(session, id_of(row), on, contents[key], now)
    return made


def _due(session: Session, portfolio: Portfolio) -> list[tuple[DigestRecipient, date]]:
    """Recipients of the portfolio whose next digest is not made, each with its day."""
    on = last_closed(session, portfolio)
    listed = [row for row in recipients(session, id_of(portfolio)) if row.active]
    if on is None or not listed:
        return []
    closed = closed_days(session, id_of(portfolio), on - LOOKS_BACK, on + timedelta(days=1))
    made: dict[int, date] = {
        recipient_id: last_on
        for recipient_id, last_on in session.execute(
            sa.select(col(Digest.recipient_id), sa.func.max(col(Digest.business_date)))
            .where(col(Digest.recipient_id).in_([id_of(row) for row in listed]))
            .group_by(col(Digest.recipient_id))
        )
    }
    found = []
    for row in listed:
        told = max(filter(None, (row.after_on, made.get(id_of(row)))), default=date.min)
        day = due_day(row.cadence, [each for each in closed if each > told])
        if day is not None and _may_have(session, row):
            found.append((row, day))
    return found


def _may_have(session: Session, row: DigestRecipient) -> bool:
    """Whether the recipient may have digests now: still listed, and a person still an active manager."""
    if not row.active or row.ended_at is not None:
        return False
    return row.way is DigestWay.WEBHOOK or may_read(user_named(session, row.username))


def _make(session: Session, recipient_id: int, on: date, content: str, now: datetime) -> int:
    values = {
        "recipient_id": recipient_id,
        "business_date": on,
        "key": f"digest-{secrets.token_hex(16)}",
        "content": content,
        "status": DigestStatus.DUE,
        "attempts": 0,
        "made_at": now,
        "next_at": now,
        "problem": "",
    }
    statement = upsert(session, Digest).values(**values).on_conflict_do_nothing()
    made = session.execute(statement.returning(table_of(Digest).c.id)).first()
    return int(made is not None)


# --- sent ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A digest that this worker sends, with all that sending needs: nothing is read from the database meanwhile."""

    digest: Digest
    recipient: DigestRecipient
    portfolio: Portfolio


def send_due(
    engine: Engine,
    ports: DigestPorts,
    *,
    clock: Clock,
    lease: timedelta,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[str, int]:
    """Send digests until none is due; returns how many ended in each status."""
    counts: dict[str, int] = {}
    while not stopping():
        with transaction(engine) as session:
            claimed = _claim(session, now=clock.now(), lease=lease)
        if claimed is None:
            return counts
        if isinstance(claimed, _Claimed):
            result = _send(claimed, ports, clock.now())
            with transaction(engine) as session:
                status = _settle(session, claimed, result, now=clock.now())
        else:
            status = claimed
        counts[status.value] = counts.get(status.value, 0) + 1
    return counts


def _claim(session: Session, *, now: datetime, lease: timedelta) -> _Claimed | DigestStatus | None:
    """Take the digest that has waited longest, until the lease ends. The status where it is withheld instead; None
    where none is due."""
    table = table_of(Digest)
    is_due = sa.and_(table.c.status.in_([DigestStatus.DUE, DigestStatus.SENDING]), table.c.next_at <= now)
    oldest = sa.select(table.c.id).where(is_due).order_by(table.c.next_at, table.c.id).limit(1)
    taken = session.execute(
        sa.update(table)
        .where(table.c.id == oldest.with_for_update(skip_locked=True).scalar_subquery(), is_due)
        .values(status=DigestStatus.SENDING, next_at=now + lease, attempts=table.c.attempts + 1)
        .returning(table.c.id)
    ).scalar_one_or_none()
    if taken is None:
        return None
    digest = session.get_one(Digest, taken)
    recipient = session.get_one(DigestRecipient, digest.recipient_id)
    if not _may_have(session, recipient):
        _finish(digest, DigestStatus.WITHHELD, now)
        return DigestStatus.WITHHELD
    return _Claimed(digest, recipient, session.get_one(Portfolio, recipient.portfolio_id))


def _send(claimed: _Claimed, ports: DigestPorts, now: datetime) -> SendResult:
    digest, recipient = claimed.digest, claimed.recipient
    content = DigestContent.from_json(digest.content)
    if recipient.way is DigestWay.WEBHOOK:
        body = as_webhook(content, digest.key, digest.made_at.isoformat())
        signing = webhook_secrets(ports.secret, recipient.salt, recipient.old_salt, recipient.old_until, now)
        return ports.hook.post(recipient.url, digest.key, signing, body)
    voice = voice_of(content.language)
    try:
        pdf = ports.pdf(as_pdf_data(content, voice), digest.business_date)
    except ValueError as problem:  # its message may quote the data
        return TryLater(f"the PDF could not be made ({type(problem).__name__})")
    return ports.email(
        Dispatch(
            key=digest.key,
            attempt_id=digest.key,
            channel=Channel.EMAIL,
            to=recipient.email,
            recipient_name="",
            language=content.language,
            letter="digest",
            text=as_text(content, voice),
            html=as_html(content, voice),
            subject=title_of(content, voice),
            sender_name=SENDER_NAME,
            business_date=digest.business_date,
            attachments=(
                Attachment(f"digest-{content.portfolio}-{digest.business_date}.pdf", "application/pdf", pdf),
            ),
        )
    )


def _settle(session: Session, claimed: _Claimed, result: SendResult, *, now: datetime) -> DigestStatus:
    """Note the result of an attempt. One that failed is tried again until it is a day old, unless its address refuses
    it for good; then it is given up and an alert is raised."""
    digest = session.get_one(Digest, claimed.digest.id, with_for_update=True)
    if digest.status is not DigestStatus.SENDING or digest.attempts != claimed.digest.attempts:
        return digest.status  # the lease ended, and another worker has it
    subject = alert_subject(claimed.portfolio, claimed.recipient)
    if isinstance(result, Accepted):
        _finish(digest, DigestStatus.SENT, now)
        end_alert(session, AlertKind.DIGEST, subject, now=now)
        return digest.status
    digest.problem = result.reason[:300]
    again = None if isinstance(result, Undeliverable) else next_try(digest.attempts, digest.made_at, now)
    if again is not None:
        digest.status, digest.next_at = DigestStatus.DUE, again
        return digest.status
    _finish(digest, DigestStatus.FAILED, now)
    told = DigestGivenUp(
        id_of(claimed.recipient), name_of(claimed.recipient), str(digest.business_date), digest.problem
    )
    record(session, about_portfolio(id_of(claimed.portfolio), told), by=SYSTEM, now=now)
    detail = f"The digest of {digest.business_date} was given up after {digest.attempts} attempts: {digest.problem}."
    raise_alert(session, AlertKind.DIGEST, subject, detail, now=now)
    return digest.status


def _finish(digest: Digest, status: DigestStatus, now: datetime) -> None:
    digest.status, digest.finished_at, digest.content = status, now, ""
