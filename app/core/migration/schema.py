"""The database schema as alembic sees it: upgrades, and differences from the models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.engine import Engine
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import app
from app.core.database.engine import UtcDateTime, exclusive, table_of
from app.core.errors import Conflict
from app.core.migration.revisions import UNKNOWN, event_kinds, known_revisions, unknown_revision
from app.core.settings import ROOT
from app.core.timeline.models import TimelineKind
from app.core.timeline.payload import known_kinds


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the migrations that are missing, all or none. Two processes may call this at once: one waits.

    Raises Conflict for a database whose revision this code does not know.
    """
    with exclusive(engine, "migrate", wait=True), _migrating(engine) as config:
        with engine.connect() as connection:
            if stranger := unknown_revision(connection, known_revisions()):
                raise Conflict(UNKNOWN.format(stranger))
        command.upgrade(config, revision)
        if revision == "head":
            _add_event_kinds(config.attributes["connection"])


def downgrade(engine: Engine, revision: str) -> None:
    """Undo migrations down to `revision` (`base` for all of them)."""
    with exclusive(engine, "migrate", wait=True), _migrating(engine) as config:
        command.downgrade(config, revision)


def check(engine: Engine) -> list[str]:
    """List the differences between the models and the migrated database."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options())
        differences = [str(difference) for difference in compare_metadata(context, metadata())]
        return differences + list(_check_constraints(connection))


def metadata() -> sa.MetaData:
    """The tables of every `models` module under app."""
    _import_all("models")
    return SQLModel.metadata


def import_events() -> None:
    """Import every `events` module under app, so that all kinds of event are known."""
    _import_all("events")


def _import_all(name: str) -> None:
    for module in walk_packages(app.__path__, "app."):
        if module.name.rpartition(".")[2] == name:
            import_module(module.name)


def _add_event_kinds(connection: sa.Connection) -> None:
    """Add new kinds of event. A new kind is a row, not a change of the largest table."""
    import_events()
    missing = known_kinds() - event_kinds(connection)
    if missing:
        rows = [{"kind": kind} for kind in sorted(missing)]
        connection.execute(sa.insert(table_of(TimelineKind)), rows)


def options() -> dict[str, Any]:
    """Return the options of alembic, the same for running, comparing and generating migrations."""
    return {
        "target_metadata": metadata(),
        "compare_type": True,
        "render_as_batch": True,
        "render_item": _render_item,
        # SQLite can do it as well, once the driver lets the engine send BEGIN itself (app.core.database.engine).
        "transactional_ddl": True,
    }


def make_config() -> Config:
    return Config(ROOT / "alembic.ini")


@contextmanager
def _migrating(engine: Engine) -> Iterator[Config]:
    """An alembic configuration bound to one connection and one transaction.

    SQLite alters a table by copying it and dropping the old one. With foreign keys enforced the drop deletes what
    refers to it, and the pragma is ignored inside a transaction, so it is off around it and the keys are verified.
    """
    config = make_config()
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if sqlite:
            _pragma(connection, "foreign_keys=OFF")
        try:
            config.attributes["connection"] = connection
            yield config
            if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                raise RuntimeError(f"the migration leaves rows that refer to nothing: {broken[:10]}")
            connection.commit()
        finally:
            connection.rollback()
            if sqlite:
                _pragma(connection, "foreign_keys=ON")


def _pragma(connection: sa.Connection, text: str) -> None:
    cursor = connection.connection.cursor()  # past SQLAlchemy, which would begin a transaction first
    cursor.execute(f"PRAGMA {text}")
    cursor.close()


def _check_constraints(connection: sa.Connection) -> Iterator[str]:
    """CHECK constraints that are missing, left over, or admit other values than their enum has.

    Alembic does not compare them, so an enum that grew without a migration would only fail in production.
    """
    inspector = sa.inspect(connection)
    existing = set(inspector.get_table_names())
    for table in metadata().sorted_tables:
        if table.name not in existing:
            continue  # alembic has said so
        actual = {str(c["name"]): c["sqltext"] for c in inspector.get_check_constraints(table.name)}
        wanted = {str(c.name): c for c in table.constraints if isinstance(c, sa.CheckConstraint)}
        for name in sorted(wanted.keys() - actual.keys()):
            yield f"{table.name}: the check {name} is not in the database"
        for name in sorted(actual.keys() - wanted.keys()):
            yield f"{table.name}: the database has a check {name} that no model has"
        for column in table.columns:
            if isinstance(column.type, sa.Enum) and column.type.create_constraint:
                name = f"ck_{table.name}_{column.type.name}"
                admitted = set(re.findall(r"'([^']*)'", actual.get(name, "")))
                if name in actual and admitted != set(column.type.enums):
                    yield f"{table.name}: the check {name} differs: {sorted(admitted ^ set(column.type.enums))}"


def _render_item(kind: str, item: object, context: AutogenContext) -> str | bool:
    """Our own column types in a generated migration; False leaves the rest to alembic."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        context.imports.add("from app.core.database.engine import UtcDateTime")
        return "UtcDateTime()"
    if isinstance(item, sa.BigInteger) and "sqlite" in item._variant_mapping:
        context.imports.add("from app.core.database.engine import BigId")
        return "BigId"
    if isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False
