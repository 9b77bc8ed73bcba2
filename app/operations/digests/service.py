"""The list of who gets digests: added to, changed and ended by a named manager."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.customers.people import read_email
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.passwords import fold_username
from app.core.staff.queries import user_named
from app.core.staff.rules import Role
from app.core.text import refuse_card_number
from app.core.timeline.service import about_portfolio, lock_streams, portfolio_stream, record
from app.http.interface import ENGLISH, languages
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import end_alert
from app.operations.digests.events import (
    DigestRecipientAdded,
    DigestRecipientChanged,
    DigestRecipientEnded,
    DigestSecretReplaced,
)
from app.operations.digests.models import Digest, DigestRecipient
from app.operations.digests.rules import (
    OLD_SECRET_DAYS,
    DigestCadence,
    DigestStatus,
    DigestWay,
    OldSecret,
    check_url,
)

MOST = 100
"""Recipients of a portfolio."""


def recipients(session: Session, portfolio_id: int) -> Sequence[DigestRecipient]:
    """Who is on the list of a portfolio now, people first."""
    query = select(DigestRecipient).where(
        DigestRecipient.portfolio_id == portfolio_id, col(DigestRecipient.ended_at).is_(None)
    )
    return session.scalars(query.order_by(col(DigestRecipient.way), col(DigestRecipient.id))).all()


def last_digests(session: Session, portfolio_id: int) -> dict[int, Digest]:
    """The newest digest of each recipient of a portfolio, by recipient."""
    own, digest = table_of(DigestRecipient), table_of(Digest)
    newest = (
        sa.select(sa.func.max(digest.c.id))
        .join(own, own.c.id == digest.c.recipient_id)
        .where(own.c.portfolio_id == portfolio_id)
        .group_by(digest.c.recipient_id)
    )
    rows = session.scalars(select(Digest).where(col(Digest.id).in_(newest)))
    return {row.recipient_id: row for row in rows}


def name_of(row: DigestRecipient) -> str:
    """A recipient in events and alerts: the user name, or the host. Addresses may hold a key."""
    return row.username or (urlsplit(row.url).hostname or "")


def alert_subject(portfolio: Portfolio, row: DigestRecipient) -> str:
    return f"{portfolio.code}, digest {row.id} to {name_of(row)}"


def may_read(user: User | None) -> bool:
    """Whether a member of staff may have digests: an active manager."""
    return user is not None and user.active and user.role is Role.MANAGER


def add_recipient(
    session: Session,
    portfolio: Portfolio,
    way: DigestWay,
    *,
    username: str = "",
    email: str = "",
    url: str = "",
    cadence: DigestCadence,
    language: str = ENGLISH,
    private: bool,
    by: Actor,
    now: datetime,
) -> DigestRecipient:
    """Put a manager or a webhook on the list of a portfolio; the next closed day is the first that they are told.

    `private` as in `check_url`. Invalid names the field that is wrong; Conflict for one who is on the list.
    """
    row = DigestRecipient(
        portfolio_id=id_of(portfolio), way=way, cadence=cadence, after_on=last_closed(session, portfolio),
        created_at=now, by=by,
    )  # fmt: skip
    if way is DigestWay.EMAIL:
        row.username, row.email = _manager(session, username), _email(email)
        row.language = _language(language)
    else:
        row.url, row.salt = _url(url, private=private), secrets.token_urlsafe(24)
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    listed = recipients(session, id_of(portfolio))
    if any((each.way, each.username, each.url) == (way, row.username, row.url) for each in listed):
        raise Conflict(f"{row.username or 'This address'} is on the list of {portfolio.code} already.")
    if len(listed) >= MOST:
        raise Conflict(f"The list of {portfolio.code} has {MOST} recipients. End one first.")
    session.add(row)
    session.flush()
    told = DigestRecipientAdded(id_of(row), name_of(row), cadence)
    record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
    return row


def change_recipient(
    session: Session,
    portfolio: Portfolio,
    recipient_id: int,
    *,
    email: str | None = None,
    cadence: DigestCadence | None = None,
    language: str | None = None,
    active: bool | None = None,
    by: Actor,
    now: datetime,
) -> DigestRecipient:
    """Change what is given. One who comes back is told of the next closed day, not of those between."""
    row = _open(session, portfolio, recipient_id)
    before = _told(row)
    if email is not None:
        if row.way is not DigestWay.EMAIL:
            raise Invalid("A webhook has no e-mail address.", "email")
        row.email = _email(email)
    if language is not None:
        if row.way is not DigestWay.EMAIL:
            raise Invalid("A webhook is in English.", "language")
        row.language = _language(language)
    if cadence is not None:
        row.cadence = cadence
    if active is not None and active != row.active:
        row.active = active
        row.after_on = last_closed(session, portfolio) if active else row.after_on
    after = _told(row)
    names = [name for name in after if after[name] != before[name]]
    if names:
        told = DigestRecipientChanged(
            recipient_id, name_of(row), {n: before[n] for n in names}, {n: after[n] for n in names}
        )
        record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
    return row


def replace_secret(
    session: Session, portfolio: Portfolio, recipient_id: int, old: OldSecret, *, by: Actor, now: datetime
) -> DigestRecipient:
    """Give a webhook a new secret; both sign until the time of the old one is over. One that was replaced earlier signs
    nothing more. Invalid for a person."""
    row = _open(session, portfolio, recipient_id)
    if row.way is not DigestWay.WEBHOOK:
        raise Invalid("Only a webhook has a secret.", "old")
    until = now + timedelta(days=OLD_SECRET_DAYS[old]) if OLD_SECRET_DAYS[old] else None
    row.old_salt, row.old_until = (row.salt, until) if until else ("", None)
    row.salt = secrets.token_urlsafe(24)
    told = DigestSecretReplaced(recipient_id, name_of(row), f"{until:%Y-%m-%d %H:%M} UTC" if until else "")
    record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
    return row


def end_recipient(
    session: Session, portfolio: Portfolio, recipient_id: int, *, by: Actor, now: datetime
) -> DigestRecipient:
    """Take a recipient off the list; what is on its way is withheld, and a webhook's secret signs nothing more."""
    row = _open(session, portfolio, recipient_id)
    row.ended_at, row.ended_by, row.active = now, by, False
    session.execute(
        sa.update(table_of(Digest))
        .where(table_of(Digest).c.recipient_id == recipient_id, col(Digest.status) == DigestStatus.DUE)
        .values(status=DigestStatus.WITHHELD, finished_at=now, content="")
    )
    told = DigestRecipientEnded(recipient_id, name_of(row))
    record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
    end_alert(session, AlertKind.DIGEST, alert_subject(portfolio, row), now=now)
    return row


def _open(session: Session, portfolio: Portfolio, recipient_id: int) -> DigestRecipient:
    """The row, locked. NotFound in another portfolio; Conflict once it has ended."""
    row = session.get(DigestRecipient, recipient_id, with_for_update=True)
    if row is None or row.portfolio_id != portfolio.id:
        raise NotFound(
            f"The list of {portfolio.code} has no recipient {recipient_id}. Choose one of the list."
        )
    if row.ended_at is not None:
        raise Conflict("This recipient was taken off the list. Add it again.")
    return row


def _told(row: DigestRecipient) -> dict[str, str]:
    return {
        "email": row.email,
        "cadence": row.cadence.value,
        "language": row.language,
        "active": "yes" if row.active else "no",
    }


def _manager(session: Session, username: str) -> str:
    user = user_named(session, fold_username(username))
    if user is None or not may_read(user):
        raise Invalid("Choose an active manager: digests are for managers only.", "username")
    return user.username


def _language(name: str) -> str:
    if name not in languages():
        raise Invalid(
            f"Choose a language that has a catalogue: {', '.join(sorted(languages()))}.", "language"
        )
    return name


def _email(text: str) -> str:
    found = read_email(text.strip()[:300]).value
    if not found or len(found) > 254:
        raise Invalid("Enter an e-mail address such as mei@example.com.", "email")
    refuse_card_number(found, "email")
    return found


def _url(text: str, *, private: bool) -> str:
    url = check_url(text, private=private)
    refuse_card_number(url, "url")
    return url
