"""Staff verbs: add and change people, sign in and out.

Each writes its rows and its event in the caller's transaction. Events about a person go to that person's
stream; what the installation does without one (a person added on the command line) goes to `staff:0`.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import sqlalchemy as sa
from pwdlib import PasswordHash
from sqlmodel import Session, col, delete, select, update

from app.core.actor import SYSTEM, Actor
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff import passwords, queries, rules, sign_in
from app.core.staff.events import (
    KeysSwitched,
    LoggedIn,
    LoggedOut,
    LoginWasRefused,
    ThemeChosen,
    UserAdded,
    UserChanged,
)
from app.core.staff.models import LoginAttempt, StaffSession, User
from app.core.staff.rules import Role, Staff, Theme
from app.core.staff.sign_in import LoginRefusal, LoginRefused
from app.core.timeline.service import about_staff, record

hasher = PasswordHash.recommended()


@lru_cache
def _dummy_hash() -> str:
    """Return a hash to check when the name is unknown, so that the answer takes as long as for a known one."""
    return hasher.hash(secrets.token_urlsafe())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- people -------------------------------------------------------------------------------------------------


def add_user(
    session: Session,
    username: str,
    display_name: str,
    role: Role,
    password: str,
    *,
    by: Actor,
    now: datetime,
    temporary: bool = False,
    team: str = "",
) -> User:
    """Add a member of staff. With `temporary` the password must be changed at the first sign-in.

    Raises Invalid for a bad name, team or password, Conflict when the user name is taken.
    """
    username = passwords.fold_username(username)
    if not passwords.USERNAME.fullmatch(username):
        raise Invalid(
            "Use 2 to 64 letters a-z, digits or . _ @ + - and start with a letter or digit.", "username"
        )
    display_name = _display_name(display_name)
    _require_password(password, username)
    if queries.user_named(session, username) is not None:
        raise Conflict(f"There is already a user {username!r}.")
    user = User(
        username=username,
        display_name=display_name,
        role=role,
        team=_team(session, team),
        password_hash=hasher.hash(password),
        password_temporary=temporary,
        created_at=now,
    )
    session.add(user)
    session.flush()
    added = UserAdded(username, display_name, role, user.team)
    record(session, about_staff(id_of(user), added), by=by, now=now)
    return user


def change_user(
    session: Session,
    user_id: int,
    *,
    by: Actor,
    now: datetime,
    display_name: str | None = None,
    role: Role | None = None,
    active: bool | None = None,
    password: str | None = None,
    temporary: bool = False,
    team: str | None = None,
) -> User:
    """Change what is given. A new role, a new password or deactivation ends the person's sessions. Key figures count
    the person in a new team from the next night on.

    Raises NotFound, Invalid (name, team, password), Conflict with every reason the change may not be made.
    """
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(f"There is no member of staff {user_id}. Choose one from the list.")
    new_role, new_active = role or user.role, user.active if active is None else active
    refusals = rules.change_refusals(
        role=user.role,
        active=user.active,
        new_role=new_role,
        new_active=new_active,
        other_admins=_other_admins(session, user_id),
        own=by == f"user:{user.username}",
    )
    if refusals:
        raise Conflict(" ".join(rules.CHANGE_SENTENCES[refusal] for refusal in refusals))
    changed: dict[str, object] = {}
    if display_name is not None and _display_name(display_name) != user.display_name:
        changed["display_name"] = user.display_name = _display_name(display_name)
    if team is not None and (new_team := _team(session, team)) != user.team:
        changed["team"] = user.team = new_team
    if new_role is not user.role:
        changed["role"], user.role = [user.role.value, new_role.value], new_role
    if new_active != user.active:
        changed["active"] = user.active = new_active
    if password is not None:
        _require_password(password, user.username)
        user.password_hash, user.password_temporary = hasher.hash(password), temporary
        changed["password"] = "temporary" if temporary else "new"
    if not changed:
        return user
    session.add(user)
    if changed.keys() & {"role", "active", "password"}:
        end_sessions(session, user_id, now=now)
    record(session, about_staff(user_id, UserChanged(user.username, changed)), by=by, now=now)
    return user


def change_own_password(session: Session, staff: Staff, current: str, new: str, *, now: datetime) -> None:
    """Replace one's own password; every session of theirs ends. Raises Invalid when `current` is wrong."""
    user = session.get_one(User, staff.user_id)
    if not hasher.verify(current[: passwords.PASSWORD_MAX], user.password_hash):
        raise Invalid("This is not your present password.", "current")
    if hasher.verify(new[: passwords.PASSWORD_MAX], user.password_hash):
        raise Invalid("Choose a password that differs from the present one.", "new")
    change_user(session, staff.user_id, password=new, by=staff.by, now=now)


def switch_keys(session: Session, staff: Staff, on: bool, *, now: datetime) -> None:
    """Switch this person's single-key shortcuts on or off."""
    user = session.get_one(User, staff.user_id)
    if user.single_keys == on:
        return
    user.single_keys = on
    record(session, about_staff(staff.user_id, KeysSwitched(on)), by=staff.by, now=now)


def choose_theme(session: Session, staff: Staff, theme: Theme, *, now: datetime) -> None:
    """Keep the colours in which this person reads the desk."""
    user = session.get_one(User, staff.user_id)
    if user.theme is theme:
        return
    user.theme = theme
    record(session, about_staff(staff.user_id, ThemeChosen(theme)), by=staff.by, now=now)


def generate_password() -> str:
    """A random temporary password to hand over: 96 bits, in groups that can be read out on the telephone."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


def _display_name(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= 120:
        raise Invalid("Enter the name colleagues will see, at most 120 characters.", "display_name")
    return name


def _team(session: Session, text: str) -> str:
    """The name of a team as it is written already, whatever the case; '' = none."""
    name = " ".join(text.split())
    if len(name) > 60:
        raise Invalid("Shorten the name of the team to at most 60 characters.", "team")
    known = {each.casefold(): each for each in queries.teams(session)}
    return known.get(name.casefold(), name)


def _require_password(password: str, username: str) -> None:
    faults = passwords.password_faults(password, username)
    if faults:
        raise Invalid(" ".join(passwords.PASSWORD_SENTENCES[fault] for fault in faults), "password")


def _other_admins(session: Session, user_id: int) -> int:
    """Active administrators besides this one, locked: two of them must not remove each other at once."""
    query = select(User.id).where(User.role == Role.ADMIN, col(User.active).is_(True)).with_for_update()
    return sum(1 for admin_id in session.exec(query) if admin_id != user_id)


# --- sessions -----------------------------------------------------------------------------------------------


def log_in(
    session: Session,
    username: str,
    password: str,
    client: str,
    *,
    now: datetime,
    lifetime: timedelta = timedelta(hours=10),
) -> tuple[str, StaffSession] | LoginRefused:
    """Open a session, or return why not. `client` is the network address the attempt came from.

    The token is returned once and only its hash is kept. While throttled nothing is checked or counted.
    """
    name = passwords.fold_username(username)
    name_digest = digest(name)
    _serialise_attempts(session, name_digest)
    wait = sign_in.throttle_seconds(
        queries.failures_for_username(
            session, name_digest, now - sign_in.THROTTLE_WINDOW, sign_in.FAILURES_PER_USERNAME
        ),
        queries.failures_from_client(
            session, client, now - sign_in.THROTTLE_WINDOW, sign_in.FAILURES_PER_CLIENT
        ),
        now,
    )
    if wait:
        return LoginRefused(LoginRefusal.THROTTLED, wait)
    user = queries.user_named(session, name)
    refusal = _check_password(user, password)
    session.exec(delete(LoginAttempt).where(col(LoginAttempt.at) < now - timedelta(days=1)))
    session.add(LoginAttempt(username_digest=name_digest, client=client[:64], at=now, ok=refusal is None))
    if refusal is not None:
        # An unknown name is counted but not put on record: often it is a password in the wrong field.
        if user is not None:
            refused = LoginWasRefused(refusal, client)
            record(session, about_staff(id_of(user), refused), by=SYSTEM, now=now)
        return LoginRefused(refusal)
    assert user is not None  # no user is refused as unknown
    return _open_session(session, user, client, now=now, lifetime=lifetime)


def _check_password(user: User | None, password: str) -> LoginRefusal | None:
    """Check a password with one hash in every case; a hash with outdated parameters is renewed."""
    stored = user.password_hash if user else _dummy_hash()
    right, renewed = hasher.verify_and_update(password[: passwords.PASSWORD_MAX], stored)
    if user is None:
        return LoginRefusal.UNKNOWN
    if not right:
        return LoginRefusal.WRONG_PASSWORD
    if not user.active:
        return LoginRefusal.INACTIVE
    if renewed:
        user.password_hash = renewed
    return None


def _open_session(
    session: Session, user: User, client: str, *, now: datetime, lifetime: timedelta
) -> tuple[str, StaffSession]:
    assert user.id is not None
    token = secrets.token_urlsafe(32)
    row = StaffSession(
        id=digest(token),
        user_id=user.id,
        csrf_token=secrets.token_urlsafe(32),
        created_at=now,
        last_seen_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    session.flush()
    record(session, about_staff(user.id, LoggedIn(client)), by=Actor.user(user.username), now=now)
    return token, row


def _serialise_attempts(session: Session, name_digest: str) -> None:
    """Attempts under one name queue up, so that a burst cannot outrun the count. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        key = int(name_digest[:15], 16)
        session.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def find_session(session: Session, token: str, *, now: datetime) -> tuple[Staff, queries.SignedIn] | None:
    """The holder of this cookie, and their session; None if it is not valid."""
    found = queries.session_and_user(session, digest(token))
    if found is None or not found.active:
        return None
    alive = sign_in.session_alive(
        now=now, last_seen_at=found.last_seen_at, expires_at=found.expires_at, ended_at=found.ended_at
    )
    if not alive:
        return None
    staff = Staff(
        found.user_id, found.username, found.display_name, found.role, found.single_keys, found.theme
    )
    return staff, found


class EndedSession(NamedTuple):
    """A session that ended by time alone."""

    username: str
    csrf_token: str


def find_ended_session(session: Session, token: str, *, now: datetime) -> EndedSession | None:
    """Return whose session this cookie was, if nothing but time ended it within the last day. None for one that still
    lasts, that its person or a change of their role or password ended, and for a person who may not sign in."""
    found = queries.session_and_user(session, digest(token))
    if found is None:
        return None
    alive = sign_in.session_alive(
        now=now, last_seen_at=found.last_seen_at, expires_at=found.expires_at, ended_at=found.ended_at
    )
    if alive or found.ended_at is not None or not found.active or now >= found.expires_at + timedelta(days=1):
        return None
    return EndedSession(found.username, found.csrf_token)


def touch_session(session: Session, session_id: str, *, now: datetime) -> None:
    """Restart the idle clock of a session."""
    session.exec(
        update(StaffSession)
        .where(col(StaffSession.id) == session_id, col(StaffSession.ended_at).is_(None))
        .values(last_seen_at=now)
    )


def log_out(session: Session, staff: Staff, session_id: str, *, now: datetime) -> None:
    """End one session. Ending it twice is no error."""
    row = session.get(StaffSession, session_id)
    if row is None or row.ended_at is not None or row.user_id != staff.user_id:
        return
    row.ended_at = now
    session.add(row)
    record(session, about_staff(staff.user_id, LoggedOut()), by=staff.by, now=now)


def end_sessions(session: Session, user_id: int, *, now: datetime) -> None:
    """End every open session of this person; the caller records why."""
    session.exec(
        update(StaffSession)
        .where(col(StaffSession.user_id) == user_id, col(StaffSession.ended_at).is_(None))
        .values(ended_at=now)
    )
