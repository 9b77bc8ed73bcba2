"""Forms of third parties: put on file, contacted, taken off."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.people import parties as acts
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.service import NewParty
from app.core.labels import HOLD_LABELS
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.people.page import submit
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, Typed

router = Router(prefix="/cases/{case_id}/contact-data/third-parties")


class PartyForm(Typed):
    kind: str = ""
    name: str = ""
    organisation: str = ""
    reference: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""
    may_be_told: str = ""
    authority_from: str = ""
    authority_until: str = ""
    document_id: str = ""
    note: str = ""


@router.post("")
def add(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PartyForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        new = NewParty(
            kind=fields.choice("kind", PartyKind),
            name=typed.name,
            may_be_told=fields.choice("may_be_told", MayBeTold),
            organisation=typed.organisation,
            reference=typed.reference,
            phone=typed.phone,
            email=typed.email,
            address=typed.address,
            authority_from=fields.day("authority_from") if fields.has("authority_from") else None,
            authority_until=fields.day("authority_until") if fields.has("authority_until") else None,
            document_id=fields.whole("document_id") if fields.has("document_id") else None,
            note=typed.note,
        )
        fields.done()
        letters = ports_of(request).catalog
        added = acts.add_party(session, file.case, new, letters, today=file.book.today, by=staff.by, now=now)
        held = (
            f" {HOLD_LABELS[added.placed.hold.kind]} hold placed: do not contact the customer."
            if added.placed
            else ""
        )
        return f"{added.party.full_name} is on file.{held}", "good"

    return submit(request, session, staff, case_id, "add-party", typed, act, now=now)


class PartyContactForm(Typed):
    channel: str = ""
    way: str = ""
    note: str = ""


@router.post("/{party_id}/contacts")
def contact(
    request: Request,
    case_id: RowId,
    party_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PartyContactForm, Form()],
) -> Response:
    """Log a contact with a third party."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        channel = fields.choice("channel", Channel)
        if typed.way not in ("in", "out"):
            fields.errors["way"] = "Choose one."
        fields.done()
        party = acts.log_party_contact(
            session, file.case, party_id, channel, typed.note,
            inbound=typed.way == "in", today=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        return f"Contact with {party.full_name} saved.", "good"

    return submit(request, session, staff, case_id, f"party-contact-{party_id}", typed, act, now=now)


@router.post("/{party_id}/end")
def end(
    request: Request,
    case_id: RowId,
    party_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        fields.reason()
        fields.done()
        party = acts.end_party(session, file.case, party_id, typed.reason, by=staff.by, now=now)
        return (
            f"{party.full_name} is off the file. A hold that came with them stays until a person ends it.",
            "good",
        )

    return submit(request, session, staff, case_id, f"end-party-{party_id}", typed, act, now=now)
