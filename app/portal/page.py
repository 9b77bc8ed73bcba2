"""The customer's page, drawn: the language, the words, what was saved and what was asked before."""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app.actions import preferences as acts
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.http.formats import locale_for
from app.http.rendering import render
from app.inbound.queries import messages_of
from app.inbound.rules import InboundSource, Intent

ONE_CLICK = "One-Click"
WORDS = Path(__file__).with_name("preferences.toml")
LANGUAGES = {
    "en": "English",
    "zh": "中文（繁體）",
    "id": "Bahasa Indonesia",
    "nb": "Norsk",
    "nl": "Nederlands",
}
DAYS: Mapping[str, tuple[int, ...]] = {"every_day": (), "weekdays": (0, 1, 2, 3, 4), "weekend": (5, 6)}
TELLS = ("paid", "cannot_pay", "call", "dispute", "other")
"""The choices of "Tell us something", the most frequent first."""
ASKED: Mapping[str, str] = {
    Intent.CALL_ME: "call",
    Intent.PAID: "paid",
    Intent.HARDSHIP: "cannot_pay",
    Intent.DISPUTE: "dispute",
    Intent.WRONG_NUMBER: "not_me",
    "": "other",
}
"""Intent of an earlier request -> its words."""
MOST_ASKED = 8
"""Earlier requests that the page lists."""


@lru_cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Language -> key -> words."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Holder:
    """The customer of a link, and the channel of its message."""

    customer: Customer
    channel: Channel
    token: str
    replaced: bool
    """An older link, or one that has ended: it can only stop messages."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request made on the page before. Its text stays with us: a forwarded link may have another reader."""

    what: str
    on: str
    answered: bool


def is_link(path: str) -> bool:
    """Check whether an address is meant to be one of our links to a customer, even if much of it was lost."""
    return path.lower() == "/u" or path.lower().startswith("/u/")


def link_error(request: Request, status: int) -> Response:
    """Return the page of a link that does not open: in the reader's language, without a word about us."""
    wanted = locale_for(request.headers.get("accept-language", "")[:200]).language
    words = catalogue()[{"no": "nb", "nn": "nb"}.get(wanted, wanted if wanted in LANGUAGES else "en")]
    name = "gone" if status in (404, 405) else "broken"
    shown = {"words": words, "title": words[f"{name}_title"], "text": words[name]}
    return quietly(render(request, "link_error.html", status, **shown))


def preferences_page(
    request: Request,
    session: Session,
    holder: Holder,
    done: str = "",
    *,
    confirm: str = "",
    typed: FormData | None = None,
    status: int = 200,
    now: datetime,
) -> Response:
    """The page, after the form that says `done`; with `confirm` it only asks about that act once more. `typed` are
    the fields of a form that was refused."""
    customer = holder.customer
    portfolio = session.get_one(Portfolio, customer.portfolio_id)
    chosen = language_of(customer)
    words = catalogue()[chosen]
    sender = portfolio.agency or portfolio.creditor
    said = {
        "what": words[holder.channel.value],
        "sender": sender,
        "phone": portfolio.contact_phone,
        "email": portfolio.contact_email,
    }
    allowed = acts.allowed_channels(session, customer, now=now)
    stoppable = [*allowed, *acts.lapsed_channels(session, customer, now=now)]
    asked = _asked(session, holder, portfolio, words["tag"]) if not (holder.replaced or confirm) else ()
    return quietly(
        render(
            request,
            "preferences.html",
            status,
            words={key: text.format_map(said) for key, text in words.items()},
            at=f"/u/{holder.token}",
            done=done,
            confirm=confirm,
            text=str(typed.get("text") or "")[:1000] if typed else "",
            replaced=holder.replaced,
            one_click=ONE_CLICK if holder.channel in stoppable else "",
            channels=[
                (each.value, each.value in typed.getlist("channel") if typed else each in allowed)
                for each in Channel
            ],
            refused=[each.value for each in Channel if each not in allowed],
            quiet=quiet_time(session, customer, typed),
            quiet_was=quiet_time(session, customer).mark,
            days=list(DAYS),
            languages=LANGUAGES,
            language=chosen,
            language_typed=typed.get("language", chosen) if typed else chosen,
            tells=TELLS,
            asked=asked,
            phone=portfolio.contact_phone,
            email=portfolio.contact_email,
            ref=secrets.token_urlsafe(12),
        )
    )


def language_of(customer: Customer) -> str:
    """The language of LANGUAGES that the page is in: the customer's, or English."""
    chosen = customer.language.lower().partition("-")[0]
    return chosen if chosen in LANGUAGES else "en"


@dataclass(frozen=True, slots=True)
class QuietTime:
    """The quiet time in the fields of the form, as HH:MM; '' = none."""

    start: str = ""
    end: str = ""
    days: str = ""

    @property
    def mark(self) -> str:
        """The quiet time as the form brings back what it showed."""
        return f"{self.start}-{self.end} {self.days}" if self.start or self.end else ""


def quiet_time(session: Session, customer: Customer, typed: FormData | None = None) -> QuietTime:
    """The quiet time chosen before, as one span, or the fields of a form that was refused."""
    if typed is not None and "from" in typed:
        start, end = (str(typed.get(name) or "")[:5] for name in ("from", "to"))
        return QuietTime(start, end, str(typed.get("days")) if start or end else "every_day")
    rows = sorted(acts.quiet_times(session, customer), key=lambda row: row.start_minute)
    if not rows:
        return QuietTime(days="every_day")
    # Of two halves the later one begins it, and the earlier one ends it.
    weekdays = tuple(int(day) for day in rows[-1].weekdays.split(",") if day)
    days = next((name for name, these in DAYS.items() if these == weekdays), "every_day")
    return QuietTime(_clock(rows[-1].start_minute), _clock(rows[0].end_minute), days)


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def _asked(session: Session, holder: Holder, portfolio: Portfolio, tag: str) -> Sequence[Asked]:
    locale, zone = Locale.parse(tag, sep="-"), ZoneInfo(holder.customer.timezone or portfolio.timezone)
    return [
        Asked(
            ASKED.get(message.intents.partition(",")[0], "other"),
            format_date(message.received_at.astimezone(zone), "medium", locale),
            message.reviewed_at is not None,
        )
        for message in messages_of(session, id_of(holder.customer), limit=MOST_ASKED * 3)
        if message.source is InboundSource.PAGE
    ][:MOST_ASKED]


def quietly(response: Response) -> Response:
    """Add headers that keep the address secret: it is the key, so no other site and no search engine may learn it."""
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["x-robots-tag"] = "noindex, nofollow"
    response.headers["cache-control"] = "no-store"
    return response
