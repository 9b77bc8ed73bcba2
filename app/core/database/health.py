"""Database health: faults of the database in words for people, and a probe that finds them."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Engine


class DatabaseTrouble(StrEnum):
    """A fault of the database itself. The value tells a person what is wrong and what to do."""

    FULL = "The disk of the database is full. Make room; the desk goes on by itself."
    READ_ONLY = (
        "The database can only be read. Look at the rights of its file, or whether the server is a standby."
    )
    CORRUPT = "The database file is damaged. Stop the desk and restore a backup."
    UNREADABLE = "The database file cannot be opened or read. Look at its disk and its rights."
    AWAY = "The database server does not answer."
    BUSY = "The database is busy. Try again in a few seconds."


_SAID: tuple[tuple[str, DatabaseTrouble], ...] = (
    ("disk is full", DatabaseTrouble.FULL),
    ("no space left", DatabaseTrouble.FULL),
    ("readonly database", DatabaseTrouble.READ_ONLY),
    ("read-only", DatabaseTrouble.READ_ONLY),
    ("malformed", DatabaseTrouble.CORRUPT),
    ("not a database", DatabaseTrouble.CORRUPT),
    ("disk i/o error", DatabaseTrouble.UNREADABLE),
    ("unable to open", DatabaseTrouble.UNREADABLE),
    ("connection", DatabaseTrouble.AWAY),
)
_STATES = {
    "53100": DatabaseTrouble.FULL,
    "25006": DatabaseTrouble.READ_ONLY,
    "XX001": DatabaseTrouble.CORRUPT,
    "XX002": DatabaseTrouble.CORRUPT,
}


def trouble_of(error: BaseException) -> DatabaseTrouble | None:
    """Return the database's fault behind an error; None if the statement was at fault."""
    if isinstance(error, sa.exc.TimeoutError):
        return DatabaseTrouble.BUSY
    if not isinstance(error, sa.exc.DatabaseError):
        return None
    if found := _STATES.get(getattr(error.orig, "sqlstate", None) or ""):
        return found
    said = str(error.orig).lower()
    found = next((trouble for words, trouble in _SAID if words in said), None)
    if isinstance(error, sa.exc.OperationalError):
        return found or DatabaseTrouble.BUSY
    return (
        found if found in {DatabaseTrouble.CORRUPT, DatabaseTrouble.READ_ONLY, DatabaseTrouble.FULL} else None
    )


def write_trouble(engine: Engine) -> DatabaseTrouble | None:
    """Return the reason why the database takes no writes now; None if it does.

    Probes with a write that changes nothing. A lock held by another process is no fault: writers wait for it.
    """
    try:
        with engine.execution_options(desk_read=True).connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA busy_timeout=1000")
                try:
                    version = connection.exec_driver_sql("PRAGMA user_version").scalar() or 0
                    connection.exec_driver_sql(
                        f"PRAGMA user_version={int(version)}"
                    )  # writes the page all the same
                    connection.commit()
                finally:
                    connection.rollback()
                    connection.exec_driver_sql("PRAGMA busy_timeout=30000")
            else:
                if connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on":
                    return DatabaseTrouble.READ_ONLY
                connection.exec_driver_sql("SELECT pg_current_xact_id()")
                connection.commit()
    except sa.exc.SQLAlchemyError as error:
        trouble = trouble_of(error) or DatabaseTrouble.UNREADABLE
        return None if trouble is DatabaseTrouble.BUSY else trouble
    return None
