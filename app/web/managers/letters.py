"""The template desk: every letter in every language and channel, with made-up figures or those of a case. Nothing can
be sent from here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Annotated
from urllib.parse import urlencode

from babel import Locale
from fastapi import Query
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.casework.cases.queries import get_case
from app.casework.plans.queries import live_plan
from app.core.clock import local_date
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS
from app.core.settings import Settings
from app.core.staff.rules import CASE_READING, Role, Staff
from app.core.text import counted
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of, settings_of
from app.http.doors import requires
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.gate.facts import address_of
from app.outreach.letters.letter import BadLetter, Letter, LetterContext, RenderedLetter
from app.outreach.letters.rendering import render
from app.outreach.letters.samples import sample_context, sample_dispatch
from app.outreach.letters.sms import sms_encoding, sms_segments
from app.outreach.outbox.dispatch import Dispatch
from app.outreach.outbox.printing import Paper
from app.outreach.planning.letterhead import Letterhead
from app.outreach.planning.wording import letter_context
from app.web.lists import Column
from app.web.rendering import Page, page

router = Router(prefix="/letters")

Reader = Annotated[Staff, requires(Role.AGENT, Role.MANAGER, Role.ADMIN)]
CaseReference = Annotated[str, Query(max_length=20)]
COLLECTOR_WORDS = {CollectorKind.FIRST_PARTY: "The creditor itself", CollectorKind.THIRD_PARTY: "An agency"}
COLUMNS = [Column(label) for label in ("Letter", "Purpose", "Channels", "Languages", "Version")]


@dataclass(frozen=True, slots=True)
class LettersPage(Page):
    template = "managers/letters/list.html"
    letters: Sequence[Letter]
    channel_words: Mapping[str, str]
    language_word: Callable[[str], str]
    columns: Sequence[Column]


@router.get("")
def letters(request: Request, _staff: Reader) -> Response:
    """List the letters of the catalog, with their channels and languages."""
    shelf = ports_of(request).catalog.letters
    return page(
        request,
        LettersPage(
            letters=sorted(shelf.values(), key=lambda letter: letter.title),
            channel_words=CHANNEL_LABELS,
            language_word=language_word,
            columns=COLUMNS,
        ),
    )


@dataclass(frozen=True, slots=True)
class LetterChoice:
    """The letter, channel and language that a reader chose."""

    letter: Letter
    channel: Channel
    collector: CollectorKind
    case: str
    """The case reference as typed; '' = made-up figures."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One form of a letter in one language."""

    language: str
    label: str
    words: RenderedLetter | None
    problem: str
    missing: Sequence[str]
    """Variables that the letter speaks of and that are empty here."""
    segments: int
    encoding: str
    cost: str
    sheets: int
    query: str
    """The query of the page's pictures and PDF."""


@dataclass(frozen=True, slots=True)
class LetterPage(Page):
    template = "managers/letters/letter.html"
    wanted: LetterChoice
    language: str
    beside: str
    problem: str
    previews: Sequence[Preview]
    channels: Sequence[tuple[str, str]]
    languages: Sequence[tuple[str, str]]
    collectors: Sequence[tuple[str, str]]
    channel_word: str
    may_see_cases: bool


@router.get("/{name}")
def letter(
    request: Request,
    name: str,
    staff: Reader,
    session: ReadSession,
    now: Now,
    channel: str = "",
    language: str = "",
    beside: str = "",
    collector: str = "",
    case: CaseReference = "",
) -> Response:
    wanted = _wanted(request, staff, name, channel, collector, case)
    chosen = [_language(wanted.letter, language, "en")]
    if beside in wanted.letter.languages and beside not in chosen:
        chosen.append(beside)
    problem, previews = "", []
    try:
        previews = [_preview(request, session, wanted, each, now=now) for each in chosen]
    except (NotFound, Invalid) as refused:
        problem = str(refused)
    return page(
        request,
        LetterPage(
            wanted=wanted,
            language=chosen[0],
            beside=beside,
            problem=problem,
            previews=previews,
            channels=[(c.value, CHANNEL_LABELS[c]) for c in Channel if c in wanted.letter.channels],
            languages=[(code, language_word(code)) for code in wanted.letter.languages],
            collectors=[(kind.value, words) for kind, words in COLLECTOR_WORDS.items()],
            channel_word=CHANNEL_LABELS[wanted.channel],
            may_see_cases=staff.role in CASE_READING,
        ),
    )


@router.get("/{name}/page-{number}.png")
def picture(
    request: Request,
    name: str,
    number: int,
    staff: Reader,
    session: ReadSession,
    now: Now,
    language: str = "",
    collector: str = "",
    case: CaseReference = "",
) -> Response:
    """One page of the printed letter."""
    wanted = _wanted(request, staff, name, Channel.POST, collector, case)
    pages = _paper(request).pictures(_dispatch(request, session, wanted, language, now=now))
    if not 1 <= number <= len(pages):
        raise NotFound(f"This letter has no page {number}: it has {counted(len(pages), 'page')}.")
    return Response(pages[number - 1], media_type="image/png", headers=PRIVATE)


@router.get("/{name}/letter.pdf")
def pdf(
    request: Request,
    name: str,
    staff: Reader,
    session: ReadSession,
    now: Now,
    language: str = "",
    collector: str = "",
    case: CaseReference = "",
) -> Response:
    """The printed letter, byte for byte as it would be handed to the printer."""
    wanted = _wanted(request, staff, name, Channel.POST, collector, case)
    made = _paper(request).pdf(_dispatch(request, session, wanted, language, now=now))
    headers = {**PRIVATE, "content-disposition": f'inline; filename="{wanted.letter.name}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


PRIVATE = {"cache-control": "no-store"}


# --- what was asked for -------------------------------------------------------------------------------------


def _wanted(
    request: Request, staff: Staff, name: str, channel: str, collector: str, case: str
) -> LetterChoice:
    found = ports_of(request).catalog.letters.get(name)
    if found is None:
        raise NotFound(f"There is no letter {name}. Choose one from the list.")
    if case.strip() and staff.role not in CASE_READING:
        raise Forbidden("Your role sees no cases: look at the letter with made-up figures.")
    kinds = set(CollectorKind)
    return LetterChoice(
        found,
        _channel(found, channel),
        CollectorKind(collector) if collector in kinds else CollectorKind.FIRST_PARTY,
        case.strip(),
    )


def _channel(letter: Letter, wanted: str) -> Channel:
    there = [channel for channel in Channel if channel in letter.channels]
    return next((channel for channel in there if channel.value == wanted), there[0])


def _language(letter: Letter, wanted: str, otherwise: str) -> str:
    return wanted if wanted in letter.languages else otherwise


def language_word(code: str) -> str:
    return str(Locale.parse(code, sep="-").get_display_name("en"))


# --- wording ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Figures:
    """The figures that word a letter, and its address."""

    context: LetterContext
    to: str
    today: date


def _figures(
    request: Request,
    session: Session,
    wanted: LetterChoice,
    channel: Channel,
    language: str,
    *,
    now: datetime,
) -> _Figures:
    catalog = ports_of(request).catalog
    # A look at a letter must not lead to a customer's own page.
    sample_link = f"{catalog.links.public_url}/u/specimen"
    if not wanted.case:
        today = now.date()
        context = sample_context(language, wanted.collector, sample_link, today=today)
        return _Figures(context, "", today)
    digits = re.sub(r"\D", "", wanted.case)
    if not digits or len(digits) > 18:
        raise Invalid("A case is named by its reference, such as C-000041.", "case")
    case = get_case(session, int(digits))
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, lock=False, as_of=today)
    reader = SimpleNamespace(**{**contact_case.customer._mapping, "language": language})
    context = letter_context(
        session, Letterhead.of(portfolio), catalog, replace(contact_case, customer=reader), wanted.letter, channel,
        live_plan(session, id_of(case)), now=now,
    )  # fmt: skip
    address = address_of(contact_case.customer, Channel.POST)
    return _Figures(
        replace(context, preferences_url=sample_link), address, local_date(now, portfolio.timezone)
    )


def _preview(
    request: Request, session: Session, wanted: LetterChoice, language: str, *, now: datetime
) -> Preview:
    figures = _figures(request, session, wanted, wanted.channel, language, now=now)
    declared = sorted(wanted.letter.variables - {"sender"})
    missing = [name for name in declared if not getattr(figures.context, name)]
    words, problem, sheets = None, "", 0
    try:
        words = render(wanted.letter, wanted.channel, language, figures.context)
        if wanted.channel is Channel.POST and ports_of(request).paper is not None:
            sheets = len(_paper(request).pictures(_paper_of(wanted, language, figures, words)))
    except (BadLetter, Invalid) as refused:
        problem = str(refused)
    text = words.text if words else ""
    segments = sms_segments(text) if wanted.channel is Channel.SMS else 0
    query = urlencode({"language": language, "collector": wanted.collector.value, "case": wanted.case})
    return Preview(
        language=language,
        label=language_word(language),
        words=words,
        problem=problem,
        missing=missing,
        segments=segments,
        encoding=sms_encoding(text),
        cost=cost_of(settings_of(request), wanted.channel, segments, sheets),
        sheets=sheets,
        query=query,
    )


def cost_of(settings: Settings, channel: Channel, segments: int, sheets: int) -> str:
    """The cost of one message at the prices set; '' = no price is set."""
    prices = {
        Channel.SMS: segments * settings.price_sms_segment,
        Channel.EMAIL: settings.price_email,
        Channel.POST: settings.price_letter + max(0, sheets - 1) * settings.price_letter_page,
    }
    price = prices.get(channel, Decimal(0))
    return f"{price.normalize():f} {settings.price_currency}" if settings.price_currency and price else ""


def _dispatch(
    request: Request, session: Session, wanted: LetterChoice, language: str, *, now: datetime
) -> Dispatch:
    if Channel.POST not in wanted.letter.channels:
        raise NotFound("This letter is not printed.")
    language = _language(wanted.letter, language, "en")
    figures = _figures(request, session, wanted, Channel.POST, language, now=now)
    try:
        words = render(wanted.letter, Channel.POST, language, figures.context)
    except BadLetter as problem:
        raise Invalid(str(problem)) from problem
    return _paper_of(wanted, language, figures, words)


def _paper_of(wanted: LetterChoice, language: str, figures: _Figures, words: RenderedLetter) -> Dispatch:
    made = sample_dispatch(
        wanted.letter.name, language, figures.context, words.subject, words.text, today=figures.today
    )
    return replace(made, to=figures.to) if wanted.case else made


def _paper(request: Request) -> Paper:
    paper = ports_of(request).paper
    if paper is None:
        raise NotFound("Letters are not printed here.")
    return paper
