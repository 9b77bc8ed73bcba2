"""Processes of the desk keep their files to themselves and end within seconds, whatever they are at."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.kit.bounded import Bounded, Stopped, Unfinished
from app.core.kit.processes import make_shared
from app.core.settings import ROOT


def python(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_an_end_that_takes_for_ever_is_not_waited_for(tmp_path: Path) -> None:
    code = (
        "import time; from app.core.kit.processes import finish; finish(lambda: time.sleep(600), seconds=0.5)"
    )
    assert python(code, tmp_path).wait(60) == 0


def test_a_thread_that_works_for_ever_does_not_keep_a_process(tmp_path: Path) -> None:
    code = (
        "import threading, time; from app.core.kit.processes import leave;"
        "threading.Thread(target=time.sleep, args=(600,)).start(); leave(seconds=0.5)"
    )
    assert python(code, tmp_path).wait(60) == 0


def test_files_are_their_owner_s(tmp_path: Path) -> None:
    code = (
        "import pathlib; from app.core.kit.processes import keep_files_private; keep_files_private();"
        "pathlib.Path('folder').mkdir(); pathlib.Path('folder/file').write_text('x')"
    )
    assert python(code, tmp_path).wait(60) == 0
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "folder/file").stat().st_mode) == 0o600
    make_shared(tmp_path / "print" / "day")
    assert stat.S_IMODE((tmp_path / "print" / "day").stat().st_mode) == 0o750


def test_work_in_a_bounded_process_is_ended_and_the_next_job_done() -> None:
    with Bounded("tests.core.kit.test_processes:do", seconds=1, megabytes=300) as worker:
        assert worker(b"6") == 6
        for hostile in (b"loop", b"memory", b"depth", b"exit", b"print"):
            with pytest.raises(Unfinished):
                worker(hostile)
            assert worker(b"7") == 7


def test_a_desk_that_stops_gives_up_the_job_at_once() -> None:
    looks = iter([False, False, True])
    with Bounded("tests.core.kit.test_processes:do", seconds=600, megabytes=300) as worker:
        assert worker(b"6") == 6
        with pytest.raises(Stopped):
            worker(b"loop", stopping=lambda: next(looks))


def do(data: bytes) -> int:
    """Work that strangers' bytes send astray."""
    if data == b"loop":
        signal.pause()
    if data == b"memory":
        return len(bytearray(10**10))
    if data == b"depth":
        return do(data)
    if data == b"exit":
        sys.exit()
    if data == b"print":
        print("no answer")  # noqa: T201
        raise ValueError
    return int(data)
