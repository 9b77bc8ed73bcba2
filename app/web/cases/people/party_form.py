"""The form of a third party, as it was typed."""

from __future__ import annotations

from datetime import time

from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.told import NewParty
from app.web.forms import Fields, Typed, chosen_row


class PartyForm(Typed):
    kind: str = ""
    name: str = ""
    organisation: str = ""
    reference: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""
    country: str = ""
    language: str = ""
    timezone: str = ""
    by_call: str = ""
    by_email: str = ""
    by_post: str = ""
    quiet_from: str = ""
    quiet_until: str = ""
    may_be_told: str = ""
    authority_from: str = ""
    authority_until: str = ""
    document_id: str = ""
    note: str = ""
    reason: str = ""


def party_typed(typed: PartyForm, fields: Fields) -> NewParty:
    """The third party that the form says. Faults are noted beside their fields."""
    new = NewParty(
        kind=fields.choice("kind", PartyKind),
        name=typed.name,
        may_be_told=fields.choice("may_be_told", MayBeTold),
        organisation=typed.organisation,
        reference=typed.reference,
        phone=typed.phone,
        email=typed.email,
        address=typed.address,
        country=typed.country,
        language=typed.language,
        timezone=typed.timezone,
        by_call=bool(typed.by_call),
        by_email=bool(typed.by_email),
        by_post=bool(typed.by_post),
        quiet_from=_minutes("quiet_from", fields),
        quiet_until=_minutes("quiet_until", fields),
        authority_from=fields.day("authority_from") if fields.has("authority_from") else None,
        authority_until=fields.day("authority_until") if fields.has("authority_until") else None,
        document_id=chosen_row(fields, "document_id"),
        note=typed.note,
    )
    fields.done()
    return new


def _minutes(name: str, fields: Fields) -> int | None:
    """Minutes after midnight of a typed clock time such as `20:30`; None where it is empty."""
    text = fields.values[name].strip()
    if not text:
        return None
    try:
        at = time.fromisoformat(text)
    except ValueError:
        fields.errors[name] = "Write a time such as 20:30."
        return None
    return at.hour * 60 + at.minute
