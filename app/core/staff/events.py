"""Events of staff, their logins and API tokens, in the stream of the person concerned or of the person who acted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.staff.rules import Role, Theme
from app.core.staff.sign_in import LoginRefusal
from app.core.timeline.payload import Payload


@dataclass(frozen=True, slots=True)
class UserAdded(Payload):
    KIND = "staff.user_added"

    username: str
    display_name: str
    role: Role
    team: str = ""


@dataclass(frozen=True, slots=True)
class UserChanged(Payload):
    KIND = "staff.user_changed"

    username: str
    changed: Mapping[str, object]
    """New values by field; `role` is [before, after], `password` is `new` or `temporary`."""


@dataclass(frozen=True, slots=True)
class KeysSwitched(Payload):
    """A person switched their single-key shortcuts on or off."""

    KIND = "staff.keys_switched"

    on: bool


@dataclass(frozen=True, slots=True)
class ThemeChosen(Payload):
    """A person chose the colours of their pages."""

    KIND = "staff.theme_chosen"

    theme: Theme


@dataclass(frozen=True, slots=True)
class TokenIssued(Payload):
    KIND = "staff.token_issued"

    token: str
    """The token's name."""
    role: Role
    owner: str | None = None
    """User name of the person who answers for it."""


@dataclass(frozen=True, slots=True)
class TokenRevoked(Payload):
    KIND = "staff.token_revoked"

    token: str


@dataclass(frozen=True, slots=True)
class LoggedIn(Payload):
    KIND = "staff.logged_in"

    client: str


@dataclass(frozen=True, slots=True)
class LoggedOut(Payload):
    KIND = "staff.logged_out"


@dataclass(frozen=True, slots=True)
class LoginWasRefused(Payload):
    KIND = "staff.login_refused"

    reason: LoginRefusal
    client: str
