"""A desk over a real socket for a whole module: one book, one server, one browser for all of its tests."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from app.core.database.engine import make_engine
from app.core.settings import Settings
from app.core.staff.rules import Role
from tests.web.desk import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREEN = {"width": 1366, "height": 768}


@contextmanager
def serving(template: Path, folder: Path) -> Iterator[Desk]:
    """Serve a copy of the migrated SQLite database `template` on a free port of this machine."""
    shutil.copyfile(template, folder / "desk.db")
    engine = make_engine(f"sqlite:///{folder / 'desk.db'}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = Settings.model_validate(
        {"secret_key": "s" * 40, "public_url": f"http://127.0.0.1:{port}", "log_level": "ERROR"}
    )
    desk = Desk(engine, settings=settings)
    server = uvicorn.Server(uvicorn.Config(desk.app, port=port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield desk
    server.should_exit = True
    thread.join(10)
    engine.dispose()


def signed_in(desk: Desk, browser: Browser, role: Role, *, scripts: bool = True) -> Page:
    """A tab in which this role's person has signed in before."""
    context = browser.new_context(
        base_url=desk.settings.public_url,
        viewport=SCREEN,  # type: ignore[arg-type]
        locale="en-US",
        java_script_enabled=scripts,
    )
    token = desk.sign_in(role).cookies["desk_session"]
    context.add_cookies([{"name": "desk_session", "value": token, "url": desk.settings.public_url}])
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    return tab
