"""Doors: every route has exactly one, which says who may use it.

Staff of some roles (`requires`, or a ready name such as `CaseWorker`), anybody's browser (`public`), other machines
(`callback`), API tokens (`app.api.deps.api_requires`). `check_doors` refuses to start an application with a route
that has none. The door comes before the database session in a signature:

    @router.post("/cases/{case_id}/note")
    def add_note(
        request: Request, case_id: int, staff: CaseWorker, session: WriteSession, now: Now,
        text: Annotated[str, Form()],
    ) -> Response: ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI, params
from fastapi.routing import RouteContext, iter_route_contexts
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Mount

from app.core.database.engine import asking, transaction
from app.core.errors import Forbidden
from app.core.staff import service
from app.core.staff.rules import (
    ADMINISTRATION,
    CASE_READING,
    CASEWORK,
    EVERYONE,
    LEGAL_WORK,
    MANAGEMENT,
    SWITCHING,
    Role,
    Staff,
)
from app.core.staff.sign_in import TOUCH_EVERY
from app.http import security
from app.http.context import after_response, engine_of, ports_of, read_clock, settings_of

log = structlog.get_logger("desk.web")
SESSION_COOKIE = "desk_session"
PASSWORD_PAGE = "/account/password"  # noqa: S105 - a path


class NotSignedIn(Exception):
    """The request carries no valid session; pages redirect to the sign-in page."""


class MustChangePassword(Exception):
    """The password was chosen by another person and must be changed first."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The holder of this request's session cookie."""

    staff: Staff
    session_id: str
    csrf_token: str
    last_seen_at: datetime
    must_change_password: bool


def visitor_of(request: Request) -> Visitor | None:
    """The holder of the session cookie, as the door found them; None if no user is signed in."""
    found: Visitor | None = request.state.visitor
    return found


async def meet_visitor(request: Request) -> Visitor | None:
    """Look the visitor of this request up, and note after the response that they were seen."""
    now = read_clock(request)
    # Without a cookie nothing is asked, and no thread is waited for.
    found = await run_in_threadpool(find_visitor, request, now) if _cookie_of(request) else None
    request.state.visitor = found
    if found is not None and now - found.last_seen_at >= TOUCH_EVERY:
        after_response(request, partial(_touch, engine_of(request), found.session_id, now))
    return found


def find_visitor(request: Request, now: datetime) -> Visitor | None:
    """Look the session cookie up, by a statement of its own."""
    cookie = _cookie_of(request)
    if not cookie or len(cookie) > 100:
        return None
    with asking(engine_of(request)) as session:
        found = service.find_session(session, cookie, now=now)
    if found is None:
        return None
    staff, row = found
    return Visitor(staff, row.id, row.csrf_token, row.last_seen_at, row.password_temporary)


def _cookie_of(request: Request) -> str | None:
    return request.cookies.get(security.cookie_name(settings_of(request), SESSION_COOKIE))


def _touch(engine: Engine, session_id: str, now: datetime) -> None:
    try:
        with transaction(engine) as session:
            service.touch_session(session, session_id, now=now)
    except SQLAlchemyError as error:
        log.warning("session_not_touched", error=type(error).__name__)


class Door:
    """Mark of a route: who may pass. `roles` is None where no sign-in is asked for."""

    roles: frozenset[Role] | None = None
    why: str = ""

    async def admit(self, request: Request) -> None:
        """Refuse a request that may not pass, as far as this is known without its body.

        See `app.http.middleware.admission`."""
        raise NotImplementedError


class StaffDoor(Door):
    """Signed-in staff of certain roles; unsafe methods must come from our own pages and show the form token."""

    def __init__(self, roles: tuple[Role, ...]) -> None:
        if not roles:
            raise ValueError("name at least one role")
        self.roles = frozenset(roles)

    async def __call__(self, request: Request) -> Staff:
        visitor = self._known(request, await meet_visitor(request))
        if request.method not in security.SAFE_METHODS and not security.same_token(
            await security.csrf_token_of(request), visitor.csrf_token
        ):
            raise Forbidden("This form has expired. Go back, reload the page and send it again.")
        self._check(request, visitor)
        request.state.admitted = True
        return visitor.staff

    async def admit(self, request: Request) -> None:
        now = ports_of(request).clock.now()
        found = await run_in_threadpool(find_visitor, request, now)
        request.state.visitor = found
        self._check(request, self._known(request, found))

    def _known(self, request: Request, visitor: Visitor | None) -> Visitor:
        if visitor is None:
            raise NotSignedIn
        if security.cross_site(request, settings_of(request)):
            raise Forbidden("This form was sent from another site.")
        return visitor

    def _check(self, request: Request, visitor: Visitor) -> None:
        if self.roles is not None and visitor.staff.role not in self.roles:
            raise Forbidden("Your role has no access to this page.")
        if visitor.must_change_password and request.url.path not in {PASSWORD_PAGE, "/logout"}:
            raise MustChangePassword


class PublicDoor(Door):
    """Open to every browser; unsafe methods must still come from our own pages."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self, request: Request) -> None:
        await meet_visitor(request)
        await self.admit(request)
        request.state.admitted = True

    async def admit(self, request: Request) -> None:
        if security.cross_site(request, settings_of(request)):
            raise Forbidden("This form was sent from another site.")


class CallbackDoor(Door):
    """Other machines: no cookie counts here, and the handler checks a signature or an unguessable token. `require`
    raises where the request shows none at all, so that its body is not read."""

    def __init__(self, why: str, require: Callable[[Request], None] | None) -> None:
        self.why, self.require = why, require

    async def __call__(self, request: Request) -> None:
        request.state.admitted = True

    async def admit(self, request: Request) -> None:
        if self.require is not None:
            self.require(request)


def requires(*roles: Role) -> Any:
    """Staff of one of these roles: `staff: Annotated[Staff, requires(Role.AGENT)]` also says who is signed in."""
    return Depends(StaffDoor(roles))


def public(why: str) -> Any:
    """A public route; `why` tells the reader of the route list the reason."""
    return Depends(PublicDoor(why))


def callback(why: str, require: Callable[[Request], None] | None = None) -> Any:
    """Open to other machines; `why` names what the handler checks instead, `require` raises where it is not there."""
    return Depends(CallbackDoor(why, require))


CaseWorker = Annotated[Staff, requires(*CASEWORK)]
CaseReader = Annotated[Staff, requires(*CASE_READING)]
LegalMember = Annotated[Staff, requires(*LEGAL_WORK)]
Manager = Annotated[Staff, requires(*MANAGEMENT)]
Administrator = Annotated[Staff, requires(*ADMINISTRATION)]
Switcher = Annotated[Staff, requires(*SWITCHING)]
AnyStaff = Annotated[Staff, requires(*EVERYONE)]


def doors_of(route: RouteContext) -> list[Door]:
    """The doors that a route declares: by `dependencies=`, or by the annotation of a parameter. The route need not be
    analysed for it."""
    asked = list(getattr(route, "dependencies", ()))
    for annotation in (
        inspect.get_annotations(route.endpoint, eval_str=True).values() if route.endpoint else ()
    ):
        asked += getattr(annotation, "__metadata__", ())  # of `Annotated`
    calls: list[Any] = [each.dependency for each in asked if isinstance(each, params.Depends)]
    return [call for call in calls if isinstance(call, Door)]


def routes_of(app: FastAPI) -> list[RouteContext]:
    """Every route of the application, those of included routers too; static mounts left out."""
    return [route for route in iter_route_contexts(app.routes) if not isinstance(route.original_route, Mount)]


def check_doors(app: FastAPI) -> None:
    """Refuse to start with a route that does not say who may use it: a forgotten door must not be an open one."""
    undeclared = [
        f"{route.path} ({getattr(route.endpoint, '__name__', '?')})"
        for route in routes_of(app)
        if len(doors_of(route)) != 1
    ]
    if undeclared:
        raise RuntimeError(
            "these routes do not declare exactly one door (app/http/doors.py): " + ", ".join(undeclared)
        )
