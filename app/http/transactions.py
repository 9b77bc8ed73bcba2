"""One request is one transaction.

`WriteSession` commits after the handler returned and before the response is sent (FastAPI's "function" scope), and
rolls back when the handler raises. The door comes before the database session in a signature. The frame of a page
counts waiting work in the session of its request (`request.state.session`), without a second connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import Depends
from sqlmodel import Session
from starlette.requests import Request

from app.casework.cases.figures import refresh_touched
from app.casework.plans.restoration.service import restore_touched
from app.casework.plans.tracking.linking import link_touched
from app.core.database.engine import open_reading, transaction
from app.http.context import engine_of, read_clock

NO_SESSION_YET = "a handler must name its door (requires, public, ...) before its database session"


async def read_session(request: Request) -> AsyncIterator[Session]:
    """Yield a session for reading only: it takes no write lock and never commits."""
    _require_admitted(request)
    session = request.state.session = request.state.read_session = open_reading(engine_of(request))
    try:
        yield session
    finally:
        request.state.session = request.state.read_session = None
        if session.in_transaction():
            # No thread of requests: all of them may be waiting for the connection that this gives back.
            await to_thread.run_sync(session.close, limiter=CapacityLimiter(1))


def end_reading(request: Request) -> None:
    """Give the connection of a read session back once its page is drawn, on the thread that drew it: a thread of its
    own would cost each request a wait, and the next one its connection. A session that is used again begins anew."""
    session: Session | None = getattr(request.state, "read_session", None)
    if session is not None:
        session.close()


@contextmanager
def write_transaction(request: Request) -> Iterator[Session]:
    """The request's one transaction. Its last step brings the cases whose money it moved to this moment, so that lists
    filter and sort by what is owed now; it links payments to the instalments that they name, and lets an agreement run
    on that was found broken and that such a payment shows was not."""
    _require_admitted(request)
    with transaction(engine_of(request)) as session:
        request.state.write_session = request.state.session = session
        try:
            yield session
        finally:
            request.state.session = None
        link_touched(session)
        restore_touched(session, read_clock(request))
        refresh_touched(session, read_clock(request))


def write_session(request: Request) -> Iterator[Session]:
    with write_transaction(request) as session:
        yield session


def _require_admitted(request: Request) -> None:
    # On SQLite a write session holds the only write lock, so it opens only after the door has let the request in.
    if not getattr(request.state, "admitted", False):
        raise RuntimeError(NO_SESSION_YET)


ReadSession = Annotated[Session, Depends(read_session, scope="function")]
WriteSession = Annotated[Session, Depends(write_session, scope="function")]
StreamSession = Annotated[Session, Depends(read_session, scope="request")]
"""A read session that stays open while a streamed response (a CSV export) is being sent."""
