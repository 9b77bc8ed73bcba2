"""Articles to read: searched, or listed by topic; and the editors' list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.actions.knowledge.editing import load_starter
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.knowledge.backlog import backlog
from app.casework.knowledge.editorial import Editorial, editorial
from app.casework.knowledge.filling import values_for
from app.casework.knowledge.queries import FoundArticle, articles_of_topic, find_articles
from app.casework.knowledge.rules import FALLBACK, LANGUAGES, TOPIC_LABELS, Topic, fill
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT
from app.core.text import counted
from app.http.context import Now
from app.http.doors import CaseReader, Manager
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.rendering import Page, page, redirect
from app.web.wording import language_words

router = Router(prefix="/knowledge")


def portfolios_of(session: Session) -> Sequence[Portfolio]:
    return session.scalars(select(Portfolio).order_by(col(Portfolio.code))).all()


def languages(request: Request) -> list[tuple[str, str]]:
    """Languages of articles, in words."""
    locale = reader_locale(request)
    return [(tag, language_words(tag, locale)) for tag in LANGUAGES]


def known(language: str) -> str:
    return language if language in LANGUAGES else FALLBACK


@dataclass(frozen=True, slots=True)
class KnowledgePage(Page):
    template = "knowledge/browse.html"
    q: str
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    language: str
    languages: Sequence[tuple[str, str]]
    topic: str
    topics: Mapping[Topic, str]
    articles: Sequence[tuple[FoundArticle, str]]
    """Each with its title as it is read in this portfolio."""
    nothing: bool
    is_manager: bool
    in_vain: int
    """Searches in the backlog."""


@router.get("")
def browse(
    request: Request,
    staff: CaseReader,
    session: ReadSession,
    q: str = "",
    portfolio: str = "",
    language: str = FALLBACK,
    topic: str = "",
) -> Response:
    """Articles in use that answer a search, or all of a topic."""
    portfolios = portfolios_of(session)
    chosen = get_portfolio(session, portfolio) if portfolio else next(iter(portfolios), None)
    own, said = known(language), q.strip()[:200]
    portfolio_id = id_of(chosen) if chosen else None
    if said:
        found = find_articles(session, said, portfolio_id=portfolio_id, language=own, limit=50)
    else:
        only = Topic(topic) if topic in set(Topic) else None
        found = articles_of_topic(session, portfolio_id=portfolio_id, language=own, topic=only)
    values = values_for(chosen) if chosen else {}
    is_manager = staff.role in MANAGEMENT
    return page(
        request,
        KnowledgePage(
            q=said,
            portfolio=chosen,
            portfolios=portfolios,
            language=own,
            languages=languages(request),
            topic=topic,
            topics=TOPIC_LABELS,
            articles=[(each, fill(each.version.title, values)) for each in found],
            nothing=bool(said) and all(each.near for each in found),
            is_manager=is_manager,
            in_vain=len(backlog(session)) if is_manager else 0,
        ),
    )


SHOWN = {
    "": "All",
    "due": "To be reviewed",
    "low": "Did not help",
    "unused": "Never used",
    "drafts": "With a draft",
    "retired": "Retired",
}


@dataclass(frozen=True, slots=True)
class EditorsPage(Page):
    template = "knowledge/editors.html"
    rows: Sequence[Editorial]
    portfolios: Mapping[int, Portfolio]
    show: str
    shown: Mapping[str, str]
    topics: Mapping[Topic, str]
    today: date
    in_vain: int


@router.get("/editors")
def editors(request: Request, _staff: Manager, session: ReadSession, now: Now, show: str = "") -> Response:
    """All articles with their languages, uses and ratings."""
    portfolios = portfolios_of(session)
    today = local_date(now, portfolios[0].timezone if portfolios else "UTC")
    rows = [each for each in editorial(session) if _is_shown(each, show, today)]
    return page(
        request,
        EditorsPage(
            rows=rows,
            portfolios={id_of(each): each for each in portfolios},
            show=show,
            shown=SHOWN,
            topics=TOPIC_LABELS,
            today=today,
            in_vain=len(backlog(session)),
        ),
    )


def _is_shown(row: Editorial, show: str, today: date) -> bool:
    in_use = row.article.retired_at is None
    match show:
        case "due":
            return in_use and row.is_due(today)
        case "low":
            return in_use and row.is_low
        case "unused":
            return in_use and row.used == 0
        case "drafts":
            return in_use and bool(row.drafts)
        case "retired":
            return not in_use
    return in_use


@router.post("/starter")
def load_starter_articles(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Publish the starter articles for a portfolio or for all; those that are there stay as they are."""
    added = load_starter(session, scope_of(session, portfolio), by=staff.by, now=now)
    said = f"{counted(added, 'article')} added." if added else "All starter articles are there already."
    return redirect(request, "/knowledge/editors", said, "good" if added else "info")


def scope_of(session: Session, code: str) -> Portfolio | None:
    """The portfolio of this code; None = all."""
    return get_portfolio(session, code) if code else None


def today_of(session: Session, now: datetime) -> date:
    portfolios = portfolios_of(session)
    return local_date(now, portfolios[0].timezone if portfolios else "UTC")
