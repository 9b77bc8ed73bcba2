"""The page behind the link in every message: how, when and in which language a customer wants to be contacted.

It has no sign-in, and a forwarded message gives another person the link. So the page names no customer and speaks of
no debt, and a change shows only in how we behave. One-click unsubscribing (RFC 8058) is a POST to the same address.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions import preferences as acts
from app.book.ledger.models import Customer
from app.core.dates import minute_of_day
from app.core.errors import Invalid
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.inbound.reception import receive_from_page
from app.inbound.rules import Intent
from app.portal.limits import asks_too_often, changes_too_often
from app.portal.link import BY_TOKEN, MAX_BODY, Fields, holder_of
from app.portal.page import (
    DAYS,
    LANGUAGES,
    ONE_CLICK,
    Holder,
    language_of,
    preferences_page,
    quiet_time,
    quietly,
)

router = Router(prefix="/u")

REQUESTS: Mapping[str, Intent | None] = {
    "call": Intent.CALL_ME,
    "paid": Intent.PAID,
    "cannot_pay": Intent.HARDSHIP,
    "dispute": Intent.DISPUTE,
    "other": None,
    "not_me": Intent.WRONG_NUMBER,
    "mistake": None,
}
"""The requests that the page hands to a person; None = the words say what it is."""
CONFIRMED = ("stop", "not_me")
"""What the page asks about once more before it is done."""
MISTAKE = "Pressed \u201cYou have the wrong person\u201d by mistake."
DONE = (
    "saved", "stopped_all", "too_many", "quiet_wrong", "choose", *(f"asked_{name}" for name in REQUESTS)
)  # fmt: skip
"""The messages that the page may show after a form."""


@router.get("/{token}", dependencies=BY_TOKEN)
def show(
    request: Request, token: str, session: ReadSession, now: Now, done: str = "", confirm: str = ""
) -> Response:
    """Show the page. Mail scanners follow links, so opening this page changes nothing."""
    holder = holder_of(request, session, token, now)
    confirm = confirm if confirm in CONFIRMED and not holder.replaced else ""
    return preferences_page(request, session, holder, done if done in DONE else "", confirm=confirm, now=now)


@router.post("/{token}", dependencies=BY_TOKEN, max_body_size=MAX_BODY)
def unsubscribe(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    """RFC 8058: a mail program posts `List-Unsubscribe=One-Click` without cookies; our own button posts the same."""
    holder = holder_of(request, session, token, now, lock=True)
    if fields.get("List-Unsubscribe") != ONE_CLICK:
        return preferences_page(request, session, holder, status=422, now=now)
    acts.refuse_channels(session, holder.customer, [holder.channel], source="unsubscribe link", now=now)
    return preferences_page(
        request, session, holder, "stopped_call" if holder.channel is Channel.CALL else "stopped", now=now
    )


@router.post("/{token}/stop", dependencies=BY_TOKEN, max_body_size=MAX_BODY)
def stop_everything(
    request: Request, token: str, fields: Fields, session: WriteSession, now: Now
) -> Response:
    """Refuse every channel, once the customer has confirmed it."""
    holder = holder_of(request, session, token, now, lock=True)
    if not fields.get("sure"):
        return preferences_page(request, session, holder, confirm="stop", now=now)
    acts.refuse_channels(session, holder.customer, tuple(Channel), source=acts.PAGE, now=now)
    return _back(holder, "stopped_all")


@router.post("/{token}/settings", dependencies=BY_TOKEN, max_body_size=MAX_BODY)
def settings(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    """Save channels, quiet time and language together: all of it, or after a mistake none of it.

    A page may lie open while its reader refuses a channel by message or on the telephone, so only what was changed on
    it counts: the form brings what it showed, and a channel is allowed only where it showed it as refused."""
    holder = holder_of(request, session, token, now, lock=True)
    customer = holder.customer
    wanted = {Channel(name) for name in fields.getlist("channel") if name in set(Channel)}
    if not _may_change(session, holder, now):
        # A refusal always counts, even if other changes must wait.
        acts.refuse_channels(session, customer, set(Channel) - wanted, source=acts.PAGE, now=now)
        return _back(holder, "too_many")
    try:
        _choose_quiet_time(session, customer, fields, now)
    except Invalid:
        return preferences_page(request, session, holder, "quiet_wrong", typed=fields, status=422, now=now)
    shown_refused = {Channel(name) for name in fields.getlist("refused") if name in set(Channel)}
    kept = wanted & set(acts.allowed_channels(session, customer, now=now))
    # Shown unticked and left so: a yes for another number is no yes for this one, and now it is a no.
    left = set(acts.lapsed_channels(session, customer, now=now)) & shown_refused - wanted
    acts.choose_channels(session, customer, kept | wanted & shown_refused, now=now)
    acts.refuse_channels(session, customer, left, source=acts.PAGE, now=now)
    chosen = str(fields.get("language"))
    if chosen in LANGUAGES and chosen not in (fields.get("language_was"), language_of(customer)):
        acts.choose_language(session, customer, chosen, now=now)
    return _back(holder, "saved")


def _choose_quiet_time(session: Session, customer: Customer, fields: FormData, now: datetime) -> None:
    """Keep the quiet time of the form; both times empty take back the one that the form showed. Invalid for one
    time."""
    before, chosen = quiet_time(session, customer), quiet_time(session, customer, fields)
    shown = str(fields.get("quiet_was") or "")
    if chosen == before or chosen.mark == shown:
        return
    if chosen.start or chosen.end:
        start, end = minute_of_day(chosen.start), minute_of_day(chosen.end)
        if start is None or end is None:
            raise Invalid("Give both times as hours and minutes, such as 17:00.", "start")
        acts.choose_quiet_time(session, customer, start, end, DAYS.get(chosen.days, ()), now=now)
    elif before.mark == shown:
        acts.forget_quiet_time(session, customer, now=now)


@router.post("/{token}/ask", dependencies=BY_TOKEN, max_body_size=MAX_BODY)
def ask(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    """Record a request, such as a call or a dispute. It goes to a person, and any hold it needs begins at once."""
    holder = holder_of(request, session, token, now, lock=True)
    asked = str(fields.get("what"))
    if asked not in REQUESTS or holder.replaced or asks_too_often(session, holder.customer, now=now):
        return _back(holder, "too_many" if asked in REQUESTS else "choose")
    if asked == "not_me" and not fields.get("sure"):
        return preferences_page(request, session, holder, confirm="not_me", typed=fields, now=now)
    ref = f"{holder.customer.id}:{str(fields.get('ref'))[:40]}"
    text = str(fields.get("text") or "")[:1000]
    if asked == "mistake":
        text = f"{MISTAKE} {text}".strip()
    catalog = ports_of(request).catalog
    receive_from_page(session, holder.customer, holder.channel, REQUESTS[asked], text, ref, catalog, now=now)
    return _back(holder, f"asked_{asked}")


def _may_change(session: Session, holder: Holder, now: Now) -> bool:
    return not holder.replaced and not changes_too_often(session, holder.customer, now=now)


def _back(holder: Holder, done: str) -> Response:
    return quietly(RedirectResponse(f"/u/{holder.token}?done={done}", status_code=303))
