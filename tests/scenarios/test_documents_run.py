"""Commands in README.md and docs/api.md, run as they stand: a newcomer copies them and nothing else."""

from __future__ import annotations

import csv
import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.core.settings import ROOT
from tests.book.feeds.test_feeds import ACCOUNT

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(document: str) -> list[str]:
    """What a document prints as commands."""
    found = BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))
    return [text for language, text in found if language in ("", "sh")]


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DESK_", "PYTHONPATH"))}
    return kept | {"HOME": str(tmp_path)}


def bash(script: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script], cwd=cwd, env=env, capture_output=True, text=True, timeout=120
    )


@contextmanager
def running(command: list[str], says: str, cwd: Path, env: dict[str, str]) -> Iterator[str]:
    """A process that is up once it has said `says` on standard error; yields that line. It must end on SIGTERM."""
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stderr
        heard = []
        for line in process.stderr:
            heard.append(line)
            if says in line:
                break
        else:
            pytest.fail(f"{command} ended: {''.join(heard)}")
        yield heard[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def checkout(folder: Path) -> Path:
    """A copy of what git tracks here, with an environment of its own that holds the same packages."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, tracked.split("\0")):
        if not name.startswith(("tests/", "bench/", "docs/screenshots")) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    made, ours = ROOT / ".venv", folder / ".venv"
    (ours / "bin").mkdir(parents=True)
    for name in ("pyvenv.cfg", "desk-stamp.json"):
        shutil.copy(made / name, ours / name)
    (ours / "lib").symlink_to(made / "lib")
    (ours / "bin/python").symlink_to((made / "bin/python").resolve())
    return folder


def test_readme_opens_a_portfolio_of_ones_own(tmp_path: Path, free_port: int) -> None:
    folder = checkout(tmp_path / "clone")
    day = date(2026, 11, 21)
    with gzip.open(folder / "accounts.csv.gz", "wt", newline="") as handle:
        american = {"country": "US", "timezone": "America/New_York", "city": "New York", "postcode": "10001"}
        row = (
            ACCOUNT
            | american
            | {"currency": "USD", "mobile": "", "opened_on": str(day - timedelta(days=400))}
        )
        writer = csv.DictWriter(handle, list(row))
        writer.writeheader()
        writer.writerow(row)
    block = next(block for block in blocks("README.md") if "desk portfolio add" in block)
    lines = block.replace("\\\n", "").replace("python3 desk.py", f"{sys.executable} desk.py").splitlines()
    env = environment(tmp_path)
    begins = "set -e\n" + next(line for line in lines if line.startswith("export PATH"))
    for line in lines:
        if line.startswith(("desk serve", "desk jobs")):
            continue
        ran = bash(f"{begins}\n{line}", folder, env)
        expected = 1 if line.startswith("desk status") else 0  # no worker runs yet: it says so
        assert ran.returncode == expected, (line, ran.stdout, ran.stderr)
        if line.startswith("desk status"):
            assert "No worker is running" in ran.stdout
    desk = str(folder / ".venv/bin/desk")
    with running([desk, "serve", "--port", str(free_port)], "Arrears Desk is at", folder, env) as said:
        assert f"http://127.0.0.1:{free_port}" in said
        answer = bash(f"curl -sS --fail-with-body http://127.0.0.1:{free_port}/readyz", folder, env)
        assert answer.stdout == "ready\n"
    with running([desk, "jobs"], "worker_started", folder, env):
        for _ in range(50):
            ran = bash(f"{desk} status", folder, env)
            if ran.returncode == 0:
                break
            time.sleep(0.2)
        assert "Nothing needs attention." in ran.stdout


def test_the_api_document_runs_against_a_fresh_demo(tmp_path: Path, free_port: int) -> None:
    env = environment(tmp_path) | {"PYTHONPATH": str(ROOT)}
    program = tmp_path / "bin/desk"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m app.programs "$@"\n')
    program.chmod(0o755)
    demo = [
        str(program),
        "demo",
        "--accounts",
        "1000",
        "--dir",
        str(tmp_path / "demo"),
        "--port",
        str(free_port),
    ]
    script = "\n".join(blocks("docs/api.md"))
    for name, value in {
        "$PWD/.venv/bin": str(program.parent),
        "var/demo/demo.env": str(tmp_path / "demo/demo.env"),
        "127.0.0.1:8000": f"127.0.0.1:{free_port}",
    }.items():
        assert name in script
        script = script.replace(name, value)
    strict = 'set -euo pipefail; curl() { command curl -sS --fail-with-body "$@"; }; set -x\n'
    with running(demo, "Serving at", tmp_path, env):
        ran = bash(strict + script, tmp_path, env)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-3000:]
