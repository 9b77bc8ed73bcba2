"""One article: its words in each language, its versions, what agents say of it; and how it is filed or retired."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Form, Path
from markupsafe import Markup
from pydantic import ConfigDict
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.knowledge.editing import file_article, rate, retire_article
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.knowledge.filling import values_for
from app.casework.knowledge.markdown import to_html
from app.casework.knowledge.models import KnowledgeArticle, KnowledgeRating, KnowledgeVersion
from app.casework.knowledge.queries import (
    get_article,
    get_version,
    ratings_of,
    version_numbered,
    versions_of,
)
from app.casework.knowledge.rules import (
    FALLBACK,
    TOPIC_LABELS,
    Topic,
    VersionStatus,
    fill,
)
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.rules import CASEWORK, MANAGEMENT, Staff
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader, CaseWorker, Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.forms import Typed
from app.web.knowledge.browse import known, languages, portfolios_of
from app.web.lookups import staff_names
from app.web.rendering import Page, page, redirect

router = Router(prefix="/knowledge")
STATUS_WORDS = {
    VersionStatus.DRAFT: ("draft", "warn"),
    VersionStatus.PUBLISHED: ("in use", "good"),
    VersionStatus.REPLACED: ("replaced", "neutral"),
    VersionStatus.RETIRED: ("retired", "neutral"),
}
Language = Annotated[str, Path(max_length=10)]
Number = Annotated[int, Path(ge=1, le=1_000_000)]


class Sent(Typed):
    """A form of these pages, as it was typed."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, slots=True)
class ArticlePage(Page):
    template = "knowledge/article.html"
    article: KnowledgeArticle
    of: Portfolio | None
    """Its own portfolio; None = it is for all."""
    portfolio: Portfolio | None
    """The portfolio as which it is read."""
    portfolios: Sequence[Portfolio]
    title: str
    shown: KnowledgeVersion | None
    html: Markup
    sms: str
    language: str
    languages: Sequence[tuple[str, str]]
    in_use: frozenset[str]
    """Languages in which it is published."""
    versions: Sequence[KnowledgeVersion]
    """Of the language shown, the latest first."""
    status_words: Mapping[VersionStatus, tuple[str, str]]
    ratings: Sequence[tuple[KnowledgeRating, KnowledgeVersion]]
    topics: Mapping[Topic, str]
    names: Mapping[str, str]
    can_rate: bool
    is_manager: bool
    errors: Mapping[str, str]
    typed: Mapping[str, str]


@router.get("/articles/{article_id}")
def read_article(
    request: Request,
    article_id: RowId,
    staff: CaseReader,
    session: ReadSession,
    language: str = FALLBACK,
    portfolio: str = "",
    number: int = 0,
) -> Response:
    article = get_article(session, article_id)
    return show_article(request, session, staff, article, known(language), portfolio=portfolio, number=number)


def show_article(
    request: Request,
    session: Session,
    staff: Staff,
    article: KnowledgeArticle,
    language: str,
    *,
    portfolio: str = "",
    number: int = 0,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """The page of an article, in a language; `number`: an earlier version instead of the one in use."""
    portfolios = portfolios_of(session)
    of = session.get(Portfolio, article.portfolio_id) if article.portfolio_id else None
    as_read = of or (get_portfolio(session, portfolio) if portfolio else next(iter(portfolios), None))
    versions = versions_of(session, id_of(article))
    is_manager = staff.role in MANAGEMENT
    own = [
        each
        for each in versions
        if each.language == language and (is_manager or each.status is not VersionStatus.DRAFT)
    ]
    in_use = next((each for each in own if each.status is VersionStatus.PUBLISHED), None)
    shown = next((each for each in own if each.number == number), in_use or next(iter(own), None))
    values = values_for(as_read) if as_read else {}
    return page(
        request,
        ArticlePage(
            article=article,
            of=of,
            portfolio=as_read,
            portfolios=portfolios,
            title=fill(shown.title, values) if shown else article.code,
            shown=shown,
            html=to_html(shown.body, values) if shown else Markup(),
            sms=fill(shown.sms, values) if shown else "",
            language=language,
            languages=languages(request),
            in_use=frozenset(each.language for each in versions if each.status is VersionStatus.PUBLISHED),
            versions=own,
            status_words=STATUS_WORDS,
            ratings=ratings_of(session, id_of(article)),
            topics=TOPIC_LABELS,
            names=staff_names(session),
            can_rate=staff.role in CASEWORK and shown is not None and shown.status is not VersionStatus.DRAFT,
            is_manager=is_manager,
            errors=errors or {},
            typed=typed or {},
        ),
        status,
    )


@dataclass(frozen=True, slots=True)
class ChangesPage(Page):
    template = "knowledge/changes.html"
    article: KnowledgeArticle
    version: KnowledgeVersion
    lines: Sequence[tuple[str, str]]
    """Tone and line."""


@router.get("/articles/{article_id}/{language}/{number}/changes")
def show_changes(
    request: Request,
    article_id: RowId,
    language: Language,
    number: Number,
    staff: CaseReader,
    session: ReadSession,
) -> Response:
    """The lines that a version changed, against the one before it."""
    article, version = (
        get_article(session, article_id),
        version_numbered(session, article_id, language, number),
    )
    if version.status is VersionStatus.DRAFT and staff.role not in MANAGEMENT:
        raise NotFound(f"Version {number} of this article is not published.")
    before = _text(version_numbered(session, article_id, language, number - 1)) if number > 1 else []
    found = list(difflib.unified_diff(before, _text(version), lineterm="", n=3))[2:]
    tones = {"+": "good", "-": "bad", "@": "info"}
    lines = [(tones.get(line[:1], ""), line) for line in found]
    return page(request, ChangesPage(article=article, version=version, lines=lines))


def _text(version: KnowledgeVersion) -> list[str]:
    parts = (f"Title: {version.title}", f"SMS: {version.sms}", f"Keywords: {version.keywords}", "")
    return [*parts, *version.body.splitlines()]


@router.post("/articles/{article_id}/rate")
def rate_version(
    request: Request,
    article_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    """Say whether a version helped, and what was missing."""
    article, told = get_article(session, article_id), typed.values()
    language = known(told.get("language", ""))
    number = told.get("version", "")
    try:
        if not (number.isascii() and number.isdigit() and len(number) < 18):
            raise Invalid("Choose a version of this article.", "missing")
        version = get_version(session, int(number))
        if version.article_id != article.id:
            raise Invalid("Choose a version of this article.", "missing")
        if told.get("helped") not in ("yes", "no"):
            raise Invalid("Say whether it helped.", "missing")
        rate(
            session, version, helped=told["helped"] == "yes", missing=told.get("missing", ""),
            by=staff.by, now=now,
        )  # fmt: skip
    except (Invalid, Conflict) as refused:
        return _refused(request, session, staff, article, language, refused, told)
    return redirect(request, _at(article, language), "Thank you. The editors see it.")


@router.post("/articles/{article_id}/file")
def file_it(
    request: Request,
    article_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    """Set the topic, and the day by which it is read again."""
    article, told = get_article(session, article_id), typed.values()
    language = known(told.get("language", ""))
    try:
        topic, review_on = topic_of(told.get("topic", "")), day_of(told.get("review_on", ""))
        file_article(session, article, topic, review_on, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        return _refused(request, session, staff, article, language, refused, told)
    return redirect(request, _at(article, language), "Saved.")


@router.post("/articles/{article_id}/retire")
def retire(
    request: Request,
    article_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    """Take it out of use in all languages."""
    article, told = get_article(session, article_id), typed.values()
    language = known(told.get("language", ""))
    try:
        retire_article(session, article, told.get("reason", ""), by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        return _refused(request, session, staff, article, language, refused, told)
    return redirect(
        request, _at(article, language), "The article is retired. What was sent of it stays on record."
    )


def topic_of(text: str) -> Topic:
    """Invalid for a topic that there is not."""
    try:
        return Topic(text)
    except ValueError:
        raise Invalid("Choose a topic.", "topic") from None


def day_of(text: str) -> date | None:
    """A day as a form has it; None = nothing was typed. Invalid for none."""
    if not text.strip():
        return None
    try:
        on = date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("This is not a date.", "review_on") from None
    if not 2000 <= on.year <= 2150:
        raise Invalid("This date is out of range.", "review_on")
    return on


def _at(article: KnowledgeArticle, language: str) -> str:
    return f"/knowledge/articles/{article.id}?language={language}"


def _refused(
    request: Request,
    session: Session,
    staff: Staff,
    article: KnowledgeArticle,
    language: str,
    refused: Invalid | Conflict,
    told: Mapping[str, str],
) -> Response:
    errors = {refused.field or "": sentence(refused.message)}
    return show_article(
        request, session, staff, article, language, errors=errors, typed=told, status=refused.status
    )
