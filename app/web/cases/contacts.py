"""Contacts and refusals of one case: every answer of the gate with its reasons, and the same question asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from app.casework.support_needs.sight import sight_of
from app.core.errors import Conflict, Forbidden, NotFound
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS
from app.core.timeline.models import Event
from app.http.context import Now
from app.http.cursors import RowId, decode_cursor, encode_cursor
from app.http.doors import CaseReader
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession, StreamSession
from app.outreach.gate import queries
from app.outreach.gate.decisions import Replay, replay
from app.outreach.gate.queries import Decision, Period, for_sight
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.lists import Column, csv_download
from app.web.lookups import staff_names
from app.web.managers.contacts import COLUMNS, CSV_HEADER, PAGE, WORDS, DecisionWords, csv_rows
from app.web.rendering import Page, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")

EVER = (datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class CaseContactsPage(Page):
    template = "cases/contacts.html"
    file: CaseFile
    zone: str
    words: Mapping[str, tuple[str, str, str]]
    channel_words: Mapping[str, str]
    says: DecisionWords
    columns: Sequence[Column]
    chosen: str
    decisions: Sequence[Decision]
    next_cursor: str | None


@router.get("/{case_id}/contacts")
def case_contacts(
    request: Request,
    case_id: RowId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    decision: str = "",
    cursor: str = "",
) -> Response:
    file = open_case_file(session, case_id, now)
    sight = sight_of(session, id_of(file.customer), staff.role, staff.by)
    chosen = decision if decision in queries.DECISIONS else ""
    found = queries.decisions(
        session,
        Period(*EVER, case_id=case_id),
        decision=chosen,
        after=decode_cursor(cursor, 2, datetime.fromisoformat, int),
        limit=PAGE + 1,
    )
    last = found[PAGE - 1] if len(found) > PAGE else None
    return page(
        request,
        CaseContactsPage(
            file=file,
            zone=file.zone,
            words=WORDS,
            channel_words=CHANNEL_LABELS,
            says=DecisionWords(PageReader(reader_locale(request), "", file.zone, staff_names(session))),
            columns=COLUMNS,
            chosen=chosen,
            decisions=[for_sight(each, sight) for each in found[:PAGE]],
            next_cursor=encode_cursor(last.at.isoformat(), last.event_id) if last else None,
        ),
    )


@router.get("/{case_id}/contacts.csv")
def case_contacts_csv(case_id: RowId, staff: CaseReader, session: StreamSession, now: Now) -> Response:
    file = open_case_file(session, case_id, now)
    sight = sight_of(session, id_of(file.customer), staff.role, staff.by)
    found = queries.all_decisions(session, Period(*EVER, case_id=case_id))
    rows = (for_sight(each, sight) for each in found)
    return csv_download(f"{file.case.reference}-contacts.csv", CSV_HEADER, csv_rows(rows))


@dataclass(frozen=True, slots=True)
class ReplayPage(Page):
    template = "cases/replay.html"
    file: CaseFile
    zone: str
    event: Event
    found: Replay | None
    problem: str


@router.get("/{case_id}/contacts/{event_id}")
def case_replay(
    request: Request,
    case_id: RowId,
    event_id: Annotated[int, Path(ge=1, lt=2**63)],
    staff: CaseReader,
    session: ReadSession,
    now: Now,
) -> Response:
    """The decision on record beside the answer of today's code to the same question."""
    file = open_case_file(session, case_id, now)
    event = session.get(Event, event_id)
    if event is None or event.case_id != case_id:
        raise NotFound(f"Case {file.case.reference} has no decision {event_id}. Choose one of its contacts.")
    if not sight_of(session, id_of(file.customer), staff.role, staff.by).sees(event.kind, event.data):
        raise Forbidden(
            "This decision is for the people who work the case: it tells what the customer needs."
        )
    found, problem = None, ""
    try:
        found = replay(session, event_id)
    except (NotFound, Conflict) as error:
        problem = str(error)
    return page(request, ReplayPage(file=file, zone=file.zone, event=event, found=found, problem=problem))
