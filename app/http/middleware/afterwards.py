"""Work that a request leaves for after its answer."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send


class Afterwards:
    """Runs what a request left to be done once its answer is sent, so that no page waits for the write lock to note
    that its reader is still here."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        finally:
            act = scope.get("state", {}).get("afterwards")
            if act is not None:
                await run_in_threadpool(act)
