"""Forms of letters to who stands in for the customer, and to the estate."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.people import party_letters as letter_acts
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.outreach.outbox.models import PartyLetter
from app.outreach.outbox.rules import PartyLetterStatus
from app.web.cases.case_file import CaseFile
from app.web.cases.people.page import submit
from app.web.form_action import Flash
from app.web.forms import Fields, Typed
from app.web.timeline import PageReader

router = Router(prefix="/cases/{case_id}/contact-data")


@router.post("/third-parties/{party_id}/letter")
def letter(
    request: Request,
    case_id: RowId,
    party_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:
    """Queue the letter to who stands in for the customer."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        row = letter_acts.write_to_party(
            session, file.case, party_id, ports_of(request).catalog, by=staff.by, now=now
        )
        return became(row, file, fields)

    return submit(request, session, staff, case_id, f"letter-party-{party_id}", typed, act, now=now)


@router.post("/estate-enquiry")
def estate_enquiry(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:
    """Queue the letter that asks the estate who administers it."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        row = letter_acts.ask_the_estate(session, file.case, ports_of(request).catalog, by=staff.by, now=now)
        return became(row, file, fields)

    return submit(request, session, staff, case_id, "estate-enquiry", typed, act, now=now)


def became(row: PartyLetter, file: CaseFile, fields: Fields) -> Flash:
    """What became of a letter, in words."""
    match row.status:
        case PartyLetterStatus.WRITTEN:
            return "The letter is queued.", "good"
        case PartyLetterStatus.WAITS:
            until = PageReader(fields.locale, file.book.currency, file.zone).instant(
                row.until or row.created_at
            )
            return f"The letter waits until {until} and is asked about again then.", "info"
        case _:
            return f"The letter is not written: {row.why}.", "warn"
