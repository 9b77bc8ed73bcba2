"""Work on what strangers send, in a process of its own that is bounded in time and memory.

For parsers of libraries that set no bounds themselves: if one hangs or crashes, the desk goes on. The process takes
one job after another (`module:function`, from bytes to what JSON can say), has no secrets in its environment and no
other files open, and is ended when a job takes too long, when the desk stops, or when the desk is gone.

    with Bounded("app.inbound.bounces.reading:understood", seconds=10, megabytes=512) as reader:
        told = reader(raw)      # Unfinished where it was ended or raised
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, BinaryIO

_HEAD = struct.Struct(">Q")
_LOOK_EVERY = 0.2
"""Seconds between looks whether the desk stops."""
_START_SECONDS = 30.0
"""Seconds that a busy machine may need to start it."""
_MOST_ANSWER = 64 * 1024 * 1024


class Unfinished(Exception):
    """The work did not come to an end; the text says why, without quoting what it was given."""


class Stopped(Exception):
    """The desk stops: the job was given up and may be done again."""


def _never() -> bool:
    return False


class Bounded:
    """The process, started with the first job. One thread at a time may use it."""

    def __init__(self, work: str, *, seconds: float, megabytes: int) -> None:
        self._work, self._seconds, self._megabytes = work, seconds, megabytes
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Bounded:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def __call__(self, data: bytes, *, stopping: Callable[[], bool] = _never) -> Any:
        """Return the function's result for the bytes. Raises Unfinished where it raises, takes too long or needs too
        much memory; Stopped as soon as `stopping()` says so."""
        process = self._started(stopping)
        try:
            assert process.stdin is not None
            process.stdin.write(_HEAD.pack(len(data)) + data)
            process.stdin.flush()
            answer = json.loads(self._answer(process, self._seconds + 2, stopping))
        except (OSError, EOFError):
            self.close()
            raise Unfinished(f"it took more than {self._seconds:g} seconds or too much memory") from None
        except BaseException:
            self.close()
            raise
        if "error" in answer:
            raise Unfinished(f"it could not be read ({answer['error']})")
        return answer["value"]

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # the process has ended, so the rest of the data has no reader
                    pipe.close()

    def _started(self, stopping: Callable[[], bool]) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        kept = {
            name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT") if name in os.environ
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [
                sys.executable,
                "-m",
                "app.core.kit.bounded",
                self._work,
                str(self._seconds),
                str(self._megabytes),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is the desk's
        )
        try:
            self._answer(self._process, _START_SECONDS, stopping)
        except (OSError, EOFError):
            self.close()
            raise Unfinished("the process that reads it did not start") from None
        except BaseException:
            self.close()
            raise
        return self._process

    def _answer(
        self, process: subprocess.Popen[bytes], seconds: float, stopping: Callable[[], bool]
    ) -> bytes:
        assert process.stdout is not None
        until = time.monotonic() + seconds
        got = b""
        while True:
            if stopping():
                raise Stopped
            left = until - time.monotonic()
            if left <= 0:
                raise EOFError
            if not select.select([process.stdout], [], [], min(left, _LOOK_EVERY))[0]:
                continue
            piece = os.read(process.stdout.fileno(), 1 << 20)
            got += piece
            size = _HEAD.unpack_from(got)[0] if len(got) >= _HEAD.size else _MOST_ANSWER
            if not piece or size > _MOST_ANSWER:
                raise EOFError
            if len(got) - _HEAD.size >= size:
                return got[_HEAD.size :]


# --- the process itself -----------------------------------------------------------------------------------------


def _main(work: str, seconds: float, megabytes: int) -> None:
    module, _, function = work.partition(":")
    do: Callable[[bytes], Any] = getattr(importlib.import_module(module), function)
    most = megabytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The default action ends the process at once, also inside a library that lets no Python run.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    given, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library's output must not mix with the answer
    _tell(told, {})
    while head := given.read(_HEAD.size):
        data = given.read(_HEAD.unpack(head)[0])
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            answer = {"value": do(data)}
        except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes raise
            answer = {"error": type(error).__name__}
        signal.setitimer(signal.ITIMER_REAL, 0)
        _tell(told, answer)


def _tell(told: BinaryIO, answer: Any) -> None:
    text = json.dumps(answer).encode()
    told.write(_HEAD.pack(len(text)) + text)
    told.flush()


if __name__ == "__main__":
    _main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
