"""Pages: one Jinja2 environment, the reader's locale, static files by content hash, and the navigation.

A handler ends with `return page(request, "area/name.html", **what_the_template_needs)`, or after a change with
`return redirect(request, "/somewhere", "What was done.")`.
"""

from __future__ import annotations

import copy
import csv
import hashlib
import io
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format
from babel.numbers import NumberPattern, format_decimal, format_percent
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.ledger.models import Portfolio, ReportedChange, UnmatchedPayment, Waiver
from app.book.ledger.rules import ReportedStatus, UnmatchedStatus, WaiverStatus
from app.core.db import table_of
from app.core.kit.csv_cells import export_cell
from app.core.money import exponent, to_decimal_string
from app.core.settings import Settings
from app.core.staff.rules import (
    ADMINISTRATION,
    CASE_READING,
    CASEWORK,
    LEGAL_WORK,
    MANAGEMENT,
    ROLE_LABELS,
    SWITCHING,
    Role,
    Staff,
)
from app.core.vocabulary import Channel
from app.http import security
from app.inbound.bounces.models import MailNotice
from app.inbound.models import InboundMessage
from app.operations.alerts.models import Alert
from app.outreach.outbox.rules import redact_links

WEB = Path(__file__).resolve().parent
FLASH_COOKIE = "desk_flash"
FLASH_SECONDS = 120
Tone = Literal["good", "warn", "bad", "info", "neutral"]


# --- navigation ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NavItem:
    path: str
    label: str
    icon: str
    roles: tuple[Role, ...]


NAV = (
    NavItem("/worklist", "Worklist", "list", CASEWORK),
    NavItem("/accounts", "Accounts", "card", CASE_READING),
    NavItem("/replies", "Replies", "message", CASEWORK),
    NavItem("/unmatched", "Unmatched", "inbox", CASEWORK),
    NavItem("/waivers", "Waivers", "check", MANAGEMENT),
    NavItem("/reported-changes", "Reported changes", "inbox", MANAGEMENT),
    NavItem("/legal", "Legal", "scale", (*LEGAL_WORK, *MANAGEMENT)),
    NavItem("/dashboard", "Dashboard", "chart", MANAGEMENT),
    NavItem("/feeds", "Feeds", "upload", MANAGEMENT),
    NavItem("/contacts", "Contacts & refusals", "shield", MANAGEMENT),
    NavItem("/strategies", "Strategies", "ladder", CASE_READING),
    NavItem("/letters", "Letters", "file", (Role.AGENT, Role.MANAGER, Role.ADMIN)),
    NavItem("/simulations", "Dry-runs", "clock", MANAGEMENT),
    NavItem("/outbox", "Outbox", "send", MANAGEMENT),
    NavItem("/suppressed", "Suppressed", "inbox", MANAGEMENT),
    NavItem("/outbox/sending", "Sending", "send", ADMINISTRATION),
    NavItem("/alerts", "Alerts", "bell", SWITCHING),
    NavItem("/admin/staff", "Staff", "people", ADMINISTRATION),
    NavItem("/admin/tokens", "API tokens", "key", ADMINISTRATION),
)
"""In the order shown. An entry appears once its page exists and the reader's role may open it."""

HOME = {Role.AGENT: "/worklist", Role.MANAGER: "/dashboard", Role.LEGAL: "/legal", Role.ADMIN: "/admin/staff"}


def navigation(role: Role, paths: frozenset[str]) -> list[NavItem]:
    return [item for item in NAV if role in item.roles and item.path in paths]


def waiting_counts(session: Session, role: Role) -> dict[str, int]:
    """What waits for a person behind the entries of the navigation, by path."""
    counts: dict[str, sa.Select[int]] = {}
    if role in CASEWORK:
        message = table_of(InboundMessage)
        unread = sa.select(sa.func.count()).select_from(message).where(message.c.reviewed_at.is_(None))
        counts["/replies"] = unread
        counts["/unmatched"] = _waiting(UnmatchedPayment, UnmatchedStatus.WAITING)
    if role in MANAGEMENT:
        counts["/reported-changes"] = _waiting(ReportedChange, ReportedStatus.WAITING)
        counts["/waivers"] = _waiting(Waiver, WaiverStatus.REQUESTED)
        notice = table_of(MailNotice)
        counts["/suppressed"] = sa.select(sa.func.count()).where(notice.c.decided_at.is_(None))
    if role in SWITCHING:
        alert = table_of(Alert)
        counts["/alerts"] = sa.select(sa.func.count()).where(alert.c.ended_at.is_(None))
    if not counts:
        return {}
    found = session.execute(sa.select(*(query.scalar_subquery() for query in counts.values()))).one()
    return dict(zip(counts, found, strict=True))


def _waiting(
    model: type[UnmatchedPayment] | type[Waiver] | type[ReportedChange], status: str
) -> sa.Select[int]:
    table = table_of(model)
    portfolios = sa.select(table_of(Portfolio).c.id)  # the index begins with the portfolio
    return (
        sa.select(sa.func.count())
        .select_from(table)
        .where(table.c.portfolio_id.in_(portfolios), table.c.status == status)
    )


def home_path(role: Role, paths: frozenset[str]) -> str:
    """The first page of a role; the account page while that page is not built."""
    if HOME[role] in paths:
        return HOME[role]
    entries = navigation(role, paths)
    return entries[0].path if entries else "/account"


# --- static files -------------------------------------------------------------------------------------------


def _package_folder(package: str, folder: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise LookupError(f"{package} is not installed")
    return Path(spec.origin).parent / folder


STATIC_FOLDERS: dict[str, Path] = {
    # Third-party scripts are served straight out of the installed packages, never copied into this repository.
    "vendor/chart": _package_folder("chartkick", "django/static/chartkick"),
    "vendor/apidocs": _package_folder("fastapi_offline", "static"),
    "": WEB / "static",
}


@lru_cache(maxsize=256)
def static_hash(name: str) -> str:
    """First 12 hex digits of the SHA-256 of a static file; the empty string if there is none."""
    for prefix, folder in STATIC_FOLDERS.items():
        if name.startswith(prefix):
            path = folder / name.removeprefix(prefix).lstrip("/")
            if path.is_file():
                return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return ""


def static_url(name: str) -> str:
    """The address of a static file; it changes with its content, so that browsers may keep it for ever."""
    digest = static_hash(name)
    if not digest:
        raise LookupError(f"no static file {name!r}")
    return f"/static/{name}?v={digest}"


# --- the reader's locale ------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def locale_for(accept_language: str) -> Locale:
    """The first locale of an Accept-Language header that is known, English otherwise."""
    wanted: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:20]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((float(quality or 1), tag.strip()))
        except ValueError:
            continue
    for _quality, tag in sorted(wanted, key=lambda pair: -pair[0]):
        try:
            return Locale.parse(tag, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
    return Locale("en")


def reader_locale(request: Request) -> Locale:
    return locale_for(request.headers.get("accept-language", "")[:200])


CODE_BEFORE_DIGIT = re.compile(r"(?<=[A-Za-z])(?=\d)")
"""CLDR puts a space between "KWD" and its figures; Babel does not."""


@lru_cache(maxsize=512)
def _money_pattern(locale: Locale, currency: str) -> NumberPattern:
    # Babel would use ISO 4217's decimals; card issuers bill some currencies with others (app/core/money.py).
    pattern: NumberPattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (exponent(currency), exponent(currency))
    return pattern


def format_money(minor: int, currency: str, locale: Locale) -> str:
    value = Decimal(to_decimal_string(minor, currency))
    pattern = _money_pattern(locale, currency)
    shown = str(pattern.apply(value, locale, currency=currency, currency_digits=False))
    return CODE_BEFORE_DIGIT.sub("\u00a0", shown)


# --- filters: every one takes None and shows a dash ----------------------------------------------------------

DASH = "–"


def _locale(context: Context) -> Locale:
    locale = context.get("locale")
    return locale if isinstance(locale, Locale) else Locale("en")


@pass_context
def money(context: Context, minor: int | None, currency: str) -> str:
    """Minor units in the reader's locale: `{{ amount_minor | money(currency) }}`."""
    return DASH if minor is None else format_money(minor, currency, _locale(context))


@pass_context
def day(context: Context, value: date | None) -> str:
    if value is None:
        return DASH
    shown = format_date(value, format="medium", locale=_locale(context))
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), shown)


@pass_context
def moment(context: Context, value: datetime | None, timezone: str = "", seconds: bool = False) -> str:
    """An instant as wall-clock time in an IANA zone, with its short name: `{{ at | moment(zone) }}`. What belongs
    to no portfolio is told in the house's zone."""
    if value is None:
        return DASH
    timezone = timezone or context.get("house_zone") or "UTC"
    local, locale = value.astimezone(ZoneInfo(timezone)), _locale(context)
    clock = format_time(local, format="medium" if seconds else "short", locale=locale)
    order = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    shown = order.replace("{1}", format_date(local, format="medium", locale=locale)).replace("{0}", clock)
    zone = local.tzname() or timezone
    return Markup('<time datetime="{}">{} <span class="zone">{}</span></time>').format(
        local.isoformat(timespec="seconds"), shown, zone
    )


@pass_context
def pct(context: Context, value: float | Decimal | None, digits: int = 1) -> str:
    """A ratio as a percentage: `{{ 0.123 | pct }}` -> 12.3%."""
    if value is None:
        return DASH
    pattern = "#,##0%" if digits == 0 else "#,##0." + "0" * digits + "%"
    return format_percent(value, format=pattern, locale=_locale(context))


@pass_context
def number(context: Context, value: int | float | Decimal | None) -> str:
    return DASH if value is None else format_decimal(value, locale=_locale(context))


def decimal(minor: int, currency: str) -> str:
    """Minor units as a field takes them: `{{ amount_minor | decimal(currency) }}` -> 1250.00."""
    return to_decimal_string(minor, currency)


def role_label(role: Role) -> str:
    return ROLE_LABELS[role]


# --- the environment ----------------------------------------------------------------------------------------


@lru_cache
def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    env.filters.update(
        without_links=redact_links,
        money=money,
        decimal=decimal,
        day=day,
        moment=moment,
        pct=pct,
        number=number,
        role_label=role_label,
    )
    env.globals.update(static=static_url)
    return env


def page(request: Request, template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Render `template` for whoever is signed in. Flash messages waiting in the cookie are shown once."""
    settings: Settings = request.app.state.settings
    flashes = _waiting_flashes(request, settings)
    html = environment().get_template(template).render(**_frame(request), flashes=flashes, **context)
    response = HTMLResponse(html, status_code=status_code)
    if flashes:
        security.clear_cookie(response, settings, FLASH_COOKIE)
    return response


CHANNEL_NAMES = {Channel.SMS: "SMS", Channel.EMAIL: "e-mail", Channel.POST: "letter"}


def _frame(request: Request) -> dict[str, Any]:
    """What base.html and the macros use on every page."""
    visitor: Any = getattr(request.state, "visitor", None)
    staff: Staff | None = visitor.staff if visitor else None
    token = visitor.csrf_token if visitor else ""
    paths: frozenset[str] = request.app.state.page_paths
    session: Session | None = getattr(request.state, "session", None)
    return {
        "request": request,
        "staff": staff,
        "nav": navigation(staff.role, paths) if staff and not visitor.must_change_password else [],
        "waiting": waiting_counts(session, staff.role) if staff and session else {},
        "locale": reader_locale(request),
        "house_zone": _house_zone(session) if staff and session else "UTC",
        "path": request.url.path,
        "csrf_token": token,
        "csrf_field": partial(_csrf_field, token),
        "url_with": _url_with(request),
        "sort": request.query_params.get("sort", ""),
        "console": [CHANNEL_NAMES[each] for each in Channel if each in request.app.state.ports.console],
    }


def _house_zone(session: Session) -> str:
    """The time zone of what belongs to no portfolio: theirs where all share one, otherwise UTC."""
    zones = session.execute(sa.select(table_of(Portfolio).c.timezone).distinct().limit(2)).scalars().all()
    return zones[0] if len(zones) == 1 else "UTC"


def _csrf_field(token: str) -> Markup:
    """The session's token, and one that is drawn for this form on this page: sent again, it is known (`SentForm`)."""
    drawn = secrets.token_urlsafe(9)
    return Markup(
        '<input type="hidden" name="csrf_token" value="{}"><input type="hidden" name="once" value="{}">'
    ).format(token, drawn)


def _url_with(request: Request) -> Callable[..., str]:
    """`url_with(sort="-due", cursor=None)`: this page's address with some query parameters changed or dropped."""

    def url_with(**changes: Any) -> str:
        query = [(k, v) for k, v in request.query_params.multi_items() if k not in changes]
        query += [(k, str(v)) for k, v in changes.items() if v is not None]
        return request.url.path + ("?" + urlencode(query) if query else "")

    return url_with


# --- after a change -----------------------------------------------------------------------------------------


def redirect(request: Request, to: str, message: str | None = None, tone: Tone = "good") -> RedirectResponse:
    """Go and see the result (303), with a message shown once on the next page."""
    response = RedirectResponse(to, status_code=303)
    if message is not None:
        settings: Settings = request.app.state.settings
        value = security.sign(settings, "flash", {"tone": tone, "text": message[:500]})
        security.set_cookie(response, settings, FLASH_COOKIE, value, max_age=FLASH_SECONDS)
    return response


def _waiting_flashes(request: Request, settings: Settings) -> list[dict[str, Any]]:
    cookie = request.cookies.get(security.cookie_name(settings, FLASH_COOKIE))
    flash = security.unsign(settings, "flash", cookie) if cookie else None
    return [flash] if flash else []


# --- lists --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `ui.data_table`. `key` is what `?sort=` carries (`-key` for descending); '' is not sortable."""

    label: str
    key: str = ""
    numeric: bool = False


def sort_order(sort: str, allowed: Sequence[str], default: str) -> tuple[str, bool]:
    """`?sort=` as (key, descending); anything not in `allowed` falls back to `default`."""
    chosen = sort if sort.lstrip("-") in allowed else default
    return chosen.lstrip("-"), chosen.startswith("-")


def csv_download(filename: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A streamed CSV file. Text that a spreadsheet would run as a formula is disarmed with an apostrophe.

    `rows` is read while the response is being sent: give it a list, or a generator over a `StreamSession`.
    """

    def lines() -> Iterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(header)
        for row in rows:
            writer.writerow([_csv_cell(value) for value in row])
            if buffer.tell() > 32_768:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue()

    disposition = f'attachment; filename="{filename}"'
    return StreamingResponse(
        lines(), media_type="text/csv; charset=utf-8", headers={"content-disposition": disposition}
    )


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        return export_cell(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value
