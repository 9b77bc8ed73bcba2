"""Revisions of the schema: those this code has, and the one a database is at.

Every command asks whether its database fits, and alembic takes longer to load than most commands take to work. So the
files of `alembic/versions` are read as text here; `schema.py` runs them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.core.database.engine import table_of
from app.core.settings import ROOT
from app.core.timeline.models import TimelineKind
from app.core.timeline.payload import known_kinds

VERSIONS = ROOT / "alembic" / "versions"
_IDENTIFIERS = re.compile(r'^(revision|down_revision) = (?:"(\w+)"|None)$', re.MULTILINE)


def why_unfit(engine: Engine) -> str | None:
    """Return why this code cannot work on the database, in a sentence that says what to do; None when it can.

    It can when every migration this code knows has been run, and the timeline takes every kind of event that the
    packages imported so far record.
    """
    known = known_revisions()
    with engine.connect() as connection:
        if stranger := unknown_revision(connection, known):
            return UNKNOWN.format(stranger)
        heads = known.keys() - {before for before in known.values() if before}
        if revisions_of(connection) != heads or known_kinds() - event_kinds(connection):
            return "The database schema is not current. Run: desk migrate"
    return None


UNKNOWN = (
    "The database has schema {}, which this version of Arrears Desk does not know. It was made by a newer version, or "
    "by one before the first release. Start the version that made it, or set DESK_DATABASE_URL to an empty database."
)


def known_revisions() -> Mapping[str, str | None]:
    """Every revision of this code, and the one that it follows."""
    known: dict[str, str | None] = {}
    for path in sorted(VERSIONS.glob("*.py")):
        names = dict(_IDENTIFIERS.findall(path.read_text()))
        if names.keys() != {"revision", "down_revision"}:
            raise RuntimeError(f"{path} does not name its revision and down_revision on a line each.")
        if names["revision"] in known:
            raise RuntimeError(f"{path}: another migration is revision {names['revision']}, too.")
        known[names["revision"]] = names["down_revision"] or None
    return known


def revisions_of(connection: sa.Connection) -> frozenset[str]:
    """The revisions that the database is at: one, or none before the first migration."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return frozenset()
    return frozenset(connection.scalars(sa.text("SELECT version_num FROM alembic_version")))


def unknown_revision(connection: sa.Connection, known: Collection[str]) -> str | None:
    """Return a revision of the database that this code does not have. Versions before the first release had an 0001,
    too, but no table of the kinds of event."""
    found = sorted(revisions_of(connection))
    if found and not sa.inspect(connection).has_table(table_of(TimelineKind).name):
        return found[0]
    return next((revision for revision in found if revision not in known), None)


def event_kinds(connection: sa.Connection) -> set[str]:
    """The kinds of event that the timeline takes."""
    return set(connection.scalars(sa.select(table_of(TimelineKind).c.kind)))
