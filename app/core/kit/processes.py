"""Begin and end the desk's processes: files that only their owner reads, and an end within seconds."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger("desk.process")

STOP_WITHIN_SECONDS = 15.0
"""Time for the work in progress when a process is told to stop. Unfinished work is rolled back or taken up again
by the next process, as after a power cut."""


def keep_files_private() -> None:
    """From now on files are 0600 and folders 0700: the database and its log, rejects, uploads, keys, exports."""
    os.umask(0o077)


def share_with_group(path: Path) -> None:
    """Let only the group read a path that another service fetches, such as a print batch."""
    path.chmod(0o750 if path.is_dir() else 0o640)


def make_shared(folder: Path) -> None:
    """Make a folder and those above it that are missing, for another service to look into."""
    if not folder.exists():
        make_shared(folder.parent)
        folder.mkdir(exist_ok=True)
        share_with_group(folder)


def finish(end: Callable[[], None], *, seconds: float = STOP_WITHIN_SECONDS) -> None:
    """Run the work that ends a process; if it is not done in time, end the process all the same."""
    thread = threading.Thread(target=end, name="end", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        _leave_at_once()


def leave(*, seconds: float = 5.0) -> None:
    """Let a process return without waiting more than `seconds` for threads that are still at work."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(seconds)
            if thread.is_alive():
                _leave_at_once()


def _leave_at_once() -> None:
    log.warning("left_at_work", threads=[t.name for t in threading.enumerate() if not t.daemon][:20])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
