"""The context of a request: settings, ports, the database and the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from sqlalchemy.engine import Engine
from starlette.requests import Request

from app.core.settings import Settings
from app.http.ports import Ports


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def ports_of(request: Request) -> Ports:
    ports: Ports = request.app.state.ports
    return ports


def engine_of(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def running_jobs(request: Request, name: str) -> dict[int, str]:
    """Jobs that this application runs on threads of its own, by id: shared by all its requests."""
    jobs: dict[int, str] = request.app.state.jobs.setdefault(name, {})
    return jobs


def read_clock(request: Request) -> datetime:
    """The instant of this request, read once; see habit "time is told, not asked"."""
    at: datetime | None = getattr(request.state, "now", None)
    if at is None:
        at = request.state.now = ports_of(request).clock.now()
    return at


def after_response(request: Request, act: Callable[[], None]) -> None:
    """Run `act` on a thread once the answer to this request is sent (`app.http.middleware.afterwards`), after what
    runs then already."""
    before: Callable[[], None] | None = getattr(request.state, "afterwards", None)

    def both() -> None:
        if before is not None:
            before()
        act()

    request.state.afterwards = both


async def _now(request: Request) -> datetime:
    return read_clock(request)  # it never waits, so it needs no thread of its own


Now = Annotated[datetime, Depends(_now)]
