"""Turns: few reads at once, in the order in which they came; writes, files and probes do not wait."""

from __future__ import annotations

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from app.http.middleware.turns import Turns


class Pages:
    """An application whose answers begin when the test says so; notes what began and how many work at once."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.may_answer: dict[str, anyio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began.append(scope["path"])
        event = self.may_answer.setdefault(scope["path"], anyio.Event())
        await event.wait()
        if scope["path"] == "/broken":
            raise RuntimeError("broken")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await self.may_answer.setdefault(f"{scope['path']} body", anyio.Event()).wait()

    def answer(self, path: str) -> None:
        self.may_answer.setdefault(path, anyio.Event()).set()


async def _ask(app: Turns, path: str, method: str = "GET") -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        return None

    try:
        await app({"type": "http", "method": method, "path": path}, receive, send)
    except RuntimeError:
        return


async def _story(pages: Pages, app: Turns) -> None:
    async with anyio.create_task_group() as group:
        for path in ("/broken", "/b", "/c", "/d"):
            group.start_soon(_ask, app, path)
            await anyio.wait_all_tasks_blocked()
        assert pages.began == ["/broken", "/b"], "two turns, the others wait"
        group.start_soon(_ask, app, "/cases/1/calls", "POST")
        group.start_soon(_ask, app, "/static/desk.css")
        group.start_soon(_ask, app, "/healthz")
        await anyio.wait_all_tasks_blocked()
        assert sorted(pages.began[2:]) == ["/cases/1/calls", "/healthz", "/static/desk.css"]
        pages.answer("/broken")
        await anyio.wait_all_tasks_blocked()
        assert pages.began[-1] == "/c", "a request that broke gives its turn to the next in the row"
        pages.answer("/b")
        await anyio.wait_all_tasks_blocked()
        assert pages.began[-1] == "/d", (
            "an answer that has begun gives its turn, though it is still being sent"
        )
        group.cancel_scope.cancel()


async def _slow(pages: Pages, app: Turns) -> None:
    async with anyio.create_task_group() as group:
        for path in ("/a", "/b", "/c"):
            group.start_soon(_ask, app, path)
            await anyio.wait_all_tasks_blocked()
        assert pages.began == ["/a"]
        with anyio.fail_after(10):
            while len(pages.began) < 3:
                await anyio.sleep(0.01)
        pages.answer("/a"), pages.answer("/a body")
        await anyio.wait_all_tasks_blocked()
        assert app.turn.value == 0, "a turn that was given up is not given back a second time"
        group.cancel_scope.cancel()


def test_reads_take_turns_in_the_order_in_which_they_came() -> None:
    pages = Pages()
    anyio.run(_story, pages, Turns(pages, at_once=2, seconds=600))


def test_a_slow_page_gives_its_turn_to_the_next() -> None:
    pages = Pages()
    anyio.run(_slow, pages, Turns(pages, at_once=1, seconds=0.2))


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_no_request_takes_no_turn(kind: str) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def ask() -> None:
        await Turns(app, at_once=1)({"type": kind}, None, None)  # type: ignore[arg-type]

    anyio.run(ask)
    assert seen == [kind]
