"""A database that a test takes from another one is as a new one would be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.core.database.engine import transaction
from app.core.timeline.models import Event
from tests import builders, postgres
from tests.databases import Shelf


@pytest.fixture
def shelf(postgres_server: postgres.Server) -> Iterator[Shelf]:
    shelf = Shelf(postgres_server)
    yield shelf
    shelf.close()


def used(shelf: Shelf, statement: str = "SELECT 1") -> str:
    """Do what a test does with a database, and something that it should not; return its URL."""
    with shelf.database() as url, transaction(shelf.engine(url)) as session:
        assert session.execute(sa.text(statement)) is not None
        case = builders.delinquent_case(session, due_on=date(2026, 2, 10), on=date(2026, 3, 1))
        assert case.id == 1, "numbers begin again"
    return url


def test_rows_and_numbers_begin_again(shelf: Shelf) -> None:
    first = used(shelf)
    assert used(shelf) == first
    with shelf.database() as url:
        engine = shelf.engine(url)
        assert url == first
        assert [builders.count(engine, model) for model in (Customer, CollectionsCase, Event)] == [0, 0, 0]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id integer)",
        "ALTER TABLE customer ADD more integer",
        "ALTER TABLE customer ALTER full_name SET DEFAULT 'Anna'",
        "DROP INDEX ix_timeline_event_case",
        "DROP TRIGGER timeline_event_append_only ON timeline_event",
        "UPDATE alembic_version SET version_num = '9999'",
        "ANALYZE customer",
    ],
)
def test_a_database_that_is_not_as_it_was_is_taken_by_nobody(shelf: Shelf, statement: str) -> None:
    assert used(shelf, statement) != used(shelf)


def test_a_database_that_something_still_uses_is_taken_by_nobody(shelf: Shelf) -> None:
    with shelf.database() as url:
        left_open = shelf.engine(url).connect()
        left_open.execute(sa.text("SELECT count(*) FROM customer"))
    with shelf.database() as another:
        assert another != url
    left_open.invalidate()
    left_open.close()


def test_a_listener_of_one_test_hears_nothing_of_the_next(shelf: Shelf) -> None:
    heard = []
    with shelf.database() as url:
        engine = shelf.engine(url)
        sa.event.listen(engine, "before_cursor_execute", lambda *_: heard.append("statement"))
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    count = len(heard)
    assert count > 0
    used(shelf)
    assert len(heard) == count
