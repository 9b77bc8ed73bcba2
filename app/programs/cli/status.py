"""`desk status`: how the installation is, and what a person should do."""

from __future__ import annotations

from dataclasses import asdict

import typer

from app import __version__
from app.core.db import reading
from app.core.settings import get_settings
from app.programs.cli.base import Json, migrated_engine, print_result, read_clock


def status(as_json: Json = False) -> None:
    """Show portfolios, workers and sending, and what needs attention. Exit status 1 when something does."""
    from app.operations.status import read_status

    settings = get_settings()
    with reading(migrated_engine()) as session:
        found = read_status(session, settings, now=read_clock())

    def say() -> None:
        print(f"desk {__version__}")
        for each in found.portfolios:
            closed = f"closed {each.last_closed_on}" if each.last_closed_on else "no day closed yet"
            print(f"portfolio {each.code:<16}{each.accounts:>9,} accounts, {closed}")
        for worker in found.workers:
            state = "alive" if worker.alive else "silent"
            print(f"worker    {worker.worker:<32}{state}, seen {worker.seen_at:%Y-%m-%d %H:%M:%S} UTC")
        print("sending   " + ", ".join(f"{name} by {adapter}" for name, adapter in found.adapters.items()))
        for destination, by_status in found.outbox.items():
            print(f"outbox    {destination}: " + ", ".join(f"{n:,} {name}" for name, n in by_status.items()))
        for sentence in found.attention:
            print(f"! {sentence}")
        if not found.attention:
            print("Nothing needs attention.")

    print_result({"version": __version__, **asdict(found)}, as_json, say)
    if found.attention:
        raise typer.Exit(1)
