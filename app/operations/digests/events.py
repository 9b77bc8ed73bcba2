"""Events of the list of who gets digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.timeline.payload import Payload


@dataclass(frozen=True, slots=True)
class DigestRecipientAdded(Payload):
    KIND = "digest.recipient_added"

    recipient_id: int
    recipient: str
    """A user name, or the host of a webhook."""
    cadence: str


@dataclass(frozen=True, slots=True)
class DigestRecipientChanged(Payload):
    KIND = "digest.recipient_changed"

    recipient_id: int
    recipient: str
    was: Mapping[str, str]
    now: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DigestSecretReplaced(Payload):
    """The secret of a webhook was replaced."""

    KIND = "digest.secret_replaced"

    recipient_id: int
    recipient: str
    until: str
    """The old one signs beside the new one until then; '' = it signs nothing more."""


@dataclass(frozen=True, slots=True)
class DigestRecipientEnded(Payload):
    KIND = "digest.recipient_ended"

    recipient_id: int
    recipient: str


@dataclass(frozen=True, slots=True)
class DigestGivenUp(Payload):
    """A digest that did not arrive for a day."""

    KIND = "digest.given_up"

    recipient_id: int
    recipient: str
    business_date: str
    reason: str
