"""Analytics files, read by another program's reader (DuckDB) and compared with the database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.ledger.models import Account, Customer
from app.book.portfolios.service import get_portfolio
from app.core.clock import FixedClock
from app.core.database.engine import exclusive, reading, transaction
from app.core.errors import Conflict, Invalid
from app.core.settings import ROOT, Settings
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.programs.ports import WorkerPorts
from app.programs.worker import Worker
from app.reporting.analytics.document import write_document
from app.reporting.analytics.facts import SELECTS, Span
from app.reporting.analytics.files import Folder
from app.reporting.analytics.schema import TABLES, described
from app.reporting.analytics.service import Exported, export_analytics
from tests import builders
from tests.reporting.kpis.lived import LAST, live_through


def export(engine: Engine, to: Path) -> Exported | None:
    with reading(engine) as session:
        portfolio = get_portfolio(session, builders.BOOK)
    return export_analytics(engine, portfolio, to)


def rows(query: str, to: Path) -> list[tuple[Any, ...]]:
    """Ask DuckDB; `{figures}` stands for all files of that table."""
    places = {table.name: f"'{to}/{table.name}/*/*.parquet'" for table in TABLES}
    return duckdb.sql(query.format(**places)).fetchall()


def stored(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


FIGURES = (
    "SELECT figure, dimension, member, business_date::text, version, numerator, denominator FROM {figures}"
)
STORED = (
    "SELECT kpi, dimension, member, CAST(business_date AS text), version, numerator, denominator FROM kpi_snapshot "
    "WHERE dimension <> 'month' AND kpi NOT LIKE 'bucket_%'"
)


def test_files_hold_what_the_database_holds_and_each_night_adds_what_is_new(
    engine: Engine, tmp_path: Path
) -> None:
    live_through(engine)
    to = tmp_path / "analytics"
    first = export(engine, to)

    assert first is not None
    assert first.through == LAST
    assert sorted(rows(FIGURES, to)) == sorted(stored(engine, STORED))
    entries = "SELECT account_id, count(*), sum(amount_minor) FROM {} GROUP BY account_id ORDER BY 1"
    posted = "ledger_entry WHERE posted_on <= '2026-03-12'"
    assert rows(entries.format("{entries}"), to) == stored(
        engine, entries.replace("FROM {}", f"FROM {posted}")
    )
    owed = "SELECT sum(past_due_minor), sum(balance_minor), count(*) FROM "
    state = "account LEFT JOIN account_state ON account_state.account_id = account.id"
    assert rows(owed + "{accounts}", to) == stored(engine, owed + state)
    assert rows("SELECT currency, decimals, through FROM {portfolios}", to) == [("CNY", 2, LAST)]
    for table, name in {"spells": "spell", "members": "account_slice", "cases": "collections_case",
                        "agreements": "plan", "calls": None}.items():  # fmt: skip
        (found,) = rows(f"SELECT count(*) FROM {{{table}}}", to)
        assert found[0] == (stored(engine, f"SELECT count(*) FROM {name}")[0][0] if name else 2)
    assert rows("SELECT result, counts, direction, agent FROM {calls} ORDER BY call_id", to) == [
        ("no_answer", "attempt", "out", "mei"),
        ("right_party", "conversation", "out", "mei"),
    ]
    assert json.loads((to / "schema.json").read_text()) == described()
    assert_nothing_personal(engine, to)

    assert export(engine, to) is None, "nothing was closed since"
    before = {path: path.stat().st_mtime_ns for path in to.glob("entries/*/*.parquet")}
    with transaction(engine) as session:
        account = session.scalars(select(Account).order_by(Account.id)).first()
        assert account is not None
        builders.payment(session, account, 2_500, date(2026, 3, 5), posted_on=LAST + timedelta(days=1))
        message = session.scalars(select(OutboxMessage).where(OutboxMessage.sent_at.is_not(None))).first()  # type: ignore[union-attr]
        assert message is not None
        message.status = OutboxStatus.BOUNCED
    builders.close_day(engine, LAST + timedelta(days=1))
    second = export(engine, to)

    assert second is not None
    assert second.rows["entries"] == 1
    assert {path: path.stat().st_mtime_ns for path in before} == before, "files of closed days are final"
    assert sorted(rows(FIGURES, to)) == sorted(stored(engine, STORED)), (
        "restated days are in the night's file"
    )
    assert rows("SELECT count(*) FROM {messages} WHERE status = 'bounced'", to) == [(1,)]
    assert Folder(to).through(builders.BOOK) == LAST + timedelta(days=1)

    again = tmp_path / "again"
    export(engine, again)
    for table in TABLES:
        ordered = f"SELECT * FROM {{{table.name}}} ORDER BY ALL"
        assert rows(ordered, again) == rows(ordered, to), f"{table.name}: anew it is the same"


def assert_nothing_personal(engine: Engine, to: Path) -> None:
    with reading(engine) as session:
        people = session.scalars(select(Customer)).all()
        words = {w for c in people for w in (c.full_name, c.mobile, c.email, c.reference) if w}
    assert words
    for table in TABLES:
        if list(to.glob(f"{table.name}/*/*.parquet")):
            cells = {str(cell) for row in rows(f"SELECT * FROM {{{table.name}}}", to) for cell in row}
            assert not words & cells, table.name


def test_a_killed_export_is_done_again(
    process_env: dict[str, str], engine: Engine, database_url: str, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        builders.late_customer(session, builders.portfolio(session), due_on=date(2026, 3, 1))
    builders.close_day(engine, LAST)
    to = tmp_path / "analytics"
    env = {**process_env, "DESK_DATABASE_URL": database_url, "DESK_SECRET_KEY": "s" * 40}
    command = [sys.executable, "-m", "app.programs", "export", "analytics", "--to", str(to)]
    killed = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
    while not list(to.glob("accounts/*/*")) and killed.poll() is None:
        time.sleep(0.002)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()

    done = subprocess.run([*command, "--json"], env=env, cwd=ROOT, capture_output=True, text=True, check=True)

    if json.loads(done.stdout)["portfolios"][builders.BOOK] is None:
        assert Folder(to).through(builders.BOOK) == LAST, "it had finished before it was killed"
    assert not list(to.glob("*/*/*.unfinished"))
    assert sorted(rows(FIGURES, to)) == sorted(stored(engine, STORED))


def test_a_folder_of_something_else_is_left_alone(sqlite_engine: Engine, tmp_path: Path) -> None:
    with transaction(sqlite_engine) as session:
        builders.portfolio(session)
    full, older, file = tmp_path / "full", tmp_path / "older", tmp_path / "file"
    full.mkdir()
    older.mkdir()
    (full / "thesis.txt").write_text("years of work")
    (older / "schema.json").write_text(json.dumps(described() | {"version": 99}))
    file.write_text("")
    with pytest.raises(Conflict, match="holds other files"):
        export(sqlite_engine, full)
    with pytest.raises(Conflict, match="This program writes version 1"):
        export(sqlite_engine, older)
    with pytest.raises(Invalid, match="Choose another folder"):
        export(sqlite_engine, file)
    assert [path.name for path in full.iterdir()] == ["thesis.txt"]
    assert export(sqlite_engine, tmp_path / "new") is None, "no day was closed yet"


def test_the_worker_writes_after_the_night(sqlite_engine: Engine, tmp_path: Path) -> None:
    to, on = tmp_path / "analytics", date(2026, 3, 12)
    settings = Settings(secret_key="s" * 40, analytics_dir=to)
    ports = WorkerPorts(FixedClock(builders.night_after(on)), builders.catalog(), {})
    worker = Worker(sqlite_engine, ports, settings)
    with transaction(sqlite_engine) as session:
        book = builders.portfolio(session)
        builders.late_customer(session, book, due_on=date(2026, 3, 1))
    builders.close_day(sqlite_engine, on)

    with exclusive(sqlite_engine, "analytics", wait=True):
        worker.export()
    assert not to.exists(), "another process was at it"
    worker.export()

    assert Folder(to).through(builders.BOOK) == on
    (to / "through.json").write_text("{")
    with pytest.raises(Conflict, match=r"through\.json cannot be read"):
        worker.export()


def test_every_table_has_a_select_of_its_columns(sqlite_engine: Engine) -> None:
    assert list(SELECTS) == list(TABLES)
    with transaction(sqlite_engine) as session:
        span = Span(builders.portfolio(session), date(1900, 1, 1), date(2026, 3, 12))
    for table, query in SELECTS.items():
        assert len(query(span).selected_columns) == len(table.columns), table.name


def test_the_document_is_fresh() -> None:
    assert (ROOT / "docs" / "analytics.md").read_text() == write_document(), (
        "write it again: python -m app.reporting.analytics.document > docs/analytics.md"
    )
