"""Roles, passwords, sessions, and throttling of sign-ins. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.core.actor import Actor


class Role(StrEnum):
    AGENT = "agent"
    MANAGER = "manager"
    LEGAL = "legal"
    ADMIN = "admin"


ROLE_LABELS = {Role.AGENT: "Agent", Role.MANAGER: "Manager", Role.LEGAL: "Legal", Role.ADMIN: "Administrator"}

# What each group of doors is for. Nobody holds everything: an administrator runs staff and tokens and sees no
# cardholder, so a stolen administrator's password opens no file.
CASEWORK = (Role.AGENT, Role.MANAGER)
CASE_READING = (Role.AGENT, Role.MANAGER, Role.LEGAL)
LEGAL_WORK = (Role.LEGAL,)
MANAGEMENT = (Role.MANAGER,)
ADMINISTRATION = (Role.ADMIN,)
SWITCHING = (Role.MANAGER, Role.ADMIN)
"""Stop all sending, and start it again: needed at once, in any role."""
EVERYONE = tuple(Role)


@dataclass(frozen=True, slots=True)
class Staff:
    """A person who is signed in."""

    user_id: int
    username: str
    display_name: str
    role: Role

    @property
    def by(self) -> Actor:
        """How this person is named on the timeline."""
        return Actor.user(self.username)


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that shows an API token."""

    token_id: int
    name: str
    role: Role

    @property
    def by(self) -> Actor:
        return Actor.token(self.name)


# --- names and passwords ------------------------------------------------------------------------------------

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")
TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
PASSWORD_MIN = 12
"""PCI DSS 4.0, 8.3.6."""
PASSWORD_MAX = 128
"""Long enough for any passphrase, short enough that hashing one costs what hashing another does."""


def fold_username(text: str) -> str:
    """One spelling per person: Unicode-normalised, case-folded, without outer spaces."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


class PasswordFault(StrEnum):
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    HAS_USERNAME = "has_username"
    TOO_PLAIN = "too_plain"


PASSWORD_SENTENCES = {
    PasswordFault.TOO_SHORT: f"Use at least {PASSWORD_MIN} characters.",
    PasswordFault.TOO_LONG: f"Use at most {PASSWORD_MAX} characters.",
    PasswordFault.HAS_USERNAME: "Leave the user name out of the password.",
    PasswordFault.TOO_PLAIN: "Use more than a few different characters.",
}


def password_faults(password: str, username: str) -> list[PasswordFault]:
    """Everything wrong with a new password; no composition rules (NIST SP 800-63B-4, 3.1.1.2)."""
    faults = []
    if len(password) < PASSWORD_MIN:
        faults.append(PasswordFault.TOO_SHORT)
    if len(password) > PASSWORD_MAX:
        faults.append(PasswordFault.TOO_LONG)
    if len(username) >= 4 and username in password.casefold():
        faults.append(PasswordFault.HAS_USERNAME)
    if len(set(password)) < 5:
        faults.append(PasswordFault.TOO_PLAIN)
    return faults


# --- signing in ---------------------------------------------------------------------------------------------


class LoginRefusal(StrEnum):
    UNKNOWN = "unknown"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a reason
    INACTIVE = "inactive"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """`reason` is for the record; the person who signs in only learns to try again, or how long to wait."""

    reason: LoginRefusal
    wait_seconds: int = 0


THROTTLE_WINDOW = timedelta(minutes=15)
FAILURES_PER_USERNAME = 5
FAILURES_PER_CLIENT = 20
"""Higher than for one name: an office shares an address."""


def throttle_seconds(
    username_failures: Sequence[datetime], client_failures: Sequence[datetime], now: datetime
) -> int:
    """Seconds to wait before the next try, 0 if none. Failures come newest first; old ones may be left in."""
    wait = timedelta(0)
    for failures, limit in (
        (username_failures, FAILURES_PER_USERNAME),
        (client_failures, FAILURES_PER_CLIENT),
    ):
        if len(failures) >= limit:
            # The limit-th newest failure leaves the window first; then one try is free again.
            wait = max(wait, failures[limit - 1] + THROTTLE_WINDOW - now)
    return max(0, -(-int(wait.total_seconds() * 1000) // 1000))


SESSION_IDLE = timedelta(minutes=60)
"""A negotiation on the telephone can leave the page untouched for half an hour."""
TOUCH_EVERY = timedelta(seconds=60)
"""How exact `last_seen_at` is: writing it on every request would make every page view a write."""


def session_alive(
    *, now: datetime, last_seen_at: datetime, expires_at: datetime, ended_at: datetime | None
) -> bool:
    return ended_at is None and now < expires_at and now < last_seen_at + SESSION_IDLE


# --- changing staff -----------------------------------------------------------------------------------------


class ChangeRefusal(StrEnum):
    LAST_ADMIN = "last_admin"
    OWN_ACCOUNT = "own_account"


CHANGE_SENTENCES = {
    ChangeRefusal.LAST_ADMIN: "This is the last active administrator; appoint another one first.",
    ChangeRefusal.OWN_ACCOUNT: "You cannot change your own role or deactivate yourself; ask a colleague.",
}


def change_refusals(
    *, role: Role, active: bool, new_role: Role, new_active: bool, other_admins: int, own: bool
) -> list[ChangeRefusal]:
    """Why a change of role or activity may not be made. `other_admins`: active ones besides this person."""
    refusals = []
    was_admin = active and role is Role.ADMIN
    stays_admin = new_active and new_role is Role.ADMIN
    if was_admin and not stays_admin and other_admins == 0:
        refusals.append(ChangeRefusal.LAST_ADMIN)
    if own and (new_role is not role or new_active != active):
        refusals.append(ChangeRefusal.OWN_ACCOUNT)
    return refusals


IDEMPOTENCY_KEPT = timedelta(hours=24)
"""How long an API answer can be asked for again; it may hold personal data, so no longer than retries need."""
