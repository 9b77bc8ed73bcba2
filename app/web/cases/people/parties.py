"""Forms of third parties: put on file, put right, written to, contacted, taken off."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.actions.people import parties as acts
from app.casework.parties.rules import PartyCheck
from app.core.labels import HOLD_LABELS
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.people.page import submit
from app.web.cases.people.party_form import PartyForm, party_typed
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, Typed

router = Router(prefix="/cases/{case_id}/contact-data")


@router.post("/third-parties")
def add(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PartyForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        new = party_typed(typed, fields)
        letters = ports_of(request).catalog
        added = acts.add_party(session, file.case, new, letters, today=file.book.today, by=staff.by, now=now)
        held = (
            f" {HOLD_LABELS[added.placed.hold.kind]} hold placed: do not contact the customer."
            if added.placed
            else ""
        )
        paper = "" if added.party.is_proven else " Say nothing of the debt until the paper is on file."
        return f"{added.party.full_name} is on file.{held}{paper}", "good"

    return submit(request, session, staff, case_id, "add-party", typed, act, now=now)


@router.post("/third-parties/{party_id}/correct")
def correct(
    request: Request,
    case_id: RowId,
    party_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PartyForm, Form()],
) -> Response:
    """Other data or another authority. What it said before stays on the timeline."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        new = party_typed(typed, fields)
        changed = acts.correct_party(session, file.case, party_id, new, typed.reason, by=staff.by, now=now)
        return ("Saved.", "good") if changed else ("Nothing was different.", "info")

    return submit(request, session, staff, case_id, f"correct-party-{party_id}", typed, act, now=now)


class IdentityForm(Typed):
    asked: list[str] = Field(default=[], max_length=20)


@router.post("/third-parties/{party_id}/identity")
def identity(
    request: Request,
    case_id: RowId,
    party_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[IdentityForm, Form()],
) -> Response:
    """Record how the person on the telephone was identified; the page then shows the amounts."""
    known = {each.value for each in PartyCheck}

    def act(file: CaseFile, _fields: Fields) -> Flash:
        asked = [PartyCheck(name) for name in typed.asked if name in known]
        party = acts.identify_party(session, file.case, party_id, asked, by=staff.by, now=now)
        return f"Identity of {party.full_name} recorded.", "good"

    return submit(request, session, staff, case_id, f"identity-party-{party_id}", typed, act, now=now)


class PartyContactForm(Typed):
    channel: str = ""
    way: str = ""
    missed: str = ""
    note: str = ""


@router.post("/third-parties/{party_id}/contacts")
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
            inbound=typed.way == "in", reached=not typed.missed, today=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        return f"Contact with {party.full_name} saved.", "good"

    return submit(request, session, staff, case_id, f"party-contact-{party_id}", typed, act, now=now)


@router.post("/third-parties/{party_id}/end")
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
