"""Staff and API tokens: the administrator's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.core.errors import Conflict, Invalid, NotFound
from app.core.staff import queries, service, tokens
from app.core.staff.models import ApiToken, User
from app.core.staff.rules import ROLE_LABELS, Role
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Administrator
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.lists import Column
from app.web.rendering import Page, page, redirect

router = Router(prefix="/admin")

ROLE_HINTS = {
    Role.AGENT: "Works the worklist and cases.",
    Role.MANAGER: "All an agent can, plus dashboards, approvals and the strategy.",
    Role.LEGAL: "Reads cases and takes over case files.",
    Role.ADMIN: "Manages staff and API tokens, can stop all sending; sees no cardholder.",
}
STAFF_COLUMNS = [Column(label) for label in ("Name", "User name", "Role", "Team", "Status", "Last here")]
TOKEN_COLUMNS = [
    Column(label) for label in ("Name", "Role", "Answers for it", "Token", "Issued", "Last used", "")
]


# --- staff --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StaffPage(Page):
    template = "admin/staff.html"
    people: Sequence[User]
    seen: Mapping[int, datetime]
    columns: Sequence[Column]


@router.get("/staff")
def staff_list(request: Request, _staff: Administrator, session: ReadSession) -> Response:
    people, seen = queries.staff_list(session), queries.last_seen(session)
    return page(request, StaffPage(people=people, seen=seen, columns=STAFF_COLUMNS))


@router.get("/staff/new")
def new_staff(request: Request, _staff: Administrator, session: ReadSession) -> Response:
    return _new_staff_page(request, session, {}, {})


@dataclass(frozen=True, slots=True)
class TemporaryPasswordPage(Page):
    template = "admin/temporary_password.html"
    person: User
    password: str
    added: bool


@router.post("/staff/new")
def add_staff(
    request: Request,
    staff: Administrator,
    session: WriteSession,
    now: Now,
    username: Annotated[str, Form(max_length=200)] = "",
    display_name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[Role, Form()] = Role.AGENT,
    team: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    password = service.generate_password()
    try:
        user = service.add_user(
            session, username, display_name, role, password, by=staff.by, now=now, temporary=True, team=team
        )
    except (Invalid, Conflict) as refused:
        field = getattr(refused, "field", None) or "username"
        values = {"username": username, "display_name": display_name, "role": role, "team": team}
        return _new_staff_page(request, session, values, {field: refused.message}, status=refused.status)
    return page(request, TemporaryPasswordPage(person=user, password=password, added=True))


@router.get("/staff/{user_id}")
def staff_member(request: Request, user_id: RowId, staff: Administrator, session: ReadSession) -> Response:
    return _member_page(request, session, _person(session, user_id), own=user_id == staff.user_id)


@router.post("/staff/{user_id}")
def change_staff(
    request: Request,
    user_id: RowId,
    staff: Administrator,
    session: WriteSession,
    now: Now,
    display_name: Annotated[str, Form(max_length=200)],
    role: Annotated[Role, Form()],
    team: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    user = service.change_user(
        session, user_id, display_name=display_name, role=role, team=team, by=staff.by, now=now
    )
    return redirect(request, f"/admin/staff/{user_id}", f"{user.display_name} is saved.")


@router.post("/staff/{user_id}/active")
def set_active(
    request: Request,
    user_id: RowId,
    staff: Administrator,
    session: WriteSession,
    now: Now,
    active: Annotated[bool, Form()],
) -> Response:
    user = service.change_user(session, user_id, active=active, by=staff.by, now=now)
    words = "can sign in again." if active else "is deactivated and signed out everywhere."
    return redirect(request, f"/admin/staff/{user_id}", f"{user.display_name} {words}")


@router.post("/staff/{user_id}/password")
def reset_password(
    request: Request, user_id: RowId, staff: Administrator, session: WriteSession, now: Now
) -> Response:
    """A temporary password, shown on this answer only."""
    password = service.generate_password()
    user = service.change_user(session, user_id, password=password, temporary=True, by=staff.by, now=now)
    return page(request, TemporaryPasswordPage(person=user, password=password, added=False))


def _person(session: ReadSession, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(f"There is no member of staff {user_id}. Choose one from the list.")
    return user


@dataclass(frozen=True, slots=True)
class NewStaffPage(Page):
    template = "admin/staff_new.html"
    values: Mapping[str, object]
    errors: Mapping[str, str]
    roles: Sequence[tuple[str, str, str]]
    teams: Sequence[str]


def _new_staff_page(
    request: Request,
    session: Session,
    values: Mapping[str, object],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    shown = NewStaffPage(values=values, errors=errors, roles=_role_options(), teams=queries.teams(session))
    return page(request, shown, status)


@dataclass(frozen=True, slots=True)
class StaffMemberPage(Page):
    template = "admin/staff_member.html"
    person: User
    own: bool
    roles: Sequence[tuple[str, str, str]]
    teams: Sequence[str]


def _member_page(request: Request, session: Session, person: User, *, own: bool) -> Response:
    teams = queries.teams(session)
    return page(request, StaffMemberPage(person=person, own=own, roles=_role_options(), teams=teams))


def _role_options() -> list[tuple[str, str, str]]:
    return [(role.value, ROLE_LABELS[role], ROLE_HINTS[role]) for role in Role]


# --- API tokens ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokensPage(Page):
    template = "admin/tokens.html"
    tokens: Sequence[ApiToken]
    owners: Mapping[int, User]
    columns: Sequence[Column]


@router.get("/tokens")
def token_list(request: Request, _staff: Administrator, session: ReadSession) -> Response:
    owners = queries.token_owners(session)
    return page(request, TokensPage(tokens=queries.tokens(session), owners=owners, columns=TOKEN_COLUMNS))


@router.get("/tokens/new")
def new_token(request: Request, staff: Administrator, session: ReadSession) -> Response:
    return _new_token_page(request, session, {"owner": staff.username}, {})


@dataclass(frozen=True, slots=True)
class TokenIssuedPage(Page):
    template = "admin/token_issued.html"
    name: str
    role: Role
    token: str


@router.post("/tokens/new")
def issue_token(
    request: Request,
    staff: Administrator,
    session: WriteSession,
    now: Now,
    name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[Role, Form()] = Role.LEGAL,
    owner: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    try:
        token = tokens.issue_token(session, name, role, by=staff.by, now=now, owner=owner or staff.username)
    except (Invalid, Conflict) as refused:
        values = {"name": name, "role": role, "owner": owner}
        field = getattr(refused, "field", None) or "name"
        return _new_token_page(request, session, values, {field: refused.message}, status=refused.status)
    return page(request, TokenIssuedPage(name=name, role=role, token=token))


@router.post("/tokens/{token_id}/revoke")
def revoke_token(
    request: Request, token_id: RowId, staff: Administrator, session: WriteSession, now: Now
) -> Response:
    token = tokens.revoke_token(session, token_id, by=staff.by, now=now)
    return redirect(request, "/admin/tokens", f"The token {token.name} no longer opens anything.")


@dataclass(frozen=True, slots=True)
class NewTokenPage(Page):
    template = "admin/token_new.html"
    values: Mapping[str, object]
    errors: Mapping[str, str]
    roles: Sequence[tuple[str, str, str]]
    people: Sequence[tuple[str, str]]


def _new_token_page(
    request: Request,
    session: Session,
    values: Mapping[str, object],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    people = [
        (user.username, f"{user.display_name} ({ROLE_LABELS[user.role]})")
        for user in queries.staff_list(session)
        if user.active
    ]
    shown = NewTokenPage(values=values, errors=errors, roles=_role_options(), people=people)
    return page(request, shown, status)
