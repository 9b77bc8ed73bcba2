"""Shared by every verb of the command line: the database, the clock, options, and the printing of results."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.actor import Actor
from app.core.clock import SystemClock
from app.core.errors import DeskError
from app.core.types import JsonObject

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
PortfolioCode = Annotated[str, typer.Option("--portfolio", help="Portfolio code.")]
BY = Actor.system("cli")
"""The actor of the command line's events; the operating system knows which person that was."""


def migrated_engine() -> Engine:
    """The database of the settings. DeskError when its schema is not the one this program needs. From here on the gate
    knows which providers carry the messages."""
    from app.core.database.engine import make_engine
    from app.core.migration.revisions import why_unfit
    from app.core.settings import get_settings
    from app.policy.composition import use_providers

    use_providers(get_settings().sms.value)
    engine = make_engine(get_settings().database_url)
    if trouble := why_unfit(engine):
        raise DeskError(trouble)
    return engine


def read_clock() -> datetime:
    return SystemClock().now()


def parse_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date. Write it like 2026-01-31.") from None


Day = Annotated[date, typer.Option(parser=parse_day, metavar="YYYY-MM-DD")]


def printable(text: str) -> str:
    """Make a stranger's text safe for a terminal: control characters are escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def print_result(data: JsonObject, as_json: bool, text: Callable[[], None]) -> None:
    """One JSON object for programs, or what `text` prints for people."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False, default=str))
    else:
        text()


@contextmanager
def progress_on(what: str, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A counter on standard error while something long runs."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda n: status.update(f"{what}: {n:,}")
