"""Reads that are sent as one statement, without SQLAlchemy's preparations for a result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.core.actor import SYSTEM
from app.core.database.engine import asking, open_reading, reading, table_of, transaction
from app.core.database.together import Reads
from app.core.staff.models import User
from app.core.staff.rules import Role
from app.core.staff.service import add_user

NOW = datetime(2026, 9, 1, 9, tzinfo=UTC)


def test_joined_reads_are_one_statement_that_listeners_hear(engine: Engine) -> None:
    with transaction(engine) as session:
        add_user(session, "ada", "Ada", Role.AGENT, "long enough 1234", by=SYSTEM, now=NOW)
    user, name = table_of(User), sa.bindparam("name", type_=sa.String)
    people, counts = Reads(), Reads()
    named = people.all(User, user.c.username == name)
    count = counts.rows(sa.select(sa.func.count().label("n")).select_from(user))
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    with asking(engine) as session:
        session.connection()
        sa.event.listen(engine, "before_cursor_execute", hear)
        found = people.joined(counts).fetch(session, name="ada")
        sa.event.remove(engine, "before_cursor_execute", hear)
    assert [each.role for each in found[named]] == [Role.AGENT]
    assert found[count][0].n == 1
    assert len(heard) == 1
    with reading(engine) as session:
        assert [each.username for each in people.fetch(session, name="ada")[named]] == ["ada"]


def test_a_failed_read_is_told_as_sqlalchemy_tells_it(engine: Engine) -> None:
    reads = Reads()
    reads.rows(sa.select(sa.column("word")).select_from(sa.table("no_such_table")))
    reads.rows(sa.select(sa.bindparam("name", type_=sa.String).label("said")))
    with open_reading(engine) as session, pytest.raises(sa.exc.DBAPIError) as refused:
        reads.fetch(session, name="a customer")
    assert "no_such_table" in str(refused.value.orig)
    assert "a customer" not in str(refused.value)
