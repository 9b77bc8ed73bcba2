"""Actors: a person on the staff, a program with a token, the customer, or the installation itself.

An `Actor` is a text `kind:name` (`user:mei`, `token:billing`, `customer`, `system:cli`), so rows and JSON keep it as
it is. In code it is its own type; its properties give its parts, so that no caller cuts them out of the text.
"""

from __future__ import annotations

from enum import StrEnum


class ActorKind(StrEnum):
    USER = "user"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    CUSTOMER = "customer"
    SYSTEM = "system"
    FEED = "feed"


class Actor(str):
    """`Actor(text)` reads what a row holds. Raises ValueError for a kind that is none of `ActorKind`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Actor:
        ActorKind(text.partition(":")[0])
        return super().__new__(cls, text)

    @classmethod
    def user(cls, username: str) -> Actor:
        return cls(f"{ActorKind.USER}:{username}")

    @classmethod
    def token(cls, name: str) -> Actor:
        return cls(f"{ActorKind.TOKEN}:{name}")

    @classmethod
    def system(cls, part: str) -> Actor:
        """Return a part of the installation, which acts by itself or for the person at its console."""
        return cls(f"{ActorKind.SYSTEM}:{part}")

    @property
    def kind(self) -> ActorKind:
        return ActorKind(self.partition(":")[0])

    @property
    def name(self) -> str:
        """The username, the token's name or the part; empty for the customer and the installation as a whole."""
        return self.partition(":")[2]


SYSTEM = Actor("system")
CUSTOMER = Actor("customer")
