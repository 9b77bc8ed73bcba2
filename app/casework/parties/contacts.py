"""Contacts with third parties: logged, and who they are checked; row and event in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.parties.events import (
    ThirdPartyContacted,
    ThirdPartyIdentified,
)
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import PartyCheck
from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import record
from app.core.vocabulary import Channel


def record_contact(
    session: Session,
    case: CollectionsCase,
    party: ThirdParty,
    channel: Channel,
    note: str,
    *,
    inbound: bool,
    reached: bool = True,
    today: date,
    by: Actor,
    now: datetime,
) -> None:
    """Record a call, message or letter with a third party. `reached`: they spoke, or were written to. Invalid without a
    note."""
    note = clean_text(note, "note", empty="Say what was said, or that nobody answered.")
    event = ThirdPartyContacted(
        id_of(party), party.kind, party.full_name, channel, inbound, party.knows_on(today), note, reached
    )
    record(session, about_case(case, event, channel=channel), by=by, now=now)


def record_identity(
    session: Session,
    case: CollectionsCase,
    party: ThirdParty,
    asked: Sequence[PartyCheck],
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Record how a person on the telephone showed that they are this third party. Invalid where nothing was asked."""
    if not asked:
        raise Invalid("Tick what was checked. A name alone tells nobody apart.", "asked")
    told = ThirdPartyIdentified(id_of(party), party.kind, party.full_name, tuple(dict.fromkeys(asked)))
    record(session, about_case(case, told), by=by, now=now)
