"""Put a third party on file, put their data right, write to them, log a contact with them, take them off. Pages and
the API call these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from app.actions.holds import PlacedHold, place_hold
from app.actions.people.authorities import ask_for_paper
from app.casework.cases.models import CollectionsCase
from app.casework.holds.queries import hold_of_kind
from app.casework.holds.rules import REVIEW_DAYS
from app.casework.parties.contacts import record_contact, record_identity
from app.casework.parties.models import ThirdParty
from app.casework.parties.queries import get_party
from app.casework.parties.rules import BRINGS_HOLD, PartyCheck
from app.casework.parties.service import (
    change_party,
    close_party,
    start_party,
)
from app.casework.parties.told import NewParty
from app.core.actor import Actor
from app.core.labels import PARTY_LABELS
from app.core.vocabulary import Channel
from app.outreach.planning.letterhead import LetterCatalog


@dataclass(frozen=True, slots=True)
class AddedParty:
    party: ThirdParty
    placed: PlacedHold | None
    """The hold that came with an attorney or executor; None where it stood already, or none belongs to the kind."""


def add_party(
    session: Session,
    case: CollectionsCase,
    new: NewParty,
    letters: LetterCatalog,
    *,
    today: date,
    by: Actor,
    now: datetime,
) -> AddedParty:
    """Put a third party on file. An attorney or executor stops every contact with the customer at once: they are to be
    contacted instead. A closed case makes no difference: the next one opens by itself. The caller holds the customer's
    lock."""
    party = start_party(session, case, new, by=by, now=now)
    ask_for_paper(session, case, party, today=today, by=by, now=now)
    kind = BRINGS_HOLD.get(new.kind)
    if kind is None or hold_of_kind(session, case.customer_id, kind) is not None:
        return AddedParty(party, None)
    until = today + timedelta(days=REVIEW_DAYS)
    reason = f"{PARTY_LABELS[new.kind]}: {party.full_name}"
    placed = place_hold(session, case, kind, reason[:500], until, letters, by=by, now=now)
    return AddedParty(party, placed)


def end_party(
    session: Session, case: CollectionsCase, party_id: int, reason: str, *, by: Actor, now: datetime
) -> ThirdParty:
    """Take a third party off. A hold that came with them stays until a person ends it."""
    party = get_party(session, case.customer_id, party_id, lock=True)
    close_party(session, case, party, reason, by=by, now=now)
    return party


def correct_party(
    session: Session,
    case: CollectionsCase,
    party_id: int,
    new: NewParty,
    reason: str,
    *,
    by: Actor,
    now: datetime,
) -> Mapping[str, str]:
    """Put a third party's data or authority right; what waits for the address before is withheld. Returns what it says
    now, by field that changed. The caller holds the customer's lock."""
    party = get_party(session, case.customer_id, party_id, lock=True)
    return change_party(session, case, party, new, reason, by=by, now=now)


def identify_party(
    session: Session,
    case: CollectionsCase,
    party_id: int,
    asked: Sequence[PartyCheck],
    *,
    by: Actor,
    now: datetime,
) -> ThirdParty:
    """Record that the person on the telephone showed that they are this third party: amounts are told only after that.
    The answers are not kept."""
    party = get_party(session, case.customer_id, party_id)
    record_identity(session, case, party, asked, by=by, now=now)
    return party


def log_party_contact(
    session: Session,
    case: CollectionsCase,
    party_id: int,
    channel: Channel,
    note: str,
    *,
    inbound: bool,
    reached: bool = True,
    today: date,
    by: Actor,
    now: datetime,
) -> ThirdParty:
    """Log a contact with a third party: it is none with the customer, and counts toward none of their limits."""
    party = get_party(session, case.customer_id, party_id)
    record_contact(
        session, case, party, channel, note, inbound=inbound, reached=reached, today=today, by=by, now=now
    )
    return party
