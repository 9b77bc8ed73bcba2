"""Signing in and out, the first page of each role, and one's own password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import Invalid
from app.core.staff import service
from app.core.staff.passwords import PASSWORD_MIN
from app.core.staff.rules import Staff, Theme
from app.core.staff.sign_in import LoginRefusal, LoginRefused
from app.http import security
from app.http.context import Now, settings_of
from app.http.doors import SESSION_COOKIE, AnyStaff, public, visitor_of
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.navigation import home_path
from app.web.rendering import Page, page, redirect

AFTER_SESSION = timedelta(days=1)
"""Time for which the cookie outlasts its session, so that the page can say that the session has expired."""

router = Router()
sign_in_door = public("the sign-in page; throttled in app/core/staff/service.py")


def sign_in_path(wanted: str | None, *, signed_out: bool = False, kept: bool = False) -> str:
    """Return the path of the sign-in page, which leads on to `wanted` (a path of ours). `signed_out`: the page says
    that the user was signed in until now, and why they are here. `kept`: the form that they sent is kept."""
    query = {"next": wanted} if wanted and wanted != "/" else {}
    query |= {"signed_out": "1"} if signed_out else {}
    query |= {"kept": "1"} if kept else {}
    return "/login" + ("?" + urlencode(query) if query else "")


@router.get("/")
def home(request: Request, staff: AnyStaff) -> Response:
    return RedirectResponse(home_path(staff.role, request.app.state.page_paths), status_code=303)


@router.get("/login", dependencies=[sign_in_door])
def login_page(
    request: Request,
    next: Annotated[str | None, Query()] = None,
    signed_out: str = "",
    kept: str = "",
) -> Response:
    if visitor_of(request) is not None:
        return RedirectResponse(security.local_path(next, "/"), status_code=303)
    return _login_page(request, next, signed_out=bool(signed_out), kept=bool(kept))


@router.post("/login", dependencies=[sign_in_door])
def log_in(
    request: Request,
    session: WriteSession,
    now: Now,
    username: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str | None, Form(max_length=2000)] = None,
) -> Response:
    settings = settings_of(request)
    client = request.client.host if request.client else "unknown"
    lifetime = timedelta(hours=settings.session_hours)
    result = service.log_in(session, username, password, client, now=now, lifetime=lifetime)
    if isinstance(result, LoginRefused):
        return _refused(request, result, username, next)
    token, _row = result
    response = RedirectResponse(security.local_path(next, "/"), status_code=303)
    kept = lifetime + AFTER_SESSION
    security.set_cookie(response, settings, SESSION_COOKIE, token, max_age=int(kept.total_seconds()))
    return response


@router.post("/logout")
def log_out(request: Request, staff: AnyStaff, session: WriteSession, now: Now) -> Response:
    visitor = visitor_of(request)
    assert visitor is not None
    service.log_out(session, staff, visitor.session_id, now=now)
    response = redirect(request, "/login", "You are signed out.", "neutral")
    security.clear_cookie(response, settings_of(request), SESSION_COOKIE)
    # All that this browser kept for the session, typed text included, goes with it.
    response.headers["clear-site-data"] = '"storage"'
    return response


THEME_LABELS = {
    Theme.SYSTEM: "As this computer is set",
    Theme.LIGHT: "Light colours",
    Theme.DARK: "Dark colours",
}


@dataclass(frozen=True, slots=True)
class OwnAccountPage(Page):
    template = "admin/own_account.html"
    account: Staff
    themes: Sequence[tuple[str, str]]


@router.get("/account")
def account(request: Request, staff: AnyStaff) -> Response:
    return page(request, OwnAccountPage(account=staff, themes=list(THEME_LABELS.items())))


@router.post("/account/keys")
def switch_keys(
    request: Request,
    staff: AnyStaff,
    session: WriteSession,
    now: Now,
    single_keys: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    service.switch_keys(session, staff, bool(single_keys), now=now)
    return redirect(request, "/account", f"Single-key shortcuts are {'on' if single_keys else 'off'}.")


@router.post("/account/theme")
def choose_theme(
    request: Request,
    staff: AnyStaff,
    session: WriteSession,
    now: Now,
    theme: Annotated[Theme, Form()] = Theme.SYSTEM,
) -> Response:
    service.choose_theme(session, staff, theme, now=now)
    return redirect(request, "/account", f"Saved. {THEME_LABELS[theme]}.")


@router.get("/account/password")
def password_page(request: Request, _staff: AnyStaff) -> Response:
    visitor = visitor_of(request)
    assert visitor is not None
    return _password_page(request, visitor.must_change_password)


@router.post("/account/password")
def change_password(
    request: Request,
    staff: AnyStaff,
    session: WriteSession,
    now: Now,
    current: Annotated[str, Form(max_length=1000)] = "",
    new: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    visitor = visitor_of(request)
    assert visitor is not None
    try:
        service.change_own_password(session, staff, current, new, now=now)
    except Invalid as refused:
        field = "current" if refused.field == "current" else "new"
        return _password_page(request, visitor.must_change_password, {field: refused.message}, status=422)
    response = redirect(request, "/login", "Your password is changed. Sign in with the new one.")
    security.clear_cookie(response, settings_of(request), SESSION_COOKIE)
    return response


@dataclass(frozen=True, slots=True)
class LoginPage(Page):
    template = "admin/login.html"
    next: str
    """The address to go on to once signed in."""
    username: str
    error: str | None
    signed_out: bool
    kept: bool
    """The form that was sent meanwhile is a draft of theirs."""


def _login_page(
    request: Request,
    next: str | None,
    *,
    username: str = "",
    error: str | None = None,
    signed_out: bool = False,
    kept: bool = False,
    status: int = 200,
) -> Response:
    shown = LoginPage(next=next or "", username=username, error=error, signed_out=signed_out, kept=kept)
    return page(request, shown, status)


def _refused(request: Request, refused: LoginRefused, username: str, next: str | None) -> Response:
    """The same words whether the name, the password or the account is the reason."""
    if refused.reason is LoginRefusal.THROTTLED:
        minutes = -(-refused.wait_seconds // 60)
        wait = f"Too many attempts. Try again in {minutes} minute{'s' if minutes != 1 else ''}."
        response = _login_page(request, next, username=username, error=wait, status=429)
        response.headers["retry-after"] = str(refused.wait_seconds)
        return response
    error = "That name and password do not match. Check both, or ask an administrator for a new password."
    return _login_page(request, next, username=username, error=error, status=401)


@dataclass(frozen=True, slots=True)
class OwnPasswordPage(Page):
    template = "admin/own_password.html"
    temporary: bool
    errors: Mapping[str, str]
    password_min: int


def _password_page(
    request: Request, temporary: bool, errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    shown = OwnPasswordPage(temporary=temporary, errors=errors or {}, password_min=PASSWORD_MIN)
    return page(request, shown, status)
