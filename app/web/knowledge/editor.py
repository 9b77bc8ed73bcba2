"""Write an article: a new one, the draft of a language with its preview beside it, and publishing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Form
from markupsafe import Markup
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.knowledge.editing import Words, add_article, discard_draft, publish, save_draft
from app.book.portfolios.models import Portfolio
from app.casework.knowledge.filling import values_for
from app.casework.knowledge.markdown import to_html
from app.casework.knowledge.models import KnowledgeArticle, KnowledgeVersion
from app.casework.knowledge.queries import get_article, versions_of
from app.casework.knowledge.rules import (
    FALLBACK,
    LONGEST_SMS,
    PLACEHOLDERS,
    TOPIC_LABELS,
    Topic,
    VersionStatus,
    fill,
    unknown_placeholders,
)
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Staff
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.security import KB
from app.http.transactions import ReadSession, WriteSession
from app.outreach.letters.sms import sms_segments
from app.web.knowledge.article import Sent, day_of, topic_of
from app.web.knowledge.browse import known, languages, portfolios_of, scope_of
from app.web.rendering import Page, fragment, page, redirect

router = Router(prefix="/knowledge")
FIELDS = ("title", "body", "sms", "keywords", "note")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a reader would see of the words as typed."""

    title: str
    html: Markup
    sms: str
    segments: int
    unknown: Sequence[str]
    """Names in braces that are no placeholder."""


@dataclass(frozen=True, slots=True)
class EditorPage(Page):
    template = "knowledge/editor.html"
    article: KnowledgeArticle | None
    """None = a new one."""
    draft: KnowledgeVersion | None
    in_use: KnowledgeVersion | None
    based_on: int
    language: str
    languages: Sequence[tuple[str, str]]
    portfolios: Sequence[Portfolio]
    topics: Mapping[Topic, str]
    placeholders: Mapping[str, str]
    typed: Mapping[str, str]
    errors: Mapping[str, str]
    preview: Preview
    miss: str
    """Words of the search for which it is written; '' = none."""
    longest_sms: int = LONGEST_SMS


@router.get("/new")
def new_article(
    request: Request, _staff: Manager, session: ReadSession, words: str = "", language: str = FALLBACK
) -> Response:
    """A new article; `words`: the search of the backlog that it answers, kept among its keywords."""
    typed = {"keywords": words[:300], "topic": Topic.OTHER.value}
    return _editor(request, session, None, known(language), typed, miss=words[:80])


@router.post("/new", max_body_size=64 * KB)
def add(
    request: Request, staff: Manager, session: WriteSession, now: Now, typed: Annotated[Sent, Form()]
) -> Response:
    told = typed.values()
    language = known(told.get("language", ""))
    try:
        with session.begin_nested():
            article = add_article(
                session, scope_of(session, told.get("portfolio", "")), told.get("code", ""),
                topic_of(told.get("topic", "")), day_of(told.get("review_on", "")), by=staff.by, now=now,
            )  # fmt: skip
            said = _keep(session, staff, article, language, told, now)
    except (Invalid, Conflict) as refused:
        return _again(request, session, None, language, told, refused)
    return redirect(request, f"/knowledge/articles/{article.id}?language={language}", said)


@router.get("/articles/{article_id}/edit")
def edit(
    request: Request, article_id: RowId, _staff: Manager, session: ReadSession, language: str = FALLBACK
) -> Response:
    return _editor(request, session, get_article(session, article_id), known(language), None)


@router.post("/articles/{article_id}/draft", max_body_size=64 * KB)
def keep_draft(
    request: Request,
    article_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    """Keep the words as a draft, or publish them at once; nothing typed is lost."""
    article, told = get_article(session, article_id), typed.values()
    language = known(told.get("language", ""))
    try:
        with session.begin_nested():
            said = _keep(session, staff, article, language, told, now)
    except (Invalid, Conflict) as refused:
        return _again(request, session, article, language, told, refused)
    return redirect(request, f"/knowledge/articles/{article.id}?language={language}", said)


def _keep(
    session: Session,
    staff: Staff,
    article: KnowledgeArticle,
    language: str,
    told: Mapping[str, str],
    now: datetime,
) -> str:
    words = Words(*(told.get(name, "") for name in FIELDS))
    seen = told.get("based_on", "")
    based_on = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 7 else None
    draft = save_draft(session, article, language, words, based_on=based_on, by=staff.by, now=now)
    if told.get("then") != "publish":
        return "The draft is kept. Agents see it once it is published."
    publish(session, article, language, by=staff.by, now=now)
    return f"Version {draft.number} is published. Agents find it from now on."


@router.post("/articles/{article_id}/publish")
def publish_draft(
    request: Request,
    article_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    """Put the draft of a language into use."""
    article = get_article(session, article_id)
    language = known(typed.values().get("language", ""))
    try:
        version = publish(session, article, language, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        return _again(request, session, article, language, None, refused)
    said = f"Version {version.number} is published. Agents find it from now on."
    return redirect(request, f"/knowledge/articles/{article.id}?language={language}", said)


@router.post("/articles/{article_id}/discard")
def discard(
    request: Request,
    article_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    """Throw the draft of a language away."""
    article = get_article(session, article_id)
    language = known(typed.values().get("language", ""))
    try:
        discard_draft(session, article, language, by=staff.by, now=now)
    except Conflict as refused:
        return _again(request, session, article, language, None, refused)
    return redirect(request, f"/knowledge/articles/{article.id}?language={language}", "The draft is gone.")


@router.post("/preview", max_body_size=64 * KB)
def preview(
    request: Request, _staff: Manager, session: ReadSession, typed: Annotated[Sent, Form()]
) -> Response:
    """The words as typed, as a reader would see them; nothing is kept."""
    told = typed.values()
    shown = _preview(session, None, told)
    if told.get("fragment"):
        return fragment(
            request, "knowledge/_preview.html", preview=shown, language=known(told.get("language", ""))
        )
    article_id = told.get("article", "")
    article = get_article(session, int(article_id)) if article_id.isascii() and article_id.isdigit() else None
    return _editor(request, session, article, known(told.get("language", "")), told)


def _again(
    request: Request,
    session: Session,
    article: KnowledgeArticle | None,
    language: str,
    told: Mapping[str, str] | None,
    refused: Invalid | Conflict,
) -> Response:
    errors = {refused.field or "": sentence(refused.message)}
    return _editor(request, session, article, language, told, errors=errors, status=refused.status)


def _editor(
    request: Request,
    session: Session,
    article: KnowledgeArticle | None,
    language: str,
    typed: Mapping[str, str] | None,
    *,
    errors: Mapping[str, str] | None = None,
    miss: str = "",
    status: int = 200,
) -> Response:
    theirs = [
        each
        for each in (versions_of(session, id_of(article)) if article else ())
        if each.language == language
    ]
    draft = next((each for each in theirs if each.status is VersionStatus.DRAFT), None)
    in_use = next((each for each in theirs if each.status is VersionStatus.PUBLISHED), None)
    if typed is None:
        now_so = draft or in_use
        typed = {name: getattr(now_so, name) if now_so and name != "note" else "" for name in FIELDS}
    return page(
        request,
        EditorPage(
            article=article,
            draft=draft,
            in_use=in_use,
            based_on=theirs[0].number if theirs else 0,
            language=language,
            languages=languages(request),
            portfolios=portfolios_of(session),
            topics=TOPIC_LABELS,
            placeholders=PLACEHOLDERS,
            typed=typed,
            errors=errors or {},
            preview=_preview(session, article, typed),
            miss=miss,
        ),
        status,
    )


def _preview(session: Session, article: KnowledgeArticle | None, typed: Mapping[str, str]) -> Preview:
    portfolios = portfolios_of(session)
    own = article.portfolio_id if article else None
    as_read = next((each for each in portfolios if own is None or each.id == own), None)
    values = values_for(as_read) if as_read else {}
    title, body, sms = (typed.get(name, "") for name in ("title", "body", "sms"))
    filled = fill(sms, values)
    return Preview(
        title=fill(title, values),
        html=to_html(body[:20_000], values),
        sms=filled,
        segments=sms_segments(filled) if filled else 0,
        unknown=unknown_placeholders(title + body + sms),
    )
