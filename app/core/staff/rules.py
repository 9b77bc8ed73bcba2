"""Roles, passwords, sessions, and throttling of sign-ins. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.core.actor import Actor


class Role(StrEnum):
    AGENT = "agent"
    MANAGER = "manager"
    LEGAL = "legal"
    ADMIN = "admin"


class Theme(StrEnum):
    """Colours of the pages."""

    SYSTEM = "system"
    """As the reader's own computer has them."""
    LIGHT = "light"
    DARK = "dark"


ROLE_LABELS = {Role.AGENT: "Agent", Role.MANAGER: "Manager", Role.LEGAL: "Legal", Role.ADMIN: "Administrator"}

# Purpose of each group of doors. No role holds everything: an administrator runs staff and tokens and sees no
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
    single_keys: bool = True
    """Shortcuts of a single key work (WCAG 2.1.4: they can be switched off)."""
    theme: Theme = Theme.SYSTEM

    @property
    def by(self) -> Actor:
        """Return this person as an author of events."""
        return Actor.user(self.username)


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that shows an API token."""

    token_id: int
    name: str
    role: Role
    owner: str | None = None
    """User name of the person who answers for the token."""

    @property
    def by(self) -> Actor:
        """Return this program as an author of events."""
        return Actor.token(self.name)


# --- names and passwords ------------------------------------------------------------------------------------


# --- signing in ---------------------------------------------------------------------------------------------


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
    """Return every reason why a change of role or activity may not be made. `other_admins`: active ones besides this
    person."""
    refusals = []
    was_admin = active and role is Role.ADMIN
    stays_admin = new_active and new_role is Role.ADMIN
    if was_admin and not stays_admin and other_admins == 0:
        refusals.append(ChangeRefusal.LAST_ADMIN)
    if own and (new_role is not role or new_active != active):
        refusals.append(ChangeRefusal.OWN_ACCOUNT)
    return refusals


IDEMPOTENCY_KEPT = timedelta(hours=24)
"""Time in which an API answer can be asked for again; it may hold personal data, so no longer than retries need."""
