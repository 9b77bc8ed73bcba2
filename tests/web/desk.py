"""Web application on a test database, and members of staff to sign in."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from tempfile import TemporaryDirectory
from typing import TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import APIRouter, FastAPI
from httpx2 import Response
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Engine
from sqlmodel import Session, select
from starlette.datastructures import State
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from app.adapters.twilio.codes import failure_of
from app.core.actor import SYSTEM
from app.core.clock import Clock, FixedClock
from app.core.database.engine import reading, transaction
from app.core.settings import Settings
from app.core.staff import service, tokens
from app.core.staff.models import StaffSession, User
from app.core.staff.rules import Role
from app.http.ports import Ports
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.links import LinkSigner
from app.programs.ports import WorkerPorts
from app.programs.web import create_app
from tests.letters import letters

T = TypeVar("T")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
NAMES = {
    Role.AGENT: ("ben", "Ben Okafor"),
    Role.MANAGER: ("mei", "Mei Lin Chen"),
    Role.LEGAL: ("lars", "Lars Nygård"),
    Role.ADMIN: ("alma", "Alma Hendriks"),
}


def make_ports(clock: Clock, settings: Settings) -> WorkerPorts:
    """Return ports with the real letters and without senders."""
    return WorkerPorts(
        clock=clock,
        catalog=LetterCatalog(letters(), LinkSigner(settings.public_url, settings.require_secret())),
        senders={},
        sms_failure=failure_of,
    )


_PORTAL = ExitStack()


@lru_cache
def shared_portal() -> BlockingPortal:
    """The event loop of every client. A loop of its own for each request, with new threads for its handlers, costs
    4 ms: as much as the page."""
    return _PORTAL.enter_context(start_blocking_portal())


def close_portal() -> None:
    """End the threads of the loop, for which the process would wait."""
    _PORTAL.close()
    shared_portal.cache_clear()


class Browser(TestClient):
    """Client that follows no redirect automatically and sends forms with the session's token."""

    csrf_token = ""

    def __init__(self, app: FastAPI, **given: bool) -> None:
        super().__init__(app, **given)  # type: ignore[arg-type]
        self.portal = shared_portal()

    def submit(self, path: str, **fields: object) -> Response:
        """Send a form like one of our pages."""
        return self.post(
            path, data={"csrf_token": self.csrf_token, **fields}, headers={"origin": "http://testserver"}
        )


_UPLOADS = TemporaryDirectory(prefix="desk-uploads-")
_APPS: list[tuple[Settings, FastAPI]] = []


def an_app(settings: Settings, engine: Engine, ports: Ports) -> FastAPI:
    """Return the application of `create_app`, with its own state and middleware.

    Its routes are shared, because building two hundred of them takes half a second. `Desk.add` adds a test's own.
    """
    made = [app for known, app in _APPS if known == settings]
    if not made:
        made = [create_app(settings, engine, ports)]
        _APPS.append((settings.model_copy(deep=True), made[0]))
    app, registry = copy(made[0]), CollectorRegistry()
    own = {"settings": settings, "engine": engine, "ports": ports, "registry": registry, "jobs": {}}
    app.state = State({**made[0].state._state, **own})
    app.user_middleware = [
        Middleware(
            each.cls, *each.args, **{name: own.get(name, value) for name, value in each.kwargs.items()}
        )
        for each in made[0].user_middleware
    ]
    app.middleware_stack = None
    return app


@dataclass
class Desk:
    """`desk.sign_in(Role.AGENT)` gives a Browser; `desk.anonymous()` one without a session."""

    engine: Engine
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    settings: Settings = field(
        default_factory=lambda: Settings.model_validate(
            {
                "secret_key": "a secret of forty characters for tests..",
                "public_url": "http://testserver",
                "upload_dir": _UPLOADS.name,
            }
        )
    )
    ports: Ports | None = None
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        ports = self.ports or make_ports(self.clock, self.settings)
        self.app = an_app(self.settings, self.engine, ports)

    def add(self, router: APIRouter, prefix: str = "") -> None:
        """Add a test's own routes; later browsers see them."""
        self.app = create_app(self.settings, self.engine, self.app.state.ports)
        self.app.include_router(router, prefix=prefix)

    def anonymous(self) -> Browser:
        return Browser(self.app, follow_redirects=False)

    def sign_in(self, role: Role) -> Browser:
        """Return a browser with a session of this role's person, who is added the first time."""
        username, _ = NAMES[role]
        self.write(lambda session: _ensure(session, role, self.clock.now()))
        token, row = self.write(lambda session: _open(session, username, self.clock.now()))
        browser = self.anonymous()
        name = "__Host-desk_session" if self.settings.public_url.startswith("https") else "desk_session"
        browser.cookies.set(name, token)
        browser.csrf_token = row.csrf_token
        return browser

    def token(self, role: Role, name: str = "test program") -> dict[str, str]:
        """Return the headers of a program that calls the API."""
        token = self.write(
            lambda session: tokens.issue_token(session, name, role, by=SYSTEM, now=self.clock.now())
        )
        return {"authorization": f"Bearer {token}"}

    def write(self, verb: Callable[[Session], T]) -> T:
        with transaction(self.engine) as session:
            return verb(session)

    def read(self, query: Callable[[Session], T]) -> T:
        with reading(self.engine) as session:
            return query(session)


def _ensure(session: Session, role: Role, now: datetime) -> None:
    username, display_name = NAMES[role]
    if session.exec(select(User).where(User.username == username)).first() is None:
        service.add_user(session, username, display_name, role, PASSWORD, by=SYSTEM, now=now)


def _open(session: Session, username: str, now: datetime) -> tuple[str, StaffSession]:
    user = session.exec(select(User).where(User.username == username)).one()
    return service._open_session(session, user, "testclient", now=now, lifetime=timedelta(hours=10))


def seen_in(page: str) -> str:
    """Return the mark of what a page showed, as its form carries it."""
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found is not None, page[:400]
    return found[1]
