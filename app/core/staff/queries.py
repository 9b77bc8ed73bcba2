"""Reads for sign-in, doors and the administration pages."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.core.actor import Actor, ActorKind
from app.core.database.engine import table_of
from app.core.database.together import Reads
from app.core.staff.models import ApiToken, LoginAttempt, StaffSession, User
from app.core.staff.rules import Role, Theme


def user_named(session: Session, username: str) -> User | None:
    """The user with this (already folded) name."""
    if "\0" in username:  # no user has such a name, and PostgreSQL refuses the query
        return None
    return session.exec(select(User).where(User.username == username)).one_or_none()


def staff_list(session: Session) -> list[User]:
    """All staff, active ones first, then by name."""
    return list(session.exec(select(User).order_by(col(User.active).desc(), col(User.display_name))))


def teams(session: Session) -> list[str]:
    """Names of teams that somebody is in, by name."""
    return list(session.exec(select(User.team).where(User.team != "").distinct().order_by(col(User.team))))


def last_seen(session: Session) -> dict[int, datetime]:
    """User id -> when they were last here."""
    latest: dict[int, datetime] = {}
    rows = session.exec(
        select(StaffSession.user_id, StaffSession.last_seen_at).order_by(col(StaffSession.last_seen_at))
    )
    for user_id, at in rows:
        latest[user_id] = at
    return latest


def tokens(session: Session) -> list[ApiToken]:
    """Every API token, usable ones first, newest first."""
    order = (col(ApiToken.revoked_at).is_not(None), col(ApiToken.created_at).desc(), col(ApiToken.id).desc())
    return list(session.exec(select(ApiToken).order_by(*order)))


class _SessionReads:
    """A session with its holder: each request of a page asks it."""

    def __init__(self) -> None:
        self.reads, signed, user = Reads(), table_of(StaffSession), table_of(User)
        self.rows = self.reads.rows(
            sa.select(
                signed.c.id, signed.c.csrf_token, signed.c.last_seen_at, signed.c.expires_at, signed.c.ended_at,
                user.c.id.label("user_id"), user.c.username, user.c.display_name, user.c.role,
                user.c.password_temporary, user.c.active, user.c.single_keys, user.c.theme,
            )
            .join(user, user.c.id == signed.c.user_id)
            .where(signed.c.id == sa.bindparam("session_id", type_=sa.String))
        )  # fmt: skip


_SESSIONS = _SessionReads()


def session_and_user(session: Session, session_id: str) -> SignedIn | None:
    found: list[SignedIn] = _SESSIONS.reads.fetch(session, session_id=session_id)[_SESSIONS.rows]
    return next(iter(found), None)


class SignedIn(Protocol):
    """A session and its holder, as they were read."""

    id: str
    csrf_token: str
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    user_id: int
    username: str
    display_name: str
    role: Role
    password_temporary: bool
    active: bool
    single_keys: bool
    theme: Theme


def token_with_hash(session: Session, token_hash: str) -> tuple[ApiToken, User | None] | None:
    """Return the token and its owner."""
    query = (
        sa.select(ApiToken, User)
        .outerjoin(User, col(User.id) == col(ApiToken.owner_id))
        .where(col(ApiToken.token_hash) == token_hash)
    )
    row = session.execute(query).one_or_none()
    return (row[0], row[1]) if row is not None else None


def token_owners(session: Session) -> dict[int, User]:
    """Map the id of each owned token to its owner."""
    query = sa.select(col(ApiToken.id), User).join(User, col(User.id) == col(ApiToken.owner_id))
    return {token_id: owner for token_id, owner in session.execute(query)}


def person_behind(session: Session, actor: Actor) -> Actor:
    """Return the owner of a token; every other actor, and a token without an owner, stands for itself.

    Names of tokens and users are never used twice, so this also holds for what was asked long ago.
    """
    if actor.kind is not ActorKind.TOKEN:
        return actor
    query = (
        select(User.username)
        .join(ApiToken, col(ApiToken.owner_id) == col(User.id))
        .where(ApiToken.name == actor.name)
    )
    owner = session.exec(query).first()
    return actor if owner is None else Actor.user(owner)


def is_same_person(session: Session, one: str, other: Actor) -> bool:
    """Compare the persons behind two actors, for an act that needs two people. `one` is what a row holds."""
    return one == other or person_behind(session, Actor(one)) == person_behind(session, other)


def failures_for_username(session: Session, digest: str, since: datetime, limit: int) -> list[datetime]:
    """Failed sign-ins under this name after `since` and after its last success, newest first."""
    rows = session.exec(
        select(LoginAttempt.at, LoginAttempt.ok)
        .where(LoginAttempt.username_digest == digest, col(LoginAttempt.at) > since)
        .order_by(col(LoginAttempt.at).desc(), col(LoginAttempt.id).desc())
        .limit(limit)
    )
    failures = []
    for at, ok in rows:
        if ok:
            break
        failures.append(at)
    return failures


def failures_from_client(session: Session, client: str, since: datetime, limit: int) -> list[datetime]:
    """Failed sign-ins from this address after `since`, newest first."""
    query = (
        select(LoginAttempt.at)
        .where(LoginAttempt.client == client, col(LoginAttempt.ok).is_(False), col(LoginAttempt.at) > since)
        .order_by(col(LoginAttempt.at).desc())
        .limit(limit)
    )
    return list(session.exec(query))
