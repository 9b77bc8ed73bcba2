"""API tokens: issue, check and revoke them. Each change and its event are written in the caller's transaction."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlmodel import Session, col, select, update

from app.core.actor import Actor, ActorKind
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff import passwords, queries
from app.core.staff.events import TokenIssued, TokenRevoked
from app.core.staff.models import ApiToken, User
from app.core.staff.rules import Caller, Role
from app.core.staff.service import digest
from app.core.timeline.service import about_staff, record


def issue_token(
    session: Session, name: str, role: Role, *, by: Actor, now: datetime, owner: str | None = None
) -> str:
    """Issue an API token, returned once. `owner`: user name of the person who answers for it; without one it is the
    person who issues it, or nobody at a console. Raises Invalid for a bad name or owner, Conflict for a name in use.
    """
    name = " ".join(name.split())
    if not passwords.TOKEN_NAME.fullmatch(name):
        raise Invalid(
            "Use 1 to 60 letters, digits, spaces or . _ - and start with a letter or digit.", "name"
        )
    if session.exec(select(ApiToken.id).where(ApiToken.name == name)).first() is not None:
        raise Conflict(f"There is already a token named {name!r}; names are never used twice.")
    person = _token_owner(
        session, owner if owner is not None else by.name if by.kind is ActorKind.USER else ""
    )
    token = "desk_" + secrets.token_urlsafe(32)
    session.add(
        ApiToken(
            name=name,
            role=role,
            token_hash=digest(token),
            prefix=token[:9],
            created_at=now,
            created_by=by,
            owner_id=id_of(person) if person else None,
        )
    )
    session.flush()
    issued = TokenIssued(name, role, person.username if person else None)
    record(session, about_staff(_actor_id(session, by), issued), by=by, now=now)
    return token


def _token_owner(session: Session, username: str) -> User | None:
    if not username:
        return None
    user = queries.user_named(session, passwords.fold_username(username))
    if user is None or not user.active:
        raise Invalid("There is no active member of staff with this user name.", "owner")
    return user


def revoke_token(session: Session, token_id: int, *, by: Actor, now: datetime) -> ApiToken:
    """Revoke a token. Revoking twice keeps the first date."""
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NotFound(f"There is no token {token_id}. Choose one from the list.")
    if token.revoked_at is None:
        token.revoked_at = now
        session.add(token)
        revoked = TokenRevoked(token.name)
        record(session, about_staff(_actor_id(session, by), revoked), by=by, now=now)
    return token


def authenticate_token(session: Session, token: str) -> tuple[Caller, ApiToken] | None:
    """Return the program behind a bearer token; None for one that is unknown or revoked, or whose owner is
    deactivated."""
    found = queries.token_with_hash(session, digest(token))
    if found is None:
        return None
    row, owner = found
    if row.revoked_at is not None or (owner is not None and not owner.active):
        return None
    return Caller(id_of(row), row.name, row.role, owner.username if owner else None), row


def touch_token(session: Session, token_id: int, *, now: datetime) -> None:
    session.exec(update(ApiToken).where(col(ApiToken.id) == token_id).values(last_used_at=now))


def _actor_id(session: Session, by: Actor) -> int:
    """The stream of an administrative act: the person's, or 0 for the installation itself."""
    user = queries.user_named(session, by.name) if by.kind is ActorKind.USER else None
    return user.id if user and user.id else 0
