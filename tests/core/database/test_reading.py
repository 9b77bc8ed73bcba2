"""Sessions that only read."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.core.actor import SYSTEM
from app.core.database import engine as engine_module
from app.core.database.engine import make_engine, reading, table_of, transaction
from app.core.database.rows import locked_row
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import Role
from app.core.staff.service import add_user

NOW = datetime(2026, 9, 1, 9, tzinfo=UTC)


def test_postgresql_keeps_what_it_has_planned_for_a_page(postgres_engine: Engine) -> None:
    query = sa.select(sa.func.count()).select_from(table_of(User)).where(table_of(User).c.username == "ada")
    for _ in range(15):
        with reading(postgres_engine) as session:
            session.execute(query).scalar_one()
    with reading(postgres_engine) as session:
        planned = session.execute(
            sa.text("SELECT sum(generic_plans) FROM pg_prepared_statements WHERE statement LIKE :asked"),
            {"asked": "SELECT count(*)%username%"},
        ).scalar_one()
    assert planned, "each page plans its statements anew"


def test_what_a_reading_session_writes_is_not_kept(engine: Engine) -> None:
    written = sa.text("INSERT INTO heartbeat (worker, at, started_at) VALUES ('stray', :at, :at)")
    refused = pytest.raises(sa.exc.DBAPIError) if engine.dialect.name == "postgresql" else nullcontext()
    with reading(engine) as session, refused:
        session.execute(written, {"at": "2026-01-01"})
    with reading(engine) as session:
        assert session.execute(sa.text("SELECT count(*) FROM heartbeat")).scalar_one() == 0


def test_a_failed_read_leaves_a_connection_that_serves_the_next(engine: Engine) -> None:
    with reading(engine) as session, pytest.raises(sa.exc.DBAPIError):
        session.execute(sa.text("SELECT word FROM no_such_table"))
    with transaction(engine) as session:
        beat = sa.text("INSERT INTO heartbeat (worker, at, started_at) VALUES ('w', :at, :at)")
        session.execute(beat, {"at": "2026-01-01"})
    with reading(engine) as session:
        assert session.execute(sa.text("SELECT worker FROM heartbeat")).scalars().all() == ["w"]


def test_a_page_waits_for_nobody_who_holds_a_row(engine: Engine) -> None:
    with transaction(engine) as session:
        ada = id_of(add_user(session, "ada", "Ada", Role.AGENT, "long enough 1234", by=SYSTEM, now=NOW))
    with transaction(engine) as writer:
        held = locked_row(writer, User, ada)
        assert held is not None
        held.display_name = "Ada Lovelace"
        writer.flush()
        with reading(engine) as session:
            seen = locked_row(session, User, ada)
            assert seen is not None
            assert seen.display_name == "Ada"


@pytest.mark.postgres
def test_a_connection_that_the_server_dropped_while_it_rested_is_replaced(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "RESTED_SECONDS", 0)
    rested, other = make_engine(postgres_url), make_engine(postgres_url)
    try:
        with reading(rested) as session:
            backend = session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        with transaction(other) as session:
            session.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
        with reading(rested) as session:
            assert session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() != backend
    finally:
        rested.dispose()
        other.dispose()
