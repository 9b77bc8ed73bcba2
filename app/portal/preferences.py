"""The page behind the link in every message: how, when and in which language a customer wants to be contacted.

It has no sign-in, and a forwarded message gives another person the link. So the page names no customer and speaks of
no debt, and a change shows only in how we behave. One-click unsubscribing (RFC 8058) is a POST to the same address.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions import preferences as acts
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.core.errors import Invalid, NotFound
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of
from app.http.doors import callback
from app.http.formats import reader_locale
from app.http.rendering import render
from app.http.transactions import ReadSession, WriteSession
from app.inbound.reception import receive_from_page
from app.inbound.rules import Intent
from app.portal.limits import asks_too_often, changes_too_often

router = APIRouter(prefix="/u")

ONE_CLICK = "One-Click"
MAX_BODY = 16 * 1024
WORDS = Path(__file__).with_suffix(".toml")
LANGUAGES = {
    "en": "English",
    "zh": "中文（繁體）",
    "id": "Bahasa Indonesia",
    "nb": "Norsk",
    "nl": "Nederlands",
}
DAYS: Mapping[str, tuple[int, ...]] = {"every_day": (), "weekdays": (0, 1, 2, 3, 4), "weekend": (5, 6)}
REQUESTS = {"call": Intent.CALL_ME, "dispute": Intent.DISPUTE, "not_me": Intent.WRONG_NUMBER}
"""The requests that the page hands to a person."""
GONE = "The address is wrong, or what it showed is gone."
DONE = ("saved", "stopped_all", "asked", "too_many", "quiet_wrong")
"""The messages that the page may show after a form."""


def require_link(request: Request) -> None:
    """NotFound for an address that we did not make."""
    token = request.url.path.removeprefix(f"{router.prefix}/").partition("/")[0]
    if ports_of(request).catalog.links.read(token) is None:
        raise NotFound(GONE)


_by_token = [callback("an unguessable token that we made for this customer and channel", require_link)]


async def form_fields(request: Request) -> FormData:
    try:
        return await request.form(max_files=1, max_fields=20)
    except (ValueError, LookupError, UnicodeError):
        raise HTTPException(400, "There was an error parsing the body") from None


Fields = Annotated[FormData, Depends(form_fields)]


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


def _holder(request: Request, session: Session, token: str, now: datetime, *, lock: bool = False) -> Holder:
    """Return the holder of a link. A token we did not make and a customer who is gone get the same answer."""
    link = ports_of(request).catalog.links.read(token)
    if link is not None and lock:
        lock_customers(session, [link.customer_id])
    customer = session.get(Customer, link.customer_id) if link else None
    if link is None or customer is None:
        raise NotFound(GONE)
    ended = link.number != customer.link_number or link.has_ended(now.date())
    return Holder(customer, link.channel, token, ended)


@router.get("/{token}", dependencies=_by_token)
def show(request: Request, token: str, session: ReadSession, now: Now, done: str = "") -> Response:
    """Show the page. Mail scanners follow links, so opening this page changes nothing."""
    holder = _holder(request, session, token, now)
    return _page(request, session, holder, done if done in DONE else "")


@router.post("/{token}", dependencies=_by_token, max_body_size=MAX_BODY)
def unsubscribe(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    """RFC 8058: a mail program posts `List-Unsubscribe=One-Click` without cookies; our own button posts the same."""
    holder = _holder(request, session, token, now, lock=True)
    if fields.get("List-Unsubscribe") != ONE_CLICK:
        return _page(request, session, holder, status=422)
    acts.refuse_channels(session, holder.customer, [holder.channel], source="unsubscribe link", now=now)
    return _page(request, session, holder, "stopped_call" if holder.channel is Channel.CALL else "stopped")


@router.post("/{token}/stop", dependencies=_by_token, max_body_size=MAX_BODY)
def stop_everything(request: Request, token: str, session: WriteSession, now: Now) -> Response:
    holder = _holder(request, session, token, now, lock=True)
    acts.refuse_channels(session, holder.customer, tuple(Channel), source=acts.PAGE, now=now)
    return _back(holder, "stopped_all")


@router.post("/{token}/channels", dependencies=_by_token, max_body_size=MAX_BODY)
def channels(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    holder = _holder(request, session, token, now, lock=True)
    wanted = {Channel(name) for name in fields.getlist("channel") if name in set(Channel)}
    if _may_change(session, holder, now):
        acts.choose_channels(session, holder.customer, wanted, now=now)
        return _back(holder, "saved")
    # A refusal always counts, even if other changes must wait.
    acts.refuse_channels(session, holder.customer, set(Channel) - wanted, source=acts.PAGE, now=now)
    return _back(holder, "too_many")


@router.post("/{token}/quiet", dependencies=_by_token, max_body_size=MAX_BODY)
def quiet(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    holder = _holder(request, session, token, now, lock=True)
    if not _may_change(session, holder, now):
        return _back(holder, "too_many")
    if fields.get("remove"):
        acts.forget_quiet_time(session, holder.customer, now=now)
        return _back(holder, "saved")
    start, end = _minute(fields.get("from")), _minute(fields.get("to"))
    days = DAYS.get(str(fields.get("days")), ())
    try:
        acts.choose_quiet_time(session, holder.customer, start, end, days, now=now)
    except Invalid:
        return _back(holder, "quiet_wrong")
    return _back(holder, "saved")


@router.post("/{token}/language", dependencies=_by_token, max_body_size=MAX_BODY)
def language(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    holder = _holder(request, session, token, now, lock=True)
    if not _may_change(session, holder, now):
        return _back(holder, "too_many")
    chosen = fields.get("language")
    if chosen in LANGUAGES:
        acts.choose_language(session, holder.customer, str(chosen), now=now)
    return _back(holder, "saved")


@router.post("/{token}/ask", dependencies=_by_token, max_body_size=MAX_BODY)
def ask(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    """Record a request: a call, a dispute, "this is not me". It goes to a person, and any hold it needs begins at
    once."""
    holder = _holder(request, session, token, now, lock=True)
    intent = REQUESTS.get(str(fields.get("what")))
    if intent is None or holder.replaced or asks_too_often(session, holder.customer, now=now):
        return _back(holder, "too_many")
    ref = f"{holder.customer.id}:{str(fields.get('ref'))[:40]}"
    text = str(fields.get("text") or "")[:1000]
    catalog = ports_of(request).catalog
    receive_from_page(session, holder.customer, holder.channel, intent, text, ref, catalog, now=now)
    return _back(holder, "asked")


def _may_change(session: Session, holder: Holder, now: Now) -> bool:
    return not holder.replaced and not changes_too_often(session, holder.customer, now=now)


def _minute(text: object) -> int:
    """A time of day as minutes after midnight; -1 where it is none."""
    hour, _, minute = str(text or "").partition(":")
    digits = hour + minute
    if not (hour and minute and digits.isascii() and digits.isdigit() and len(digits) <= 4):
        return -1
    return int(hour) * 60 + int(minute) if int(hour) < 24 and int(minute) < 60 else -1


# --- the page ---------------------------------------------------------------------------------------------------


def is_link(path: str) -> bool:
    """Check whether an address is meant to be one of our links to a customer, even if much of it was lost."""
    return path.lower() == "/u" or path.lower().startswith("/u/")


def link_error(request: Request, status: int) -> Response:
    """Return the page of a link that does not open: in the reader's language, without a word about us."""
    wanted = reader_locale(request).language
    words = catalogue()[{"no": "nb", "nn": "nb"}.get(wanted, wanted if wanted in LANGUAGES else "en")]
    name = "gone" if status in (404, 405) else "broken"
    shown = {"words": words, "title": words[f"{name}_title"], "text": words[name]}
    return _quietly(render(request, "link_error.html", status, **shown))


def _back(holder: Holder, done: str) -> Response:
    return _quietly(RedirectResponse(f"/u/{holder.token}?done={done}", status_code=303))


def _page(
    request: Request, session: Session, holder: Holder, done: str = "", *, status: int = 200
) -> Response:
    customer = holder.customer
    portfolio = session.get_one(Portfolio, customer.portfolio_id)
    chosen = customer.language.lower().partition("-")[0]
    chosen = chosen if chosen in LANGUAGES else "en"
    words = catalogue()[chosen]
    said = {"what": words[holder.channel.value], "sender": portfolio.agency or portfolio.creditor}
    allowed = acts.allowed_channels(session, customer)
    return _quietly(
        render(
            request,
            "preferences.html",
            status,
            words={key: text.format_map(_Said(said)) for key, text in words.items()},
            at=f"/u/{holder.token}",
            done=done,
            replaced=holder.replaced,
            one_click=ONE_CLICK if holder.channel in allowed else "",
            channels=[(channel.value, channel in allowed) for channel in Channel],
            quiet=_quiet_words(session, customer, words),
            days=list(DAYS),
            languages=LANGUAGES,
            language=chosen,
            ref=secrets.token_urlsafe(12),
        )
    )


class _Said(dict[str, str]):
    """A format mapping that keeps placeholders which are filled in later."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _quiet_words(session: Session, customer: Customer, words: Mapping[str, str]) -> str:
    """The quiet time chosen before, as one span."""
    rows = sorted(acts.quiet_times(session, customer), key=lambda row: row.start_minute)
    if not rows:
        return ""
    # Of two halves the later one begins it, and the earlier one ends it.
    start, end = rows[-1].start_minute, rows[0].end_minute
    weekdays = tuple(int(day) for day in rows[0].weekdays.split(",") if day)
    days = next((words[name] for name, these in DAYS.items() if these == weekdays), rows[0].weekdays)
    return words["quiet_now"].format_map({"from": _clock(start), "to": _clock(end), "days": days})


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def _quietly(response: Response) -> Response:
    """Add headers that keep the address secret: it is the key, so no other site and no search engine may learn it."""
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["x-robots-tag"] = "noindex, nofollow"
    response.headers["cache-control"] = "no-store"
    return response
