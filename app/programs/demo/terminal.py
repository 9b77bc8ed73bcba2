"""Demo output at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from app.core.settings import ROOT
from app.operations.day.closing import DayReport
from app.programs.demo.department import STAFF


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def introduce(port: int, passwords: Mapping[str, str], home: Path) -> None:
    roles = {username: (name, role) for username, name, role in STAFF}
    print(f"Arrears Desk is at http://127.0.0.1:{port}\n\nSign in as")
    for username, password in passwords.items():
        name, role = roles[username]
        print(f"  {role.value:<8} {username:<7} {password:<16} {name}")
    env = home / "demo.env"
    env = env.relative_to(ROOT) if env.is_relative_to(ROOT) else env
    print("\nThe commands work on it too:")
    print(f'  export PATH="$PWD/.venv/bin:$PATH" DESK_ENV_FILE={env}')
    print("  desk status")
    print(
        "Accounts are real and anonymous; names, addresses and dates are invented (app/programs/demo/sample/README.md)."
    )
    sys.stdout.flush()


class Progress:
    """A bar on standard error, or a line a week where there is no terminal."""

    def __init__(self, days: int) -> None:
        self.days, self.done = days, 0

    def __enter__(self) -> Callable[[DayReport], None]:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self.bar = Progress(console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task("Closing the days of the last weeks", total=self.days)
            self.bar.start()
        return self.step

    def step(self, report: DayReport) -> None:
        self.done += 1
        if sys.stderr.isatty():
            self.bar.advance(self.task)
        elif self.done % 7 == 0 or self.done == self.days:
            say(f"  {report.business_date} closed ({self.done} of {self.days} days)")

    def __exit__(self, *_: object) -> None:
        if sys.stderr.isatty():
            self.bar.stop()
