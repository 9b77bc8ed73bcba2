"""`desk migrate`, `serve`, `jobs`, `status`, `demo`, `legal-desk`: the long-running programs, and their state."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app import __version__
from app.core.database.engine import make_engine, reading
from app.core.errors import DeskError
from app.core.kit.processes import leave
from app.core.settings import ROOT, Settings, get_settings
from app.programs.cli.base import (
    Json,
    migrated_engine,
    print_result,
    read_clock,
)


def migrate() -> None:
    """Bring the database schema up to date."""
    from app.core.migration.schema import upgrade

    upgrade(make_engine(get_settings().database_url))
    print("The schema is current.")


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> None:
    """Run the web application; Ctrl-C ends it."""
    from app.core.kit.parallel import without_garbage_collection

    with without_garbage_collection():
        from app.programs.ports import make_ports
        from app.programs.serving import serve_app
        from app.programs.web import create_app

        settings = get_settings()
        application = create_app(settings, migrated_engine(), make_ports(settings))
    serve_app(application, host=host, port=port, announce=_announcer("Arrears Desk"))
    leave()


def jobs(
    trust_clock: Annotated[
        bool,
        typer.Option(
            "--trust-clock", help="Accept the clock of this machine; use it after you have checked it."
        ),
    ] = False,
) -> None:
    """Run a worker: business days, delivery, heartbeat. Any number of workers may share one PostgreSQL."""
    from app.programs.jobs import run_forever
    from app.programs.ports import make_ports
    from app.programs.worker import Worker

    settings = get_settings()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run_forever(Worker(migrated_engine(), make_ports(settings), settings, trust_clock=trust_clock), stop)
    leave()


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Prepare everything, then stop.")] = False,
    accounts: Annotated[int, typer.Option(min=20, max=5000, help="How many accounts to load.")] = 2000,
    folder: Annotated[
        Path, typer.Option("--dir", help="Folder of the demo; files of an earlier demo are replaced.")
    ] = ROOT / "var" / "demo",
) -> None:
    """Build a fresh demo under var/ from real accounts and weeks of work. Then run web and worker, with staff of every
    role to sign in as."""
    from app.programs.demo.demo import run_demo

    run_demo(port=port, serve=not no_serve, accounts=accounts, home=folder.resolve())


def legal_desk(
    port: Annotated[int, typer.Option()],
    store: Annotated[Path, typer.Option(help="Folder for received bundles.")],
    key: Annotated[
        list[Path] | None, typer.Option(help="Public key (PEM) of a sender; may be repeated.")
    ] = None,
) -> None:
    """Run the reference receiver of bundles: it verifies, stores and answers with receipts."""
    from app.programs.serving import serve_app
    from reference.legal_desk.receiver import create_legal_desk

    pems = [path.read_text() for path in key or []]
    if not pems:
        pems = [_own_public_key(get_settings())]
    receiver = create_legal_desk(store, pems)
    serve_app(receiver, host="127.0.0.1", port=port, announce=_announcer("The legal desk"))


def _own_public_key(settings: Settings) -> str:
    from app.legal.bundle.bag import load_private_key, public_key_pem

    text = settings.bundle_key.get_secret_value()
    if not text:
        raise DeskError(
            "The sender's public key is missing. Give it with --key FILE, or set DESK_BUNDLE_KEY."
        )
    return public_key_pem(load_private_key(text))


def _announcer(what: str) -> Callable[[str], None]:
    """Prints on standard error, so that standard output stays the verb's."""
    return lambda address: print(f"{what} is at {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)


def doctor(as_json: Json = False) -> None:
    """Check the set-up before anything is sent. Exit status 1 where something is wrong."""
    from app.legal.bundle.sealing.certificate import load_certificate
    from app.operations.doctor import findings, findings_of_certificate

    today = read_clock().date()
    with reading(migrated_engine()) as session:
        found = [*findings(session, today=today)]
    if pem := get_settings().seal_certificate.get_secret_value():
        found += findings_of_certificate(load_certificate(pem).ends(), today=today)

    def say() -> None:
        for each in found:
            print(f"! {each.sentence}")
        if not found:
            print("Nothing is wrong with the set-up.")

    print_result({"findings": [asdict(each) for each in found]}, as_json, say)
    if found:
        raise typer.Exit(1)


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
