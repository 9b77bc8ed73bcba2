"""Articles by programs: found, written, published, retired, rated; and the backlog of searches."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import Field
from sqlmodel import Session, col, select

from app.actions.knowledge.editing import (
    Words,
    add_article,
    discard_draft,
    dismiss_miss,
    file_article,
    load_starter,
    publish,
    rate,
    retire_article,
    save_draft,
)
from app.actions.knowledge.searches import keep_search
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, ApiManager, Input, OnceSession, ReadSession, api_router
from app.api.fields import Day, RowId
from app.api.knowledge.shapes import (
    ArticleShape,
    EditorialShape,
    FoundArticleShape,
    MissShape,
    VersionShape,
    WholeArticle,
)
from app.api.shapes import Shape
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.knowledge.backlog import backlog
from app.casework.knowledge.editorial import editorial
from app.casework.knowledge.filling import values_for
from app.casework.knowledge.markdown import to_html, to_text
from app.casework.knowledge.queries import (
    articles_of_topic,
    find_articles,
    get_article,
    version_numbered,
    versions_of,
)
from app.casework.knowledge.rules import (
    FALLBACK,
    LONGEST_BODY,
    LONGEST_KEYWORDS,
    LONGEST_MISSING,
    LONGEST_NOTE,
    LONGEST_SMS,
    LONGEST_TITLE,
    Topic,
    VersionStatus,
    fill,
    unknown_placeholders,
)
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT
from app.core.text import Line, Paragraph
from app.http.context import Now, after_response, engine_of

router = api_router("/knowledge", tags=["knowledge"])
Language = Literal["en", "id", "nb", "nl", "zh", "zh-Hans"]
Scope = Annotated[Line, Field(max_length=40, description="Portfolio code; empty = all portfolios.")]


class WordsBody(Input):
    language: Language
    title: Annotated[Line, Field(min_length=1, max_length=LONGEST_TITLE)]
    body: Annotated[Paragraph, Field(min_length=1, max_length=LONGEST_BODY, description="Markdown.")]
    sms: Annotated[Line, Field(max_length=LONGEST_SMS, description="Empty = it is not sent by SMS.")] = ""
    keywords: Annotated[Line, Field(max_length=LONGEST_KEYWORDS)] = ""
    note: Annotated[Line, Field(max_length=LONGEST_NOTE, description="What changed, and why.")] = ""
    publish: Annotated[bool, Field(description="Put it into use at once.")] = False

    @property
    def words(self) -> Words:
        return Words(self.title, self.body, self.sms, self.keywords, self.note)


class NewArticle(WordsBody):
    code: Annotated[Line, Field(min_length=1, max_length=60, description="Small letters, digits, hyphens.")]
    topic: Annotated[Topic, Field(strict=False)]
    portfolio: Scope = ""
    review_on: Day | None = None


class NewDraft(WordsBody):
    based_on: Annotated[
        int | None, Field(ge=0, description="Number of the latest version that was seen, 0 = none.")
    ] = None


class OfLanguage(Input):
    language: Language


class Filing(Input):
    topic: Annotated[Topic, Field(strict=False)]
    review_on: Day | None = None


class Retirement(Input):
    reason: Annotated[Line, Field(min_length=1, max_length=200)]


class NewRating(Input):
    language: Language
    version_number: Annotated[int, Field(ge=1, le=1_000_000)]
    helped: bool
    missing: Annotated[Paragraph, Field(max_length=LONGEST_MISSING, description="What was missing.")] = ""


class Starter(Input):
    portfolio: Scope = ""


class StarterLoaded(Shape):
    added: int


class Rated(Shape):
    version_id: int
    helped: bool
    missing: str


class PreviewText(Shape):
    """Words as a reader would see them."""

    title: str
    html: str
    text: str
    sms: str
    unknown_placeholders: list[str]


@router.get("/articles", summary="Search articles")
def list_articles(
    request: Request,
    _caller: ApiCaseReader,
    session: ReadSession,
    now: Now,
    case: Annotated[
        str | None, Query(pattern=r"^C-[0-9]{6,15}$", description="The case whose customer asks.")
    ] = None,
    q: Annotated[Line, Query(max_length=200)] = "",
    portfolio: Annotated[Line, Query(max_length=40, description="Code; empty = those for all alone.")] = "",
    language: Language = FALLBACK,  # type: ignore[assignment]
    topic: Topic | None = None,
) -> list[FoundArticleShape]:
    """Articles in use that answer a search, the best first; without one all, by topic. A search for the customer of a
    `case` that no article answers is counted for the editors, without the customer's name."""
    asks = case_named(session, case) if case is not None else None
    book = get_portfolio(session, portfolio) if portfolio else None
    portfolio_id = id_of(book) if book else None
    if not q.strip():
        found = articles_of_topic(session, portfolio_id=portfolio_id, language=language, topic=topic)
        return [FoundArticleShape.of(each) for each in found]
    found = find_articles(session, q, portfolio_id=portfolio_id, language=language)
    if asks is not None:
        names = tuple(session.get_one(Customer, asks.customer_id).full_name.split())
        keep = partial(keep_search, engine_of(request), asks.portfolio_id, language, q, names, now)
        after_response(request, keep)
    return [FoundArticleShape.of(each) for each in found]


@router.get("/articles/{article_id}", summary="Read an article")
def get_one_article(article_id: RowId, caller: ApiCaseReader, session: ReadSession) -> WholeArticle:
    """All its versions, by language, the latest first; drafts for managers alone."""
    article = get_article(session, article_id)
    shown = [
        each
        for each in versions_of(session, article_id)
        if caller.role in MANAGEMENT or each.status is not VersionStatus.DRAFT
    ]
    return WholeArticle(article=ArticleShape.of(article), versions=[VersionShape.of(each) for each in shown])


@router.get("/editorial", summary="List articles for editors")
def list_editorial(_caller: ApiManager, session: ReadSession) -> list[EditorialShape]:
    """Every article with its languages, uses and ratings, retired ones too."""
    return [EditorialShape.of(each) for each in editorial(session)]


@router.post("/articles", status_code=201, summary="Write an article")
def post_article(caller: ApiManager, session: OnceSession, now: Now, body: NewArticle) -> VersionShape:
    """A new article with its first words, as a draft or published at once."""
    article = add_article(
        session, _scope(session, body.portfolio), body.code, body.topic, body.review_on, by=caller.by, now=now
    )
    version = save_draft(session, article, body.language, body.words, by=caller.by, now=now)
    if body.publish:
        version = publish(session, article, body.language, by=caller.by, now=now)
    return VersionShape.of(version)


@router.post("/articles/{article_id}/drafts", status_code=201, summary="Change an article")
def post_draft(
    article_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: NewDraft
) -> VersionShape:
    """Keep words as the draft of a language; what is published stays in use until this is."""
    article = get_article(session, article_id)
    version = save_draft(
        session, article, body.language, body.words, based_on=body.based_on, by=caller.by, now=now
    )
    if body.publish:
        version = publish(session, article, body.language, by=caller.by, now=now)
    return VersionShape.of(version)


@router.post("/articles/{article_id}/publication", summary="Publish a draft")
def post_publication(
    article_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: OfLanguage
) -> VersionShape:
    """Put the draft of a language into use in place of the version before it."""
    article = get_article(session, article_id)
    return VersionShape.of(publish(session, article, body.language, by=caller.by, now=now))


@router.post("/articles/{article_id}/discard", summary="Discard a draft")
def post_discard(
    article_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: OfLanguage
) -> ArticleShape:
    """Throw the draft of a language away; what is published stays."""
    article = get_article(session, article_id)
    discard_draft(session, article, body.language, by=caller.by, now=now)
    return ArticleShape.of(article)


@router.post("/articles/{article_id}/filing", summary="File an article")
def post_filing(
    article_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: Filing
) -> ArticleShape:
    """Set its topic, and the day by which it is read again."""
    article = get_article(session, article_id)
    file_article(session, article, body.topic, body.review_on, by=caller.by, now=now)
    return ArticleShape.of(article)


@router.post("/articles/{article_id}/retirement", summary="Retire an article")
def post_retirement(
    article_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: Retirement
) -> ArticleShape:
    """Take it out of use in all languages; what was sent of it stays on record."""
    article = get_article(session, article_id)
    retire_article(session, article, body.reason, by=caller.by, now=now)
    return ArticleShape.of(article)


@router.post("/articles/{article_id}/ratings", status_code=201, summary="Rate an article")
def post_rating(
    article_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewRating
) -> Rated:
    """Whether a version helped, and what was missing; said again, the latest counts."""
    version = version_numbered(session, article_id, body.language, body.version_number)
    rating = rate(session, version, helped=body.helped, missing=body.missing, by=caller.by, now=now)
    return Rated(version_id=id_of(version), helped=rating.helped, missing=rating.missing)


@router.post("/starter", summary="Load the starter articles")
def post_starter(caller: ApiManager, session: OnceSession, now: Now, body: Starter) -> StarterLoaded:
    """Publish the shipped articles for a portfolio or for all; those that are there stay as they are."""
    return StarterLoaded(added=load_starter(session, _scope(session, body.portfolio), by=caller.by, now=now))


@router.post("/preview", summary="Preview an article")
def post_preview(_caller: ApiManager, session: OnceSession, body: WordsBody) -> PreviewText:
    """The words as a reader would see them, with the values of the first portfolio; nothing is kept."""
    book = session.scalar(select(Portfolio).order_by(col(Portfolio.code)).limit(1))
    values = values_for(book) if book else {}
    return PreviewText(
        title=fill(body.title, values),
        html=str(to_html(body.body, values)),
        text=to_text(body.body, values),
        sms=fill(body.sms, values),
        unknown_placeholders=unknown_placeholders(body.title + body.body + body.sms),
    )


@router.get("/backlog", summary="List searches without an answer")
def list_backlog(_caller: ApiManager, session: ReadSession) -> list[MissShape]:
    """Searches that no article answers, the most frequent first, at most two hundred."""
    return [MissShape.of(each) for each in backlog(session)]


@router.post("/backlog/{miss_id}/dismissal", summary="Take a search out of the backlog")
def post_dismissal(
    miss_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: Retirement
) -> MissShape:
    """It gets no article, and is not asked for again."""
    return MissShape.of(dismiss_miss(session, miss_id, body.reason, by=caller.by, now=now))


def _scope(session: Session, code: str) -> Portfolio | None:
    return get_portfolio(session, code) if code else None
