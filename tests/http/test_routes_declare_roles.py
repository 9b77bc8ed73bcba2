"""Every route says who may use it, and nobody else gets in: walked over the real application."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext

from app.api.deps import ApiDoor, once_session
from app.core.staff.rules import Role
from app.http.doors import CallbackDoor, Door, PublicDoor, StaffDoor, check_doors, doors_of, routes_of
from app.programs.web import create_app
from app.web.admin import users as admin
from tests.web.desk import Desk


def every_route(desk: Desk) -> Iterator[tuple[str, str, Door, RouteContext]]:
    """(method, path with its parameters filled in, door, route)"""
    for route in routes_of(desk.app):
        path = route.path_format or ""
        for name in getattr(route, "param_convertors", {}):
            path = path.replace("{" + name + "}", "999999")
        (door,) = doors_of(route)
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, path, door, route


def test_each_route_has_exactly_one_door(sqlite_desk: Desk) -> None:
    check_doors(sqlite_desk.app)  # create_app has done so too
    for _, path, door, route in every_route(sqlite_desk):
        asked = [call for call in calls_of(route.dependant) if isinstance(call, Door)]
        assert [(type(each), each.roles) for each in asked] == [(type(door), door.roles)], path
    assert len(list(every_route(sqlite_desk))) > 15
    for _, path, door, _ in every_route(sqlite_desk):
        if isinstance(door, (PublicDoor, CallbackDoor)):
            assert door.why, f"{path} is open without a reason"
        else:
            assert isinstance(door, (StaffDoor, ApiDoor))
            assert door.roles


def test_an_application_with_an_undeclared_route_does_not_start(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = APIRouter()
    forgotten.add_api_route("/forgotten", lambda: "all our secrets")
    monkeypatch.setattr("app.programs.web.PAGES", (admin.router, forgotten))
    with pytest.raises(RuntimeError, match="/forgotten"):
        create_app(sqlite_desk.settings, sqlite_desk.engine, sqlite_desk.app.state.ports)


def test_pages_turn_away_who_is_not_signed_in_and_who_has_another_role(sqlite_desk: Desk) -> None:
    wrong = []
    for method, path, door, _ in every_route(sqlite_desk):
        if not isinstance(door, StaffDoor):
            continue
        answer = sqlite_desk.anonymous().request(method, path)
        if answer.status_code != 303 or not answer.headers["location"].startswith("/login"):
            wrong.append(f"anonymous {method} {path}: {answer.status_code}")
        for role in Role:
            browser = sqlite_desk.sign_in(role)
            form = {"data": {"csrf_token": browser.csrf_token}} if method != "GET" else {}
            status = browser.request(method, path, **form).status_code
            welcome = door.roles is not None and role in door.roles
            if (status in (401, 403)) == welcome or status >= 500:
                wrong.append(f"{role} {method} {path}: {status}")
    assert not wrong


def test_every_form_needs_its_token_and_refuses_another_sites_page(sqlite_desk: Desk) -> None:
    wrong = []
    for method, path, door, _ in every_route(sqlite_desk):
        if method == "GET" or not isinstance(door, StaffDoor) or not door.roles:
            continue
        browser = sqlite_desk.sign_in(next(iter(door.roles)))
        for what, form, headers in [
            ("no token", {}, {}),
            ("another site", {"csrf_token": browser.csrf_token}, {"origin": "https://evil.example"}),
        ]:
            status = browser.request(method, path, data=form, headers=headers).status_code
            if status != 403:
                wrong.append(f"{what} {method} {path}: {status}")
    assert not wrong


def test_the_api_takes_tokens_of_the_right_role_and_no_cookie(sqlite_desk: Desk) -> None:
    tokens = {role: sqlite_desk.token(role, role.value) for role in Role}
    signed_in = sqlite_desk.sign_in(Role.MANAGER)
    wrong = []
    for method, path, door, route in every_route(sqlite_desk):
        if not path.startswith("/api/v1/") or isinstance(door, PublicDoor):
            continue
        assert isinstance(door, ApiDoor), f"{path} must take API tokens"
        answer = signed_in.request(method, path)
        if answer.status_code != 401 or answer.headers["content-type"] != "application/problem+json":
            wrong.append(f"cookie {method} {path}: {answer.status_code}")
        for role, headers in tokens.items():
            key = {"idempotency-key": f"{role}-{path}"}
            status = sqlite_desk.anonymous().request(method, path, headers={**headers, **key}).status_code
            welcome = door.roles is not None and role in door.roles
            if (status in (401, 403)) == welcome or status >= 500:
                wrong.append(f"{role} {method} {path}: {status}")
        if method == "POST" and once_session not in set(calls_of(route.dependant)):
            wrong.append(f"{method} {path} takes no Idempotency-Key")
    assert not wrong


def test_an_administrator_meets_no_cardholder(sqlite_desk: Desk) -> None:
    # Letters are shown to administrators with made-up figures only; test_letters_page.py holds that.
    # Alerts name portfolios, checks and ticks, and count rows.
    # The switches of the outbox show numbers only; test_outbox_page.py holds that.
    # Drafts are those of the signed-in person alone; admin/test_drafts.py holds that.
    pages = ("/outbox/sending", "/outbox/channels/", "/outbox/stop", "/outbox/start")
    switches = (*pages, "/api/v1/outbox/stops", "/api/v1/outbox/starts")
    own = ("/alerts", "/admin/", "/account", "/logout", "/api/v1/me", "/letters", "/drafts", *switches)
    for _, path, door, _ in every_route(sqlite_desk):
        if door.roles and Role.ADMIN in door.roles:
            assert path == "/" or path.startswith(own), f"{path} lets administrators in"


def calls_of(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from calls_of(dependency)
