"""A read session gives its connection back with its page, and never waits for another request to do so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import anyio
import sqlalchemy as sa
from anyio import to_thread
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool
from starlette.requests import Request

from app.http.transactions import end_reading, read_session


def request_on(engine: Engine) -> Request:
    app = SimpleNamespace(state=SimpleNamespace(engine=engine))
    return cast("Request", SimpleNamespace(app=app, state=SimpleNamespace(admitted=True)))


def in_use(engine: Engine) -> int:
    return cast("QueuePool", engine.pool).checkedout()


def test_the_connection_is_back_once_the_page_is_drawn(engine: Engine) -> None:
    async def ask() -> None:
        request, before = request_on(engine), in_use(engine)
        opened = read_session(request)
        session = await anext(opened)
        session.execute(sa.text("SELECT 1"))
        assert in_use(engine) == before + 1
        end_reading(request)
        assert in_use(engine) == before
        session.execute(sa.text("SELECT 1"))  # a handler that goes on reading
        await opened.aclose()  # type: ignore[attr-defined]
        assert in_use(engine) == before

    anyio.run(ask)


def test_a_connection_comes_back_while_every_thread_waits_for_one(engine: Engine) -> None:
    async def ask() -> None:
        before, opened = in_use(engine), read_session(request_on(engine))
        (await anext(opened)).execute(sa.text("SELECT 1"))
        threads = to_thread.current_default_thread_limiter()
        threads.total_tokens = 1
        async with threads:
            with anyio.fail_after(5):
                await opened.aclose()  # type: ignore[attr-defined]
        assert in_use(engine) == before

    anyio.run(ask)
