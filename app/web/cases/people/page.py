"""The page of a customer's contact data: numbers and addresses with the gate's answer, third parties, name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.book.customers.queries import Point
from app.book.customers.rules import ADDRESS, PointKind
from app.book.names.service import former_names
from app.casework.documents.models import CaseDocument
from app.casework.documents.service import documents_of
from app.casework.parties.models import ThirdParty
from app.casework.parties.told import PARTY_FIELDS
from app.core.ids import id_of
from app.core.labels import (
    CONTACT_LABELS,
    MAY_BE_TOLD_LABELS,
    PARTY_CHECK_LABELS,
    PARTY_LABELS,
    POINT_LABELS,
    POINT_SOURCE_LABELS,
    POINT_STATE_LABELS,
    POINT_TYPE_LABELS,
    Labels,
)
from app.core.staff.rules import CASEWORK, Staff
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.policy.calendars import clock_text
from app.web.cases.call.header import contact_words
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.forms import action
from app.web.cases.forms.action import Place
from app.web.cases.gate_answers import Gate, GateRow, gate_of
from app.web.cases.people.contactable import LetterShown, StandIn
from app.web.cases.people.stand_ins import enquiry_of, stand_ins_of
from app.web.cases.reads import CASE_READS, read_case
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed
from app.web.rendering import Page, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")

CHANNELS: Mapping[PointKind, tuple[Channel, ...]] = {
    PointKind.PHONE: (Channel.CALL, Channel.SMS),
    PointKind.EMAIL: (Channel.EMAIL,),
    PointKind.ADDRESS: (Channel.POST,),
}


@dataclass(frozen=True, slots=True)
class ContactDataPage(Page):
    template = "cases/contact_data.html"
    file: CaseFile
    now: datetime
    points: Mapping[PointKind, Sequence[Point]]
    """Those in use, by kind; each kind is there."""
    ended: Sequence[Point]
    answers: Mapping[str, Sequence[GateRow]]
    """By the key of a point; messages and letters go to the main one of its kind only."""
    parties: Sequence[ThirdParty]
    stand_ins: Mapping[int, StandIn]
    """By the id of a third party, those who may stand in for the customer."""
    enquiry: LetterShown | None
    """The letter to the estate; None = it is not the time for it."""
    speaks: ThirdParty | None
    former_names: Sequence[tuple[str, datetime]]
    """The newest first, each with the moment at which it changed."""
    instead: str
    documents: Sequence[CaseDocument]
    stored: Callable[[ThirdParty], Mapping[str, str]]
    """A third party as the form that puts it right opens."""
    clock_of: Callable[[int], str]
    labels: Mapping[str, Labels]
    address_parts: Sequence[tuple[str, str]]
    reader: PageReader
    there: PageReader
    can_write: bool
    form: FormState


@router.get("/{case_id}/contact-data")
def contact_data(
    request: Request, case_id: RowId, staff: CaseReader, session: ReadSession, now: Now, do: str = ""
) -> Response:
    file = open_case_file(session, case_id, now)
    return show(request, session, staff, file, FormState(do), now=now)


@router.get("/{case_id}/contact-data/{_form:path}")
def form_address(case_id: RowId, _form: str, _staff: CaseReader) -> Response:
    """The address of a form, opened after a refused form or by hand."""
    return RedirectResponse(f"/cases/{case_id}/contact-data", status_code=303)


def show(
    request: Request,
    session: Session,
    staff: Staff,
    file: CaseFile,
    form: FormState,
    *,
    now: datetime,
    status: int = 200,
) -> Response:
    view = read_case(session, id_of(file.case), now)
    points, gate = view.points, gate_of(view, now, works=staff.role in CASEWORK)
    used = [point for point in points if point.ended_at is None]
    parties = sorted(view.found[CASE_READS.parties], key=lambda party: party.ended_at is not None)
    there = PageReader(reader_locale(request), file.book.currency, file.zone)
    catalog, shows = ports_of(request).catalog, file.is_open and staff.role in CASEWORK
    speaks, locale = view.representative, reader_locale(request)
    return page(
        request,
        ContactDataPage(
            file=file,
            now=now,
            points={kind: [point for point in used if point.kind is kind] for kind in PointKind},
            ended=[point for point in points if point.ended_at is not None],
            answers={point.key: _answers(gate, point) for point in used},
            parties=parties,
            stand_ins=stand_ins_of(session, file, parties, catalog, there, now) if shows else {},
            enquiry=enquiry_of(session, file, parties, catalog, there, now) if shows else None,
            speaks=speaks,
            former_names=former_names(session, id_of(file.customer)),
            instead=contact_words(speaks) if speaks else "",
            documents=[d for d in documents_of(session, id_of(file.customer)) if d.withdrawn_at is None],
            stored=stored_party,
            clock_of=clock_text,
            labels={
                "kind": POINT_LABELS,
                "type": POINT_TYPE_LABELS,
                "state": POINT_STATE_LABELS,
                "source": POINT_SOURCE_LABELS,
                "party": PARTY_LABELS,
                "told": MAY_BE_TOLD_LABELS,
                "check": PARTY_CHECK_LABELS,
            },
            address_parts=[(name, CONTACT_LABELS[name]) for name in ADDRESS],
            reader=PageReader(locale, file.book.currency, file.portfolio.timezone, view.names),
            there=there,
            can_write=staff.role in CASEWORK,
            form=form,
        ),
        status,
        view.sight(staff),
    )


def stored_party(party: ThirdParty) -> Mapping[str, str]:
    """The fields of a third party as a form has them."""

    def said(name: str) -> str:
        value = getattr(party, name)
        if isinstance(value, bool):
            return "on" if value else ""
        if value is None:
            return ""
        return clock_text(value) if name.startswith("quiet") else str(value)

    return {name: said(name) for name in PARTY_FIELDS}


def _answers(gate: Gate, point: Point) -> list[GateRow]:
    channels = CHANNELS[point.kind] if point.is_main else CHANNELS[point.kind][:1]
    return [gate.row(channel, point.value) for channel in channels]


def submit(
    request: Request,
    session: Session,
    staff: Staff,
    case_id: int,
    form: str,
    typed: Typed,
    act: Callable[[CaseFile, Fields], Flash],
    *,
    now: datetime,
) -> Response:
    """Do what a form of this page asks, or show the page again with what was typed."""

    def again(file: CaseFile, state: FormState, status: int) -> Response:
        return show(request, session, staff, file, state, now=now, status=status)

    place = Place(again, lambda: f"/cases/{case_id}/contact-data#content", keeps_drafts=False)
    return action.submit(request, session, staff, case_id, form, typed, act, now=now, place=place)
