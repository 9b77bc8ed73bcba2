"""Search, read out, send and rate articles on a case."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Form
from pydantic import ConfigDict
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.knowledge.answering import read_out, send_article
from app.actions.knowledge.editing import rate
from app.actions.knowledge.searches import keep_search
from app.casework.knowledge.models import KnowledgeVersion
from app.casework.knowledge.queries import get_version
from app.core.ids import id_of
from app.core.text import sentence
from app.core.vocabulary import Channel
from app.http.context import Now, after_response, engine_of, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.policy.answers import Clearance
from app.web.cases.case_file import CaseFile
from app.web.cases.case_page import show_case
from app.web.cases.forms.action import submit
from app.web.cases.forms.answers import answer_words, reader_of
from app.web.cases.knowledge.panel import customers_language, knowledge_panel
from app.web.cases.reads import read_case
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed, Wrong
from app.web.rendering import fragment

router = Router(prefix="/cases")
FORM = "knowledge"


class KnowledgeForm(Typed):
    """The form of the panel: the search, and an article's button. `missing-12` is what was missing in version 12."""

    model_config = ConfigDict(extra="allow")

    q: str = ""
    version: str = ""
    send: str = ""
    """`12:email`: the version and its channel."""
    helped: str = ""
    """`12:yes` or `12:no`."""
    fragment: str = ""
    """`1` from a script that wants the articles alone."""


@router.post("/{case_id}/knowledge/search")
def search_articles(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    typed: Annotated[KnowledgeForm, Form()],
) -> Response:
    """The articles for what was typed. A search that was sent, not one that is still being typed, is kept for the
    editors if no article answers it."""
    if not typed.fragment:
        view = read_case(session, case_id, now)
        customer, letters = view.file.customer, ports_of(request).catalog
        language = customers_language(view, letters)
        names = tuple(customer.full_name.split())
        portfolio_id, engine = id_of(view.file.portfolio), engine_of(request)
        after_response(
            request, partial(keep_search, engine, portfolio_id, language, typed.q[:200], names, now)
        )
        return show_case(request, session, staff, case_id, FormState(FORM, typed.values()), now=now)
    view = read_case(session, case_id, now)
    panel = knowledge_panel(
        session, view, ports_of(request).catalog, typed.values(), reader_locale(request), now=now
    )
    return fragment(request, "cases/_articles.html", panel=panel, file=view.file, wrong={})


@router.post("/{case_id}/knowledge/read-out")
def read_article_out(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[KnowledgeForm, Form()],
) -> Response:
    """Put on record that the article was read out on the call."""

    def act(file: CaseFile, _fields: Fields) -> Flash:
        version = _version(session, typed.version, "version")
        read_out(session, file.case, version, by=staff.by, now=now)
        return f"On record: “{version.title}” was read out on the call.", "good"

    return submit(request, session, staff, case_id, FORM, typed, act, now=now)


@router.post("/{case_id}/knowledge/send")
def send_article_in_writing(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[KnowledgeForm, Form()],
) -> Response:
    """Queue the article, where the gate clears it; sent twice, it is queued once."""

    def act(file: CaseFile, _fields: Fields) -> Flash | Wrong:
        number, _, by_channel = typed.send.partition(":")
        version = _version(session, number, "send")
        try:
            channel = Channel(by_channel)
        except ValueError:
            raise Wrong({"send": "Choose a channel of the list."}) from None
        letters = ports_of(request).catalog
        answer = send_article(session, file.case, version, channel, letters, by=staff.by, now=now)
        said = sentence(
            answer_words(channel, answer, reader_of(request, file, zone=file.zone), now, kept=False)
        )
        return (said, "good") if isinstance(answer, Clearance) else Wrong({"send": said})

    return submit(
        request, session, staff, case_id, FORM, typed, act, now=now, tab="messages", names={"channel": "send"}
    )


@router.post("/{case_id}/knowledge/rate")
def rate_article(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[KnowledgeForm, Form()],
) -> Response:
    """Say whether the article helped, and what was missing."""

    def act(_file: CaseFile, _fields: Fields) -> Flash:
        number, _, helped = typed.helped.partition(":")
        version = _version(session, number, "helped")
        missing = (typed.model_extra or {}).get(f"missing-{number}", "")
        rate(session, version, helped=helped == "yes", missing=str(missing), by=staff.by, now=now)
        return "Thank you. The editors see it.", "good"

    names = {"missing": "helped"}
    return submit(request, session, staff, case_id, FORM, typed, act, now=now, names=names)


def _version(session: Session, number: str, field: str) -> KnowledgeVersion:
    if not (number.isascii() and number.isdigit() and len(number) < 18):
        raise Wrong({field: "Choose an article of the list."})
    return get_version(session, int(number))
