"""How an adviser is reached: correct it, say that an address is wrong, use one again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.casework.advisers import service
from app.casework.advisers.models import Adviser
from app.casework.advisers.queries import addresses_of
from app.casework.advisers.service import AdviserContact
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.text import clean_text
from app.core.vocabulary import Channel
from app.outreach.gate.third_parties.representation import spelled
from app.outreach.outbox.models import ClosedPartyAddress
from app.outreach.planning.representatives.addresses import (
    close_address,
    closed_address,
    open_address,
)
from app.policy.facts import Suppression


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """An e-mail or postal address of an adviser, and why nothing is sent there."""

    channel: Channel
    address: str
    closed: ClosedPartyAddress | None


def known_addresses(session: Session, adviser: Adviser) -> Sequence[KnownAddress]:
    """The addresses of an adviser, its own first."""
    return [
        KnownAddress(
            Channel.EMAIL if "@" in address and len(address.split()) == 1 else Channel.POST,
            address,
            closed_address(session, address),
        )
        for address in addresses_of(session, adviser)
    ]


def correct_adviser(
    session: Session, adviser: Adviser, contact: AdviserContact, *, by: Actor, now: datetime
) -> int:
    """Correct how an adviser is reached; letters that wait for the old address do not leave. Returns on the files of
    how many customers. Invalid names the wrong field."""
    return service.correct_contact(session, adviser, contact, by=by, now=now)


def mark_wrong(
    session: Session, adviser: Adviser, address: str, reason: str, *, by: Actor, now: datetime
) -> None:
    """Send nothing more to an address of an adviser: a person says that it is wrong. Letters on their way to it are
    withheld. Invalid names the wrong field; Conflict where it is closed already."""
    known, reason = _known(session, adviser, address), _reason(reason)
    if not close_address(session, known, Suppression.MANUAL, reason, by=by, now=now):
        raise Conflict("Nothing is sent to this address already.", "address")
    service.note_address(session, adviser, known, reason, is_open=False, by=by, now=now)


def use_again(
    session: Session, adviser: Adviser, address: str, reason: str, *, by: Actor, now: datetime
) -> None:
    """Use an address of an adviser again. Invalid names the wrong field; Conflict where it is open."""
    known, reason = _known(session, adviser, address), _reason(reason)
    if closed_address(session, known) is None:
        raise Conflict("This address is used already.", "address")
    open_address(session, known, reason, by=by, now=now)
    service.note_address(session, adviser, known, reason, is_open=True, by=by, now=now)


def _known(session: Session, adviser: Adviser, address: str) -> str:
    """The address as it is on file."""
    service.require_active(adviser)
    wanted = spelled(address)
    found = next((each for each in addresses_of(session, adviser) if spelled(each) == wanted), None)
    if not wanted or found is None:
        raise Invalid(f"This is no address of {adviser.name}. Choose one of the list.", "address")
    return found


def _reason(reason: str) -> str:
    return clean_text(reason, "reason", at_most=300, one_line=True, empty="Say how you know.")
