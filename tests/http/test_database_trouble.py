"""What is wrong with the database is said by its name: on the page, in the log, at the command line, in `readyz`."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.engine import Engine

from app.core.database.engine import make_engine, transaction
from app.core.database.health import DatabaseTrouble, trouble_of, write_trouble
from app.core.settings import ROOT
from app.http.doors import public
from tests.web.desk import Desk


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        ("database or disk is full", DatabaseTrouble.FULL),
        ("attempt to write a readonly database", DatabaseTrouble.READ_ONLY),
        ("disk I/O error", DatabaseTrouble.UNREADABLE),
        ("unable to open database file", DatabaseTrouble.UNREADABLE),
        ("database is locked", DatabaseTrouble.BUSY),
    ],
)
def test_what_sqlite_says(said: str, trouble: DatabaseTrouble, sqlite_desk: Desk) -> None:
    error = sa.exc.OperationalError("statement", {}, sqlite3.OperationalError(said))
    assert trouble_of(error) is trouble

    router = APIRouter()

    @router.get("/broken", dependencies=[public("a test")])
    def broken() -> None:
        raise error

    sqlite_desk.add(router)
    answer = sqlite_desk.anonymous().get("/broken")
    assert answer.status_code == 503
    assert ("busy" if trouble is DatabaseTrouble.BUSY else trouble.value.split(".")[0]) in answer.text


def test_a_damaged_file_is_no_busy_database(sqlite_desk: Desk) -> None:
    error = sa.exc.DatabaseError("statement", {}, sqlite3.DatabaseError("database disk image is malformed"))
    assert trouble_of(error) is DatabaseTrouble.CORRUPT
    assert trouble_of(sa.exc.IntegrityError("statement", {}, sqlite3.IntegrityError("UNIQUE"))) is None
    assert trouble_of(ValueError("disk is full")) is None


def test_ready_is_who_can_write(engine: Engine) -> None:
    assert write_trouble(engine) is None
    with transaction(engine) as session:  # somebody else's lock is no trouble
        session.connection()
        assert write_trouble(engine) is None


def test_not_ready_while_nothing_can_be_written(sqlite_desk: Desk) -> None:
    browser = sqlite_desk.anonymous()
    assert browser.get("/readyz").status_code == 200

    @sa.event.listens_for(sqlite_desk.engine, "connect")
    def _read_only(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    sqlite_desk.engine.dispose()
    answer = browser.get("/readyz")
    assert (answer.status_code, answer.text) == (503, f"{DatabaseTrouble.READ_ONLY.value}\n")


def test_not_ready_with_a_damaged_file(sqlite_desk: Desk, tmp_path: Path) -> None:
    sqlite_desk.engine.dispose()
    path = tmp_path / "damaged.db"
    shutil.copy(sqlite_desk.engine.url.database or "", path)
    with path.open("r+b") as file:
        file.write(b"no database " * 20)
    sqlite_desk.app.state.engine = make_engine(f"sqlite:///{path}")
    answer = sqlite_desk.anonymous().get("/readyz")
    assert (answer.status_code, answer.text) == (503, f"{DatabaseTrouble.CORRUPT.value}\n")


def test_the_command_line_says_it_in_a_sentence(tmp_path: Path, process_env: dict[str, str]) -> None:
    path = tmp_path / "junk.db"
    path.write_bytes(b"no database " * 200)
    env = {**process_env, "DESK_DATABASE_URL": f"sqlite:///{path}", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-m", "app.programs", "user", "list"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.strip() == f"desk: {DatabaseTrouble.CORRUPT.value}"


def test_a_new_database_is_its_owner_s(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/var/desk.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n)")
        for path in (tmp_path / "var").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
