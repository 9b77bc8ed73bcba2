"""Databases of a worker: PostgreSQL databases that tests take in turns, and engines that compile a statement once.

A copy of the template costs PostgreSQL a tenth of a second and each new connection to it more, because it reads the
catalog of a hundred tables again. So a test empties the database it had and the next one takes it, with its open
connections. What cannot be made as it was is dropped: a database whose schema changed, or that something still uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.util import LRUCache

from app.core.database.engine import make_engine
from tests import postgres

STATEMENTS = 3_000
"""Compiled statements kept for each kind of database, more than the product has."""

MOST_USES = 150
"""Tests that one database serves. Deleted rows stay in its files until it is dropped, and slow it down."""

SEEDED = ("alembic_version", "timeline_kind")
"""Tables with rows of the template."""

SCHEMA = f"""
WITH ours AS (SELECT oid, xmin, reltuples FROM pg_class WHERE relnamespace = 'public'::regnamespace)
SELECT concat_ws(' ',
  (SELECT concat(count(*), ':', max(xmin::text::bigint), ':', sum(reltuples)) FROM ours),
  (SELECT concat(count(*), ':', max(a.xmin::text::bigint)) FROM pg_attribute a JOIN ours ON ours.oid = attrelid),
  (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_trigger),
  (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_constraint
   WHERE connamespace = 'public'::regnamespace),
  (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
  (SELECT count(*) FROM pg_statistic WHERE starelid IN (SELECT oid FROM ours)),
  {", ".join(f"(SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {name} t)" for name in SEEDED)}
)
"""
"""What a test must leave as it was: tables, columns, keys, triggers, functions, statistics, rows of the template.
`xmin` is the transaction that last wrote a row of the catalog."""

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"

EMPTY = f"""
DO $$
DECLARE name text; sequence regclass;
BEGIN
  SET LOCAL lock_timeout = '2s';
  SET LOCAL session_replication_role = replica;  -- neither keys nor the triggers of append-only tables
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND relname NOT IN {SEEDED} AND pg_relation_size(oid) > 0
  LOOP
    EXECUTE 'DELETE FROM ' || quote_ident(name);
  END LOOP;
  FOR sequence IN SELECT seqrelid FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL
  LOOP
    PERFORM setval(sequence, 1, false);
  END LOOP;
  PERFORM pg_advisory_unlock_all();
END $$
"""
"""Deletes rather than truncates: TRUNCATE makes new files for each table and index, which costs as much as a copy."""


class Shelf:
    """PostgreSQL databases of this worker, each a migrated database without rows when it is taken."""

    def __init__(self, server: postgres.Server) -> None:
        self.server = server
        self._clean: list[str] = []
        self._uses: dict[str, int] = {}
        self._schemas: dict[str, str] = {}
        self._engines: dict[str, Engine] = {}

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of a database for one test."""
        name = self._clean.pop() if self._clean else self.server.create()
        url = self.server.url(name)
        if url not in self._engines:
            engine = self._engines[url] = sharing(make_engine(url))
            with engine.connect() as connection:
                self._schemas[name] = _schema(connection)
        self._uses[name] = self._uses.get(name, 0) + 1
        yield url
        if self._uses[name] < MOST_USES and self._is_clean_again(name):
            self._clean.append(name)
            return
        self._drop(name)

    def engine(self, url: str) -> Engine:
        """Return an engine for one test, with listeners of its own and the connections of the tests before."""
        return self._engines[url].execution_options()

    def close(self) -> None:
        for name in self._clean:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._engines.pop(self.server.url(name)).dispose()
        self.server.drop(name)

    def _is_clean_again(self, name: str) -> bool:
        """Empty the database; False when something holds it still, or changed more than rows."""
        engine = self._engines[self.server.url(name)]
        pool = engine.pool
        assert isinstance(pool, sa.QueuePool)
        if pool.checkedout():
            return False
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(EMPTY)
                others = connection.exec_driver_sql(CONNECTIONS).scalar_one() - 1 - pool.checkedin()
                return others <= 0 and _schema(connection) == self._schemas[name]
        except sa.exc.OperationalError:  # a lock that something holds
            return False


def _schema(connection: sa.Connection) -> str:
    return str(connection.exec_driver_sql(SCHEMA).scalar_one())


# --- engines ----------------------------------------------------------------------------------------

_FIRST: dict[str, Engine] = {}


def sharing(engine: Engine) -> Engine:
    """Give the engine the compiled statements of the engines before it, of the same kind of database."""
    first = _FIRST.setdefault(engine.dialect.name, engine)
    if first is engine:
        engine._compiled_cache = LRUCache(STATEMENTS)
        engine.connect().close()  # A dialect learns its server's version when its own engine connects, and only then.
    # A compiled statement is found by the dialect object that compiled it.
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return engine
