"""Verbs of third parties: row and event in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.parties.events import (
    ThirdPartyAdded,
    ThirdPartyChanged,
    ThirdPartyEnded,
)
from app.casework.parties.models import ThirdParty
from app.casework.parties.told import PARTY_FIELDS, NewParty, checked_party, spelled_field, vars_of
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_reason
from app.core.timeline.service import record

REACHED_BY = ("phone", "email", "address")
"""Of these the timeline, which nobody can change, says only that they changed: they are forgotten with the person."""


def start_party(
    session: Session, case: CollectionsCase, new: NewParty, *, by: Actor, now: datetime
) -> ThirdParty:
    """Put a third party on file. Invalid names the wrong field. The caller holds the customer's lock."""
    checked = checked_party(session, case, new, now=now)
    party = ThirdParty(**vars_of(checked), customer_id=case.customer_id, created_at=now, by=by)
    session.add(party)
    session.flush()
    told = ThirdPartyAdded(
        id_of(party), party.kind, party.full_name, party.may_be_told, party.authority_from,
        party.authority_until, party.document_id, party.note,
    )  # fmt: skip
    record(session, about_case(case, told), by=by, now=now)
    return party


def change_party(
    session: Session,
    case: CollectionsCase,
    party: ThirdParty,
    new: NewParty,
    reason: str,
    *,
    by: Actor,
    now: datetime,
) -> Mapping[str, str]:
    """Put a third party's data or authority right; returns what it says now, by field that changed. The kind stays:
    another office is another entry. Invalid names the wrong field; Conflict where the party has ended. The caller holds
    the customer's lock."""
    reason = clean_reason(reason)
    if party.ended_at is not None:
        raise Conflict(f"{party.full_name} was taken off file. Put them on file again.")
    if new.kind is not party.kind:
        raise Invalid("The kind stays. Take this person off and put them on file as another.", "kind")
    checked = checked_party(session, case, new, now=now, before=party)
    before = {name: getattr(party, name) for name in PARTY_FIELDS}
    now_said = vars_of(checked)
    changed = [name for name in PARTY_FIELDS if before[name] != now_said[name]]
    for name in changed:
        setattr(party, name, now_said[name])
    session.flush()
    if not changed:
        return {}
    says = {name: spelled_field(now_said[name]) for name in changed}
    shown = [name for name in changed if name not in REACHED_BY]
    was = {name: spelled_field(before[name]) for name in shown}
    said = {name: says[name] for name in shown}
    reach = tuple(name for name in changed if name in REACHED_BY)
    told = ThirdPartyChanged(id_of(party), party.kind, party.full_name, was, said, reason, reach)
    record(session, about_case(case, told), by=by, now=now)
    return says


def close_party(
    session: Session, case: CollectionsCase, party: ThirdParty, reason: str, *, by: Actor, now: datetime
) -> None:
    """Take a third party off: they may be told nothing from now on. Conflict where it has ended."""
    reason = clean_reason(reason)
    if party.ended_at is not None:
        raise Conflict(f"{party.full_name} was taken off file before.")
    party.ended_at, party.ended_by, party.end_reason = now, by, reason
    ended = ThirdPartyEnded(id_of(party), party.kind, party.full_name, reason)
    record(session, about_case(case, ended), by=by, now=now)
