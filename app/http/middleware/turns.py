"""Turns: few requests that only read are worked on at once; the rest wait in the order in which they came.

Threads of one process share one processor. Fifteen that draw pages side by side take it from each other in no order:
half of the pages are done soon, and the last wait three times as long. A request that writes takes no turn: it may
wait for a lock, and pages must not wait for it. A slow report gives its turn to the next after a second.
"""

from __future__ import annotations

import asyncio

from anyio import Semaphore
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READ_AT_ONCE = 4
"""As many as keep one processor busy while some of them wait for the database: `bench pages`."""

TURN_SECONDS = 1.0
"""A turn lasts no longer: four slow reports must not stop every agent's page."""

NO_TURN = ("/static/", "/healthz", "/readyz", "/metrics")
"""Addresses that ask for no turn: files, and the questions of machines whether this process lives."""


class Turns:
    """Lets at most `at_once` requests that only read work until their answer begins. What is sent after (a long
    download) keeps nobody waiting, and no turn lasts longer than `seconds`."""

    def __init__(self, app: ASGIApp, at_once: int = READ_AT_ONCE, seconds: float = TURN_SECONDS) -> None:
        self.app = app
        self.turn = Semaphore(at_once)
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(NO_TURN):
            await self.app(scope, receive, send)
            return
        await self.turn.acquire()
        working = True

        def end() -> None:
            nonlocal working
            if working:
                working = False
                self.turn.release()

        too_long = asyncio.get_running_loop().call_later(self.seconds, end)

        async def send_and_end(message: Message) -> None:
            end()
            await send(message)

        try:
            await self.app(scope, receive, send_and_end)
        finally:
            too_long.cancel()
            end()
