"""Running an ASGI application on one address: says where it listens, and in words why it cannot."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import uvicorn
from anyio import to_thread
from starlette.types import ASGIApp

from app.core.database.engine import MOST_CONNECTIONS
from app.core.errors import DeskError
from app.core.kit.parallel import collect_garbage_seldom

STOP_WITHIN_SECONDS = 10
"""Requests that are still running when the process is told to stop get this long to finish."""


class _Announced(uvicorn.Server):
    """Tells once that it answers, after the application has started."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # A thread more would wait for a connection, and each that runs slows the others down.
        to_thread.current_default_thread_limiter().total_tokens = MOST_CONNECTIONS
        await super().startup(sockets=sockets)
        if self.started:
            self._announce()


def serve_app(app: ASGIApp, *, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `announce` gets the address once it answers.

    Raises DeskError when the address cannot be listened on.
    """
    listening = listen(host, port)
    collect_garbage_seldom()  # a page makes thousands of small objects that have no cycles
    with listening:
        address = f"http://{host}:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=STOP_WITHIN_SECONDS
        )
        _Announced(config, lambda: announce(address)).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on this address. Raises DeskError that says why it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OverflowError:
        raise DeskError(f"There is no port {port}: ports go up to 65535.") from None
    except OSError as error:
        why = {
            errno.EADDRINUSE: "another program listens there. Stop it, or choose another with --port",
            errno.EACCES: "this user may not. Ports below 1024 need a privileged user",
            errno.EADDRNOTAVAIL: "this machine does not have that address",
        }.get(error.errno or 0, str(error))
        raise DeskError(f"Cannot listen on {host}, port {port}: {why}.") from None
